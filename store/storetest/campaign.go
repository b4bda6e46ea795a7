package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/store"
)

// newCampaign is a campaign that has all there is to a new one.
func newCampaign(h *House) store.Campaign {
	return store.Campaign{
		ID: store.NewID(), Org: h.Org, Agent: h.Setup.Agent.ID, Name: "Reminders", Description: "d", StartingMessage: "Hi {{n}}", Priority: 2,
		Scheduled: start.Add(48 * time.Hour), WebhookURL: "https://example.com/hook", WebhookEvents: []string{store.CallFailed}, MaxCalls: 3,
		Pace: 250 * time.Millisecond, Breaker: store.Breaker{Calls: 20, Percent: 40, Short: 3 * time.Second}, Created: start,
	}
}

// newContact is the i-th number of a campaign.
func newContact(i int) store.Task {
	return store.Task{
		ID: store.NewID(), Name: fmt.Sprint("Call ", i), To: fmt.Sprintf("+1500777%04d", i), Description: "d", StartingMessage: "Hi {{n}}",
		Context: `{"n":"Zoë"}`, Priority: 2, WebhookURL: "https://example.com/hook", WebhookEvents: []string{store.CallFailed}, Line: i + 2,
		Created: start,
	}
}

func contacts(n int) (tasks []store.Task) {
	for i := range n {
		tasks = append(tasks, newContact(i))
	}
	return tasks
}

// drive makes a campaign with so many contacts that runs.
func drive(t *testing.T, h House, n int, change func(*store.Campaign)) store.Campaign {
	t.Helper()
	c := newCampaign(&h)
	c.MaxCalls, c.Pace = 0, 0
	if change != nil {
		change(&c)
	}
	_, err := h.CreateCampaign(t.Context(), c)
	ok(t, err)
	if n > 0 {
		_, err = h.AddContacts(t.Context(), h.Org, c.ID, contacts(n))
		ok(t, err)
	}
	return move(t, h, c, store.CampaignDraft, store.CampaignRunning)
}

func move(t *testing.T, h House, c store.Campaign, from, to store.CampaignStatus) store.Campaign {
	t.Helper()
	made, err := h.MoveCampaign(t.Context(), h.Org, c.ID, store.Move{From: []store.CampaignStatus{from}, To: to, At: start.Add(time.Minute)})
	ok(t, err)
	return made
}

// due are the contacts that are due.
func due(t *testing.T, h House, c store.Campaign, limit int) []store.Task {
	t.Helper()
	tasks, err := h.DueContacts(t.Context(), c.ID, start.Add(time.Hour), limit)
	ok(t, err)
	return tasks
}

// begin executes a task because its time has come.
func begin(t tb, h House, task store.Task, at time.Time) (store.Dial, error) {
	t.Helper()
	x := newExecution(task, at)
	x.Now, x.Ahead = at, time.Second
	return h.ExecuteTask(t.Context(), x)
}

func counts(t *testing.T, h House, c store.Campaign) map[string]int64 {
	t.Helper()
	all, err := h.CampaignCounts(t.Context(), h.Org, c.ID)
	ok(t, err)
	by := map[string]int64{}
	for _, one := range all {
		by[string(one.Status)+" "+one.Outcome] = one.N
	}
	return by
}

func testCampaigns(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	c := newCampaign(&h)
	made, err := s.CreateCampaign(ctx, c)
	ok(t, err)
	want := c
	want.Number, want.Status, want.Updated = made.Number, store.CampaignDraft, start
	same(t, "made campaign", made, want)
	got, err := s.Campaign(ctx, h.Org, c.ID)
	ok(t, err)
	same(t, "campaign", got, want)
	_, err = s.CreateCampaign(ctx, c)
	is(t, err, store.ErrConflict)
	c.ID, c.Agent = store.NewID(), store.NewID()
	_, err = s.CreateCampaign(ctx, c)
	is(t, err, store.ErrNotFound)
	refusal := errors.New("not so")
	_, err = s.UpdateCampaign(ctx, h.Org, want.ID, start, func(c *store.Campaign) error { c.Name = "No"; return refusal })
	if err != refusal { //nolint:errorlint // as it is
		t.Errorf("error %v, want the callback's own", err)
	}
	want.Name, want.Description, want.Scheduled, want.MaxCalls, want.Pace, want.Breaker, want.Updated = "B", "", time.Time{}, 7, 0, store.Breaker{}, start.Add(time.Minute)
	got, err = s.UpdateCampaign(ctx, h.Org, want.ID, want.Updated, func(c *store.Campaign) error {
		id, agent := c.ID, c.Agent
		*c = want
		c.ID, c.Org, c.Agent, c.Status, c.Since, c.Created = "x", "y", "z", store.CampaignRunning, 9, time.Time{}
		if id != want.ID || agent != want.Agent {
			t.Errorf("changed: %s of %s", id, agent)
		}
		return nil
	})
	ok(t, err)
	same(t, "changed campaign", got, want)
	house, err := s.Campaign(ctx, h.Org, h.Campaign.ID)
	ok(t, err)
	for _, p := range []store.Page{all, {Limit: 1}, {Limit: 1, Offset: 1}, {Limit: 1, Offset: 2}, {}} {
		got, total, err := s.Campaigns(ctx, h.Org, p)
		ok(t, err)
		same(t, fmt.Sprint("page ", p), got, part([]store.Campaign{want, house}, p))
		same(t, "total", total, int64(2))
	}
	is(t, s.DeleteAgent(ctx, h.Org, h.Setup.Agent.ID), store.ErrConflict)
}

