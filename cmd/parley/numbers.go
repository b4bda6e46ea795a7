package main

import (
	"context"
	"fmt"
	"regexp"
	"time"

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
			shown[i] = map[string]any{"id": n.ID, "number": n.Number, "e164": n.E164, "agent_id": n.Agent, "created_at": n.Created, "updated_at": n.Updated}
			rows[i] = []string{n.E164, "(the default agent)", n.Updated.Local().Format(time.DateTime)}
			if n.Agent == "" {
				continue
			}
			a, err := s.Agent(ctx, c.Org, n.Agent)
			if err != nil {
				return fmt.Errorf("agent of %s: %w", n.E164, err)
			}
			rows[i][1] = a.Name
		}
		return c.show(con.out, shown, []string{"NUMBER", "AGENT", "CHANGED"}, rows)
	})
}

type numbersSetCmd struct {
	desk
	Number string `arg:"" help:"E.164, such as +442071234567."`
	Agent  string `arg:"" optional:"" help:"Id or name of the agent. Empty: the default agent."`
}

// Run leads a number to an agent.
func (c *numbersSetCmd) Run(ctx context.Context, con console) error {
	if !e164.MatchString(c.Number) {
		return usageError{fmt.Errorf("%q is no phone number: want E.164, such as +442071234567", c.Number)}
	}
	return c.with(ctx, con, func(s *sql.Store) error {
		n := store.Number{ID: store.NewID(), Org: c.Org, E164: c.Number, Created: time.Now(), Updated: time.Now()}
		who := "the default agent"
		if c.Agent != "" {
			a, err := agentOf(ctx, s, c.Org, c.Agent)
			if err != nil {
				return err
			}
			n.Agent, who = a.ID, a.Name
		}
		if _, err := s.PutNumber(ctx, n); err != nil {
			return err
		}
		fmt.Fprintf(con.out, "%s is answered by %s\n", c.Number, who)
		return nil
	})
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
