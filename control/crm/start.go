package crm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/dialer"
	"parley/control/envelope"
	"parley/control/voice"
	"parley/store"
)

// A Starter has calls placed: each is a task, executed at once.
type Starter struct {
	Agents  *voice.Agents
	Tasks   store.Tasks
	Numbers store.Numbers
	Dialer  Dialer
}

// A Dialer places the calls of tasks, and says who may be called.
type Dialer interface {
	voice.Dialer
	voice.Judge
}

// AgentCall is the body of POST /agent-calls: a call that says all that its agent has to know.
type AgentCall struct {
	To             string                     `json:"toPhoneNumber" minLength:"1" maxLength:"20" doc:"Who is called: a number in E.164." example:"+1234567890"`
	From           string                     `json:"fromPhoneNumber,omitempty" maxLength:"20" doc:"One of the organisation's own numbers; left out: the one that it calls from." example:"+442071234567"`
	Objectives     []string                   `json:"objectives" minItems:"1" maxItems:"50" doc:"What the call is for."`
	UserID         *float64                   `json:"userId,omitempty" doc:"The number of the user whose call it is."`
	Personality    Personality                `json:"personality,omitempty"`
	Localization   string                     `json:"localization,omitempty" enum:"CL,MX,CO,PE,US" doc:"Where whom it calls lives: the language that is heard and spoken, and how numbers, money and dates are said. Left out: the server's language." example:"CL"`
	Constraints    []string                   `json:"constraints,omitempty" maxItems:"50" doc:"What the agent keeps to."`
	ContactInfo    ContactInfo                `json:"contactInfo,omitempty"`
	KnowledgeBase  string                     `json:"knowledgeBase,omitempty" maxLength:"50000" doc:"What the agent knows."`
	TaskSteps      []string                   `json:"taskSteps,omitempty" maxItems:"50" doc:"How it goes about it, in order."`
	MaxDuration    float64                    `json:"maxDurationSeconds,omitempty" exclusiveMinimum:"0" maximum:"86400" doc:"After which the call ends; less than 1 counts as 1."`
	SilenceTimeout float64                    `json:"silenceTimeoutSeconds,omitempty" exclusiveMinimum:"0" maximum:"600" doc:"Of silence, after which the agent says goodbye; less than 1 counts as 1."`
	CustomData     map[string]json.RawMessage `json:"customData,omitempty" doc:"Kept with the call, and given back."`
	Provider       string                     `json:"provider,omitempty" enum:"vapi" doc:"Whatever it says, Parley holds the call itself."`
	ProviderConfig ProviderConfig             `json:"providerConfig,omitempty"`
}

// Personality is how an agent is.
type Personality struct {
	Name   string `json:"name,omitempty" maxLength:"200" doc:"As whom it introduces itself." example:"Camila"`
	Style  string `json:"communicationStyle,omitempty" maxLength:"200" doc:"How it speaks." example:"professional"`
	Traits string `json:"customTraits,omitempty" maxLength:"5000" doc:"What else it is like."`
}

// ContactInfo is whom a call is to.
type ContactInfo struct {
	FirstName  string            `json:"firstName,omitempty" maxLength:"200" example:"Pedro"`
	LastName   string            `json:"lastName,omitempty" maxLength:"200" example:"Gomez"`
	Company    string            `json:"company,omitempty" maxLength:"200"`
	Additional map[string]string `json:"additionalInfo,omitempty" doc:"What else is known of them, by name."`
}

// Resolve implements huma.ResolverWithPath.
func (b *AgentCall) Resolve(_ huma.Context, at *huma.PathBuffer) (bad []error) {
	for name, number := range map[string]string{"toPhoneNumber": b.To, "fromPhoneNumber": b.From} {
		if number != "" && !envelope.E164(number) {
			bad = append(bad, envelope.Complain(at, name, envelope.NoE164))
		}
	}
	for i, text := range b.Objectives {
		if strings.TrimSpace(text) == "" {
			bad = append(bad, envelope.Complain(at, fmt.Sprintf("objectives[%d]", i), "must not be blank"))
		}
	}
	if len(b.prompt()) > mostPrompt {
		bad = append(bad, envelope.Complain(at, "knowledgeBase", "is too long, with all else that the agent is told: 100,000 bytes at most"))
	}
	return bad
}

// mostPrompt is how long the prompt of an agent may be that is made for a call.
const mostPrompt = 100_000

// StartAgentCall is what POST /agent-calls asks.
type StartAgentCall struct {
	envelope.Strict
	Tenant

	Body AgentCall
}

// StartAgent handles POST /agent-calls.
func (h *Calls) StartAgent(ctx context.Context, in *StartAgentCall) (*One[PhoneCall], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	if err := h.owns(ctx, org, b.From); err != nil {
		return nil, err
	}
	agent, err := h.agentFor(ctx, org, b)
	if err != nil {
		return nil, err
	}
	t := store.Task{Org: org, Agent: agent, Name: brief("Agent call: " + b.Objectives[0]), To: b.To, From: b.From, Context: b.ContactInfo.context()}
	k := store.Card{User: decimal(b.UserID), Custom: jsonOf(b.CustomData)}
	return h.start(ctx, t, k, map[string]string{"to_number": "toPhoneNumber", "context_data.": ""})
}

