package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/store"
)

// newTask is a task that has all there is to a new one.
func newTask(h House) store.Task {
	return store.Task{
		ID: store.NewID(), Org: h.Org, Agent: h.Setup.Agent.ID, Name: "Call", To: "+442071234567", From: "+15005550007", Description: "d", StartingMessage: "Hi {{n}}",
		Context: `{"n":"Zoë"}`, Priority: -3, Scheduled: start.Add(time.Hour), WebhookURL: "https://example.com/hook",
		WebhookEvents: []string{store.CallStarted, store.CallFailed}, Created: start,
	}
}

func makeTask(t *testing.T, h House, change func(*store.Task)) store.Task {
	t.Helper()
	task := newTask(h)
	task.ID = store.NewID()
	if change != nil {
		change(&task)
	}
	made, err := h.CreateTask(t.Context(), task)
	ok(t, err)
	return made
}

// newExecution is of a task that is executed by hand.
func newExecution(task store.Task, at time.Time) store.Execution {
	return store.Execution{Org: task.Org, Task: task.ID, Call: store.Call{
		ID: store.NewID(), Agent: task.Agent, AgentVersion: 1, Leg: "twilio", From: "+15005550006", To: task.To, Created: at,
	}}
}

func execute(t *testing.T, s Store, task store.Task) store.Dial {
	t.Helper()
	d, err := s.ExecuteTask(t.Context(), newExecution(task, start.Add(time.Minute)))
	ok(t, err)
	return d
}

func readTask(t tb, s Store, like store.Task) store.Task {
	t.Helper()
	got, err := s.Task(t.Context(), like.Org, like.ID)
	ok(t, err)
	return got
}

func testTasks(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	task := newTask(h)
	made, err := s.CreateTask(ctx, task)
	ok(t, err)
	want := task
	want.Number, want.Status, want.Due, want.Updated = made.Number, store.Pending, task.Scheduled, start
	same(t, "made task", made, want)
	same(t, "task", readTask(t, s, task), want)
	_, err = s.CreateTask(ctx, task)
	is(t, err, store.ErrConflict)
	task.ID, task.Agent = store.NewID(), store.NewID()
	_, err = s.CreateTask(ctx, task)
	is(t, err, store.ErrNotFound)
	_, err = s.Task(ctx, h.Org, task.ID)
	is(t, err, store.ErrNotFound)

	refusal := errors.New("not so")
	_, err = s.UpdateTask(ctx, h.Org, made.ID, start, func(task *store.Task) error { task.Name = "No"; return refusal })
	if err != refusal { //nolint:errorlint // as it is
		t.Errorf("error %v, want the callback's own", err)
	}
	want.Name, want.To, want.Description, want.StartingMessage, want.Context, want.Priority = "B", "+15005550001", "e", "", "", 7
	want.WebhookURL, want.WebhookEvents, want.Updated = "", nil, start.Add(time.Minute)
	got, err := s.UpdateTask(ctx, h.Org, made.ID, want.Updated, func(task *store.Task) error {
		id := *task
		*task = want
		task.ID, task.Agent, task.Org, task.Status, task.Attempts, task.Call, task.Created = "x", "y", "z", store.Failed, 9, "c", time.Time{}
		task.Scheduled = id.Scheduled
		return nil
	})
	ok(t, err)
	same(t, "changed task", got, want)
	same(t, "task", readTask(t, s, want), want)
	for _, at := range []time.Time{{}, start.Add(2 * time.Hour)} { // a schedule that changes is when it is due
		got, err = s.UpdateTask(ctx, h.Org, made.ID, want.Updated, func(task *store.Task) error { task.Scheduled = at; return nil })
		ok(t, err)
		if !got.Due.Equal(at) || !got.Scheduled.Equal(at) {
			t.Errorf("scheduled at %v: due at %v", at, got.Due)
		}
	}
	ok(t, s.DeleteTask(ctx, h.Org, made.ID))
	is(t, s.DeleteTask(ctx, h.Org, made.ID), store.ErrNotFound)
	_, err = s.Task(ctx, h.Org, made.ID)
	is(t, err, store.ErrNotFound)
}

