package voice

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/traits"
	"parley/pipeline"
	"parley/store"
)

// A House is the server that agents answer on: it knows which settings can be used here. Its methods ask nothing of anybody.
type House interface {
	// Check says all that is wrong with an agent's settings and voice, here and now.
	Check(a store.Agent) []traits.Finding
	// Problems are those of an agent as it stands, which is known from the calls that it answers.
	Problems(a store.Agent) []traits.Finding
	// Effective are the settings by which an agent answers: its own, and the server's where it has none or they cannot be used.
	Effective(a store.Agent) traits.AgentSettings
	// Schema is the JSON Schema of settings.
	Schema() json.RawMessage
}

// agentsKey is where a context has the handler of agents, for the checks of bodies.
type agentsKey struct{}

// With lets the bodies of requests be checked against what h knows: the agents that there are, and its House.
func With(ctx context.Context, h *Agents) context.Context {
	return context.WithValue(ctx, agentsKey{}, h)
}

// checkAgent names what is wrong with the settings and the voice of an agent to be, as far as a request changes them: before is the agent
// as it stands. Without a House it is what can be said on any server.
func (h *Agents) checkAgent(before, after store.Agent, given traits.Text) (all []traits.Finding) {
	if before.Settings == after.Settings && before.VoiceSettings == after.VoiceSettings && given == nil {
		return nil
	}
	stood := h.check(before)
	var parts map[string]json.RawMessage
	_ = json.Unmarshal(given, &parts) // what is no object has been refused
	for _, f := range h.check(after) {
		_, rest, _ := strings.Cut(f.Path, "settings.")
		name := strings.FieldsFunc(rest, func(r rune) bool { return r == '.' || r == '[' })
		fresh := !slices.Contains(stood, f) // what was wrong before keeps nobody from changing something else
		if fresh || len(name) > 0 && parts[name[0]] != nil {
			all = append(all, f)
		}
	}
	return all
}

func (h *Agents) check(a store.Agent) []traits.Finding {
	if h != nil && h.House != nil {
		return h.House.Check(a)
	}
	_, all := traits.Read(a.Settings, pipeline.Manners{})
	return all
}

// handler is the handler of agents that a request is checked by; nil: none is known.
func handler(ctx huma.Context) *Agents {
	if ctx == nil {
		return nil
	}
	h, _ := ctx.Context().Value(agentsKey{}).(*Agents)
	return h
}

// complain names findings as a request's errors. What the schema has refused, in better words, is left out.
func complain(at *huma.PathBuffer, found []traits.Finding) (bad []error) {
	for _, f := range found {
		if !f.Misfits() {
			bad = append(bad, &huma.ErrorDetail{Location: at.String() + "." + f.Path, Message: f.Reason}) // a PathBuffer takes one step at a time
		}
	}
	return bad
}

// refused is findings as an answer.
func refused(found []traits.Finding) error {
	if len(found) == 0 {
		return nil
	}
	f := envelope.Bad("validation failed")
	f.Details = map[string]string{}
	for _, w := range found {
		f.Details[w.Path] = w.Reason
	}
	return f
}

// checkSettings names what is wrong with the settings and the voice of a new agent.
func (b *AgentCreate) checkSettings(ctx huma.Context, at *huma.PathBuffer) []error {
	a := store.Agent{VoiceSettings: string(b.VoiceSettings), Settings: traits.Merge("", b.Settings)}
	if ctx != nil {
		a.Org = access.Org(ctx.Context())
	}
	return complain(at, handler(ctx).checkAgent(store.Agent{}, a, b.Settings))
}

// checkSettings names what is wrong with an agent's settings and voice as they would become. Of an agent that cannot be read nothing is
// said: the handler says so.
func (b *AgentPatch) checkSettings(ctx huma.Context, at *huma.PathBuffer) []error {
	h := handler(ctx)
	if h == nil || !b.Settings.Set && !b.VoiceSettings.Set {
		return nil
	}
	id, err := envelope.Canonical(ctx.Param("id"), "agent")
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	before, err := h.Store.Agent(ctx.Context(), access.Org(ctx.Context()), id)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	after := before
	b.apply(&after)
	b.checked = before.Version
	return complain(at, h.checkAgent(before, after, b.Settings.Value))
}

// AgentSchema is what GET /agents/schema asks.
type AgentSchema struct{ envelope.Strict }

// Schema handles GET /agents/schema.
func (h *Agents) Schema(ctx context.Context, _ *AgentSchema) (*envelope.One[Document], error) {
	if h.House != nil {
		return envelope.Give(ctx, Document(h.House.Schema())), nil
	}
	text, err := traits.Schema([]byte(`{"type":"object"}`))
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, Document(text)), nil
}

// A Document is a JSON object that has a form of its own.
type Document json.RawMessage

// MarshalJSON implements json.Marshaler.
func (d Document) MarshalJSON() ([]byte, error) { return json.RawMessage(d).MarshalJSON() }

// Schema implements huma.SchemaProvider.
func (Document) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "A JSON Schema, draft 2020-12."}
}
