package voice

import (
	"context"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/control/talk"
	"parley/control/traits"
	"parley/store"
)

// WidgetTokensPath is where pages that have no server of their own get tokens.
const WidgetTokensPath = "/api/v1/widget/tokens"

// Widgets give tokens to pages that nobody answers for: for agents that are made public, to pages of the origins that these name, and not
// too many.
type Widgets struct {
	Talks *Talks
	Agent func(id string) (store.Agent, bool) // of any organisation
	Rates store.Rates                         // nil: nobody counts
}

// WidgetToken is what POST /widget/tokens asks.
type WidgetToken struct {
	envelope.Strict

	Origin string `header:"Origin" doc:"The page's, as browsers send it."`
	Body   struct {
		AgentID string `json:"agent_id" format:"uuid" doc:"Who answers: an agent whose settings.widget is enabled."`
		TTL     int    `json:"ttl_seconds,omitempty" minimum:"10" maximum:"600" default:"60" doc:"How long the page has to open its call, in seconds."`
	}

	base base
}

// Resolve implements huma.Resolver: it learns by which address the client came.
func (in *WidgetToken) Resolve(ctx huma.Context) []error {
	in.base = baseOf(ctx)
	return in.Strict.Resolve(ctx)
}

// CreateToken handles POST /widget/tokens. Who is not public is not told from who is not there.
func (h *Widgets) CreateToken(ctx context.Context, in *WidgetToken) (*envelope.One[TalkToken], error) {
	agent, known := h.Agent(envelope.Plain(in.Body.AgentID))
	w, public := traits.WidgetOf(agent.Settings)
	switch {
	case !known || !agent.Enabled || !public:
		fault := envelope.Missing("no such agent, or not one that any page may call")
		fault.Details = map[string]string{"agent_id": fault.Message}
		return nil, fault
	case !w.Allows(in.Origin):
		return nil, envelope.Denied(fmt.Sprintf("pages of the origin %.100q may not call this agent: settings.widget.origins does not have it", in.Origin))
	}
	if err := h.count(ctx, agent.ID, w.PerMinute, time.Now()); err != nil {
		return nil, err
	}
	life := talk.UsualLife
	if in.Body.TTL > 0 {
		life = time.Duration(in.Body.TTL) * time.Second
	}
	return h.Talks.issue(ctx, in.base, talk.Pass{Org: agent.Org, Agent: agent.ID, Widget: true}, life)
}

// count takes a call off the agent's minute.
func (h *Widgets) count(ctx context.Context, agent string, most int, now time.Time) error {
	if h.Rates == nil {
		return nil
	}
	minute := now.Unix() / 60
	used, err := h.Rates.Use(ctx, "widget "+agent, minute, 1)
	switch {
	case err != nil:
		return fmt.Errorf("count calls of pages: %w", err)
	case used > int64(most):
		return envelope.TooMany("too many calls of this agent in this minute", time.Until(time.Unix((minute+1)*60, 0)))
	}
	return nil
}
