package storetest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"parley/store"
)

func newAssignment(org, agent string) store.Assignment {
	return store.Assignment{
		ID: store.NewID(), Org: org, Conversation: "0.1", Title: "T", Objective: "Call them", CreatedBy: store.Actor{Type: "user", ID: "1"},
		AssignedTo: store.Actor{Type: "ai_employee", ID: "7"}, Agent: agent, Status: store.AssignmentOpen, Published: start, Fields: map[string]string{"tier": `"gold"`}, Created: start,
	}
}

// assign gives the house an assignment.
func (h *House) assign(ctx context.Context) (err error) {
	h.Assignment, err = h.CreateAssignment(ctx, newAssignment(h.Org, h.Setup.Agent.ID))
	return err
}

// everyAssignment is Every of the methods of assignments. Those that an agent's work needs name a row by all that is known of it.
func (h House) everyAssignment(org string) map[string]func(context.Context) error {
	id, theirs := h.Assignment.ID, h.Assignment
	theirs.Org, theirs.Updated = org, start.AddDate(-1, 0, 0) // which it never was: it is a conflict, if it is there
	return map[string]func(context.Context) error{
		"CreateAssignment": func(ctx context.Context) error {
			_, err := h.CreateAssignment(ctx, newAssignment(org, h.Setup.Agent.ID))
			return err
		},
		"Assignment": func(ctx context.Context) error { _, err := h.Store.Assignment(ctx, org, id); return err },
		"Assignments": func(ctx context.Context) error {
			l, n, err := h.Assignments(ctx, org, store.AssignmentFilter{}, 0, 10)
			return none(len(l), n, err)
		},
		"UpdateAssignment": func(ctx context.Context) error {
			_, _, err := h.UpdateAssignment(ctx, org, id, start, func(a *store.Assignment) error { a.Title += "."; return nil })
			return err
		},
		"DeleteAssignment": func(ctx context.Context) error { _, _, err := h.DeleteAssignment(ctx, org, id); return err },
		"TakeAssignments":  func(ctx context.Context) error { _, err := h.TakeAssignments(ctx, start, start, 0); return err },
		"PutOffAssignment": func(ctx context.Context) error { return h.PutOffAssignment(ctx, store.Assignment{}, start) },
		"CallFor":          func(ctx context.Context) error { return conflict(h.CallFor(ctx, theirs, newTask(h), start)) },
		"PostFor": func(ctx context.Context) error {
			_, err := h.PostFor(ctx, theirs, newPosting(org, h.Bot, h.Thread.ID, "Hello!", start), start)
			return conflict(err)
		},
		"EndAssignment": func(ctx context.Context) error {
			return conflict(h.EndAssignment(ctx, theirs, store.AssignmentEnd{At: start}))
		},
		"Correspondence": func(ctx context.Context) error {
			_, err := h.Correspondence(ctx, org, strconv.FormatInt(h.Thread.Number, 10))
			return err
		},
	}
}

