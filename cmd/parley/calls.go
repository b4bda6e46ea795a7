package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// callsCmd is what can be done with calls, by the API of a running server.
type callsCmd struct {
	List       callsListCmd       `cmd:"" default:"withargs" help:"List calls, newest first."`
	Show       callsShowCmd       `cmd:"" help:"Show one call: when, who, how it ended."`
	Live       callsLiveCmd       `cmd:"" help:"Show a call while it goes on: what is said, and how it ends."`
	End        callsEndCmd        `cmd:"" help:"Have the agent say goodbye, and hang up."`
	Cancel     callsCancelCmd     `cmd:"" help:"Hang up at once: the call counts as failed."`
	Transcript callsTranscriptCmd `cmd:"" help:"Show what was said, or have it transcribed anew."`
	Report     callsReportCmd     `cmd:"" help:"Show the report on a call that is over; it is made if there is none."`
	Recording  callsRecordingCmd  `cmd:"" help:"Save the sound of a call that is over."`
}

// callFacts is what tables show of a call.
type callFacts struct {
	ID         string     `json:"id"`
	Agent      *string    `json:"agent_id"`
	Task       *string    `json:"task_id"`
	Direction  string     `json:"direction"`
	Status     string     `json:"status"`
	From       *string    `json:"from_number"`
	To         *string    `json:"to_number"`
	Cause      *string    `json:"cause"`
	Error      *string    `json:"error"`
	AnsweredBy *string    `json:"answered_by"`
	Started    *time.Time `json:"started_at"`
	Answered   *time.Time `json:"answered_at"`
	Ended      *time.Time `json:"ended_at"`
	Seconds    *float64   `json:"duration_seconds"`
	Turns      int        `json:"turn_count"`
	Recorded   bool       `json:"recording_available"` // of one call alone
}

// length is how long the call lasted; empty while it goes on.
func (r callFacts) length() string {
	if r.Seconds == nil {
		return ""
	}
	return time.Duration(*r.Seconds * float64(time.Second)).Round(100 * time.Millisecond).String()
}

// callPath is where the API has a call.
func callPath(id string) string { return "/calls/" + url.PathEscape(id) }

// listing is what lists that may be long have in common.
type listing struct {
	Agent  string `help:"Only of this agent, by its id or name." placeholder:"NAME"`
	Status string `help:"Only of this status." placeholder:"STATUS"`
	Limit  int    `help:"At most so many. 0: all." default:"100"`
}

// path is a list's, with its query.
func (l *listing) path(ctx context.Context, a *api, path string, query url.Values) (string, error) {
	if l.Limit < 0 {
		return "", usageError{fmt.Errorf("--limit is %d: want 0 or more", l.Limit)}
	}
	if l.Agent != "" {
		id, err := a.named(ctx, "agent", l.Agent)
		if err != nil {
			return "", err
		}
		query.Set("agent_id", id)
	}
	if l.Status != "" {
		query.Set("status", l.Status)
	}
	return path + "?" + query.Encode(), nil
}

type callsListCmd struct {
	api
	sheet
	listing

	Task string `help:"Only of this task, by its id." placeholder:"ID"`
}

// Run lists calls, newest first.
func (c *callsListCmd) Run(ctx context.Context, con console) error {
	query := url.Values{}
	if c.Task != "" {
		query.Set("task_id", c.Task)
	}
	path, err := c.path(ctx, &c.api, "/calls", query)
	if err != nil {
		return err
	}
	all, err := list[callFacts](ctx, &c.api, path, c.Limit)
	if err != nil {
		return misused(err, func(field string) string { return map[string]string{"task_id": "--task", "status": "--status"}[field] })
	}
	rows := make([][]string, len(all))
	for i, r := range all {
		rows[i] = []string{
			r.row.ID, r.row.Direction, text(r.row.From), text(r.row.To), r.row.Status, text(r.row.Cause), clock(r.row.Started), r.row.length(),
		}
	}
	return c.show(con.out, all, []string{"CALL", "WAY", "FROM", "TO", "STATUS", "CAUSE", "STARTED", "LENGTH"}, rows)
}

// oneCall is a command on one call.
type oneCall struct {
	api

	Call string `arg:"" help:"Id of the call."`
}

type callsShowCmd struct {
	oneCall
	sheet
}

// Run shows a call; as JSON with its transcript and report.
func (c *callsShowCmd) Run(ctx context.Context, con console) error {
	var told seen[callFacts]
	if err := c.ask(ctx, http.MethodGet, callPath(c.Call), nil, &told); err != nil {
		return err
	}
	r := told.row
	return c.show(con.out, told, []string{"call", r.ID}, [][]string{
		{"way", r.Direction}, {"from", text(r.From)}, {"to", text(r.To)}, {"agent", text(r.Agent)}, {"task", text(r.Task)},
		{"status", r.Status}, {"cause", text(r.Cause)}, {"error", text(r.Error)}, {"answered by", text(r.AnsweredBy)},
		{"started", clock(r.Started)}, {"answered", clock(r.Answered)}, {"ended", clock(r.Ended)}, {"length", r.length()},
		{"turns", strconv.Itoa(r.Turns)}, {"recorded", strconv.FormatBool(r.Recorded)},
	})
}

// finish ends the call in some way, and tells what the server says of it.
func (c *oneCall) finish(ctx context.Context, con console, way string) error {
	var done struct{ Message string }
	if err := c.ask(ctx, http.MethodPost, callPath(c.Call)+way, nil, &done); err != nil {
		return err
	}
	_, err := fmt.Fprintln(con.out, done.Message)
	return err
}

type (
	callsEndCmd    struct{ oneCall }
	callsCancelCmd struct{ oneCall }
)

// Run ends the call.
func (c *callsEndCmd) Run(ctx context.Context, con console) error { return c.finish(ctx, con, "/end") }

// Run cancels the call.
func (c *callsCancelCmd) Run(ctx context.Context, con console) error {
	return c.finish(ctx, con, "/cancel")
}
