package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"parley/control/traits"
	"parley/control/voice"
	"parley/store"
	"parley/store/sql"
)

// agentsCmd keeps the agents of an organisation. It works on the database; a server notices within a second or two.
type agentsCmd struct {
	List    agentsListCmd    `cmd:"" default:"withargs" help:"List agents."`
	Show    agentsShowCmd    `cmd:"" help:"Show one agent, whole."`
	Create  agentsCreateCmd  `cmd:"" help:"Make an agent."`
	Set     agentsSetCmd     `cmd:"" help:"Change an agent: only what is given. Each change is a new version."`
	Delete  agentsDeleteCmd  `cmd:"" help:"Delete an agent that no number leads to. Its calls stay."`
	Default agentsDefaultCmd `cmd:"" help:"Let an agent answer the calls that no number leads elsewhere."`

	Versions agentsVersionsCmd `cmd:"" help:"List the versions of an agent."`
	Restore  agentsRestoreCmd  `cmd:"" help:"Let an agent say and set again what a version of it did."`
}

// agentOf finds an agent by id, or by a name that only one has.
func agentOf(ctx context.Context, s store.Agents, org, name string) (store.Agent, error) {
	a, err := s.Agent(ctx, org, name)
	if !errors.Is(err, store.ErrNotFound) {
		return a, err
	}
	all, err := everything(func(p store.Page) ([]store.Agent, int64, error) { return s.Agents(ctx, org, store.AgentFilter{}, p) })
	if err != nil {
		return store.Agent{}, err
	}
	var same []store.Agent
	for _, a := range all {
		if strings.EqualFold(a.Name, name) {
			same = append(same, a)
		}
	}
	switch len(same) {
	case 0:
		return store.Agent{}, usageError{fmt.Errorf("agent %q: %w; `parley agents` lists them", name, store.ErrNotFound)}
	case 1:
		return same[0], nil
	}
	return store.Agent{}, usageError{fmt.Errorf("%d agents are called %q: name one by its id", len(same), name)}
}

type agentsListCmd struct{ desk }

// Run lists agents, newest first.
func (c *agentsListCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		all, err := everything(func(p store.Page) ([]store.Agent, int64, error) { return s.Agents(ctx, c.Org, store.AgentFilter{}, p) })
		if err != nil {
			return err
		}
		return c.agents(con.out, all)
	})
}

func (d *desk) agents(w io.Writer, all []store.Agent) error {
	rows := make([][]string, len(all))
	for i, a := range all {
		state := "enabled"
		if !a.Enabled {
			state = "disabled"
		}
		rows[i] = []string{a.ID, a.Name, state, fmt.Sprint(a.Version), a.Updated.Local().Format(time.DateTime)}
	}
	shown := make([]voice.Agent, len(all))
	for i, a := range all {
		var err error
		if shown[i], err = voice.Show(a); err != nil {
			return err
		}
	}
	return d.show(w, shown, []string{"AGENT", "NAME", "STATE", "VERSION", "CHANGED"}, rows)
}

type agentsShowCmd struct {
	desk
	Agent string `arg:"" help:"Id or name."`
}

// Run shows an agent.
func (c *agentsShowCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		a, err := agentOf(ctx, s, c.Org, c.Agent)
		if err != nil {
			return err
		}
		return c.agent(con.out, a)
	})
}

func (d *desk) agent(w io.Writer, a store.Agent) error {
	shown, err := voice.Show(a)
	if err != nil {
		return err
	}
	return d.show(w, shown, []string{"agent", a.ID}, [][]string{
		{"name", a.Name}, {"description", a.Description}, {"enabled", fmt.Sprint(a.Enabled)}, {"version", fmt.Sprint(a.Version)},
		{"system prompt", a.SystemPrompt}, {"starting message", a.StartingMessage},
		{"voice settings", a.VoiceSettings}, {"keypad rules", a.DTMFRules}, {"settings", a.Settings},
	})
}

