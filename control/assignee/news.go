package assignee

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"parley/control/report"
	"parley/store"
)

// called looks how far a task's call has come.
func (w *Assignee) called(ctx context.Context, a store.Assignment) error {
	t, err := w.o.Store.Task(ctx, a.Org, a.Task)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return w.fail(ctx, a, "", "its planned call was deleted")
	case err != nil:
		return fmt.Errorf("read planned call: %w", err)
	case t.Active():
		return w.later(ctx, a)
	case t.Status == store.Failed:
		return w.fail(ctx, a, t.Call, "the call failed: "+cmp.Or(t.Error, t.Outcome, "nobody knows why"))
	}
	call, err := w.o.Store.Call(ctx, a.Org, t.Call)
	if err != nil {
		return fmt.Errorf("read call: %w", err)
	}
	e := store.AssignmentEnd{Call: call.ID, Outcome: "the call was answered by: " + cmp.Or(t.Outcome, store.OutcomeAnswered)}
	if w.o.Reports == nil {
		return w.end(ctx, a, e)
	}
	r, err := w.o.Reports.Report(ctx, call)
	switch {
	case err != nil:
		return fmt.Errorf("report on call: %w", err)
	case r.Outcome == report.Voicemail, r.Outcome == report.Nobody:
		return w.fail(ctx, a, call.ID, "the call reached nobody ("+string(r.Outcome)+"): "+r.Summary)
	case r.Outcome != report.Unknown:
		e.Outcome = string(r.Outcome) + ": " + r.Summary
	case r.Summary != "":
		e.Outcome = r.Summary
	}
	return w.end(ctx, a, e)
}

// wrote looks how far a task's message has come.
func (w *Assignee) wrote(ctx context.Context, a store.Assignment) error {
	m, err := w.o.Store.ThreadMessage(ctx, a.Org, a.Thread, a.Message)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return w.fail(ctx, a, "", "its message was deleted")
	case err != nil:
		return fmt.Errorf("read message: %w", err)
	case m.Status == store.MessagePending:
		return w.later(ctx, a)
	case m.Status == store.MessageFailed:
		return w.fail(ctx, a, "", "the message was not sent: "+m.Error)
	}
	return w.end(ctx, a, store.AssignmentEnd{Outcome: m.Content})
}
