package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"parley/control/envelope"
)

// dialCmd has an agent call a number, by the API of a running server.
type dialCmd struct {
	api

	To    string            `arg:"" help:"Number to call (E.164)." placeholder:"+E164"`
	Agent string            `help:"Id or name of the agent that calls." required:""`
	Name  string            `help:"Name of the task. Empty: made of the number." placeholder:"NAME"`
	Say   string            `help:"What the agent says first. Empty: its own starting message." placeholder:"TEXT"`
	Set   map[string]string `help:"What fills a {{place}} of the agent's words: --set customer_name='John Doe'; may be repeated." mapsep:"none" placeholder:"NAME=VALUE"`
	At    *time.Time        `help:"Call at this time instead of now, such as 2030-01-31T09:00:00+01:00." placeholder:"TIME"`

	Wait time.Duration `help:"Wait so long for the call to end, and fail if it fails; 0: do not." default:"10m"`
	JSON bool          `name:"json" help:"Print the task as JSON."`
}

// taskRow is what the API tells of a task.
type taskRow struct {
	ID     string  `json:"id"`
	Status string  `json:"status"`
	CallID *string `json:"call_id"`
	Error  *string `json:"error"`
}

// Run makes a task, executes it, and tells how it goes.
func (c *dialCmd) Run(ctx context.Context, con console) error {
	if !envelope.E164(c.To) {
		return usageError{fmt.Errorf("%q is no phone number in E.164 format, such as +442071234567", c.To)}
	}
	agent, err := c.named(ctx, "agent", c.Agent)
	if err != nil {
		return err
	}
	body := map[string]any{"agent_id": agent, "to_number": c.To, "name": "Call " + c.To}
	if c.Name != "" {
		body["name"] = c.Name
	}
	if c.Say != "" {
		body["starting_message"] = c.Say
	}
	if len(c.Set) > 0 {
		body["context_data"] = c.Set
	}
	if c.At != nil {
		body["scheduled_at"] = c.At.Format(time.RFC3339)
	}
	var task taskRow
	if err := c.ask(ctx, http.MethodPost, "/tasks", body, &task); err != nil {
		return err
	}
	if c.At != nil {
		fmt.Fprintf(con.err, "task %s calls %s at %s\n", task.ID, c.To, c.At)
		return c.show(ctx, con.out, task.ID)
	}
	var begun struct {
		CallID string `json:"call_id"`
	}
	if err := c.ask(ctx, http.MethodPost, "/tasks/"+task.ID+"/execute", nil, &begun); err != nil {
		return errors.Join(err, c.ask(ctx, http.MethodDelete, "/tasks/"+task.ID, nil, nil)) // it was made for this call alone
	}
	fmt.Fprintf(con.err, "task %s, call %s to %s\n", task.ID, begun.CallID, c.To)
	if c.Wait <= 0 {
		return c.show(ctx, con.out, task.ID)
	}
	return c.follow(ctx, con, task.ID)
}

// follow tells of the call until it has ended.
func (c *dialCmd) follow(ctx context.Context, con console, id string) error {
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	look := time.NewTicker(500 * time.Millisecond)
	defer look.Stop()
	var call struct {
		Status string `json:"status"`
	}
	for said := ""; ; {
		var task taskRow
		if err := c.ask(ctx, http.MethodGet, "/tasks/"+id, nil, &task); err != nil {
			return err
		}
		if task.CallID != nil {
			if err := c.ask(ctx, http.MethodGet, "/calls/"+*task.CallID, nil, &call); err != nil {
				return err
			}
		}
		if call.Status != said {
			said = call.Status
			fmt.Fprintln(con.err, "call is", said)
		}
		switch task.Status {
		case "completed":
			return c.show(ctx, con.out, id)
		case "failed":
			err := c.show(ctx, con.out, id)
			why := "unknown"
			if task.Error != nil {
				why = *task.Error
			}
			return errors.Join(fmt.Errorf("the call failed: %s", why), err)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("the call goes on: %w", ctx.Err())
		}
	}
}

// show prints a task.
func (c *dialCmd) show(ctx context.Context, w io.Writer, id string) error {
	if !c.JSON {
		return nil
	}
	var task json.RawMessage
	if err := c.ask(ctx, http.MethodGet, "/tasks/"+id, nil, &task); err != nil {
		return err
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(task)
}
