package crm

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/store"
)

// Assignment is a task of the CRM as the API shows it. What goes beyond the contract is left out where it has no value.
type Assignment struct {
	ID                 string                     `json:"id" format:"uuid"`
	TenantID           string                     `json:"tenantId" format:"uuid"`
	CreatedAt          envelope.Time              `json:"createdAt"`
	UpdatedAt          envelope.Time              `json:"updatedAt"`
	Context            AssignmentContext          `json:"context"`
	Objective          string                     `json:"objective" example:"Send proposal to client"`
	CreatedBy          Actor                      `json:"createdBy"`
	AssignedTo         Actor                      `json:"assignedTo"`
	PublishedAt        envelope.Time              `json:"publishedAt" nullable:"true" doc:"From when on it counts; null: it is a draft, which no AI employee begins."`
	DueDate            envelope.Time              `json:"dueDate" nullable:"true" doc:"When it is due: an AI employee begins then, or at once without a date."`
	CompletedAt        envelope.Time              `json:"completedAt" nullable:"true"`
	CancelledAt        envelope.Time              `json:"cancelledAt" nullable:"true"`
	CancellationReason *string                    `json:"cancellationReason"`
	Status             string                     `json:"status" enum:"completed,cancelled,scheduled,overdue" doc:"overdue by itself, once dueDate has passed."`
	Title              *string                    `json:"title,omitempty" doc:"Extension."`
	CustomFields       map[string]json.RawMessage `json:"customFields,omitempty" doc:"Values by the keys of custom fields of the entity type TASK. Extension."`
	Work               *Work                      `json:"work,omitempty" doc:"How far its AI employee has come. Extension."`
}

// AssignmentContext is what a task is about.
type AssignmentContext struct {
	ConversationID *float64 `json:"conversationId" example:"1"`
}

// Actor is who made a task, or is to carry it out.
type Actor struct {
	ID   string `json:"id" minLength:"1" maxLength:"100" doc:"Of an ai_employee, its agent's id or number; of a user, the client's own word." example:"123"`
	Type string `json:"type" enum:"user,ai_employee"`
}

// Work is how far an AI employee has come with a task.
type Work struct {
	State          string        `json:"state" enum:"waiting,calling,writing,done,failed" doc:"failed: the task stays open, and is begun again when it is changed."`
	BeginsAt       envelope.Time `json:"beginsAt" nullable:"true" doc:"Of one that waits; null: never, for it is not published."`
	CallTaskID     *string       `json:"callTaskId" format:"uuid" doc:"The planned call that carries it out, as GET /api/v1/tasks/{id} shows it."`
	CallID         *string       `json:"callId" format:"uuid" doc:"The call that it came to, as GET /api/v1/calls/{id} shows it."`
	ConversationID *string       `json:"conversationId" format:"uuid" doc:"Where it was written, as GET /api/v1/conversations/{id} shows it."`
	MessageID      *string       `json:"messageId" format:"uuid"`
	Outcome        *string       `json:"outcome" doc:"What came of it: the summary of the call, or what was written."`
	Failure        *string       `json:"failure" doc:"Why it has failed."`
}

func showAssignment(a store.Assignment) Assignment {
	s := Assignment{
		ID: a.ID, TenantID: a.Org, CreatedAt: envelope.Time(a.Created), UpdatedAt: envelope.Time(a.Updated),
		Context: AssignmentContext{figure(a.Conversation)}, Objective: a.Objective, CreatedBy: showActor(a.CreatedBy), AssignedTo: showActor(a.AssignedTo),
		PublishedAt: envelope.Time(a.Published), DueDate: envelope.Time(a.Due), CompletedAt: envelope.Time(a.Completed), CancelledAt: envelope.Time(a.Cancelled),
		CancellationReason: envelope.Optional(a.Reason), Status: string(a.State(time.Now())), Title: envelope.Optional(a.Title), Work: showWork(a),
	}
	if len(a.Fields) > 0 {
		s.CustomFields = make(map[string]json.RawMessage, len(a.Fields))
	}
	for key, value := range a.Fields {
		s.CustomFields[key] = json.RawMessage(value)
	}
	return s
}