func testTaskList(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	ok(t, s.DeleteTask(ctx, h.Org, h.Task.ID))
	ok(t, s.DeleteTask(ctx, h.Org, h.Contact.Task))
	other, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: "Bo", Created: start})
	ok(t, err)
	agents := []string{h.Setup.Agent.ID, other.ID}
	var want []store.Task
	for i := range 24 {
		task := makeTask(t, h, func(task *store.Task) { task.Agent, task.To = agents[i%2], fmt.Sprintf("+1500555%04d", i) })
		switch i / 2 % 4 {
		case 1:
			execute(t, s, task)
		case 2, 3:
			status := []store.Status{store.Completed, store.Failed}[i/2%4-2]
			d := execute(t, s, task)
			ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: d.Call, Status: status, End: end(time.Second)}}}))
		}
		want = append(want, readTask(t, s, task))
	}
	slices.Reverse(want)
	for _, agent := range append(agents, "", "nobody") {
		for _, status := range []store.Status{"", store.Pending, store.InProgress, store.Completed, store.Failed} {
			kept := slices.DeleteFunc(slices.Clone(want), func(task store.Task) bool {
				return agent != "" && task.Agent != agent || status != "" && task.Status != status
			})
			if status != "" && (agent == "" && len(kept) != 6) {
				t.Fatalf("%d tasks are %s: the test does not make what it wants to", len(kept), status)
			}
			for _, p := range []store.Page{{Limit: 100}, {Limit: 2}, {Limit: 2, Offset: 1}, {Limit: 1, Offset: 50}, {}} {
				got, total, err := s.Tasks(ctx, h.Org, store.TaskFilter{Agent: agent, Status: status}, p)
				ok(t, err)
				same(t, fmt.Sprintf("page %v of %q %q", p, agent, status), got, part(kept, p))
				if total != int64(len(kept)) {
					t.Errorf("total of %q %q is %d, want %d", agent, status, total, len(kept))
				}
			}
		}
	}
}

// testTaskStates: what can be done with a task in which state, and that nothing else can.
func testTaskStates(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	states := map[store.Status]struct{ update, remove, execute, reset bool }{
		store.Pending:    {update: true, remove: true, execute: true},
		store.InProgress: {reset: true},
		store.Completed:  {reset: true},
		store.Failed:     {remove: true, reset: true},
	}
	for status, can := range states {
		made := func() store.Task {
			task := makeTask(t, h, nil)
			if status != store.Pending {
				d := execute(t, s, task)
				if status != store.InProgress {
					ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: d.Call, Status: status, End: end(time.Second)}}}))
				}
			}
			return readTask(t, s, task)
		}
		for what, try := range map[string]func(task store.Task) (bool, error){
			"update": func(task store.Task) (bool, error) {
				_, err := s.UpdateTask(ctx, h.Org, task.ID, start, func(task *store.Task) error { task.Name = "new"; return nil })
				return can.update, err
			},
			"delete": func(task store.Task) (bool, error) { return can.remove, s.DeleteTask(ctx, h.Org, task.ID) },
			"execute": func(task store.Task) (bool, error) {
				_, err := s.ExecuteTask(ctx, newExecution(task, start))
				return can.execute, err
			},
			"reset": func(task store.Task) (bool, error) {
				_, _, err := s.ResetTask(ctx, h.Org, task.ID, start)
				return can.reset, err
			},
		} {
			task := made()
			if task.Status != status {
				t.Fatalf("a task is %s, want %s", task.Status, status)
			}
			may, err := try(task)
			switch {
			case may && err != nil, !may && !errors.Is(err, store.ErrConflict):
				t.Errorf("%s a task that is %s: %v, want %v", what, status, err, map[bool]string{true: "no error", false: "ErrConflict"}[may])
			case !may:
				same(t, what+" a task that is "+string(status), readTask(t, s, task), task)
			}
		}
	}
	counted(t, s, h.Org)
}

