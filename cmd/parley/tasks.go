package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// tasksCmd is what can be done with tasks, by the API of a running server; dial makes one.
type tasksCmd struct {
	List    tasksListCmd    `cmd:"" default:"withargs" help:"List tasks, newest first."`
	Show    tasksShowCmd    `cmd:"" help:"Show one task."`
	Execute tasksExecuteCmd `cmd:"" help:"Place the call of a pending task now, and print the call's id."`
	Reset   tasksResetCmd   `cmd:"" help:"Make a task pending again, so that it can be executed once more; a call of it that goes on is ended."`
	Delete  tasksDeleteCmd  `cmd:"" help:"Delete a task that is pending or has failed."`
}

// plannedRow is what tables show of a task.
type plannedRow struct {
	taskRow
	Name      string     `json:"name"`
	To        string     `json:"to_number"`
	Priority  int        `json:"priority"`
	Scheduled *time.Time `json:"scheduled_at"`
	Next      *time.Time `json:"next_attempt_at"`
	Attempts  int        `json:"attempts"`
	Outcome   *string    `json:"outcome"`
	Campaign  *string    `json:"campaign_id"`
	Agent     *thing     `json:"agent"` // of one task alone; null: it has been deleted
}

type tasksListCmd struct {
	api
	sheet
	listing
}

// Run lists tasks, newest first.
func (c *tasksListCmd) Run(ctx context.Context, con console) error {
	path, err := c.path(ctx, &c.api, "/tasks", url.Values{})
	if err != nil {
		return err
	}
	all, err := list[plannedRow](ctx, &c.api, path, c.Limit)
	if err != nil {
		return misused(err, flagged)
	}
	rows := make([][]string, len(all))
	for i, t := range all {
		rows[i] = []string{
			t.row.ID, t.row.Name, t.row.To, t.row.Status, clock(t.row.Scheduled), strconv.Itoa(t.row.Attempts), cmp.Or(text(t.row.Error), text(t.row.Outcome)),
		}
	}
	return c.show(con.out, all, []string{"TASK", "NAME", "TO", "STATUS", "AT", "CALLS", "OUTCOME"}, rows)
}

// oneTask is a command on one task.
type oneTask struct {
	api

	Task string `arg:"" help:"Id of the task."`
}

// path is where the API has it.
func (c *oneTask) path() string { return "/tasks/" + url.PathEscape(c.Task) }

type tasksShowCmd struct {
	oneTask
	sheet
}

// Run shows a task.
func (c *tasksShowCmd) Run(ctx context.Context, con console) error {
	var told seen[plannedRow]
	if err := c.ask(ctx, http.MethodGet, c.path(), nil, &told); err != nil {
		return err
	}
	t, agent := told.row, "(deleted)"
	if t.Agent != nil {
		agent = t.Agent.Name
	}
	return c.show(con.out, told, []string{"task", t.ID}, [][]string{
		{"name", t.Name}, {"to", t.To}, {"agent", agent}, {"status", t.Status}, {"priority", strconv.Itoa(t.Priority)}, {"scheduled", clock(t.Scheduled)},
		{"next attempt", clock(t.Next)}, {"calls", strconv.Itoa(t.Attempts)}, {"call", text(t.CallID)}, {"outcome", text(t.Outcome)},
		{"error", text(t.Error)}, {"campaign", text(t.Campaign)},
	})
}

type tasksExecuteCmd struct{ oneTask }

// Run executes a task. The call's id goes to stdout alone.
func (c *tasksExecuteCmd) Run(ctx context.Context, con console) error {
	var begun struct {
		CallID  string `json:"call_id"`
		Message string `json:"message"`
	}
	if err := c.ask(ctx, http.MethodPost, c.path()+"/execute", nil, &begun); err != nil {
		return err
	}
	fmt.Fprintln(con.err, begun.Message)
	_, err := fmt.Fprintln(con.out, begun.CallID)
	return err
}

type tasksResetCmd struct{ oneTask }

// Run resets a task.
func (c *tasksResetCmd) Run(ctx context.Context, con console) error {
	var now plannedRow
	if err := c.ask(ctx, http.MethodPost, c.path()+"/reset", nil, &now); err != nil {
		return err
	}
	_, err := fmt.Fprintf(con.out, "task %s (%s) is %s\n", now.ID, now.Name, now.Status)
	return err
}

type tasksDeleteCmd struct{ oneTask }

// Run deletes a task.
func (c *tasksDeleteCmd) Run(ctx context.Context, con console) error {
	if err := c.ask(ctx, http.MethodDelete, c.path(), nil, nil); err != nil {
		return err
	}
	_, err := fmt.Fprintf(con.out, "task %s is deleted\n", c.Task)
	return err
}
