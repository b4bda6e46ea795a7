package store

import (
	"context"
	"time"
)

// AssignmentStatus is where a task of the CRM stands.
type AssignmentStatus string

// The statuses of assignments. An open one is scheduled, and overdue once its Due has passed: nobody writes that down.
const (
	AssignmentOpen      AssignmentStatus = "open"
	AssignmentCompleted AssignmentStatus = "completed"
	AssignmentCancelled AssignmentStatus = "cancelled"
)

// WorkState is how far an agent has come with an assignment.
type WorkState string

// The states of an agent's work.
const (
	WorkNone    WorkState = ""        // it is no agent's, or nothing is to be done any more
	WorkWaiting WorkState = "waiting" // to be begun at Look
	WorkCalling WorkState = "calling" // Task is to call
	WorkWriting WorkState = "writing" // Message is to be sent in Thread
	WorkDone    WorkState = "done"    // Outcome says what came of it
	WorkFailed  WorkState = "failed"  // Failure says why; it is not begun again before the assignment is changed
)

// An Actor is somebody as the CRM names them.
type Actor struct{ Type, ID string } // user or ai_employee, and the client's word for which

// An Assignment is a task of the CRM: an objective, and who is to reach it. A Task is something else: one planned call, by which an agent may
// carry an assignment out.
type Assignment struct {
	ID           string
	Number       int64
	Org          string
	Conversation string // a number of the client's own, as JSON writes it; empty: none
	Title        string
	Objective    string
	CreatedBy    Actor
	AssignedTo   Actor
	Agent        string // that carries it out; empty: no agent does
	Status       AssignmentStatus
	Published    time.Time // zero: it is a draft, which no agent begins
	Due          time.Time // zero: it is never overdue
	Completed    time.Time
	Cancelled    time.Time
	Reason       string            // why it was cancelled
	Fields       map[string]string // custom fields: JSON by key; none is nil

	Work    WorkState
	Look    time.Time // when an agent's work is to be looked at next; zero: never
	Task    string
	Call    string // that has carried it out, or tried to
	Thread  string
	Message string
	Outcome string
	Failure string

	Created time.Time
	Updated time.Time
}

// Ready is when an agent may begin: when it is due and published, or as soon as it is published if it has no date; zero: never.
func (a Assignment) Ready() time.Time {
	switch {
	case a.Agent == "" || a.Status != AssignmentOpen || a.Published.IsZero():
		return time.Time{}
	case a.Due.After(a.Published):
		return a.Due
	}
	return a.Published
}

// AssignmentState is what assignments are filtered by, at a moment.
type AssignmentState string

// The states of assignments.
const (
	StateCompleted AssignmentState = "completed"
	StateCancelled AssignmentState = "cancelled"
	StateScheduled AssignmentState = "scheduled"
	StateOverdue   AssignmentState = "overdue"
	StatePending   AssignmentState = "pending" // neither completed nor cancelled
)

// State is where an assignment stands at a moment: never StatePending.
func (a Assignment) State(now time.Time) AssignmentState {
	switch {
	case a.Status == AssignmentCompleted:
		return StateCompleted
	case a.Status == AssignmentCancelled:
		return StateCancelled
	case !a.Due.IsZero() && !a.Due.After(now):
		return StateOverdue
	}
	return StateScheduled
}

// AssignmentFilter narrows a list of assignments; empty fields do not.
type AssignmentFilter struct {
	State        AssignmentState
	Now          time.Time // at which State is asked for
	DueBefore    time.Time
	DueAfter     time.Time
	Conversation string
	AssignedTo   Actor // Type and ID each for itself
}

// An AssignmentEnd is what came of an agent's work.
type AssignmentEnd struct {
	Call    string
	Outcome string // what it came to; empty: it failed, and the assignment stays open
	Failure string
	At      time.Time
}

// Assignments are the tasks of organisations' CRMs.
type Assignments interface {
	// CreateAssignment keeps a new assignment; that of an agent waits for its moment. ErrNotFound if there is no such organisation, or it has
	// no such agent.
	CreateAssignment(ctx context.Context, a Assignment) (Assignment, error)
	Assignment(ctx context.Context, org, id string) (Assignment, error)
	// Assignments lists them, newest first: at most so many, of those with a Number below before if that is not 0. total counts all that the
	// filter lets through.
	Assignments(ctx context.Context, org string, f AssignmentFilter, before int64, most int) (found []Assignment, total int64, err error)
	// UpdateAssignment lets change alter an assignment as it stands, in one transaction, but for ID, Number, Org, CreatedBy, Created and all
	// from Work on. An error of change is returned as it is, and nothing is kept. change may be called more than once. If what the agent is to
	// do has changed, its work begins anew; if nothing is to be done any more, it ends: a call that was not placed is not placed, and calling is
	// the Task of one that is. ErrNotFound as of CreateAssignment.
	UpdateAssignment(ctx context.Context, org, id string, at time.Time, change func(*Assignment) error) (a Assignment, calling string, err error)
	// DeleteAssignment removes an assignment, and gives what it was; calling is as of UpdateAssignment.
	DeleteAssignment(ctx context.Context, org, id string) (a Assignment, calling string, err error)

	// TakeAssignments gives assignments of all organisations whose Look has come, the longest waiting first, and sets their Look to until: of
	// nodes that take at once, one gets each.
	TakeAssignments(ctx context.Context, now, until time.Time, most int) ([]Assignment, error)
	// PutOffAssignment has an assignment that was taken looked at again; one that has changed since stays as it is.
	PutOffAssignment(ctx context.Context, a Assignment, look time.Time) error
	// CallFor has an assignment that waits carried out by a call: t is made, and the assignment's, in one transaction. ErrConflict if it has
	// changed since it was taken. ErrNotFound as of CreateTask.
	CallFor(ctx context.Context, a Assignment, t Task, look time.Time) error
	// PostFor has an assignment that waits carried out by a message, as CallFor. Errors are also those of Threads.Post.
	PostFor(ctx context.Context, a Assignment, p Posting, look time.Time) (ThreadMessage, error)
	// EndAssignment ends an agent's work: with an Outcome the assignment is completed. ErrConflict as of CallFor.
	EndAssignment(ctx context.Context, a Assignment, e AssignmentEnd) error
	// Correspondence is whom an assignment's conversation is held with: that of the CRM which has the number, or else the call's or thread's.
	// ErrNotFound if the organisation has none.
	Correspondence(ctx context.Context, org, number string) (Correspondence, error)
}

// A Correspondence is what an agent may go by to reach somebody.
type Correspondence struct {
	Conversation Conversation  // of one of the CRM's only Org and Contact
	Contact      *Contact      // whom it is held with; nil: not known
	Thread       *Conversation // by WhatsApp: the conversation itself, or else the newest with the contact; nil: there is none
}