func testAssignments(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	want := newAssignment(h.Org, h.Setup.Agent.ID)
	want.ID, want.Number, want.Work, want.Look, want.Updated = h.Assignment.ID, h.Assignment.Number, store.WorkWaiting, start, start
	same(t, "made assignment", h.Assignment, want)
	got, err := s.Assignment(ctx, h.Org, want.ID)
	ok(t, err)
	same(t, "assignment", got, want)
	_, err = s.CreateAssignment(ctx, newAssignment(store.NewID(), ""))
	is(t, err, store.ErrNotFound)
	_, err = s.CreateAssignment(ctx, newAssignment(h.Org, store.NewID()))
	is(t, err, store.ErrNotFound)

	at := start.Add(time.Minute)
	change := func(f func(*store.Assignment)) store.Assignment {
		t.Helper()
		a, calling, err := s.UpdateAssignment(ctx, h.Org, want.ID, at, func(a *store.Assignment) error { f(a); return nil })
		if ok(t, err); calling != "" {
			t.Errorf("%s is calling", calling)
		}
		return a
	}
	same(t, "what is not altered", change(func(*store.Assignment) {}), want)
	want.Title, want.Fields, want.Updated = "U", map[string]string{"free": "1"}, at
	same(t, "changed", change(func(a *store.Assignment) { a.Title, a.Fields = "U", want.Fields }), want)
	want.Due, want.Look = start.AddDate(0, 1, 0), start.AddDate(0, 1, 0)
	same(t, "due", change(func(a *store.Assignment) { a.Due = want.Due }), want)
	want.Published, want.Look = time.Time{}, time.Time{}
	same(t, "draft", change(func(a *store.Assignment) { a.Published = time.Time{} }), want)
	want.Published, want.Status, want.Cancelled, want.Reason, want.Work = start, store.AssignmentCancelled, at, "no need", store.WorkNone
	same(t, "cancelled", change(func(a *store.Assignment) {
		a.Published, a.Status, a.Cancelled, a.Reason = start, store.AssignmentCancelled, at, "no need"
	}), want)
	refused := errors.New("refused")
	_, _, err = s.UpdateAssignment(ctx, h.Org, want.ID, at, func(*store.Assignment) error { return refused })
	is(t, err, refused)
	_, _, err = s.UpdateAssignment(ctx, h.Org, want.ID, at, func(a *store.Assignment) error { a.Agent = store.NewID(); return nil })
	is(t, err, store.ErrNotFound)
	gone, _, err := s.DeleteAssignment(ctx, h.Org, want.ID)
	ok(t, err)
	same(t, "deleted", gone, want)
	_, _, err = s.DeleteAssignment(ctx, h.Org, want.ID)
	is(t, err, store.ErrNotFound)
}

func testAssignmentList(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	all := []store.Assignment{h.Assignment}
	for i := range 12 {
		a := newAssignment(h.Org, "")
		a.Status = []store.AssignmentStatus{store.AssignmentOpen, store.AssignmentOpen, store.AssignmentCompleted, store.AssignmentCancelled}[i%4]
		a.AssignedTo = store.Actor{Type: "user", ID: strconv.Itoa(i % 3)}
		if a.Conversation = strconv.Itoa(i % 2); i%5 > 0 {
			a.Due = start.Add(time.Duration(i-6) * time.Hour)
		}
		a, err := s.CreateAssignment(ctx, a)
		ok(t, err)
		all = append(all, a)
	}
	slices.Reverse(all)
	for _, f := range []store.AssignmentFilter{
		{}, {State: store.StatePending}, {State: store.StateOverdue}, {State: store.StateScheduled}, {State: store.StateCompleted}, {State: store.StateCancelled},
		{DueBefore: start}, {DueAfter: start}, {DueBefore: start.Add(2 * time.Hour), DueAfter: start.Add(-2 * time.Hour)}, {Conversation: "1"}, {Conversation: "2"},
		{AssignedTo: store.Actor{Type: "user"}}, {AssignedTo: store.Actor{ID: "2"}}, {AssignedTo: store.Actor{Type: "ai_employee", ID: "7"}, State: store.StatePending},
	} {
		f.Now = start.Add(time.Hour)
		var want, got []string
		for _, a := range all {
			state := a.State(f.Now)
			if pending := state == store.StateOverdue || state == store.StateScheduled; f.State != "" && f.State != state && (f.State != store.StatePending || !pending) ||
				!f.DueBefore.IsZero() && (a.Due.IsZero() || !a.Due.Before(f.DueBefore)) || !f.DueAfter.IsZero() && !a.Due.After(f.DueAfter) ||
				f.Conversation != "" && f.Conversation != a.Conversation || f.AssignedTo.Type != "" && f.AssignedTo.Type != a.AssignedTo.Type ||
				f.AssignedTo.ID != "" && f.AssignedTo.ID != a.AssignedTo.ID {
				continue
			}
			want = append(want, a.ID)
		}
		for before := int64(0); ; {
			page, total, err := s.Assignments(ctx, h.Org, f, before, 3)
			ok(t, err)
			same(t, "total", total, int64(len(want)))
			for _, a := range page {
				got, before = append(got, a.ID), a.Number
				same(t, "custom fields", a.Fields, map[string]string{"tier": `"gold"`})
			}
			if len(page) < 3 {
				break
			}
		}
		same(t, "listed", got, want)
	}
}

