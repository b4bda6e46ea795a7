package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/control/access"
	"parley/store"
	"parley/store/sql"
)

// keysCmd keeps the keys of an organisation. It works on the database; a server heeds a revoked key within ten seconds.
type keysCmd struct {
	List   keysListCmd   `cmd:"" default:"withargs" help:"List keys; their secrets are not kept."`
	Create keysCreateCmd `cmd:"" help:"Make a key and print it, once."`
	Revoke keysRevokeCmd `cmd:"" help:"End a key for good."`
}

type keysListCmd struct{ desk }

// A keyRow is what is shown of a key.
type keyRow struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Prefix   string     `json:"prefix"`
	Role     store.Role `json:"role"`
	Scopes   []string   `json:"scopes"`
	State    string     `json:"state"` // valid, expired, revoked
	Created  time.Time  `json:"created_at"`
	Expires  *time.Time `json:"expires_at"`
	LastUsed *time.Time `json:"last_used_at"`
}

func newKeyRow(k store.Key, now time.Time) keyRow {
	r := keyRow{ID: k.ID, Name: k.Name, Prefix: k.Prefix, Role: k.Role, Scopes: k.Scopes, State: "valid", Created: k.Created}
	if !k.Expires.IsZero() {
		r.Expires = &k.Expires
	}
	if !k.LastUsed.IsZero() {
		r.LastUsed = &k.LastUsed
	}
	switch {
	case !k.Revoked.IsZero():
		r.State = "revoked"
	case !k.Expires.IsZero() && k.Expires.Before(now):
		r.State = "expired"
	}
	return r
}

// Run lists keys, newest first.
func (c *keysListCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		all, err := everything(func(p store.Page) ([]store.Key, int64, error) { return s.Keys(ctx, c.Org, p) })
		if err != nil {
			return err
		}
		keys, rows := make([]keyRow, len(all)), make([][]string, len(all))
		for i, k := range all {
			r := newKeyRow(k, time.Now())
			used := "never"
			if r.LastUsed != nil {
				used = r.LastUsed.Local().Format(time.DateTime)
			}
			keys[i], rows[i] = r, []string{r.ID, r.Prefix + "...", r.Name, string(r.Role), strings.Join(r.Scopes, " "), r.State, used}
		}
		return c.show(con.out, keys, []string{"KEY", "BEGINS", "NAME", "ROLE", "SCOPES", "STATE", "LAST USED"}, rows)
	})
}

type keysCreateCmd struct {
	desk
	Name   string        `arg:"" help:"What it is for."`
	Scope  []string      `help:"What it may do, such as calls:read; may be repeated. None: everything."`
	Role   string        `help:"Whose place it takes: owner, admin or member." enum:"owner,admin,member" default:"owner"`
	Prefix string        `help:"How it begins: va_ or cm_." enum:"va_,cm_" default:"va_"`
	For    time.Duration `help:"How long it is valid, such as 720h. 0: until it is revoked." default:"0"`
}

// Run makes a key. Its secret goes to stdout alone, so that it can be caught by a script.
func (c *keysCreateCmd) Run(ctx context.Context, con console) error {
	if len(c.Scope) == 0 {
		c.Scope = []string{access.All}
	}
	if err := access.CheckScopes(c.Scope); err != nil {
		return usageError{err}
	}
	if c.For < 0 {
		return usageError{fmt.Errorf("--for is %v: want 0 or more", c.For)}
	}
	made, err := access.NewKey(c.Prefix)
	if err != nil {
		return err
	}
	return c.with(ctx, con, func(s *sql.Store) error {
		k := store.Key{
			ID: store.NewID(), Org: c.Org, Role: store.Role(c.Role), Name: c.Name, Prefix: made.Prefix, Hash: made.Hash,
			Scopes: c.Scope, Created: time.Now(),
		}
		if c.For > 0 {
			k.Expires = k.Created.Add(c.For)
		}
		if k, err = s.CreateKey(ctx, k); err != nil {
			return err
		}
		fmt.Fprintf(con.err, "key %s, shown this once:\n", k.ID)
		_, err := fmt.Fprintln(con.out, string(made.Secret))
		return err
	})
}

type keysRevokeCmd struct {
	desk
	Key string `arg:"" help:"Id of the key, or how it begins as the list shows it."`
}

// Run revokes a key.
func (c *keysRevokeCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		all, err := everything(func(p store.Page) ([]store.Key, int64, error) { return s.Keys(ctx, c.Org, p) })
		if err != nil {
			return err
		}
		begins := strings.TrimSuffix(c.Key, "...")
		var id string
		for _, k := range all {
			if k.ID != c.Key && (k.Prefix != begins || !k.Revoked.IsZero()) {
				continue
			}
			if id != "" {
				return usageError{fmt.Errorf("several keys begin with %s: name one by its id", begins)}
			}
			id = k.ID
		}
		if id == "" {
			return usageError{errors.New("no such key; `parley keys` lists them")}
		}
		if err := s.RevokeKey(ctx, c.Org, id, time.Now()); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "key %s is revoked\n", id)
		return nil
	})
}
