package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"parley/control/envelope"
	"parley/control/lines"
)

// numbersCmd says which agent answers which number: by the API of a server, or on its database, where a server notices within a second or two.
type numbersCmd struct {
	List   numbersListCmd   `cmd:"" default:"withargs" help:"List numbers and who answers them."`
	Set    numbersSetCmd    `cmd:"" help:"Add a number, or lead it to another agent."`
	Delete numbersDeleteCmd `cmd:"" help:"Forget a number: the default agent answers it."`
}

// numberRow is what tables show of a phone number.
type numberRow struct {
	ID      string    `json:"id"`
	Number  string    `json:"phone_number"`
	Label   *string   `json:"label"`
	Agent   *string   `json:"agent_id"`
	Updated time.Time `json:"updated_at"`
}

func (n numberRow) known() (id, name string) { return n.ID, n.Number }

// standIn is who answers a number that no agent is named for.
const standIn = "the default agent"

type numbersListCmd struct{ teller }

// Run lists numbers.
func (c *numbersListCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		all, err := list[numberRow](ctx, a, "/numbers", 0)
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
		for i, n := range all {
			rows[i] = []string{n.row.Number, names[text(n.row.Agent)], text(n.row.Label), clock(&n.row.Updated)}
		}
		return c.show(con.out, all, []string{"NUMBER", "AGENT", "LABEL", "CHANGED"}, rows)
	})
}

type numbersSetCmd struct {
	teller
	Number     string  `arg:"" help:"E.164, such as +442071234567."`
	Agent      string  `arg:"" optional:"" help:"Id or name of the agent. Empty: the default agent, or, beside the flags below, the one that it has."`
	Label      *string `help:"What it is for. Empty: nothing."`
	Credential *string `help:"Id or name of the carrier's credential that calls from it are placed by. Empty: the organisation's default, else the server's account." placeholder:"NAME"`
	Trunk      *string `help:"Id or name of the SIP trunk that it is reached by. Empty: none." placeholder:"NAME"`
}

// Run adds a number, or leads one elsewhere.
func (c *numbersSetCmd) Run(ctx context.Context, con console) error {
	if !envelope.E164(c.Number) {
		return usageError{fmt.Errorf("%q is no phone number: want E.164, such as +442071234567", c.Number)}
	}
	return c.reach(ctx, con, nil, func(a *api) error {
		fields, err := c.fields(ctx, a)
		if err != nil {
			return err
		}
		all, err := list[numberRow](ctx, a, "/numbers", 0)
		if err != nil {
			return err
		}
		method, path := http.MethodPost, "/numbers"
		for _, n := range all {
			if n.row.Number == c.Number {
				method, path = http.MethodPatch, "/numbers/"+n.row.ID
			}
		}
		if method == http.MethodPost {
			fields["phone_number"] = c.Number
		}
		var now numberRow
		if err := a.ask(ctx, method, path, fields, &now); err != nil {
			return misused(err, func(field string) string {
				if field == "phone_number" {
					return c.Number
				}
				return flagged(strings.TrimSuffix(field, "_id"))
			})
		}
		who := thing{Name: standIn}
		if now.Agent != nil {
			if err := a.ask(ctx, http.MethodGet, "/agents/"+*now.Agent, nil, &who); err != nil {
				return err
			}
		}
		_, err = fmt.Fprintf(con.out, "%s is answered by %s\n", c.Number, who.Name)
		return err
	})
}

// fields are what the flags make of a number.
func (c *numbersSetCmd) fields(ctx context.Context, a *api) (map[string]any, error) {
	fields := map[string]any{}
	if c.Agent != "" {
		agent, err := agentOf(ctx, a, c.Agent)
		if err != nil {
			return nil, err
		}
		fields["agent_id"] = agent.ID
	} else if c.Label == nil && c.Credential == nil && c.Trunk == nil {
		fields["agent_id"] = nil
	}
	if c.Label != nil {
		fields["label"] = orNull(*c.Label)
	}
	if c.Credential != nil {
		fields["credential_id"] = nil
		if *c.Credential != "" {
			found, err := find[credentialRow](ctx, a, "/credentials", "credential", *c.Credential)
			if err == nil && !lines.Places(found.Vendor) {
				err = usageError{fmt.Errorf("%s is a credential of %s, which is no carrier", found.Name, found.Vendor)}
			}
			if err != nil {
				return nil, err
			}
			fields["credential_id"] = found.ID
		}
	}
	if c.Trunk != nil {
		fields["trunk_id"] = nil
		if *c.Trunk != "" {
			found, err := find[thing](ctx, a, "/trunks", "trunk", *c.Trunk)
			if err != nil {
				return nil, err
			}
			fields["trunk_id"] = found.ID
		}
	}
	return fields, nil
}

// orNull is a text for the API, where none is null.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

type numbersDeleteCmd struct {
	teller
	Number string `arg:"" help:"E.164."`
}

// Run forgets a number.
func (c *numbersDeleteCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		n, err := find[numberRow](ctx, a, "/numbers", "number", c.Number)
		if err != nil {
			return err
		}
		if err := a.ask(ctx, http.MethodDelete, "/numbers/"+n.ID, nil, nil); err != nil {
			return err
		}
		_, err = fmt.Fprintf(con.out, "%s is forgotten\n", c.Number)
		return err
	})
}