// counted holds the counters against the rows.
func counted(t *testing.T, s Store, org string) {
	t.Helper()
	all, n, err := s.Tasks(t.Context(), org, store.TaskFilter{}, store.Page{Limit: 10_000})
	ok(t, err)
	if n != int64(len(all)) {
		t.Errorf("%d tasks are counted, there are %d", n, len(all))
	}
	for _, status := range []store.Status{store.Pending, store.InProgress, store.Completed, store.Failed} {
		want := 0
		for _, task := range all {
			if task.Status == status {
				want++
			}
		}
		_, n, err := s.Tasks(t.Context(), org, store.TaskFilter{Status: status}, store.Page{})
		ok(t, err)
		if n != int64(want) {
			t.Errorf("%d tasks are counted as %s, there are %d", n, status, want)
		}
	}
}

func testExecuteTask(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	task := makeTask(t, h, nil)
	x := newExecution(task, start.Add(time.Minute))
	for _, wrong := range []func(*store.Execution){
		func(x *store.Execution) { x.Seen = task.Updated.Add(time.Microsecond) },
		func(x *store.Execution) { x.Now = task.Due.Add(-time.Microsecond) },
	} {
		y := x
		wrong(&y)
		_, err := s.ExecuteTask(ctx, y)
		is(t, err, store.ErrConflict)
	}
	is(t, second(s.ExecuteTask(ctx, store.Execution{Org: h.Org, Task: store.NewID()})), store.ErrNotFound)
	x.Seen, x.Now = task.Updated, task.Due
	d, err := s.ExecuteTask(ctx, x)
	ok(t, err)
	want := store.Dial{Call: x.Call.ID, Org: h.Org, Task: task.ID, Execution: 1, Priority: task.Priority, From: x.Call.From, To: task.To,
		State: store.DialQueued, Created: x.Call.Created}
	same(t, "dial", d, want)
	read, err := s.Dial(ctx, d.Call)
	ok(t, err)
	same(t, "dial read", read, want)
	task.Status, task.Attempts, task.Call, task.Due, task.Updated = store.InProgress, 1, d.Call, time.Time{}, x.Call.Created
	same(t, "task", readTask(t, s, task), task)
	call := x.Call
	call.Org, call.Task, call.Direction, call.Status = h.Org, task.ID, store.Outbound, store.Initiated
	same(t, "call", readCall(t, s, h.Org, d.Call), call)

	// Who is answered says where; who says it again, or later, changes nothing.
	answered := call
	answered.Status, answered.Node, answered.Boot, answered.CarrierID, answered.Answered = store.InProgress, "node", "boot", "CA7", start.Add(2*time.Minute)
	ok(t, s.Record(ctx, []store.Entry{{Began: &answered}}))
	same(t, "answered call", readCall(t, s, h.Org, d.Call), answered)
	late := answered
	late.Node = "other"
	ok(t, s.Record(ctx, []store.Entry{{Began: &late}, {Began: &call}}))
	same(t, "answered call", readCall(t, s, h.Org, d.Call), answered)
	same(t, "calls in progress", total(t, s, h.Org, store.CallFilter{Task: task.ID, Status: store.InProgress}), int64(1))
	same(t, "calls initiated", total(t, s, h.Org, store.CallFilter{Task: task.ID, Status: store.Initiated}), int64(0))

	e := store.Ended{Call: d.Call, Status: store.Completed, End: end(time.Second)}
	ok(t, s.Record(ctx, []store.Entry{{Ended: &e}, {Ended: &e}}))
	task.Status, task.Outcome, task.Updated = store.Completed, store.OutcomeAnswered, e.End.Ended
	if task.Updated.Before(call.Created) {
		task.Updated = call.Created
	}
	same(t, "task whose call has ended", readTask(t, s, task), task)
	read, err = s.Dial(ctx, d.Call)
	ok(t, err)
	same(t, "its dial", read.State, store.DialOver)
	same(t, "events", kinds(t, s, task.ID), []string{store.CallCompleted})
	counted(t, s, h.Org)
}

// kinds are those of a task's events, in order.
func kinds(t *testing.T, s Store, task string) (all []string) {
	t.Helper()
	events, err := s.TaskEvents(t.Context(), 0, 10_000)
	ok(t, err)
	for _, e := range events {
		if e.Task == task {
			all = append(all, e.Kind)
		}
	}
	return all
}

func second[T any](_ T, err error) error { return err }

