package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"parley/control/lines"
	"parley/store"
	"parley/store/sql"
)

// numbersCmd says which agent answers which number. It works on the database; a server notices within a second or two.
type numbersCmd struct {
	List   numbersListCmd   `cmd:"" default:"withargs" help:"List numbers and who answers them."`
	Set    numbersSetCmd    `cmd:"" help:"Add a number, or lead it to another agent."`
	Delete numbersDeleteCmd `cmd:"" help:"Forget a number: the default agent answers it."`
}

// e164 is what is accepted as a phone number.
var e164 = regexp.MustCompile(`^\+[1-9]\d{6,14}$`)

type numbersListCmd struct{ desk }

// Run lists numbers.
func (c *numbersListCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		all, err := everything(func(p store.Page) ([]store.Number, int64, error) { return s.Numbers(ctx, c.Org, p) })
		if err != nil {
			return err
		}
		rows, shown := make([][]string, len(all)), make([]map[string]any, len(all))
		for i, n := range all {
			shown[i] = map[string]any{"id": n.ID, "number": n.Number, "e164": n.E164, "agent_id": n.Agent, "label": n.Label,
				"credential_id": n.Credential, "trunk_id": n.Trunk, "created_at": n.Created, "updated_at": n.Updated}
			rows[i] = []string{n.E164, "(the default agent)", n.Label, n.Updated.Local().Format(time.DateTime)}
			if n.Agent == "" {
				continue
			}
			a, err := s.Agent(ctx, c.Org, n.Agent)
			if err != nil {
				return fmt.Errorf("agent of %s: %w", n.E164, err)
			}
			rows[i][1] = a.Name
		}
		return c.show(con.out, shown, []string{"NUMBER", "AGENT", "LABEL", "CHANGED"}, rows)
	})
}

type numbersSetCmd struct {
	desk
	Number     string  `arg:"" help:"E.164, such as +442071234567."`
	Agent      string  `arg:"" optional:"" help:"Id or name of the agent. Empty: the default agent, or, beside the flags below, the one that it has."`
	Label      *string `help:"What it is for. Empty: nothing."`
	Credential *string `help:"Id or name of the Twilio credential that calls from it are placed by. Empty: the organisation's default, else the server's account." placeholder:"NAME"`
	Trunk      *string `help:"Id or name of the SIP trunk that it is reached by. Empty: none." placeholder:"NAME"`
}

// Run adds a number, or leads one elsewhere.
func (c *numbersSetCmd) Run(ctx context.Context, con console) error {
	if !e164.MatchString(c.Number) {
		return usageError{fmt.Errorf("%q is no phone number: want E.164, such as +442071234567", c.Number)}
	}
	return c.with(ctx, con, func(s *sql.Store) error {
		change, err := c.changes(ctx, s)
		if err != nil {
			return err
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		n, err := s.UpdateNumber(ctx, c.Org, c.Number, now, change)
		if errors.Is(err, store.ErrNotFound) {
			n = store.Number{ID: store.NewID(), Org: c.Org, E164: c.Number, Created: now, Updated: now}
			if err = change(&n); err == nil {
				n, err = s.CreateNumber(ctx, n)
			}
		}
		if errors.Is(err, store.ErrConflict) {
			return usageError{fmt.Errorf("%s: %w: it is another organisation's", c.Number, store.ErrConflict)}
		}
		if err != nil {
			return err
		}
		who := "the default agent"
		if n.Agent != "" {
			a, err := s.Agent(ctx, c.Org, n.Agent)
			if err != nil {
				return err
			}
			who = a.Name
		}
		fmt.Fprintf(con.out, "%s is answered by %s\n", c.Number, who)
		return nil
	})
}

// changes are what the flags make of a number.
func (c *numbersSetCmd) changes(ctx context.Context, s *sql.Store) (func(*store.Number) error, error) {
	var agent, credential, trunk string
	if c.Agent != "" {
		a, err := agentOf(ctx, s, c.Org, c.Agent)
		if err != nil {
			return nil, err
		}
		agent = a.ID
	}
	if c.Credential != nil && *c.Credential != "" {
		found, err := credentialOf(ctx, s, c.Org, *c.Credential)
		if err == nil && found.Vendor != lines.Twilio {
			err = usageError{fmt.Errorf("%s is a credential of %s: calls are placed by twilio", found.Name, found.Vendor)}
		}
		if err != nil {
			return nil, err
		}
		credential = found.ID
	}
	if c.Trunk != nil && *c.Trunk != "" {
		found, err := trunkOf(ctx, s, c.Org, *c.Trunk)
		if err != nil {
			return nil, err
		}
		trunk = found.ID
	}
	only := c.Agent == "" && (c.Label != nil || c.Credential != nil || c.Trunk != nil)
	return func(n *store.Number) error {
		if !only {
			n.Agent = agent
		}
		if c.Label != nil {
			n.Label = *c.Label
		}
		if c.Credential != nil {
			n.Credential = credential
		}
		if c.Trunk != nil {
			n.Trunk = trunk
		}
		if n.Credential != "" && n.Trunk != "" {
			return usageError{errors.New("--trunk cannot be beside --credential: a number is reached one way")}
		}
		return nil
	}, nil
}

type numbersDeleteCmd struct {
	desk
	Number string `arg:"" help:"E.164."`
}

// Run forgets a number.
func (c *numbersDeleteCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		if err := s.DeleteNumber(ctx, c.Org, c.Number); err != nil {
			return fmt.Errorf("%s: %w", c.Number, err)
		}
		fmt.Fprintf(con.out, "%s is forgotten\n", c.Number)
		return nil
	})
}