// testAddContacts: each number is there once, whoever gives it how often, and what was there already is told.
func testAddContacts(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	c, err := s.CreateCampaign(ctx, newCampaign(&h))
	ok(t, err)
	first := contacts(300)
	to, err := s.AddContacts(ctx, h.Org, c.ID, first)
	ok(t, err)
	for i, k := range to {
		same(t, "contact", k, store.CampaignContact{Task: first[i].ID, To: first[i].To, Line: i + 2, Created: start})
	}
	want := first[299]
	want.Org, want.Agent, want.Campaign, want.Status, want.Due, want.Updated = h.Org, c.Agent, c.ID, store.Pending, start, start
	got := readTask(t, s, want)
	want.Number = got.Number
	same(t, "task", got, want)

	second := contacts(302)[298:]
	second[0].Created, second[2].Created = start.Add(time.Hour), start.Add(time.Hour)
	to, err = s.AddContacts(ctx, h.Org, c.ID, second)
	ok(t, err)
	same(t, "who had them first", []string{to[0].Task, to[1].Task, to[2].Task, to[3].Task}, []string{first[298].ID, first[299].ID, second[2].ID, second[3].ID})
	same(t, "counts", counts(t, h, c), map[string]int64{"pending ": 302})
	for _, f := range []store.TaskFilter{{Campaign: c.ID}, {Campaign: c.ID, Status: store.Pending}, {Campaign: c.ID, Status: store.Failed}, {Campaign: "none"}} {
		tasks, total, err := s.Tasks(ctx, h.Org, f, store.Page{Limit: 2, Offset: 300})
		ok(t, err)
		n := 0
		if f.Campaign == c.ID && f.Status != store.Failed {
			n = 302
		}
		same(t, fmt.Sprintf("tasks %+v", f), []int{len(tasks), int(total)}, []int{min(n, 2), n})
	}
	ok(t, s.DeleteTask(ctx, h.Org, first[0].ID))
	_, err = s.UpdateTask(ctx, h.Org, first[1].ID, start, func(task *store.Task) error { task.To = first[2].To; return nil })
	is(t, err, store.ErrConflict)
	same(t, "counts", counts(t, h, c), map[string]int64{"pending ": 301})
	_, total, err := s.Tasks(ctx, h.Org, store.TaskFilter{}, all)
	ok(t, err)
	same(t, "all tasks", total, int64(303)) // two are the house's
	_, err = s.AddContacts(ctx, h.Org, store.NewID(), contacts(1))
	is(t, err, store.ErrNotFound)
	move(t, h, c, store.CampaignDraft, store.CampaignCancelled)
	_, err = s.AddContacts(ctx, h.Org, c.ID, contacts(1))
	is(t, err, store.ErrConflict)
}

func testAddContactsAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	c, err := s.CreateCampaign(ctx, newCampaign(&h))
	ok(t, err)
	var fresh atomic.Int64
	var uploads sync.WaitGroup
	for range 4 {
		uploads.Go(func() {
			tasks := contacts(200)
			if fresh.Load()%2 == 1 {
				slices.Reverse(tasks)
			}
			to, err := s.AddContacts(ctx, h.Org, c.ID, tasks)
			if err != nil {
				t.Error(err)
				return
			}
			for i, k := range to {
				if k.Task == tasks[i].ID {
					fresh.Add(1)
				}
			}
		})
	}
	uploads.Wait()
	same(t, "new contacts", fresh.Load(), int64(200))
	same(t, "counts", counts(t, h, c), map[string]int64{"pending ": 200})
}

