package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// trunksCmd keeps an organisation's ways to carriers by SIP: by the API of a server, or on its database, where a server notices within a
// second or two.
type trunksCmd struct {
	List   trunksListCmd   `cmd:"" default:"withargs" help:"List SIP trunks; their passwords are not shown."`
	Set    trunksSetCmd    `cmd:"" help:"Add a trunk, or change one: only what is given."`
	Remove trunksRemoveCmd `cmd:"" help:"Delete a trunk that no number needs."`
}

// trunkRow is what tables show of a trunk.
type trunkRow struct {
	thing
	Host      string    `json:"host"`
	Port      *int      `json:"port"`
	Transport string    `json:"transport"`
	Username  *string   `json:"username"`
	Codecs    []string  `json:"codecs"`
	Up        *bool     `json:"up"`
	Register  *bool     `json:"registered"`
	Updated   time.Time `json:"updated_at"`
}

// state is how a trunk stands, in a word or two; empty: the server does not know.
func (r trunkRow) state() string {
	switch {
	case r.Up == nil:
		return ""
	case !*r.Up:
		return "down"
	case r.Register == nil:
		return "up"
	case *r.Register:
		return "registered"
	}
	return "not registered"
}

type trunksListCmd struct{ teller }

// Run lists trunks, newest first.
func (c *trunksListCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		all, err := list[trunkRow](ctx, a, "/trunks", 0)
		if err != nil {
			return err
		}
		rows := make([][]string, len(all))
		for i, t := range all {
			host := t.row.Host
			if t.row.Port != nil {
				host = fmt.Sprintf("%s port %d", host, *t.row.Port)
			}
			rows[i] = []string{t.row.Name, host, t.row.Transport, text(t.row.Username), strings.Join(t.row.Codecs, " "), t.row.state(), clock(&t.row.Updated), t.row.ID}
		}
		return c.show(con.out, all, []string{"NAME", "HOST", "BY", "USER", "CODECS", "STATE", "CHANGED", "ID"}, rows)
	})
}

type trunksSetCmd struct {
	strongroom
	Name      string   `arg:"" help:"Its name; one that the organisation has is changed."`
	Host      *string  `help:"The carrier's proxy: a name or an address. Needed for a new one."`
	Port      *int     `help:"0: what DNS says, else 5060, or 5061 for tls."`
	Transport string   `help:"udp, tcp or tls. Of a new one: udp." enum:",udp,tcp,tls" default:""`
	Username  *string  `help:"For digest authentication. Empty: none, and no password."`
	Password  bool     `name:"read-password" help:"Read a new password from PARLEY_TRUNK_PASSWORD, else from the input's first line."`
	Realm     *string  `help:"The realm whose challenges are answered. Empty: the host."`
	Networks  []string `name:"allowed-networks" help:"Networks from which calls are taken, such as 192.0.2.0/24; separated by commas." placeholder:"CIDR"`
	Codecs    []string `help:"PCMU, PCMA, G722, opus: in order of preference, separated by commas."`
	CallerID  *string  `name:"caller-id" help:"Shown on calls that are placed. Empty: the number that they are placed from." placeholder:"+E164"`
	Outbound  *bool    `help:"Calls are placed by it. Of a new one: yes." negatable:""`
	Register  *bool    `help:"It is registered with the carrier. Of a new one: no." negatable:""`
}

// Run makes or changes a trunk.
func (c *trunksSetCmd) Run(ctx context.Context, con console) error {
	fit, err := c.fitting()
	if err != nil {
		return err
	}
	fields := c.fields()
	if c.Password {
		if fields["password"], err = readSecret(con, "PARLEY_TRUNK_PASSWORD"); err != nil {
			return err
		}
	}
	return c.reach(ctx, con, fit, func(a *api) error {
		made, err := namesake[thing](ctx, a, "/trunks", "trunk", c.Name)
		if err != nil {
			return err
		}
		if made.ID == "" {
			fields["name"] = c.Name
		}
		return made.set(ctx, con, a, "/trunks", fields)
	})
}

// fields are what the flags make of a trunk.
func (c *trunksSetCmd) fields() map[string]any {
	fields := map[string]any{}
	for name, given := range map[string]*string{"host": c.Host, "username": c.Username, "realm": c.Realm, "caller_id": c.CallerID} {
		if given != nil {
			fields[name] = orNull(*given)
		}
	}
	for name, given := range map[string]*bool{"outbound": c.Outbound, "register": c.Register} {
		if given != nil {
			fields[name] = *given
		}
	}
	for name, given := range map[string][]string{"allowed_networks": c.Networks, "codecs": c.Codecs} {
		if given != nil {
			fields[name] = given
		}
	}
	if c.Port != nil {
		fields["port"] = *c.Port
		if *c.Port == 0 {
			fields["port"] = nil
		}
	}
	if c.Transport != "" {
		fields["transport"] = c.Transport
	}
	return fields
}

type trunksRemoveCmd struct {
	teller
	Name string `arg:"" help:"Its name or id."`
}

// Run deletes a trunk.
func (c *trunksRemoveCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		made, err := find[thing](ctx, a, "/trunks", "trunk", c.Name)
		if err != nil {
			return err
		}
		return made.remove(ctx, con, a, "/trunks")
	})
}
