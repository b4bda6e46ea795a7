package voice

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/talk"
)

// Trials let people talk to agents as they are writing them.
type Trials struct {
	Agents *Agents
	Talks  *Talks
	Drafts *talk.Drafts
}

// TryAgent is what POST /agents/{id}/try asks.
type TryAgent struct {
	envelope.ID

	Body AgentPatch
	base base
}

// Resolve implements huma.Resolver: it learns by which address the client came.
func (in *TryAgent) Resolve(ctx huma.Context) []error {
	in.base = baseOf(ctx)
	return in.Strict.Resolve(ctx)
}

// Try handles POST /agents/{id}/try: a token for one call with the agent as it would be. Nothing is saved.
func (h *Trials) Try(ctx context.Context, in *TryAgent) (*envelope.One[TalkToken], error) {
	id, err := envelope.Canonical(in.ID.ID, "agent")
	if err != nil {
		return nil, err
	}
	before, err := h.Agents.Store.Agent(ctx, access.Org(ctx), id)
	if err != nil {
		return nil, noAgent(err)
	}
	if who, _ := access.From(ctx); !who.Allows(access.CallsWrite) {
		return nil, envelope.Forbidden(access.CallsWrite)
	}
	after, now := before, time.Now()
	in.Body.apply(&after)
	if in.Body.checked != before.Version {
		if err := refused(h.Agents.checkAgent(before, after, in.Body.Settings.Value)); err != nil {
			return nil, err
		}
	}
	p := talk.Pass{Org: before.Org, Agent: before.ID, Draft: h.Drafts.Keep(after, now), Boot: h.Drafts.Boot}
	return h.Talks.issue(ctx, in.base, p, talk.DraftLife)
}
