package store

import (
	"context"
	"time"
)

// Pending is the status of a task that waits: to be executed, or for its time to come. Calls never have it.
const Pending Status = "pending"

// A Task is one planned call.
type Task struct {
	ID              string
	Number          int64
	Org             string
	Agent           string
	Name            string
	To              string // E.164
	From            string // the number that it comes from; empty: the agent's
	Bot             string // whose number on a messaging channel calls; empty: it calls by telephone
	Permission      string // how To is asked on that channel whether they may be called, JSON of package dialer; empty: they are not asked
	Description     string
	StartingMessage string // empty: the agent's
	Context         string // JSON object that fills the places of the prompt; empty: none
	Priority        int    // higher goes first
	Scheduled       time.Time
	WebhookURL      string
	WebhookEvents   []string // TaskEvent.Kind; none: all
	Status          Status   // Pending, InProgress, Completed, Failed
	Due             time.Time
	Attempts        int    // calls that were begun for it; they number its executions, from 1
	Retries         int    // of these, how many were begun because the one before met nobody
	Call            string // the call that carries it out, or did; empty: none since it was made or reset
	Error           string // why the last call failed
	Outcome         string // how the last call ended (End.Outcome), once it is over
	Campaign        string // that it belongs to; empty: none. It has each number once
	Line            int    // of the file that the campaign had it from
	Created         time.Time
	Updated         time.Time
}

// Active says whether the task has still to be carried out.
func (t Task) Active() bool { return t.Status == Pending || t.Status == InProgress }

// TaskFilter narrows a list of tasks; empty fields do not.
type TaskFilter struct {
	Agent    string // not together with Campaign
	Campaign string
	Status   Status
}

// An Execution is what makes a pending task a call.
type Execution struct {
	Org, Task string
	// Call becomes the task's call, with status Initiated. ID, Agent, AgentVersion, Leg, From, To and Created are the caller's.
	Call Call
	// Account is the credential by which the call is placed, by its id; empty: the server's own account.
	Account string
	// Seen is Task.Updated as it was when the task was judged fit: a task that has changed since is not executed. Zero: it does not matter.
	Seen time.Time
	// Now, if it is set, asks for a task whose Due has come, and, if it belongs to a campaign, for one that runs and has room for a call.
	Now time.Time
	// Ahead is how long after Now a campaign's next call may be placed for it to be executed already.
	Ahead time.Duration
}

// Tasks are the planned calls of organisations.
type Tasks interface {
	// CreateTask keeps a new task, pending, due when it is scheduled. ErrNotFound if the organisation has no such agent.
	CreateTask(ctx context.Context, t Task) (Task, error)
	Task(ctx context.Context, org, id string) (Task, error)
	// Tasks lists them, newest first (by id). total comes from counters.
	Tasks(ctx context.Context, org string, f TaskFilter, p Page) (tasks []Task, total int64, err error)
	// UpdateTask lets change alter a pending task as it stands, in one transaction: name, to, description, starting message, context,
	// priority, schedule and webhook. A new schedule makes it due then. An error of change is returned as it is, and nothing is kept.
	// change may be called more than once. ErrConflict if the task is not pending, or its campaign has another with the new number.
	UpdateTask(ctx context.Context, org, id string, at time.Time, change func(*Task) error) (Task, error)
	// DeleteTask removes a task that is pending or failed, else ErrConflict. Its calls stay.
	DeleteTask(ctx context.Context, org, id string) error
	// ExecuteTask begins the next execution of a pending task: the task is in progress, its call is initiated, and its Dial queued, all in
	// one transaction. ErrConflict if the task is not pending, has changed, or is not due, or if its campaign is paused or cancelled. Of
	// those who try at once, one succeeds. Of a campaign with a Pace, the dial is due when the next call may be placed.
	ExecuteTask(ctx context.Context, x Execution) (Dial, error)
	// ResetTask makes a task pending again, to wait for its schedule if that is still to come, else to be executed; one of a campaign is due
	// at once. A call that has not
	// ended ends as failed with cause cancelled, and its Dial is over; it is for the caller to hang up on whoever is on the line. dial is
	// that Dial as it stood; its Call is empty if there was none. ErrConflict if the task is pending already.
	ResetTask(ctx context.Context, org, id string, at time.Time) (t Task, dial Dial, err error)
}
