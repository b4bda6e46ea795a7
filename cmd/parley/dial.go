package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
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
	if !e164.MatchString(c.To) {
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

// api is where commands that work by the API find it.
type api struct {
	URL string `help:"The server." default:"http://127.0.0.1:8080" placeholder:"URL" var:"PARLEY_URL"`
	Key string `name:"api-key" help:"Key of the API." required:"" var:"PARLEY_API_KEY"`
}

// ask sends one request, and decodes the data of its answer.
func (a *api) ask(ctx context.Context, method, path string, body, into any) error {
	var content io.Reader
	kind := ""
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content, kind = bytes.NewReader(text), "application/json"
	}
	answer, err := a.send(ctx, method, path, kind, content)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var told struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		return fmt.Errorf("%s %s: %s: %w", method, path, answer.Status, err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(told.Data, into)
}

// send sends one request with a body of some kind, if it has one. What is not well is an error, with all that the server says about it;
// else the answer's body is to be closed.
func (a *api) send(ctx context.Context, method, path, kind string, body io.Reader) (*http.Response, error) {
	target, err := url.JoinPath(a.URL, "/api/v1")
	if err != nil {
		return nil, usageError{fmt.Errorf("--url: %w", err)}
	}
	r, err := http.NewRequestWithContext(ctx, method, target+path, body)
	if err != nil {
		return nil, usageError{fmt.Errorf("--url: %w", err)}
	}
	r.Header.Set("Authorization", "Bearer "+a.Key)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode/100 == 2 {
		return answer, err
	}
	defer answer.Body.Close()
	var told struct {
		Error   string            `json:"error"`
		Details map[string]string `json:"details"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		return nil, fmt.Errorf("%s %s: %s: %w", method, path, answer.Status, err)
	}
	err = fmt.Errorf("%s %s: %d %s", method, path, answer.StatusCode, told.Error)
	for _, field := range slices.Sorted(maps.Keys(told.Details)) {
		err = errors.Join(err, fmt.Errorf("  %s: %s", field, told.Details[field]))
	}
	return nil, err
}

// named finds the id of an agent, or of a campaign, by its id or name.
func (a *api) named(ctx context.Context, noun, name string) (string, error) {
	var found []string
	for offset := 0; ; {
		var page []struct{ ID, Name string }
		if err := a.ask(ctx, http.MethodGet, fmt.Sprintf("/%ss?limit=100&offset=%d", noun, offset), nil, &page); err != nil {
			return "", err
		}
		for _, one := range page {
			if strings.EqualFold(one.ID, name) {
				return one.ID, nil
			}
			if strings.EqualFold(one.Name, name) {
				found = append(found, one.ID)
			}
		}
		if offset += len(page); len(page) == 0 {
			break
		}
	}
	switch len(found) {
	case 0:
		return "", usageError{fmt.Errorf("no %s is called %q; `parley %ss` lists them", noun, name, noun)}
	case 1:
		return found[0], nil
	}
	return "", usageError{fmt.Errorf("%d %ss are called %q: name one by its id", len(found), noun, name)}
}