// persona is what can be set of an agent; what is not given stays as it is. @FILE reads a file.
type persona struct {
	Name     *string `help:"Name."`
	Desc     *string `name:"description" help:"What it is for."`
	Prompt   *string `help:"System prompt: what the language model is told. @FILE reads a file."`
	Starting *string `name:"starting-message" help:"What it says first. @FILE reads a file."`
	Voice    *string `name:"voice-settings" help:"JSON object. @FILE reads a file."`
	Keys     *string `name:"dtmf-rules" help:"What keys do: a JSON object, see docs/dtmf.md. @FILE reads a file."`
	Settings *string `help:"Providers, languages, manners, tools, flow, recording, report: a JSON object, see docs/agents.md. Each part that is given takes the place of the one before, null clears it; empty clears all. @FILE reads a file."`
	Enabled  *bool   `help:"Whether it answers calls." negatable:""`
}

// change alters a as far as flags are given, and checks the outcome as the API does.
func (p *persona) change(a *store.Agent) error {
	settings := a.Settings
	for _, f := range []struct {
		given *string
		field *string
	}{
		{p.Settings, &settings}, {p.Name, &a.Name}, {p.Desc, &a.Description}, {p.Prompt, &a.SystemPrompt},
		{p.Starting, &a.StartingMessage}, {p.Voice, &a.VoiceSettings}, {p.Keys, &a.DTMFRules},
	} {
		if f.given == nil {
			continue
		}
		*f.field = *f.given
		if path, ok := strings.CutPrefix(*f.given, "@"); ok {
			text, err := os.ReadFile(path)
			if err != nil {
				return usageError{fmt.Errorf("read @FILE: %w", err)}
			}
			*f.field = strings.TrimRight(string(text), "\r\n")
		}
	}
	switch {
	case p.Settings == nil:
	case settings == "":
		a.Settings = ""
	case !strings.HasPrefix(strings.TrimSpace(settings), "{") || !json.Valid([]byte(settings)):
		return usageError{errors.New("--settings: want a JSON object")}
	default:
		a.Settings = traits.Merge(a.Settings, traits.Text(settings))
	}
	if p.Enabled != nil {
		a.Enabled = *p.Enabled
	}
	if err := voice.Check(a); err != nil {
		return usageError{err}
	}
	return nil
}

type agentsCreateCmd struct {
	desk
	persona
}

// Run makes an agent and shows it.
func (c *agentsCreateCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		a := store.Agent{ID: store.NewID(), Org: c.Org, Enabled: true, Created: time.Now()}
		if err := c.change(&a); err != nil {
			return err
		}
		a, err := s.CreateAgent(ctx, a)
		if err != nil {
			return err
		}
		return c.agent(con.out, a)
	})
}

type agentsSetCmd struct {
	desk
	Agent string `arg:"" help:"Id or name."`
	persona
}

// Run changes an agent and shows it.
func (c *agentsSetCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		a, err := agentOf(ctx, s, c.Org, c.Agent)
		if err != nil {
			return err
		}
		if a, err = s.UpdateAgent(ctx, c.Org, a.ID, time.Now(), c.change); err != nil {
			return err
		}
		return c.agent(con.out, a)
	})
}

type agentsDeleteCmd struct {
	desk
	Agent string `arg:"" help:"Id or name."`
}

// Run deletes an agent.
func (c *agentsDeleteCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		a, err := agentOf(ctx, s, c.Org, c.Agent)
		if err != nil {
			return err
		}
		if err := s.DeleteAgent(ctx, c.Org, a.ID); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "agent %s (%s) is deleted\n", a.ID, a.Name)
		return nil
	})
}

type agentsDefaultCmd struct {
	desk
	Agent string `arg:"" help:"Id or name."`
}

// Run makes an agent the organisation's default.
func (c *agentsDefaultCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		a, err := agentOf(ctx, s, c.Org, c.Agent)
		if err != nil {
			return err
		}
		if err := s.SetDefaultAgent(ctx, c.Org, a.ID); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s answers the calls that no number leads elsewhere\n", a.Name)
		return nil
	})
}
