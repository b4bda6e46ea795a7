package voice

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/store"
)

// ListVersions is what GET /agents/{id}/versions asks.
type ListVersions struct {
	envelope.ID
	envelope.Page
}

// Versions handles GET /agents/{id}/versions. Those of an agent that has been deleted are there: its calls name them.
func (h *Agents) Versions(ctx context.Context, in *ListVersions) (*envelope.Many[Agent], error) {
	id, err := envelope.Canonical(in.ID.ID, "agent")
	if err != nil {
		return nil, err
	}
	rows, total, err := h.Store.AgentVersions(ctx, access.Org(ctx), id, in.Rows())
	if err != nil {
		return nil, noAgent(err)
	}
	versions := make([]Agent, len(rows))
	for i, row := range rows {
		if versions[i], err = Show(row); err != nil {
			return nil, err
		}
	}
	return envelope.List(ctx, versions, total, in.Limit, in.Offset), nil
}

// AgentVersion is what GET /agents/{id}/versions/{version} and its restore ask.
type AgentVersion struct {
	envelope.ID
	Version string `path:"version" doc:"The version's number, from 1." example:"1"`
}

// version finds the version that a path names.
func (h *Agents) version(ctx context.Context, in *AgentVersion) (store.Agent, error) {
	id, err := envelope.Canonical(in.ID.ID, "agent")
	if err != nil {
		return store.Agent{}, err
	}
	n, err := strconv.ParseInt(in.Version, 10, 32)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != in.Version {
		return store.Agent{}, envelope.Missing("no such version")
	}
	row, err := h.Store.AgentVersion(ctx, access.Org(ctx), id, int(n))
	return row, noAgent(err)
}

// Version handles GET /agents/{id}/versions/{version}.
func (h *Agents) Version(ctx context.Context, in *AgentVersion) (*envelope.One[Agent], error) {
	row, err := h.version(ctx, in)
	if err != nil {
		return nil, err
	}
	a, err := Show(row)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, a), nil
}

// Restore handles POST /agents/{id}/versions/{version}/restore: the agent says, sets and is called again what it did then. Whether it
// answers calls stays as it is.
func (h *Agents) Restore(ctx context.Context, in *AgentVersion) (*envelope.One[Agent], error) {
	was, err := h.version(ctx, in)
	if err != nil {
		return nil, err
	}
	row, err := h.Store.UpdateAgent(ctx, was.Org, was.ID, time.Now().UTC(), func(a *store.Agent) error {
		before := *a
		enabled := a.Enabled
		*a = was
		a.Enabled = enabled
		return refused(h.checkAgent(before, *a, nil))
	})
	if err != nil {
		return nil, fmt.Errorf("restore version %d: %w", was.Version, noAgent(err))
	}
	h.changed(ctx)
	return h.answer(ctx, row, nil)
}
