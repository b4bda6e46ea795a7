package voice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/traits"
	"parley/store"
)

// Agents handles /agents.
type Agents struct {
	Store   store.Agents
	Tasks   store.Tasks                                                     // says why an agent cannot be deleted; nil: not known
	Default func(ctx context.Context, org string) (agent string, err error) // nil: agents do not say is_default
	House   House                                                           // knows which settings can be used here; nil: nobody does
	Changed func(ctx context.Context)                                       // called after each change; may be nil
}

// ListAgents is what GET /agents asks.
type ListAgents struct {
	envelope.Strict
	envelope.Page

	Enabled envelope.Param[bool] `query:"enabled" doc:"Filter by enabled status."`
}

// List handles GET /agents.
func (h *Agents) List(ctx context.Context, in *ListAgents) (*envelope.Many[Agent], error) {
	var f store.AgentFilter
	if in.Enabled.Set {
		f.Enabled = &in.Enabled.Value
	}
	rows, total, err := h.Store.Agents(ctx, access.Org(ctx), f, in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list agents: %w", err)
	}
	agents := make([]Agent, 0, len(rows))
	for _, row := range rows {
		a, err := h.show(ctx, row)
		if err != nil {
			return nil, err
		}
		agents = append(agents, a)
	}
	return envelope.List(ctx, agents, total, in.Limit, in.Offset), nil
}

// GetAgent is what GET /agents/{id} asks.
type GetAgent struct {
	envelope.ID
	Defaults bool `query:"defaults" default:"false" doc:"Also show effective_settings: the server's own where the agent sets nothing. Extension."`
}

// Get handles GET /agents/{id}.
func (h *Agents) Get(ctx context.Context, in *GetAgent) (*envelope.One[Agent], error) {
	id, err := envelope.Canonical(in.ID.ID, "agent")
	if err != nil {
		return nil, err
	}
	row, err := h.Store.Agent(ctx, access.Org(ctx), id)
	answer, err := h.answer(ctx, row, noAgent(err))
	if err == nil && in.Defaults && h.House != nil {
		effective := h.House.Effective(row)
		answer.Body.Data.Effective = &effective
	}
	return answer, err
}

// CreateAgent is what POST /agents asks.
type CreateAgent struct {
	envelope.Strict

	Body AgentCreate
}

// Unfit is what of an agent's settings and voice cannot be used on this server.
func (h *Agents) Unfit(a store.Agent) []traits.Finding { return h.check(a) }

// Make keeps a new agent, whose settings are fit.
func (h *Agents) Make(ctx context.Context, a store.Agent) (store.Agent, error) {
	row, err := h.Store.CreateAgent(ctx, a)
	if err != nil {
		return row, fmt.Errorf("create agent: %w", err)
	}
	h.changed(ctx)
	return row, nil
}

// Create handles POST /agents.
func (h *Agents) Create(ctx context.Context, in *CreateAgent) (*envelope.One[Agent], error) {
	b, now := in.Body, time.Now().UTC()
	row, err := h.Make(ctx, store.Agent{
		ID: store.NewID(), Org: access.Org(ctx), Name: b.Name, Description: b.Description, SystemPrompt: b.SystemPrompt,
		StartingMessage: b.StartingMessage, Enabled: b.Enabled == nil || *b.Enabled, VoiceSettings: string(b.VoiceSettings),
		DTMFRules: string(b.DTMFRules), Settings: traits.Merge("", b.Settings), Created: now, Updated: now,
	})
	return h.answer(ctx, row, err)
}

// UpdateAgent is what PATCH /agents/{id} asks.
type UpdateAgent struct {
	envelope.ID

	Body AgentPatch
}

// Update handles PATCH /agents/{id}.
func (h *Agents) Update(ctx context.Context, in *UpdateAgent) (*envelope.One[Agent], error) {
	if in.Body.empty() {
		return nil, envelope.Bad("nothing to update: give at least one of name, description, system_prompt, starting_message, " +
			"voice_settings, dtmf_rules, enabled, settings")
	}
	id, err := envelope.Canonical(in.ID.ID, "agent")
	if err != nil {
		return nil, err
	}
	row, err := h.Store.UpdateAgent(ctx, access.Org(ctx), id, time.Now().UTC(), func(a *store.Agent) error {
		before := *a
		in.Body.apply(a)
		if in.Body.checked == before.Version {
			return nil
		}
		return refused(h.checkAgent(before, *a, in.Body.Settings.Value)) // it has changed since the body was checked
	})
	if err != nil {
		return nil, noAgent(err)
	}
	h.changed(ctx)
	return h.answer(ctx, row, nil)
}

