package voice

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/talk"
	"parley/store"
)

// WHIPPath is where pages open calls.
const WHIPPath = "/webrtc/whip"

// Talks handles /webrtc: what lets a page call an agent.
type Talks struct {
	Agents  store.Agents
	Tokens  *talk.Tokens
	Default func(ctx context.Context, org string) (agent string, err error) // an organisation's default agent; nil: it has none
	Public  string                                                          // where clients reach this server; empty: as the request says
	Relays  func(host string) []ICEServer                                   // for a page that reaches this server as host; nil: none
}

// ICEServer is a relay that a page may use, as RTCPeerConnection takes it.
type ICEServer struct {
	URLs       []string `json:"urls" nullable:"false"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

// TalkToken lets one page open one call.
type TalkToken struct {
	Token     string        `json:"token" doc:"Sent as Authorization: Bearer with the offer, and with what follows on the same call. It opens one call."`
	AgentID   string        `json:"agent_id" format:"uuid"`
	WHIPURL   string        `json:"whip_url" format:"uri" doc:"Where the page posts its offer." example:"https://voice.example.com/webrtc/whip"`
	ExpiresAt envelope.Time `json:"expires_at" doc:"When the token opens no call any more. A call that is open stays open."`
	Relays    []ICEServer   `json:"ice_servers,omitempty" nullable:"false" doc:"For RTCPeerConnection: relays for networks that let nothing else through. Left out: this server has none."`
}

// CreateTalkToken is what POST /webrtc/tokens asks.
type CreateTalkToken struct {
	envelope.Strict

	Body struct {
		AgentID string            `json:"agent_id,omitempty" format:"uuid" doc:"Who answers. Left out: the organisation's default agent."`
		Params  map[string]string `json:"params,omitempty" maxProperties:"16" doc:"Fills the {{places}} of the agent's words: up to 16, names of letters, digits and _, values of up to 500 characters."`
		From    string            `json:"from,omitempty" doc:"Who calls: a phone number in E.164, which is the call's from_number, and by which they are remembered (docs/memory.md). Whoever asks for the token answers for it. Left out: nobody is named. Extension." example:"+442071234567"`
		TTL     int               `json:"ttl_seconds,omitempty" minimum:"10" maximum:"600" default:"60" doc:"How long the page has to open its call, in seconds."`
	}

	base base
}

// slotName is the name of a place that a page's call may fill; those of the server itself begin with parley_.
var slotName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// Resolve implements huma.Resolver.
func (in *CreateTalkToken) Resolve(ctx huma.Context) []error {
	in.base = baseOf(ctx)
	bad := in.Strict.Resolve(ctx)
	at := huma.NewPathBuffer(nil, 0)
	at.Push("body")
	at.Push("params")
	if in.Body.From != "" && !envelope.E164(in.Body.From) {
		bad = append(bad, &huma.ErrorDetail{Location: "body.from", Message: envelope.NoE164})
	}
	for name, value := range in.Body.Params {
		switch {
		case !slotName.MatchString(name), strings.HasPrefix(name, "parley_"):
			bad = append(bad, envelope.Complain(at, fmt.Sprintf("%.64q", name), "is no name of a place: want letters, digits and _, and not parley_ before them"))
		case utf8.RuneCountInString(value) > 500:
			bad = append(bad, envelope.Complain(at, name, "is longer than 500 characters"))
		}
	}
	return bad
}

// CreateToken handles POST /webrtc/tokens.
func (h *Talks) CreateToken(ctx context.Context, in *CreateTalkToken) (*envelope.One[TalkToken], error) {
	org, id := access.Org(ctx), envelope.Plain(in.Body.AgentID)
	if id == "" && h.Default != nil {
		var err error
		if id, err = h.Default(ctx, org); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("find default agent: %w", err)
		}
	}
	agent, err := h.Agents.Agent(ctx, org, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		fault := envelope.Missing("no such agent")
		fault.Details = map[string]string{"agent_id": "no such agent"}
		return nil, fault
	case err != nil:
		return nil, fmt.Errorf("read agent: %w", err)
	case !agent.Enabled:
		return nil, envelope.Wrong("agent_id", "the agent is disabled")
	}
	life := talk.UsualLife
	if in.Body.TTL > 0 {
		life = time.Duration(in.Body.TTL) * time.Second
	}
	return h.issue(ctx, in.base, talk.Pass{Org: org, Agent: agent.ID, From: in.Body.From, Slots: in.Body.Params}, life)
}

// issue answers with a token, and with where it is used.
func (h *Talks) issue(ctx context.Context, at base, p talk.Pass, life time.Duration) (*envelope.One[TalkToken], error) {
	token, expires, err := h.Tokens.Issue(p, life, time.Now())
	if err != nil {
		return nil, err
	}
	base := at.or(h.Public)
	made := TalkToken{Token: token, AgentID: p.Agent, WHIPURL: base + WHIPPath, ExpiresAt: envelope.Time(expires)}
	if at, err := url.Parse(base); err == nil && h.Relays != nil {
		made.Relays = h.Relays(at.Hostname())
	}
	return envelope.Give(ctx, made), nil
}
