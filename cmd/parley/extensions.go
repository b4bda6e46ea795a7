package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// extensionsCmd keeps what an organisation's softphones register with: by the API of a server, or on its database.
type extensionsCmd struct {
	List     extensionsListCmd     `cmd:"" default:"withargs" help:"List extensions; their passwords are not shown."`
	Set      extensionsSetCmd      `cmd:"" help:"Add an extension, and show its password this once; or change one: only what is given."`
	Password extensionsPasswordCmd `cmd:"" help:"Make another password, and show it this once."`
	Remove   extensionsRemoveCmd   `cmd:"" help:"Delete an extension."`
}

// extensionRow is what tables show of an extension.
type extensionRow struct {
	ID       string    `json:"id"`
	Username string    `json:"username"`
	Name     string    `json:"name"`
	Agent    *string   `json:"agent_id"`
	Password string    `json:"password"` // of a new one alone
	Updated  time.Time `json:"updated_at"`
}

func (e extensionRow) known() (id, name string) { return e.ID, e.Username }

// thing is the extension as others are, by the name that it is known by.
func (e extensionRow) thing() thing { return thing{ID: e.ID, Name: e.Username} }

type extensionsListCmd struct{ teller }

// Run lists extensions, newest first.
func (c *extensionsListCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		all, err := list[extensionRow](ctx, a, "/extensions", 0)
		if err != nil {
			return err
		}
		agents, err := list[thing](ctx, a, "/agents", 0)
		if err != nil {
			return err
		}
		names := map[string]string{"": "(" + standIn + ")"}
		for _, agent := range agents {
			names[agent.row.ID] = agent.row.Name
		}
		rows := make([][]string, len(all))
		for i, e := range all {
			rows[i] = []string{e.row.Username, e.row.Name, names[text(e.row.Agent)], clock(&e.row.Updated), e.row.ID}
		}
		return c.show(con.out, all, []string{"USERNAME", "NAME", "AGENT", "CHANGED", "ID"}, rows)
	})
}

type extensionsSetCmd struct {
	strongroom
	Username string  `arg:"" help:"Of the softphone's account: small letters, digits, dots, _ and -. One that the organisation has is changed."`
	Name     *string `help:"For people. Of a new one: the username."`
	Agent    *string `help:"Id or name of the agent that answers its calls. Empty: the default agent."`
}

// Run makes or changes an extension.
func (c *extensionsSetCmd) Run(ctx context.Context, con console) error {
	fit, err := c.fitting()
	if err != nil {
		return err
	}
	return c.reach(ctx, con, fit, func(a *api) error {
		fields := map[string]any{}
		if c.Name != nil {
			fields["name"] = *c.Name
		}
		if c.Agent != nil {
			fields["agent_id"] = nil
			if *c.Agent != "" {
				if fields["agent_id"], err = a.named(ctx, "agent", *c.Agent); err != nil {
					return err
				}
			}
		}
		made, err := namesake[extensionRow](ctx, a, "/extensions", "extension", c.Username)
		if err != nil {
			return err
		}
		if made.ID != "" {
			return made.thing().set(ctx, con, a, "/extensions", fields)
		}
		fields["username"] = c.Username
		if err := a.ask(ctx, http.MethodPost, "/extensions", fields, &made); err != nil {
			return misused(err, flagged)
		}
		_, err = fmt.Fprintf(con.out, "%s is made: %s\npassword: %s (shown this once)\n", made.Username, made.ID, made.Password)
		return err
	})
}

type extensionsPasswordCmd struct {
	strongroom
	Username string `arg:"" help:"Its username or id."`
}

// Run makes another password.
func (c *extensionsPasswordCmd) Run(ctx context.Context, con console) error {
	fit, err := c.fitting()
	if err != nil {
		return err
	}
	return c.reach(ctx, con, fit, func(a *api) error {
		made, err := find[extensionRow](ctx, a, "/extensions", "extension", c.Username)
		if err != nil {
			return err
		}
		if err := a.ask(ctx, http.MethodPost, "/extensions/"+made.ID+"/password", nil, &made); err != nil {
			return err
		}
		_, err = fmt.Fprintf(con.out, "%s has another password: %s (shown this once)\n", made.Username, made.Password)
		return err
	})
}

type extensionsRemoveCmd struct {
	teller
	Username string `arg:"" help:"Its username or id."`
}

// Run deletes an extension.
func (c *extensionsRemoveCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		made, err := find[extensionRow](ctx, a, "/extensions", "extension", c.Username)
		if err != nil {
			return err
		}
		return made.thing().remove(ctx, con, a, "/extensions")
	})
}