// Deleted says what is gone.
type Deleted struct {
	ID      string `json:"id" format:"uuid"`
	Deleted bool   `json:"deleted" example:"true"`
}

// Delete handles DELETE /agents/{id}.
func (h *Agents) Delete(ctx context.Context, in *envelope.ID) (*envelope.One[Deleted], error) {
	id, err := envelope.Canonical(in.ID, "agent")
	if err != nil {
		return nil, err
	}
	if err := h.Store.DeleteAgent(ctx, access.Org(ctx), id); errors.Is(err, store.ErrConflict) {
		return nil, h.needed(ctx, id, err)
	} else if err != nil {
		return nil, noAgent(err)
	}
	h.changed(ctx)
	return envelope.Give(ctx, Deleted{ID: id, Deleted: true}), nil
}

// MakeDefault handles POST /agents/{id}/default.
func (h *Agents) MakeDefault(ctx context.Context, in *envelope.ID) (*envelope.One[Agent], error) {
	id, err := envelope.Canonical(in.ID, "agent")
	if err != nil {
		return nil, err
	}
	if err := h.Store.SetDefaultAgent(ctx, access.Org(ctx), id); err != nil {
		return nil, noAgent(err)
	}
	h.changed(ctx)
	row, err := h.Store.Agent(ctx, access.Org(ctx), id)
	return h.answer(ctx, row, noAgent(err))
}

// needed says why an agent cannot be deleted.
func (h *Agents) needed(ctx context.Context, id string, err error) error {
	reason := "the agent is in use: it is the default agent, or a phone number leads to it"
	if active := h.active(ctx, id); active > 0 {
		reason = fmt.Sprintf("the agent has active tasks (%d pending or in progress): let them end, or delete them first", active)
	} else if h.Default != nil {
		if agent, e := h.Default(ctx, access.Org(ctx)); e == nil && agent == id {
			reason = "the agent is the default agent: make another the default first"
		} else if e == nil {
			reason = "a phone number leads to the agent: lead it elsewhere first"
		}
	}
	fault := envelope.Bad(reason)
	fault.Cause = err
	return fault
}

// active is how many tasks an agent has still to carry out; 0 also if that cannot be known.
func (h *Agents) active(ctx context.Context, id string) (n int64) {
	if h.Tasks == nil {
		return 0
	}
	for _, status := range []store.Status{store.Pending, store.InProgress} {
		_, some, err := h.Tasks.Tasks(ctx, access.Org(ctx), store.TaskFilter{Agent: id, Status: status}, store.Page{})
		if err != nil {
			return 0
		}
		n += some
	}
	return n
}

// answer shows one agent.
func (h *Agents) answer(ctx context.Context, row store.Agent, err error) (*envelope.One[Agent], error) {
	if err != nil {
		return nil, err
	}
	a, err := h.show(ctx, row)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, a), nil
}

// Show makes an Agent of its row, and tells what of its settings cannot be used here, and if it is the default one, where
// that is known.
func (h *Agents) show(ctx context.Context, row store.Agent) (Agent, error) {
	a, err := Show(row)
	if err == nil && h.House != nil {
		a.Problems = h.House.Problems(row)
	}
	if err != nil || h.Default == nil {
		return a, err
	}
	if agent, err := h.Default(ctx, row.Org); err == nil {
		is := agent == row.ID
		a.IsDefault = &is
	}
	return a, nil
}

func (h *Agents) changed(ctx context.Context) {
	if h.Changed != nil {
		h.Changed(ctx)
	}
}

// noAgent names what was not found.
func noAgent(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return envelope.Missing("no such agent")
	}
	if err != nil {
		return fmt.Errorf("agent: %w", err)
	}
	return nil
}