func showActor(a store.Actor) Actor { return Actor{ID: a.ID, Type: a.Type} }

func showWork(a store.Assignment) *Work {
	if a.Work == store.WorkNone {
		return nil
	}
	w := &Work{
		State: string(a.Work), CallTaskID: envelope.Optional(a.Task), CallID: envelope.Optional(a.Call), ConversationID: envelope.Optional(a.Thread),
		MessageID: envelope.Optional(a.Message), Outcome: envelope.Optional(a.Outcome), Failure: envelope.Optional(a.Failure),
	}
	if a.Work == store.WorkWaiting {
		w.BeginsAt = envelope.Time(a.Ready())
	}
	return w
}

// ContextBody is what a task is about, in a request.
type ContextBody struct {
	ConversationID envelope.Field[float64] `json:"conversationId,omitempty" doc:"A conversation's number: an AI employee calls or writes to whom it is held with."`
}

// AssignmentBody is what can be set of a task: what is left out stays, null clears.
type AssignmentBody struct {
	Context            envelope.Field[ContextBody]                `json:"context,omitempty" doc:"What it is about."`
	Objective          envelope.Field[string]                     `json:"objective,omitempty" nullable:"false" minLength:"1" maxLength:"4000" doc:"What is to be reached."`
	AssignedTo         envelope.Field[Actor]                      `json:"assignedTo,omitempty" nullable:"false" doc:"Who is to carry it out. An ai_employee does so by itself: its agent calls, or writes by WhatsApp."`
	PublishedAt        envelope.Field[time.Time]                  `json:"publishedAt,omitempty" doc:"From when on it counts; null: it is a draft."`
	DueDate            envelope.Field[time.Time]                  `json:"dueDate,omitempty" doc:"When it is due."`
	CompletedAt        envelope.Field[time.Time]                  `json:"completedAt,omitempty" doc:"Without a status it completes the task; null opens a completed one."`
	CancelledAt        envelope.Field[time.Time]                  `json:"cancelledAt,omitempty" doc:"Without a status it cancels the task; null opens a cancelled one."`
	CancellationReason envelope.Field[string]                     `json:"cancellationReason,omitempty" maxLength:"1000"`
	Status             envelope.Field[string]                     `json:"status,omitempty" nullable:"false" enum:"completed,cancelled,scheduled,overdue" doc:"scheduled and overdue open the task: it is dueDate that tells which of them it is."`
	Title              envelope.Field[string]                     `json:"title,omitempty" maxLength:"200" doc:"Extension."`
	CustomFields       envelope.Field[map[string]json.RawMessage] `json:"customFields,omitempty" doc:"Values by the keys of custom fields of the entity type TASK, each of its field's type; null takes a value away, and what is not named stays. Extension."`
}

// Resolve implements huma.ResolverWithPath.
func (b *AssignmentBody) Resolve(_ huma.Context, at *huma.PathBuffer) (bad []error) {
	bad = slices.Concat(b.Context.Check(at, "context", true), b.Objective.Check(at, "objective", false), b.AssignedTo.Check(at, "assignedTo", false),
		b.CancellationReason.Check(at, "cancellationReason", true), b.Status.Check(at, "status", false), b.Title.Check(at, "title", true),
		b.CustomFields.Check(at, "customFields", true), b.Context.Value.ConversationID.Check(at, "context.conversationId", true))
	for _, f := range []struct {
		name string
		time envelope.Field[time.Time]
	}{{"publishedAt", b.PublishedAt}, {"dueDate", b.DueDate}, {"completedAt", b.CompletedAt}, {"cancelledAt", b.CancelledAt}} {
		bad = append(bad, f.time.Check(at, f.name, true)...)
		if year := f.time.Value.UTC().Year(); year < 0 || year > 9999 {
			bad = append(bad, envelope.Complain(at, f.name, "has a year that there is not"))
		}
	}
	for name, text := range map[string]string{"title": b.Title.Value, "cancellationReason": b.CancellationReason.Value, "assignedTo.id": b.AssignedTo.Value.ID} {
		bad = append(bad, envelope.Blank(at, name, text)...)
	}
	if o := b.Objective.Value; o != "" && strings.TrimSpace(o) == "" {
		bad = append(bad, envelope.Complain(at, "objective", "must not be blank"))
	}
	return bad
}