// testExecuteTaskAtOnce: of many who execute a task, one does.
func testExecuteTaskAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	const tasks, rivals = 8, 6
	for range tasks {
		task := makeTask(t, h, nil)
		var w sync.WaitGroup
		won := make(chan string, rivals)
		for range rivals {
			w.Go(func() {
				switch d, err := s.ExecuteTask(ctx, newExecution(task, start)); {
				case err == nil:
					won <- d.Call
				case !errors.Is(err, store.ErrConflict):
					t.Error(err)
				}
			})
		}
		w.Wait()
		if len(won) != 1 {
			t.Errorf("%d executed one task", len(won))
		}
		if got := readTask(t, s, task); got.Attempts != 1 || got.Call != <-won {
			t.Errorf("task %+v", got)
		}
		same(t, "calls", total(t, s, h.Org, store.CallFilter{Task: task.ID}), int64(1))
	}
	counted(t, s, h.Org)
}

func testResetTask(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	task := makeTask(t, h, nil)
	execute(t, s, task)
	d, err := s.PlaceDial(ctx, take(t, s, h.Org, 1)[0].Call, "CA9", start.Add(time.Hour))
	ok(t, err)
	at := start.Add(10 * time.Minute)
	got, stood, err := s.ResetTask(ctx, h.Org, task.ID, at)
	ok(t, err)
	same(t, "dial as it stood", stood, d)
	task.Attempts, task.Updated = 1, at
	same(t, "task that was reset before its time", got, task)
	c := readCall(t, s, h.Org, d.Call)
	if c.Status != store.Failed || c.Cause != store.CauseCancelled || !c.Ended.Equal(at) {
		t.Errorf("the call that was under way is %+v", c)
	}
	same(t, "events", kinds(t, s, task.ID), []string{store.CallStarted, store.CallFailed})
	after, err := s.Dial(ctx, d.Call)
	ok(t, err)
	same(t, "dial", after.State, store.DialOver)
	is(t, third(s.ResetTask(ctx, h.Org, task.ID, at)), store.ErrConflict)

	again := execute(t, s, got)
	if again.Execution != 2 || again.Call == d.Call {
		t.Errorf("the second execution is %+v", again)
	}
	ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: d.Call, Status: store.Completed, End: end(time.Hour)}}})) // late news of the first
	if now := readTask(t, s, task); now.Status != store.InProgress || now.Call != again.Call {
		t.Errorf("late news of an earlier execution made it %+v", now)
	}
	got, _, err = s.ResetTask(ctx, h.Org, task.ID, task.Scheduled)
	ok(t, err)
	if !got.Due.IsZero() || got.Status != store.Pending || got.Call != "" {
		t.Errorf("reset when its time had passed: %+v", got)
	}
	counted(t, s, h.Org)
}

func third[A, B any](_ A, _ B, err error) error { return err }

// testAgentOfTasks: an agent with active tasks stays.
func testAgentOfTasks(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	a, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: "Bo", Created: start})
	ok(t, err)
	task := makeTask(t, h, func(task *store.Task) { task.Agent = a.ID })
	is(t, s.DeleteAgent(ctx, h.Org, a.ID), store.ErrConflict)
	d := execute(t, s, task)
	is(t, s.DeleteAgent(ctx, h.Org, a.ID), store.ErrConflict)
	ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: d.Call, Status: store.Failed, End: end(0)}}}))
	ok(t, s.DeleteAgent(ctx, h.Org, a.ID))
	readTask(t, s, task)

	// Of one that is deleted while tasks are made for it, none is left with an active task.
	for range 5 {
		a, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: "Cy", Created: start})
		ok(t, err)
		var w sync.WaitGroup
		var deleted error
		w.Go(func() { deleted = s.DeleteAgent(ctx, h.Org, a.ID) })
		for range 3 {
			w.Go(func() {
				task := newTask(h)
				task.ID, task.Agent = store.NewID(), a.ID
				if _, err := s.CreateTask(ctx, task); err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Error(err)
				}
			})
		}
		w.Wait()
		_, n, err := s.Tasks(ctx, h.Org, store.TaskFilter{Agent: a.ID, Status: store.Pending}, all)
		ok(t, err)
		if deleted == nil && n > 0 {
			t.Errorf("a deleted agent has %d pending tasks", n)
		}
	}
}