// testCampaignStates: tasks of a campaign are due by their campaign alone, and executed only as its status allows.
func testCampaignStates(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	now := start.Add(time.Hour)
	for status, can := range map[store.CampaignStatus]struct{ due, byHand bool }{
		store.CampaignDraft: {false, true}, store.CampaignRunning: {true, true}, store.CampaignPaused: {}, store.CampaignCompleted: {false, true}, store.CampaignCancelled: {},
	} {
		c := drive(t, h, 2, nil)
		if status != store.CampaignRunning {
			move(t, h, c, store.CampaignRunning, status)
		}
		tasks := due(t, h, c, 10)
		if _, err := begin(t, h, tasks[0], now); (err == nil) != can.due {
			t.Errorf("%s: begun: %v", status, err)
		} else if err != nil {
			is(t, err, store.ErrConflict)
		}
		if _, err := s.ExecuteTask(ctx, newExecution(tasks[1], now)); (err == nil) != can.byHand {
			t.Errorf("%s: executed by hand: %v", status, err)
		}
		orgs, err := s.DialWork(ctx, now)
		ok(t, err)
		if got, want := len(orgs) > 0, can.byHand || status == store.CampaignCancelled; got != want {
			t.Errorf("%s: there is work: %v", status, got)
		}
		if can.byHand { // nothing of it is in the way of the next
			for range 2 {
				taken, err := s.TakeDials(ctx, store.Taking{Org: h.Org, Node: "a", Now: now, Look: time.Minute, Most: 10})
				ok(t, err)
				for _, d := range taken {
					ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: d.Call, Status: store.Completed, End: end(time.Second)}}}))
				}
			}
		}
		_, err = s.MoveCampaign(ctx, h.Org, c.ID, store.Move{From: []store.CampaignStatus{"other"}, To: store.CampaignRunning, At: now})
		is(t, err, store.ErrConflict)
		_, err = s.MoveCampaign(ctx, h.Org, c.ID, store.Move{From: []store.CampaignStatus{status}, To: store.CampaignRunning, At: now, Seen: now.Add(time.Hour)})
		is(t, err, store.ErrConflict)
		_, err = s.MoveCampaign(ctx, h.Org, c.ID, store.Move{From: []store.CampaignStatus{status}, To: store.CampaignCompleted, At: now, Over: true})
		if left := counts(t, h, c); left["pending "] > 0 {
			is(t, err, store.ErrConflict)
			_, err = s.DropContacts(ctx, h.Org, c.ID, now, 10)
		} else {
			move(t, h, c, store.CampaignCompleted, status)
		}
		ok(t, err)
		over, err := s.MoveCampaign(ctx, h.Org, c.ID, store.Move{From: []store.CampaignStatus{status}, To: store.CampaignCompleted, Reason: "r", At: now, Over: true})
		ok(t, err)
		if !over.Ended.Equal(now) || over.Reason != "r" || !over.Started.Equal(start.Add(time.Minute)) || !over.Updated.Equal(now) {
			t.Errorf("%s: completed: %+v", status, over)
		}
	}
	live, err := s.LiveCampaigns(ctx, h.Org, start.Add(47*time.Hour))
	ok(t, err)
	same(t, "live campaigns", len(live), 0)
	live, err = s.LiveCampaigns(ctx, h.Org, h.Campaign.Scheduled)
	ok(t, err)
	if len(live) != 1 || live[0].ID != h.Campaign.ID {
		t.Errorf("live when the draft's time has come: %+v", live)
	}
}