// taken is the house's assignment as it is taken at a moment.
func taken(t *testing.T, h House, at time.Time) store.Assignment {
	t.Helper()
	all, err := h.TakeAssignments(t.Context(), at, at.Add(time.Minute), 10)
	if ok(t, err); len(all) != 1 || all[0].ID != h.Assignment.ID || !all[0].Look.Equal(at.Add(time.Minute)) {
		t.Fatalf("taken are %+v", all)
	}
	return all[0]
}

// untaken asserts that there is nothing to be taken at a moment.
func untaken(t *testing.T, h House, at time.Time) {
	t.Helper()
	all, err := h.TakeAssignments(t.Context(), at, at.Add(time.Minute), 10)
	if ok(t, err); len(all) != 0 {
		t.Errorf("taken are %+v", all)
	}
}

func testAssignmentCalls(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	untaken(t, h, start.Add(-time.Second))
	a := taken(t, h, start)
	untaken(t, h, start)
	ok(t, s.PutOffAssignment(ctx, a, start.Add(time.Second)))
	a = taken(t, h, start.Add(time.Second))
	task := newTask(h)
	look := start.Add(time.Hour)
	ok(t, s.CallFor(ctx, a, task, look))
	is(t, s.CallFor(ctx, a, newTask(h), look), store.ErrConflict)
	is(t, s.EndAssignment(ctx, a, store.AssignmentEnd{Outcome: "x", At: start}), store.ErrConflict)
	counted(t, s, h.Org)
	untaken(t, h, look.Add(-time.Second))
	a = taken(t, h, look)
	if a.Work != store.WorkCalling || a.Task != task.ID {
		t.Errorf("the assignment is %+v", a)
	}
	ok(t, s.EndAssignment(ctx, a, store.AssignmentEnd{Call: "c", Failure: "busy", At: look}))
	got, err := s.Assignment(ctx, h.Org, a.ID)
	if ok(t, err); got.Work != store.WorkFailed || got.Failure != "busy" || got.Call != "c" || got.Status != store.AssignmentOpen || !got.Look.IsZero() {
		t.Errorf("failed is %+v", got)
	}
	untaken(t, h, look.AddDate(1, 0, 0))

	// What is to be done differently is begun anew; what was planned and is not wanted is gone, unless it is under way.
	again := func(f func(*store.Assignment)) (store.Assignment, string) {
		a, calling, err := s.UpdateAssignment(ctx, h.Org, a.ID, look, func(a *store.Assignment) error { f(a); return nil })
		ok(t, err)
		return a, calling
	}
	again(func(a *store.Assignment) { a.Objective += "!" })
	task = newTask(h)
	ok(t, s.CallFor(ctx, taken(t, h, look), task, look))
	if a, calling := again(func(a *store.Assignment) { a.Objective += "!" }); calling != "" || a.Work != store.WorkWaiting || a.Task != "" {
		t.Errorf("changed is %+v, %q", a, calling)
	}
	_, err = s.Task(ctx, h.Org, task.ID)
	is(t, err, store.ErrNotFound)
	task = newTask(h)
	ok(t, s.CallFor(ctx, taken(t, h, look), task, look))
	_, err = s.ExecuteTask(ctx, newExecution(readTask(t, s, task), start))
	ok(t, err)
	if a, calling := again(func(a *store.Assignment) { a.Status = store.AssignmentCancelled }); calling != task.ID || a.Work != store.WorkNone {
		t.Errorf("cancelled is %+v, %q", a, calling)
	}
	untaken(t, h, look.AddDate(1, 0, 0))
	again(func(a *store.Assignment) { a.Status = store.AssignmentOpen })
	ok(t, s.EndAssignment(ctx, taken(t, h, look), store.AssignmentEnd{Call: "c", Outcome: "well", At: look}))
	got, err = s.Assignment(ctx, h.Org, a.ID)
	if ok(t, err); got.Work != store.WorkDone || got.Outcome != "well" || got.Status != store.AssignmentCompleted || !got.Completed.Equal(look) {
		t.Errorf("done is %+v", got)
	}
	if a, _ := again(func(a *store.Assignment) { a.Due = look }); a.Work != store.WorkDone || a.Outcome != "well" {
		t.Errorf("done is %+v", a)
	}
	counted(t, s, h.Org)
}

