package voice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/control/access"
	"parley/control/dialer"
	"parley/control/envelope"
	"parley/store"
)

// A Dialer places the calls of tasks: a dialer.Dialer.
type Dialer interface {
	Execute(ctx context.Context, org, task string) (store.Dial, error)
	Reset(ctx context.Context, org, task string) (store.Task, error)
}

// Tasks handles /tasks.
type Tasks struct {
	Store  store.Tasks
	Agents store.Agents
	Bots   store.Bots
	Dialer Dialer
}

// ListTasks is what GET /tasks asks.
type ListTasks struct {
	envelope.Strict
	envelope.Page

	AgentID string       `query:"agent_id" format:"uuid" doc:"Filter by agent ID."`
	Status  store.Status `query:"status" enum:"pending,in_progress,completed,failed" doc:"Filter by status."`
}

// List handles GET /tasks.
func (h *Tasks) List(ctx context.Context, in *ListTasks) (*envelope.Many[Task], error) {
	f := store.TaskFilter{Agent: envelope.Plain(in.AgentID), Status: in.Status}
	rows, total, err := h.Store.Tasks(ctx, access.Org(ctx), f, in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	tasks := make([]Task, len(rows))
	for i, row := range rows {
		if tasks[i], err = ShowTask(row); err != nil {
			return nil, err
		}
	}
	return envelope.List(ctx, tasks, total, in.Limit, in.Offset), nil
}

// Get handles GET /tasks/{id}.
func (h *Tasks) Get(ctx context.Context, in *envelope.ID) (*envelope.One[TaskDetail], error) {
	id, err := envelope.Canonical(in.ID, "task")
	if err != nil {
		return nil, err
	}
	row, err := h.Store.Task(ctx, access.Org(ctx), id)
	if err != nil {
		return nil, noTask(err)
	}
	shown, err := ShowTask(row)
	if err != nil {
		return nil, err
	}
	detail := TaskDetail{Task: shown}
	agent, err := h.Agents.Agent(ctx, row.Org, row.Agent)
	switch {
	case err == nil:
		a, err := Show(agent)
		if err != nil {
			return nil, err
		}
		detail.Agent = &a
	case !errors.Is(err, store.ErrNotFound):
		return nil, fmt.Errorf("read agent: %w", err)
	}
	return envelope.Give(ctx, detail), nil
}

// CreateTask is what POST /tasks asks.
type CreateTask struct {
	envelope.Strict

	Body TaskCreate
}

// Create handles POST /tasks.
func (h *Tasks) Create(ctx context.Context, in *CreateTask) (*envelope.One[Task], error) {
	b, now := in.Body, time.Now().UTC()
	bot, err := h.caller(ctx, envelope.Plain(b.AgentID), b.TaskChannel)
	if err != nil {
		return nil, err
	}
	row, err := h.Store.CreateTask(ctx, store.Task{
		ID: store.NewID(), Org: access.Org(ctx), Agent: envelope.Plain(b.AgentID), Name: b.Name, To: b.ToNumber, Description: b.Description,
		StartingMessage: b.StartingMessage, Context: string(b.ContextData), Priority: b.Priority, Scheduled: b.ScheduledAt.Value.UTC(),
		WebhookURL: b.WebhookURL, WebhookEvents: tidy(b.WebhookEvents), Bot: bot, Permission: b.Permission.row(),
		Created: now, Updated: now,
	})
	if errors.Is(err, store.ErrNotFound) {
		fault := envelope.Missing("no such agent")
		fault.Details = map[string]string{"agent_id": "no such agent"}
		return nil, fault
	}
	return answerTask(ctx, row, err)
}

// UpdateTask is what PATCH /tasks/{id} asks.
type UpdateTask struct {
	envelope.ID

	Body TaskPatch
}

// Update handles PATCH /tasks/{id}.
func (h *Tasks) Update(ctx context.Context, in *UpdateTask) (*envelope.One[Task], error) {
	if in.Body.empty() {
		return nil, envelope.Bad("nothing to update: give at least one of name, description, to_number, starting_message, context_data, " +
			"priority, scheduled_at, webhook_url, webhook_events")
	}
	id, err := envelope.Canonical(in.ID.ID, "task")
	if err != nil {
		return nil, err
	}
	row, err := h.Store.UpdateTask(ctx, access.Org(ctx), id, time.Now().UTC(), func(t *store.Task) error {
		in.Body.apply(t)
		return nil
	})
	if errors.Is(err, store.ErrConflict) {
		return nil, h.conflict(ctx, id, err, "only pending tasks can be changed")
	}
	return answerTask(ctx, row, err)
}

// Delete handles DELETE /tasks/{id}.
func (h *Tasks) Delete(ctx context.Context, in *envelope.ID) (*envelope.One[Deleted], error) {
	id, err := envelope.Canonical(in.ID, "task")
	if err != nil {
		return nil, err
	}
	if err := h.Store.DeleteTask(ctx, access.Org(ctx), id); errors.Is(err, store.ErrConflict) {
		return nil, h.conflict(ctx, id, err, "only pending and failed tasks can be deleted")
	} else if err != nil {
		return nil, noTask(err)
	}
	return envelope.Give(ctx, Deleted{ID: id, Deleted: true}), nil
}

// Executed says that a task's call is on its way.
type Executed struct {
	CallID  string `json:"call_id" format:"uuid"`
	Message string `json:"message" example:"Call initiated"`
}

// Execute handles POST /tasks/{id}/execute.
func (h *Tasks) Execute(ctx context.Context, in *envelope.ID) (*envelope.One[Executed], error) {
	id, err := envelope.Canonical(in.ID, "task")
	if err != nil {
		return nil, err
	}
	dial, err := h.Dialer.Execute(ctx, access.Org(ctx), id)
	var unfit *dialer.Unfit
	switch {
	case errors.As(err, &unfit):
		return nil, &envelope.Fault{Status: 400, Message: unfit.Message, Details: unfit.Fields, Cause: err}
	case errors.Is(err, dialer.ErrNoCarrier):
		return nil, envelope.Busy(dialer.ErrNoCarrier.Error(), err)
	case errors.Is(err, store.ErrConflict):
		return nil, h.conflict(ctx, id, err, "only pending tasks can be executed")
	case err != nil:
		return nil, noTask(err)
	}
	return envelope.Give(ctx, Executed{CallID: dial.Call, Message: "Call initiated"}), nil
}

// Reset handles POST /tasks/{id}/reset.
func (h *Tasks) Reset(ctx context.Context, in *envelope.ID) (*envelope.One[Task], error) {
	id, err := envelope.Canonical(in.ID, "task")
	if err != nil {
		return nil, err
	}
	row, err := h.Dialer.Reset(ctx, access.Org(ctx), id)
	switch {
	case errors.Is(err, dialer.ErrCarrier):
		return nil, envelope.Busy("the task's call goes on, and the carrier cannot be reached to end it: try again later", err)
	case errors.Is(err, store.ErrConflict):
		return nil, h.conflict(ctx, id, err, "only tasks that are not pending can be reset")
	}
	return answerTask(ctx, row, err)
}

// conflict says in which state a task stands in the way of what is asked.
func (h *Tasks) conflict(ctx context.Context, id string, err error, rule string) error {
	fault := envelope.Bad(rule)
	switch row, e := h.Store.Task(ctx, access.Org(ctx), id); {
	case e != nil:
	case row.Status == store.Pending && row.Campaign != "":
		fault.Message = "its campaign stands against it: it is paused or cancelled, or has another task for the number"
	default:
		fault.Message = "the task is " + string(row.Status) + ": " + rule
	}
	fault.Cause = err
	return fault
}

// answerTask shows one task.
func answerTask(ctx context.Context, row store.Task, err error) (*envelope.One[Task], error) {
	if err != nil {
		return nil, noTask(err)
	}
	t, err := ShowTask(row)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, t), nil
}

// noTask names what was not found.
func noTask(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return envelope.Missing("no such task")
	}
	return fmt.Errorf("task: %w", err)
}
