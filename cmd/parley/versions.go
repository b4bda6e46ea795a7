package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

type agentsVersionsCmd struct {
	teller
	Agent string `arg:"" help:"Id or name."`
}

// Run lists versions, newest first.
func (c *agentsVersionsCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		_, path, err := agentAt(ctx, a, c.Agent)
		if err != nil {
			return err
		}
		all, err := list[agentRow](ctx, a, path+"/versions", 0)
		if err != nil {
			return err
		}
		return c.agents(con.out, all)
	})
}

type agentsRestoreCmd struct {
	teller
	Agent   string `arg:"" help:"Id or name."`
	Version int    `arg:"" help:"As parley agents versions shows it."`
}

// Run makes a new version of an old one, and shows it. Whether the agent is enabled stays as it is.
func (c *agentsRestoreCmd) Run(ctx context.Context, con console) error {
	return c.reach(ctx, con, nil, func(a *api) error {
		row, path, err := agentAt(ctx, a, c.Agent)
		if err != nil {
			return err
		}
		err = c.agent(ctx, con.out, a, http.MethodPost, fmt.Sprintf("%s/versions/%d/restore", path, c.Version), nil)
		if no, ok := errors.AsType[*refusal](err); ok && no.status == http.StatusNotFound {
			return usageError{fmt.Errorf("%s has no version %d; `parley agents versions` lists them", row.Name, c.Version)}
		}
		return err
	})
}