func testAssignmentMessages(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	a := taken(t, h, start)
	p := newPosting(h.Org, h.Bot, h.Thread.ID, "Hello!", start)
	m, err := s.PostFor(ctx, a, p, start)
	ok(t, err)
	_, err = s.PostFor(ctx, a, newPosting(h.Org, h.Bot, h.Thread.ID, "Hello!", start), start)
	is(t, err, store.ErrConflict)
	if a = taken(t, h, start); a.Work != store.WorkWriting || a.Thread != h.Thread.ID || a.Message != m.ID {
		t.Errorf("the assignment is %+v", a)
	}
	jobs, err := s.TakeJobs(ctx, store.JobTaking{Kind: store.SendJob, Node: "node", Now: start, Until: start.Add(time.Minute), Most: 10})
	if ok(t, err); len(jobs) != 1 || jobs[0].Key != m.ID {
		t.Errorf("jobs are %+v", jobs)
	}
	call := newThread(h.Org, h.Bot.ID)
	call.Channel, call.Contact = store.Voice, strconv.FormatInt(h.Customer.Number, 10)
	call, err = s.CreateConversation(ctx, call)
	ok(t, err)
	number := func(c store.Conversation) string { return strconv.FormatInt(c.Number, 10) }
	c, err := s.Correspondence(ctx, h.Org, number(call))
	if ok(t, err); c.Contact == nil || c.Contact.Number != h.Customer.Number || c.Thread != nil || c.Conversation.ID != call.ID {
		t.Errorf("by the call: %+v", c)
	}
	_, err = s.UpdateConversation(ctx, h.Org, h.Thread.ID, start, func(c *store.Conversation) error { c.Contact = call.Contact; return nil })
	ok(t, err)
	for _, n := range []string{number(call), number(h.Thread)} {
		c, err := s.Correspondence(ctx, h.Org, n)
		if ok(t, err); c.Contact == nil || c.Thread == nil || c.Thread.ID != h.Thread.ID {
			t.Errorf("by %s: %+v", n, c)
		}
	}
	c, err = s.Correspondence(ctx, h.Org, strconv.FormatInt(h.Funnel, 10))
	if ok(t, err); c.Contact == nil || c.Contact.Number != h.Customer.Number || c.Thread == nil || c.Thread.ID != h.Thread.ID || c.Conversation.External != "" {
		t.Errorf("by the CRM's conversation: %+v", c)
	}
	for _, n := range []string{"", "0.1", "99999", "x"} {
		_, err := s.Correspondence(ctx, h.Org, n)
		is(t, err, store.ErrNotFound)
	}
}

func testAssignmentsAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	const rivals = 6
	var w sync.WaitGroup
	got := make(chan store.Assignment, rivals)
	for range rivals {
		w.Go(func() {
			all, err := s.TakeAssignments(ctx, start, start.Add(time.Minute), 10)
			if err != nil {
				t.Error(err)
			}
			for _, a := range all {
				got <- a
			}
		})
	}
	w.Wait()
	if len(got) != 1 {
		t.Fatalf("%d have taken one assignment", len(got))
	}
	a, won := <-got, make(chan string, rivals)
	for i := range rivals {
		w.Go(func() {
			var err error
			if i%2 == 0 {
				err = s.CallFor(ctx, a, newTask(h), start)
			} else {
				_, err = s.PostFor(ctx, a, newPosting(h.Org, h.Bot, h.Thread.ID, "Hello!", start), start)
			}
			switch {
			case err == nil:
				won <- "one"
			case !errors.Is(err, store.ErrConflict):
				t.Error(err)
			}
		})
	}
	w.Wait()
	if len(won) != 1 {
		t.Errorf("%d carry out one assignment", len(won))
	}
	counted(t, s, h.Org)
}