// apply makes a task what the body says of it, but for who carries it out and its custom fields.
func (b *AssignmentBody) apply(a *store.Assignment, now time.Time) {
	if b.Context.Null {
		a.Conversation = ""
	} else if n := b.Context.Value.ConversationID; n.Set {
		a.Conversation = ""
		if !n.Null {
			a.Conversation = decimal(&n.Value)
		}
	}
	put(b.Objective, &a.Objective)
	put(b.Title, &a.Title)
	put(b.CancellationReason, &a.Reason)
	at(b.PublishedAt, &a.Published)
	at(b.DueDate, &a.Due)
	b.stand(a, now)
}

// at sets a moment that is given, as precise as it is shown.
func at(from envelope.Field[time.Time], to *time.Time) {
	if from.Set {
		*to = from.Value.UTC().Truncate(time.Millisecond)
	}
}

// stand says where the task stands, by its status or by the moments when it came to its end. What is not given follows from the status.
func (b *AssignmentBody) stand(a *store.Assignment, now time.Time) {
	was := a.Status
	switch {
	case b.Status.Set:
		a.Status = map[string]store.AssignmentStatus{"completed": store.AssignmentCompleted, "cancelled": store.AssignmentCancelled}[b.Status.Value]
	case b.CompletedAt.Set && !b.CompletedAt.Null:
		a.Status = store.AssignmentCompleted
	case b.CancelledAt.Set && !b.CancelledAt.Null:
		a.Status = store.AssignmentCancelled
	case b.CompletedAt.Null && was == store.AssignmentCompleted, b.CancelledAt.Null && was == store.AssignmentCancelled:
		a.Status = store.AssignmentOpen
	}
	if a.Status == "" {
		a.Status = store.AssignmentOpen
	}
	if a.Status != was {
		a.Completed, a.Cancelled = time.Time{}, time.Time{}
		if !b.CancellationReason.Set {
			a.Reason = ""
		}
		switch a.Status {
		case store.AssignmentCompleted:
			a.Completed = now
		case store.AssignmentCancelled:
			a.Cancelled = now
		}
	}
	if b.CompletedAt.Set && (!b.CompletedAt.Null || a.Status != store.AssignmentCompleted) {
		at(b.CompletedAt, &a.Completed)
	}
	if b.CancelledAt.Set && (!b.CancelledAt.Null || a.Status != store.AssignmentCancelled) {
		at(b.CancelledAt, &a.Cancelled)
	}
}

// AssignmentCreate is the body of POST /tasks.
type AssignmentCreate struct {
	AssignmentBody

	CreatedBy envelope.Field[Actor] `json:"createdBy,omitempty" nullable:"false" doc:"Who made it; the caller, if it is left out."`
}

// Resolve implements huma.ResolverWithPath.
func (b *AssignmentCreate) Resolve(ctx huma.Context, at *huma.PathBuffer) []error {
	bad := append(b.AssignmentBody.Resolve(ctx, at), b.CreatedBy.Check(at, "createdBy", false)...)
	for name, set := range map[string]bool{"objective": b.Objective.Set, "assignedTo": b.AssignedTo.Set} {
		if !set {
			bad = append(bad, envelope.Complain(at, name, "is missing"))
		}
	}
	return bad
}

// AssignmentUpdate is the body of PUT /tasks/{id}. What cannot be set is taken and changes nothing, so that what GET answered can be sent back.
type AssignmentUpdate struct {
	AssignmentBody
	ReadOnly

	CreatedBy envelope.Given `json:"createdBy,omitempty" doc:"Changes nothing."`
	Work      envelope.Given `json:"work,omitempty" doc:"Changes nothing."`
}

// queried is the moment that a parameter of a query names; zero: none.
func queried(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, ok := moment(text)
	if !ok || at.UTC().Year() < 0 || at.UTC().Year() > 9999 {
		return time.Time{}, envelope.Wrong(name, fmt.Sprintf("%.40q is no moment, such as 2024-02-15T10:00:00Z", text))
	}
	return at.UTC(), nil
}
