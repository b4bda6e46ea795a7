package sql

import (
	"context"
	"fmt"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateAgent implements store.Agents: ErrNotFound if there is no such organisation.
func (s *Store) CreateAgent(ctx context.Context, a store.Agent) (made store.Agent, err error) {
	err = s.configure(ctx, "create agent", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, a.Org); err != nil {
			return err
		}
		made, err = u.createAgent(ctx, a)
		return err
	})
	return made, err
}

func (u unit) createAgent(ctx context.Context, a store.Agent) (store.Agent, error) {
	if a.Updated.IsZero() {
		a.Updated = a.Created
	}
	row, err := u.InsertAgent(ctx, db.InsertAgentParams{
		ID: a.ID, Org: a.Org, Version: 1, Name: a.Name, Description: a.Description, SystemPrompt: a.SystemPrompt,
		StartingMessage: a.StartingMessage, Enabled: a.Enabled, VoiceSettings: a.VoiceSettings, DtmfRules: a.DTMFRules,
		Settings: a.Settings, Created: db.Time(a.Created), Updated: db.Time(a.Updated),
	})
	if err != nil {
		return store.Agent{}, err
	}
	return agent(row), u.KeepVersion(ctx, row.ID)
}

// Agent implements store.Agents.
func (s *Store) Agent(ctx context.Context, org, id string) (a store.Agent, err error) {
	err = s.read(ctx, "read agent", func(ctx context.Context, u unit) error {
		row, err := u.Agent(ctx, db.AgentParams{Org: org, ID: id})
		a = agent(row)
		return err
	})
	return a, err
}

// Agents implements store.Agents.
func (s *Store) Agents(ctx context.Context, org string, f store.AgentFilter, p store.Page) (agents []store.Agent, total int64, err error) {
	l := listing{table: "agents", columns: db.AgentColumns}
	l.only("org", org)
	if f.Enabled != nil {
		l.only("enabled", *f.Enabled)
	}
	err = s.read(ctx, "list agents", func(ctx context.Context, u unit) error {
		found, err := list(ctx, u, l, p, (*db.Agent).Fields)
		if err != nil {
			return err
		}
		agents = each(found, agent)
		total, err = l.number(ctx, u, "COUNT(*)", l.table)
		return err
	})
	return agents, total, err
}