// owns refuses a number to call from that is not the organisation's.
func (h *Calls) owns(ctx context.Context, org, from string) error {
	if from == "" {
		return nil
	}
	const page = 200
	for offset := 0; ; offset += page {
		numbers, total, err := h.Starter.Numbers.Numbers(ctx, org, store.Page{Limit: page, Offset: offset})
		if err != nil {
			return fmt.Errorf("list numbers: %w", err)
		}
		if slices.ContainsFunc(numbers, func(n store.Number) bool { return n.E164 == from }) {
			return nil
		}
		if len(numbers) == 0 || int64(offset+len(numbers)) >= total {
			return envelope.Wrong("fromPhoneNumber", "is no number of the organisation's")
		}
	}
}

// VoiceAgentCall is the body of POST /calls/agent: a call by an agent that is there.
type VoiceAgentCall struct {
	VoiceAgentID     float64                    `json:"voiceAgentId" doc:"The agent, by its number: agents show it as number." example:"123"`
	To               string                     `json:"to" minLength:"1" maxLength:"20" doc:"Who is called: a number in E.164." example:"+1234567890"`
	ContextVariables map[string]json.RawMessage `json:"contextVariables" doc:"What fills the places {{name}} of the agent's words."`
	CustomData       map[string]json.RawMessage `json:"customData,omitempty" doc:"Kept with the call, and given back."`
}

// Resolve implements huma.ResolverWithPath.
func (b *VoiceAgentCall) Resolve(_ huma.Context, at *huma.PathBuffer) (bad []error) {
	if b.To != "" && !envelope.E164(b.To) {
		bad = append(bad, envelope.Complain(at, "to", envelope.NoE164))
	}
	if b.ContextVariables == nil {
		bad = append(bad, envelope.Complain(at, "contextVariables", "cannot be null"))
	}
	if _, ours := b.ContextVariables["parley"]; ours {
		bad = append(bad, envelope.Complain(at, "contextVariables.parley", "is the server's own"))
	}
	if len(jsonOf(b.ContextVariables)) > mostMetadata {
		bad = append(bad, envelope.Complain(at, "contextVariables", "is longer than 64 KiB"))
	}
	return bad
}

// StartVoiceAgentCall is what POST /calls/agent asks.
type StartVoiceAgentCall struct {
	envelope.Strict
	Tenant

	Body VoiceAgentCall
}

// StartVoiceAgent handles POST /calls/agent.
func (h *Calls) StartVoiceAgent(ctx context.Context, in *StartVoiceAgentCall) (*One[PhoneCall], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	b := in.Body
	agent, err := h.Store.NumberedAgent(ctx, org, idOf(b.VoiceAgentID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, envelope.Wrong("voiceAgentId", "is no agent of the organisation's")
	}
	if err != nil {
		return nil, fmt.Errorf("find agent: %w", err)
	}
	t := store.Task{Org: org, Agent: agent, Name: "Agent call to " + b.To, To: b.To, Context: jsonOf(b.ContextVariables)}
	k := store.Card{Custom: jsonOf(b.CustomData)}
	return h.start(ctx, t, k, map[string]string{"to_number": "to", "context_data.": "contextVariables."})
}

// idOf is a number that may be an id; 0: it is none.
func idOf(n float64) int64 {
	if n >= 1 && n == math.Trunc(n) && n < 1<<53 {
		return int64(n)
	}
	return 0
}

// start executes a task, and shows its call. names are the fields of the request, by those that the dialer names.
func (h *Calls) start(ctx context.Context, t store.Task, k store.Card, names map[string]string) (*One[PhoneCall], error) {
	t.ID, t.Created = store.NewID(), now()
	if _, err := h.Starter.Tasks.CreateTask(ctx, t); err != nil {
		return nil, failed(err, "agent")
	}
	dial, err := h.Starter.Dialer.Execute(ctx, t.Org, t.ID)
	if err != nil {
		if e := h.Starter.Tasks.DeleteTask(ctx, t.Org, t.ID); e != nil && !errors.Is(e, store.ErrNotFound) {
			err = errors.Join(err, fmt.Errorf("delete task: %w", e))
		}
		return nil, unfit(err, names)
	}
	k.Call = dial.Call
	if _, err := h.Store.PutCard(ctx, t.Org, k, now()); err != nil {
		return nil, fmt.Errorf("keep card: %w", err)
	}
	return h.answer(ctx)(h.Records.Call(ctx, t.Org, dial.Call))
}

// unfit is why a call is not placed, in the words of the request.
func unfit(err error, names map[string]string) error {
	var no *dialer.Unfit
	switch {
	case errors.As(err, &no):
		f := &envelope.Fault{Status: http.StatusBadRequest, Message: no.Message, Cause: err, Details: map[string]string{}}
		for field, reason := range no.Fields {
			for from, to := range names {
				if rest, ok := strings.CutPrefix(field, from); ok {
					field = to + rest
				}
			}
			f.Details[field] = reason
		}
		return f
	case errors.Is(err, dialer.ErrNoCarrier):
		return envelope.Busy(dialer.ErrNoCarrier.Error(), err)
	}
	return fmt.Errorf("place call: %w", err)
}
