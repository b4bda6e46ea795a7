package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/control/voice"
	"parley/store"
	"parley/store/sql"
)

type agentsVersionsCmd struct {
	desk
	Agent string `arg:"" help:"Id or name."`
}

// Run lists versions, newest first.
func (c *agentsVersionsCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		a, err := agentOf(ctx, s, c.Org, c.Agent)
		if err != nil {
			return err
		}
		all, err := everything(func(p store.Page) ([]store.Agent, int64, error) { return s.AgentVersions(ctx, c.Org, a.ID, p) })
		if err != nil {
			return err
		}
		return c.agents(con.out, all)
	})
}

type agentsRestoreCmd struct {
	desk
	Agent   string `arg:"" help:"Id or name."`
	Version int    `arg:"" help:"As parley agents versions shows it."`
}

// Run makes a new version of an old one, and shows it. Whether the agent is enabled stays as it is.
func (c *agentsRestoreCmd) Run(ctx context.Context, con console) error {
	return c.with(ctx, con, func(s *sql.Store) error {
		a, err := agentOf(ctx, s, c.Org, c.Agent)
		if err != nil {
			return err
		}
		was, err := s.AgentVersion(ctx, c.Org, a.ID, c.Version)
		if errors.Is(err, store.ErrNotFound) {
			return usageError{fmt.Errorf("%s has no version %d; `parley agents versions` lists them", a.Name, c.Version)}
		}
		if err != nil {
			return err
		}
		a, err = s.UpdateAgent(ctx, c.Org, a.ID, time.Now(), func(now *store.Agent) error {
			enabled := now.Enabled
			*now = was
			now.Enabled = enabled
			return voice.Check(now)
		})
		if err != nil {
			return err
		}
		return c.agent(con.out, a)
	})
}