// UpdateAgent implements store.Agents. While change runs, nobody else writes the configuration: it should not take long.
func (s *Store) UpdateAgent(ctx context.Context, org, id string, at time.Time, change func(*store.Agent) error) (a store.Agent, err error) {
	var refusal error
	err = s.configure(ctx, "update agent", func(ctx context.Context, u unit) error {
		row, err := u.Agent(ctx, db.AgentParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		a = agent(row)
		next := a
		if refusal = change(&next); refusal != nil {
			return errUnchanged
		}
		next.ID, next.Number, next.Org, next.Version, next.Created, next.Updated = a.ID, a.Number, a.Org, a.Version, a.Created, a.Updated
		if next == a {
			return errUnchanged
		}
		row, err = u.UpdateAgent(ctx, db.UpdateAgentParams{
			ID: a.ID, Version: int64(a.Version) + 1, Name: next.Name, Description: next.Description, SystemPrompt: next.SystemPrompt,
			StartingMessage: next.StartingMessage, Enabled: next.Enabled, VoiceSettings: next.VoiceSettings, DtmfRules: next.DTMFRules,
			Settings: next.Settings, Updated: db.Time(at),
		})
		if err != nil {
			return err
		}
		a = agent(row)
		return u.KeepVersion(ctx, a.ID)
	})
	if refusal != nil {
		return store.Agent{}, refusal
	}
	return a, err
}

// DeleteAgent implements store.Agents.
func (s *Store) DeleteAgent(ctx context.Context, org, id string) error {
	return s.configure(ctx, "delete agent", func(ctx context.Context, u unit) error {
		a, err := u.Agent(ctx, db.AgentParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		reason, err := u.needed(ctx, a.Org, a.ID)
		if err != nil {
			return err
		}
		if reason != "" {
			return fmt.Errorf("%w: %s", store.ErrConflict, reason)
		}
		return u.dismiss(ctx, a.Org, a.ID)
	})
}

// needed says what an agent is needed for; empty: nothing but its tasks.
func (u unit) needed(ctx context.Context, org, agent string) (reason string, err error) {
	o, err := u.Organisation(ctx, org)
	if err != nil {
		return "", err
	}
	if o.DefaultAgent == agent {
		return "it is the organisation's default agent", nil
	}
	led, err := u.NumbersOfAgent(ctx, db.NumbersOfAgentParams{Org: org, Agent: agent})
	if err != nil {
		return "", err
	}
	if len(led) > 0 {
		return fmt.Sprintf("number %s leads to it", led[0].E164), nil
	}
	bots, err := u.BotsOfAgent(ctx, agent)
	if err != nil || len(bots) == 0 {
		return "", err
	}
	return "a bot needs it", nil
}

// dismiss removes an agent that nothing needs, unless it has active tasks.
func (u unit) dismiss(ctx context.Context, org, agent string) error {
	if err := u.forget(ctx, org, agent); err != nil {
		return err
	}
	if err := u.DeleteAgent(ctx, agent); err != nil { // from here on nobody makes tasks for it
		return err
	}
	if n, err := u.ActiveTasks(ctx, db.ActiveTasksParams{Org: org, Agent: agent}); err != nil || n == 0 {
		return err
	}
	return fmt.Errorf("%w: it has active tasks", store.ErrConflict)
}

// AgentVersion implements store.Agents.
func (s *Store) AgentVersion(ctx context.Context, org, id string, version int) (a store.Agent, err error) {
	err = s.read(ctx, "read agent version", func(ctx context.Context, u unit) error {
		r, err := u.AgentVersion(ctx, db.AgentVersionParams{Org: org, Agent: id, Version: int64(version)})
		a = agentVersion(r)
		return err
	})
	return a, err
}

// AgentVersions implements store.Agents.
func (s *Store) AgentVersions(ctx context.Context, org, id string, p store.Page) (versions []store.Agent, total int64, err error) {
	err = s.read(ctx, "list agent versions", func(ctx context.Context, u unit) error {
		if total, err = u.CountVersions(ctx, db.CountVersionsParams{Org: org, Agent: id}); err != nil {
			return err
		}
		if total == 0 {
			return store.ErrNotFound
		}
		limit, offset := bounds(p)
		found, err := u.AgentVersions(ctx, db.AgentVersionsParams{Org: org, Agent: id, HowMany: limit, After: offset})
		versions = each(found, agentVersion)
		return err
	})
	return versions, total, err
}

// SetDefaultAgent implements store.Agents.
func (s *Store) SetDefaultAgent(ctx context.Context, org, id string) error {
	return s.configure(ctx, "set default agent", func(ctx context.Context, u unit) error {
		a, err := u.Agent(ctx, db.AgentParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		return u.SetDefaultAgent(ctx, db.SetDefaultAgentParams{ID: a.Org, DefaultAgent: a.ID})
	})
}

func agent(r db.Agent) store.Agent {
	return store.Agent{
		ID: r.ID, Number: r.Number, Org: r.Org, Version: int(r.Version), Name: r.Name, Description: r.Description,
		SystemPrompt: r.SystemPrompt, StartingMessage: r.StartingMessage, Enabled: r.Enabled, VoiceSettings: r.VoiceSettings,
		DTMFRules: r.DtmfRules, Settings: r.Settings, Created: time.Time(r.Created), Updated: time.Time(r.Updated),
	}
}

func agentVersion(r db.AgentVersion) store.Agent {
	return agent(db.Agent{
		Number: r.Number, ID: r.Agent, Org: r.Org, Version: r.Version, Name: r.Name, Description: r.Description, SystemPrompt: r.SystemPrompt,
		StartingMessage: r.StartingMessage, Enabled: r.Enabled, VoiceSettings: r.VoiceSettings, DtmfRules: r.DtmfRules, Settings: r.Settings,
		Created: r.Created, Updated: r.Updated,
	})
}
