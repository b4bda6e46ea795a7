package crm

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/store"
)

// Types of actors.
const (
	user       = "user"
	aiEmployee = "ai_employee"
)

// AssignmentRows are what Assignments reads and writes.
type AssignmentRows interface {
	store.Assignments
	store.Fields
}

// A Resetter ends the calls of tasks that are carried out for nothing: a dialer.Dialer.
type Resetter interface {
	Reset(ctx context.Context, org, task string) (store.Task, error)
}

// Assignments handles /tasks.
type Assignments struct {
	Store  AssignmentRows
	Agents store.Agents
	Calls  store.Tasks // the planned calls that carry tasks out
	Dialer Resetter
	Wake   func()       // is called when an agent has something to do; may be nil
	Log    *slog.Logger // nil: none
}

// ListAssignments is what GET /tasks asks.
type ListAssignments struct {
	envelope.Strict
	Tenant

	Limit          float64                 `query:"limit" exclusiveMinimum:"0" maximum:"100" default:"20" doc:"Tasks of a page."`
	PageToken      string                  `query:"pageToken" maxLength:"4000" doc:"The nextPageToken of the page before."`
	Status         string                  `query:"status" enum:"completed,cancelled,scheduled,overdue,pending" doc:"Those in this status; pending: neither completed nor cancelled."`
	DueBefore      string                  `query:"dueBefore" format:"date-time" doc:"Those that are due before."`
	DueAfter       string                  `query:"dueAfter" format:"date-time" doc:"Those that are due after."`
	ConversationID envelope.Param[float64] `query:"conversationId" doc:"Those about this conversation."`
	AssignedToType string                  `query:"assignedToType" enum:"user,ai_employee" doc:"Those of people, or of AI employees."`
	AssignedToID   string                  `query:"assignedToId" maxLength:"100" doc:"Those of this one."`
}

// List handles GET /tasks.
func (h *Assignments) List(ctx context.Context, in *ListAssignments) (*One[Page[Assignment]], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	f := store.AssignmentFilter{
		State: store.AssignmentState(in.Status), Now: now(), AssignedTo: store.Actor{Type: in.AssignedToType, ID: in.AssignedToID},
	}
	if f.DueBefore, err = queried("dueBefore", in.DueBefore); err != nil {
		return nil, err
	}
	if f.DueAfter, err = queried("dueAfter", in.DueAfter); err != nil {
		return nil, err
	}
	if in.ConversationID.Set {
		f.Conversation = decimal(&in.ConversationID.Value)
	}
	before := 0
	if in.PageToken != "" && in.PageToken != printed {
		if before, err = place(in.PageToken); err != nil {
			return nil, err
		}
	}
	size := int(math.Ceil(in.Limit))
	rows, total, err := h.Store.Assignments(ctx, org, f, int64(before), size+1)
	if err != nil {
		return nil, fmt.Errorf("list tasks: %w", err)
	}
	p := Page[Assignment]{TotalCount: &total}
	if len(rows) > size {
		rows = rows[:size]
		token := base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(rows[size-1].Number, 10)))
		p.NextPageToken = &token
	}
	p.Items = make([]Assignment, len(rows))
	for i, row := range rows {
		p.Items[i] = showAssignment(row)
	}
	return give(p), nil
}

// CreateAssignment is what POST /tasks asks.
type CreateAssignment struct {
	envelope.Strict
	Tenant

	Body AssignmentCreate
}

// Create handles POST /tasks. A task is published at once, unless the body says otherwise.
func (h *Assignments) Create(ctx context.Context, in *CreateAssignment) (*One[Assignment], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	fields, err := values(ctx, h.Store, org, store.OfAssignments, in.Body.CustomFields.Value)
	if err != nil {
		return nil, err
	}
	at := now().Truncate(time.Millisecond)
	a := store.Assignment{ID: store.NewID(), Org: org, CreatedBy: caller(ctx), Published: at, Fields: fields, Created: at}
	if by := in.Body.CreatedBy; by.Set {
		a.CreatedBy = by.Value.row()
	}
	in.Body.apply(&a, at)
	if a.AssignedTo, a.Agent, err = h.holder(ctx, org, in.Body.AssignedTo.Value); err != nil {
		return nil, err
	}
	made, err := h.Store.CreateAssignment(ctx, a)
	return h.answer(made, err)
}

// caller is who asks.
func caller(ctx context.Context) store.Actor {
	who, _ := access.From(ctx)
	id := who.User
	if id == "" {
		id = who.Who()
	}
	return store.Actor{Type: user, ID: id}
}

func (a Actor) row() store.Actor { return store.Actor{Type: a.Type, ID: a.ID} }