// testCampaignEnds: what became of each call is told in order, and counted by outcome.
func testCampaignEnds(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	now := start.Add(time.Hour)
	c := drive(t, h, 4, nil)
	tasks := due(t, h, c, 4)
	var dials []store.Dial
	for _, task := range tasks {
		d, err := begin(t, h, task, now)
		ok(t, err)
		dials = append(dials, d)
	}
	ended := end(3 * time.Second)
	ended.AnsweredBy = "human"
	ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: dials[0].Call, Status: store.Completed, End: ended}}}))
	_, err := s.SettleDial(ctx, store.Ended{Call: dials[1].Call, Status: store.Failed, End: store.End{Ended: now, Cause: store.CauseBusy}}, time.Time{})
	ok(t, err)
	_, err = s.SettleDial(ctx, store.Ended{Call: dials[2].Call, Status: store.Failed, End: store.End{Ended: now, Cause: store.CauseNoAnswer}}, now.Add(time.Minute))
	ok(t, err)
	same(t, "counts", counts(t, h, c), map[string]int64{"completed human": 1, "failed busy": 1, "pending ": 1, "in_progress ": 1})
	ends, err := s.CampaignEnds(ctx, c.ID, 0, 10)
	ok(t, err)
	if len(ends) != 3 || ends[2].Length != 3*time.Second || ends[2].Status != store.Completed || ends[1].Cause != store.CauseBusy || ends[0].Cause != store.CauseNoAnswer {
		t.Errorf("ends: %+v", ends)
	}
	last, err := s.CampaignEnds(ctx, c.ID, ends[1].Number, 10)
	ok(t, err)
	same(t, "ends after one", last, ends[:1])
	c = move(t, h, c, store.CampaignRunning, store.CampaignPaused)
	same(t, "what the breaker has seen", c.Since, int64(0))
	c = move(t, h, c, store.CampaignPaused, store.CampaignRunning)
	same(t, "the breaker begins anew", c.Since, ends[0].Number)

	results, err := s.CampaignResults(ctx, h.Org, c.ID, "", 10)
	ok(t, err)
	first := results[0]
	same(t, "task of a result", first.Task, readTask(t, s, tasks[0]))
	if first.Task.Outcome != "human" || first.Call.ID != dials[0].Call || first.Call.Status != store.Completed || first.Call.AnsweredBy != "human" || first.Call.Length != ended.Length || first.Call.Cause != ended.Cause {
		t.Errorf("result: %+v", first)
	}
	rest, err := s.CampaignResults(ctx, h.Org, c.ID, results[1].Task.ID, 1)
	ok(t, err)
	same(t, "a page of results", rest, results[2:3])

	for i, task := range tasks[:2] { // a task that is reset is due once more
		got, _, err := s.ResetTask(ctx, h.Org, task.ID, now)
		ok(t, err)
		if !got.Due.Equal(now) || got.Outcome != "" {
			t.Errorf("task %d after its reset: %+v", i, got)
		}
	}
	same(t, "counts", counts(t, h, c), map[string]int64{"pending ": 3, "in_progress ": 1})
	call, err := s.Call(ctx, h.Org, dials[0].Call)
	ok(t, err)
	same(t, "who answered", call.AnsweredBy, "human")
}

// testCampaignReopened: a campaign that was completed while contacts were on their way calls them all the same.
func testCampaignReopened(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	c := drive(t, h, 1, nil)
	_, err := s.DropContacts(ctx, h.Org, c.ID, start, 1)
	ok(t, err)
	_, err = s.MoveCampaign(ctx, h.Org, c.ID, store.Move{From: []store.CampaignStatus{store.CampaignRunning}, To: store.CampaignCompleted, At: start.Add(time.Hour), Over: true})
	ok(t, err)
	add := func(i int, at time.Duration) store.CampaignStatus {
		task := newContact(i)
		task.Created = start.Add(at)
		_, err := s.AddContacts(ctx, h.Org, c.ID, []store.Task{task})
		ok(t, err)
		now, err := s.Campaign(ctx, h.Org, c.ID)
		ok(t, err)
		return now.Status
	}
	same(t, "with contacts that it has", add(0, time.Minute), store.CampaignCompleted)
	same(t, "with those of after its end", add(1, 2*time.Hour), store.CampaignCompleted)
	same(t, "with those of before its end", add(2, time.Minute), store.CampaignRunning)
	now, err := s.Campaign(ctx, h.Org, c.ID)
	ok(t, err)
	same(t, "its end", now.Ended, time.Time{})
}

func testCampaignCancelled(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	c := drive(t, h, 5, nil)
	_, err := begin(t, h, due(t, h, c, 1)[0], start.Add(time.Hour))
	ok(t, err)
	move(t, h, c, store.CampaignRunning, store.CampaignCancelled)
	for _, want := range []int{3, 1, 0} {
		n, err := s.DropContacts(ctx, h.Org, c.ID, start.Add(time.Hour), 3)
		ok(t, err)
		same(t, "dropped", n, want)
	}
	same(t, "counts", counts(t, h, c), map[string]int64{"failed cancelled": 4, "in_progress ": 1})
	same(t, "due", len(due(t, h, c, 10)), 0)
	_, total, err := s.Tasks(ctx, h.Org, store.TaskFilter{Agent: c.Agent, Status: store.Failed}, all)
	ok(t, err)
	same(t, "failed tasks of the agent", total, int64(4))
	tasks, _, err := s.Tasks(ctx, h.Org, store.TaskFilter{Campaign: c.ID, Status: store.Failed}, all)
	ok(t, err)
	ok(t, s.DeleteTask(ctx, h.Org, tasks[0].ID))
	same(t, "counts", counts(t, h, c), map[string]int64{"failed cancelled": 3, "in_progress ": 1})
}
