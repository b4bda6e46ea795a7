package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"parley/control/lines"
	"parley/control/vault"
	"parley/store"
	"parley/store/sql"
)

// trunksCmd keeps an organisation's ways to carriers by SIP. It works on the database.
type trunksCmd struct {
	List   trunksListCmd   `cmd:"" default:"withargs" help:"List SIP trunks; their passwords are not shown."`
	Set    trunksSetCmd    `cmd:"" help:"Add a trunk, or change one: only what is given."`
	Remove trunksRemoveCmd `cmd:"" help:"Delete a trunk that no number needs."`
}

// trunkOf finds a trunk by id or name.
func trunkOf(ctx context.Context, s *sql.Store, org, name string) (store.Trunk, error) {
	all, err := everything(func(p store.Page) ([]store.Trunk, int64, error) { return s.Trunks(ctx, org, p) })
	if err != nil {
		return store.Trunk{}, err
	}
	i := slices.IndexFunc(all, func(t store.Trunk) bool { return t.ID == name || t.Name == name })
	if i < 0 {
		return store.Trunk{}, usageError{fmt.Errorf("trunk %q: %w; `parley trunks` lists them", name, store.ErrNotFound)}
	}
	return all[i], nil
}

type trunksListCmd struct{ desk }

// Run lists trunks, newest first.
func (c *trunksListCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		all, err := everything(func(p store.Page) ([]store.Trunk, int64, error) { return s.Trunks(ctx, c.Org, p) })
		if err != nil {
			return err
		}
		rows, shown := make([][]string, len(all)), make([]map[string]any, len(all))
		for i, t := range all {
			shown[i] = map[string]any{"id": t.ID, "number": t.Number, "name": t.Name, "host": t.Host, "port": t.Port, "transport": t.Transport,
				"username": t.Username, "password_set": t.Sealed.Text != "", "realm": t.Realm, "allowed_networks": t.Allowed, "codecs": t.Codecs,
				"caller_id": t.CallerID, "outbound": t.Outbound, "register": t.Registers, "created_at": t.Created, "updated_at": t.Updated}
			host := t.Host
			if t.Port != 0 {
				host += " port " + strconv.Itoa(t.Port)
			}
			rows[i] = []string{t.Name, host, string(t.Transport), t.Username, strings.Join(t.Codecs, " "), t.Updated.Local().Format(time.DateTime), t.ID}
		}
		return c.show(con.out, shown, []string{"NAME", "HOST", "BY", "USER", "CODECS", "CHANGED", "ID"}, rows)
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
	v, err := c.vault()
	if err != nil {
		return err
	}
	password := ""
	if c.Password {
		if password, err = readSecret(con, "PARLEY_TRUNK_PASSWORD"); err != nil {
			return err
		}
	}
	return c.with(ctx, con, func(s *sql.Store) error {
		now := time.Now().UTC().Truncate(time.Microsecond)
		made, err := trunkOf(ctx, s, c.Org, c.Name)
		switch {
		case errors.Is(err, store.ErrNotFound):
			row := store.Trunk{ID: store.NewID(), Org: c.Org, Name: c.Name, Transport: store.UDP, Outbound: true, Created: now, Updated: now}
			if err := c.change(&row, v, password); err != nil {
				return err
			}
			if row.Host == "" {
				return usageError{errors.New("--host is needed for a new trunk")}
			}
			if _, err := s.CreateTrunk(ctx, row); err != nil {
				return err
			}
			fmt.Fprintf(con.out, "%s is made: %s\n", row.Name, row.ID)
			return nil
		case err != nil:
			return err
		}
		if _, err = s.UpdateTrunk(ctx, c.Org, made.ID, now, func(row *store.Trunk) error { return c.change(row, v, password) }); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s is changed\n", made.Name)
		return nil
	})
}

// change applies the flags to a row.
func (c *trunksSetCmd) change(t *store.Trunk, v *vault.Vault, password string) error {
	for _, f := range []struct {
		from, to *string
	}{{c.Host, &t.Host}, {c.Username, &t.Username}, {c.Realm, &t.Realm}, {c.CallerID, &t.CallerID}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	for _, f := range []struct {
		from, to *bool
	}{{c.Outbound, &t.Outbound}, {c.Register, &t.Registers}} {
		if f.from != nil {
			*f.to = *f.from
		}
	}
	if c.Port != nil {
		t.Port = *c.Port
	}
	if c.Transport != "" {
		t.Transport = store.Transport(c.Transport)
	}
	if c.Networks != nil {
		t.Allowed = c.Networks
	}
	if c.Codecs != nil {
		t.Codecs = c.Codecs
	}
	if t.Username == "" {
		t.Sealed = store.Sealed{}
	}
	if password != "" {
		t.Sealed = v.Seal(password, vault.PlaceOf(store.TrunkSecret, t.Org, t.ID))
	}
	bad := lines.CheckTrunk(*t, t.Sealed.Text != "")
	if t.Port < 0 || t.Port > 65535 {
		bad["port"] = "must be 0 to 65535"
	}
	for i, codec := range t.Codecs {
		if !slices.Contains(lines.Codecs(), codec) {
			bad[fmt.Sprintf("codecs[%d]", i)] = "must be one of " + strings.Join(lines.Codecs(), ", ")
		}
	}
	if err := faults(bad); err != nil {
		return err
	}
	t.Allowed = lines.Networks(t.Allowed)
	return nil
}

type trunksRemoveCmd struct {
	desk
	Name string `arg:"" help:"Its name or id."`
}

// Run deletes a trunk.
func (c *trunksRemoveCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		made, err := trunkOf(ctx, s, c.Org, c.Name)
		if err != nil {
			return err
		}
		if err := s.DeleteTrunk(ctx, c.Org, made.ID); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s is removed\n", made.Name)
		return nil
	})
}
