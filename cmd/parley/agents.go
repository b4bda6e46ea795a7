package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// agentsCmd keeps the agents of an organisation: by the API of a server, or on its database, where a server notices within a second or two.
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

// agentRow is what tables show of an agent.
type agentRow struct {
	thing
	Description     *string         `json:"description"`
	Enabled         bool            `json:"enabled"`
	Version         int             `json:"version"`
	SystemPrompt    string          `json:"system_prompt"`
	StartingMessage *string         `json:"starting_message"`
	VoiceSettings   json.RawMessage `json:"voice_settings"`
	DTMFRules       json.RawMessage `json:"dtmf_rules"`
	Settings        json.RawMessage `json:"settings"`
	Updated         time.Time       `json:"updated_at"`
}

// agentOf finds an agent by id, or by a name that only one has.
func agentOf(ctx context.Context, a *api, name string) (agentRow, error) {
	return find[agentRow](ctx, a, "/agents", "agent", name)
}

// agentAt is agentOf for commands on one agent: its path, too.
func agentAt(ctx context.Context, a *api, name string) (row agentRow, path string, err error) {
	row, err = agentOf(ctx, a, name)
	return row, "/agents/" + row.ID, err
}

type agentsListCmd struct{ teller }

// Run lists agents, newest first.
func (c *agentsListCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		all, err := list[agentRow](ctx, a, "/agents", 0)
		if err != nil {
			return err
		}
		return c.agents(con.out, all)
	})
}

func (c *teller) agents(w io.Writer, all []seen[agentRow]) error {
	rows := make([][]string, len(all))
	for i, a := range all {
		state := "enabled"
		if !a.row.Enabled {
			state = "disabled"
		}
		rows[i] = []string{a.row.ID, a.row.Name, state, fmt.Sprint(a.row.Version), clock(&a.row.Updated)}
	}
	return c.show(w, all, []string{"AGENT", "NAME", "STATE", "VERSION", "CHANGED"}, rows)
}

type agentsShowCmd struct {
	teller
	Agent string `arg:"" help:"Id or name."`
}

// Run shows an agent.
func (c *agentsShowCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		_, path, err := agentAt(ctx, a, c.Agent)
		if err != nil {
			return err
		}
		return c.agent(ctx, con.out, a, http.MethodGet, path, nil)
	})
}

// agent asks for an agent, or for a change of one, and shows it.
func (c *teller) agent(ctx context.Context, w io.Writer, a *api, method, path string, body any) error {
	var told seen[agentRow]
	if err := a.ask(ctx, method, path, body, &told); err != nil {
		return misused(err, func(field string) string { return field + ":" })
	}
	r := told.row
	return c.show(w, told, []string{"agent", r.ID}, [][]string{
		{"name", r.Name}, {"description", text(r.Description)}, {"enabled", fmt.Sprint(r.Enabled)}, {"version", fmt.Sprint(r.Version)},
		{"system prompt", r.SystemPrompt}, {"starting message", text(r.StartingMessage)},
		{"voice settings", object(r.VoiceSettings)}, {"keypad rules", object(r.DTMFRules)}, {"settings", object(r.Settings)},
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

// fields are what the API is asked to set: as far as flags are given.
func (p *persona) fields() (map[string]any, error) {
	fields := map[string]any{}
	var bad []error
	for _, f := range []struct {
		flag, field string
		given       *string
		object      bool
	}{
		{"name", "name", p.Name, false}, {"description", "description", p.Desc, false}, {"prompt", "system_prompt", p.Prompt, false},
		{"starting-message", "starting_message", p.Starting, false}, {"voice-settings", "voice_settings", p.Voice, true},
		{"dtmf-rules", "dtmf_rules", p.Keys, true}, {"settings", "settings", p.Settings, true},
	} {
		if f.given == nil {
			continue
		}
		given, err := spelled(*f.given)
		switch {
		case err != nil:
			bad = append(bad, fmt.Errorf("--%s: %w", f.flag, err))
		case !f.object:
			fields[f.field] = given
		case given == "":
			fields[f.field] = nil
		case !strings.HasPrefix(strings.TrimSpace(given), "{") || !json.Valid([]byte(given)):
			bad = append(bad, fmt.Errorf("--%s: want a JSON object", f.flag))
		default:
			fields[f.field] = json.RawMessage(given)
		}
	}
	if p.Enabled != nil {
		fields["enabled"] = *p.Enabled
	}
	if len(bad) > 0 {
		return nil, usageError{errors.Join(bad...)}
	}
	return fields, nil
}

// spelled is a flag's text: of @FILE, the file's.
func spelled(given string) (string, error) {
	path, ok := strings.CutPrefix(given, "@")
	if !ok {
		return given, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read @FILE: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

type agentsCreateCmd struct {
	teller
	persona
}

// Run makes an agent and shows it.
func (c *agentsCreateCmd) Run(ctx context.Context, con console) error {
	fields, err := c.fields()
	if err != nil {
		return err
	}
	return c.reach(ctx, con, nil, func(a *api) error { return c.agent(ctx, con.out, a, http.MethodPost, "/agents", fields) })
}

type agentsSetCmd struct {
	teller
	Agent string `arg:"" help:"Id or name."`
	persona
}

// Run changes an agent and shows it.
func (c *agentsSetCmd) Run(ctx context.Context, con console) error {
	fields, err := c.fields()
	if err != nil {
		return err
	}
	return c.reach(ctx, con, nil, func(a *api) error {
		_, path, err := agentAt(ctx, a, c.Agent)
		if err != nil {
			return err
		}
		return c.agent(ctx, con.out, a, http.MethodPatch, path, fields)
	})
}

type agentsDeleteCmd struct {
	teller
	Agent string `arg:"" help:"Id or name."`
}

// Run deletes an agent.
func (c *agentsDeleteCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		row, path, err := agentAt(ctx, a, c.Agent)
		if err != nil {
			return err
		}
		if err := a.ask(ctx, http.MethodDelete, path, nil, nil); err != nil {
			return err
		}
		_, err = fmt.Fprintf(con.out, "agent %s (%s) is deleted\n", row.ID, row.Name)
		return err
	})
}

type agentsDefaultCmd struct {
	teller
	Agent string `arg:"" help:"Id or name."`
}

// Run makes an agent the organisation's default.
func (c *agentsDefaultCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		row, path, err := agentAt(ctx, a, c.Agent)
		if err != nil {
			return err
		}
		if err := a.ask(ctx, http.MethodPost, path+"/default", nil, nil); err != nil {
			return err
		}
		_, err = fmt.Fprintf(con.out, "%s answers the calls that no number leads elsewhere\n", row.Name)
		return err
	})
}

// text is a text of the API, where none is null.
func text(t *string) string {
	if t == nil {
		return ""
	}
	return *t
}

// object is a JSON object of the API, where none is null.
func object(o json.RawMessage) string {
	if string(o) == "null" {
		return ""
	}
	return string(o)
}

// clock is a time of the API as people here read it, where none is null.
func clock(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format(time.DateTime)
}