// holder is who is to carry a task out, and the agent that does; "" if it is a person.
func (h *Assignments) holder(ctx context.Context, org string, to Actor) (store.Actor, string, error) {
	if to.Type != aiEmployee {
		return to.row(), "", nil
	}
	agent, err := h.agent(ctx, org, to.ID)
	if errors.Is(err, store.ErrNotFound) {
		return store.Actor{}, "", envelope.Wrong("assignedTo.id", "no such agent: give the id or the number of one")
	}
	return to.row(), agent, err
}

// agent finds an agent by its id or its number.
func (h *Assignments) agent(ctx context.Context, org, id string) (string, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		a, err := h.Agents.Agent(ctx, org, strings.ToLower(id))
		return a.ID, err
	}
	const page = 100
	for from := 0; ; from += page {
		some, total, err := h.Agents.Agents(ctx, org, store.AgentFilter{}, store.Page{Limit: page, Offset: from})
		if err != nil {
			return "", fmt.Errorf("list agents: %w", err)
		}
		for _, a := range some {
			if a.Number == n {
				return a.ID, nil
			}
		}
		if len(some) == 0 || int64(from+page) >= total {
			return "", store.ErrNotFound
		}
	}
}

// answer shows a task, or says why there is none. An agent may have to do with it.
func (h *Assignments) answer(a store.Assignment, err error) (*One[Assignment], error) {
	if err != nil {
		return nil, failed(err, "task")
	}
	if a.Work == store.WorkWaiting && h.Wake != nil {
		h.Wake()
	}
	return give(showAssignment(a)), nil
}

// TaskID is the task that a path names.
type TaskID struct {
	envelope.Strict
	Tenant

	ID string `path:"id" doc:"Its id. Ids of other organisations are as unknown as malformed ones: 404." example:"0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"`
}

// of is whose task the path names, and which.
func (i TaskID) of(ctx context.Context) (org, id string, err error) {
	if org, err = i.org(ctx); err != nil {
		return "", "", err
	}
	id, err = envelope.Canonical(i.ID, "task")
	return org, id, err
}

// Get handles GET /tasks/{id}.
func (h *Assignments) Get(ctx context.Context, in *TaskID) (*One[Assignment], error) {
	org, id, err := in.of(ctx)
	if err != nil {
		return nil, err
	}
	a, err := h.Store.Assignment(ctx, org, id)
	return h.answer(a, err)
}

// UpdateAssignment is what PUT /tasks/{id} asks.
type UpdateAssignment struct {
	TaskID

	Body AssignmentUpdate
}

// Update handles PUT /tasks/{id}.
func (h *Assignments) Update(ctx context.Context, in *UpdateAssignment) (*One[Assignment], error) {
	org, id, err := in.of(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := h.Store.Assignment(ctx, org, id); err != nil {
		return nil, failed(err, "task")
	}
	fields, err := values(ctx, h.Store, org, store.OfAssignments, in.Body.CustomFields.Value)
	if err != nil {
		return nil, err
	}
	var to store.Actor
	var agent string
	if in.Body.AssignedTo.Set {
		if to, agent, err = h.holder(ctx, org, in.Body.AssignedTo.Value); err != nil {
			return nil, err
		}
	}
	at := now().Truncate(time.Millisecond)
	a, calling, err := h.Store.UpdateAssignment(ctx, org, id, at, func(a *store.Assignment) error {
		in.Body.apply(a, at)
		if in.Body.AssignedTo.Set {
			a.AssignedTo, a.Agent = to, agent
		}
		if in.Body.CustomFields.Null {
			a.Fields = nil
		} else if a.Fields = merged(a.Fields, fields); len(a.Fields) > mostValues {
			return envelope.Wrong("customFields", fmt.Sprintf("would be more than %d", mostValues))
		}
		return nil
	})
	h.hangUp(ctx, org, calling)
	return h.answer(a, err)
}

// Delete handles DELETE /tasks/{id}.
func (h *Assignments) Delete(ctx context.Context, in *TaskID) (*One[Assignment], error) {
	org, id, err := in.of(ctx)
	if err != nil {
		return nil, err
	}
	a, calling, err := h.Store.DeleteAssignment(ctx, org, id)
	if err != nil {
		return nil, failed(err, "task")
	}
	h.hangUp(ctx, org, calling)
	return give(showAssignment(a)), nil
}

// hangUp ends a call that nobody wants any more. One that cannot be ended goes on to its own end, and changes nothing.
func (h *Assignments) hangUp(ctx context.Context, org, task string) {
	if task == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err := h.Dialer.Reset(ctx, org, task)
	if err == nil {
		err = h.Calls.DeleteTask(ctx, org, task)
	}
	if err != nil && h.Log != nil {
		h.Log.WarnContext(ctx, "a task's call goes on, though the task does not", "org", org, "task", task, "error", err)
	}
}
