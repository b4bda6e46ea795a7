// Package assignee has AI employees carry out the tasks of the CRM that are assigned to them.
//
//	tasks whose moment has come ──▶ way: what the objective asks for, and what there is
//	      ▲                          ├─ call ─────▶ store.CallFor: a planned call ──▶ dialer ──▶ its end ──▶ report ──▶ outcome
//	      ╰── changed by somebody    ├─ message ──▶ Drafter ──▶ store.PostFor ──▶ inbox ──▶ sent ──▶ outcome
//	                  │              ╰─ none ─────▶ failure: the task stays open
//	                  ╰──────────────────────────────────┘
//
// A task is carried out at most once until it is changed: the planned call, or the message, is written in the transaction that says that the
// task has it, and only if the task is as it was when it was taken. What follows is the dialer's and the inbox's, which do it at most once too.
// A node that dies between leaves a task that another one takes up where it stands.
//
// Any number of nodes work from one database. Of those that take a task at once, one gets it.
package assignee

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"parley/control/bots"
	"parley/control/report"
	"parley/store"
)

// A Store is what an Assignee needs of the database.
type Store interface {
	store.Assignments
	Task(ctx context.Context, org, id string) (store.Task, error)
	Call(ctx context.Context, org, id string) (store.Call, error)
	Agent(ctx context.Context, org, id string) (store.Agent, error)
	ThreadMessage(ctx context.Context, org, conversation, id string) (store.ThreadMessage, error)
	LastMessages(ctx context.Context, org, conversation string, most int) ([]store.ThreadMessage, error)
}

// An Inbox sends messages: an inbox.Inbox.
type Inbox interface {
	// Open is the bot of a thread that may be written in freely now. A *envelope.Fault says why it may not be.
	Open(ctx context.Context, c store.Conversation) (store.Bot, error)
	// Letter is what the bot writes there, to be posted.
	Letter(bot store.Bot, c store.Conversation, text string) store.Posting
	// Posted lets a message be seen, and sent.
	Posted(c store.Conversation, m store.ThreadMessage)
}

// Reports tell what a call came to: a report.Desk.
type Reports interface {
	Report(ctx context.Context, call store.Call) (report.Report, error)
}

// Options are what an Assignee stands on. Store must be set.
type Options struct {
	Store   Store
	Inbox   Inbox        // nil: nothing is written
	Drafter bots.Drafter // writes messages; nil: nobody does
	Reports Reports      // nil: there are none, and a call's outcome is the dialer's word
	Timing  Timing
	Log     *slog.Logger // nil: none
}

// Timing is how patient an Assignee is. Zeros mean the value given here.
type Timing struct {
	Every time.Duration // between two looks at the database for work: 1 s
	Again time.Duration // between two looks at a call or a message that is under way: 2 s
	Lease time.Duration // after which others do what this node has not settled: 2 min
	Draft time.Duration // for a message to be written: 45 s
	Tries time.Duration // for how long a message is tried to be written after the task was changed: 10 min
}

func (t Timing) orDefaults() Timing {
	return Timing{
		Every: cmp.Or(t.Every, time.Second), Again: cmp.Or(t.Again, 2*time.Second), Lease: cmp.Or(t.Lease, 2*time.Minute),
		Draft: cmp.Or(t.Draft, 45*time.Second), Tries: cmp.Or(t.Tries, 10*time.Minute),
	}
}

const most = 16 // tasks that a node has in hand at once

// An Assignee carries tasks out. Its methods may be called by any goroutine; Run must run for anything to be done.
type Assignee struct {
	o     Options
	t     Timing
	wake  chan struct{} // 1: there may be something to do
	hands chan struct{} // one for each task in hand
	work  sync.WaitGroup
}

// New makes an Assignee.
func New(o Options) *Assignee {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Assignee{o: o, t: o.Timing.orDefaults(), wake: make(chan struct{}, 1), hands: make(chan struct{}, most)}
}

// Wake has the Assignee look for tasks now, where it would do so within Timing.Every.
func (w *Assignee) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx is done; then it gives up what it has in hand, for whoever takes it next.
func (w *Assignee) Run(ctx context.Context) error {
	defer w.work.Wait()
	tick := time.NewTicker(w.t.Every)
	defer tick.Stop()
	for away := false; ; {
		err := w.round(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !away:
			w.o.Log.Warn("tasks of the CRM wait: the database refuses", "error", err)
			away = true
		case err == nil && away:
			w.o.Log.Info("tasks of the CRM go on")
			away = false
		}
		select {
		case <-tick.C:
		case <-w.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// round takes what there is to do, as far as there are free hands.
func (w *Assignee) round(ctx context.Context) error {
	free := cap(w.hands) - len(w.hands)
	if free == 0 {
		return nil
	}
	now := time.Now()
	taken, err := w.o.Store.TakeAssignments(ctx, now, now.Add(w.t.Lease), free)
	if err != nil {
		return fmt.Errorf("take tasks: %w", err)
	}
	for _, a := range taken {
		w.hands <- struct{}{}
		w.work.Go(func() {
			defer func() { <-w.hands }()
			if err := w.do(ctx, a); err != nil && !errors.Is(err, store.ErrConflict) && ctx.Err() == nil {
				w.o.Log.Warn("a task of the CRM is put off", "org", a.Org, "task", a.ID, "work", a.Work, "error", err)
			}
		})
	}
	return nil
}

// do takes a task one step further. After an error it is looked at again when its lease has run out.
func (w *Assignee) do(ctx context.Context, a store.Assignment) error {
	switch a.Work {
	case store.WorkWaiting:
		return w.begin(ctx, a)
	case store.WorkCalling:
		return w.called(ctx, a)
	case store.WorkWriting:
		return w.wrote(ctx, a)
	}
	return nil
}

// later has a task looked at again.
func (w *Assignee) later(ctx context.Context, a store.Assignment) error {
	return w.o.Store.PutOffAssignment(ctx, a, time.Now().Add(w.t.Again))
}

// fail says why a task is not carried out.
func (w *Assignee) fail(ctx context.Context, a store.Assignment, call, why string) error {
	w.o.Log.InfoContext(ctx, "a task of the CRM has failed", "org", a.Org, "task", a.ID, "reason", why)
	return w.end(ctx, a, store.AssignmentEnd{Call: call, Failure: why})
}

func (w *Assignee) end(ctx context.Context, a store.Assignment, e store.AssignmentEnd) error {
	e.At = time.Now().UTC().Truncate(time.Microsecond)
	return w.o.Store.EndAssignment(ctx, a, e)
}
