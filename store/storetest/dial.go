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

// take takes up to most of the queued dials, without other limits.
func take(t *testing.T, s Store, org string, most int) []store.Dial {
	t.Helper()
	taken, err := s.TakeDials(t.Context(), store.Taking{Org: org, Node: "node", Now: start.Add(time.Hour), Look: 30 * time.Second, Most: most})
	ok(t, err)
	return taken
}

// callees are the numbers of dials, in order.
func callees(dials []store.Dial) (all []string) {
	for _, d := range dials {
		all = append(all, d.To)
	}
	return all
}

// queued executes n tasks, of priorities as given.
func queued(t *testing.T, h House, n int, priority func(i int) int) (dials []store.Dial) {
	t.Helper()
	for i := range n {
		task := makeTask(t, h, func(task *store.Task) {
			task.To = fmt.Sprintf("+1500555%04d", i)
			if priority != nil {
				task.Priority = priority(i)
			}
		})
		x := newExecution(task, start.Add(time.Duration(i)*time.Second))
		d, err := h.ExecuteTask(t.Context(), x)
		ok(t, err)
		dials = append(dials, d)
	}
	return dials
}

func testDueTasks(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	work := func(now time.Time) []string {
		orgs, err := s.DialWork(ctx, now)
		ok(t, err)
		return orgs
	}
	same(t, "work before anything is due", work(start), []string(nil))
	due := map[string]time.Time{"low, late": start.Add(2 * time.Hour), "low, early": start.Add(time.Hour), "high": start.Add(3 * time.Hour), "tomorrow": start.Add(24 * time.Hour), "never": {}}
	made := map[string]store.Task{}
	for name, at := range due {
		made[name] = makeTask(t, h, func(task *store.Task) {
			task.Name, task.Scheduled, task.Priority = name, at, 0
			if name == "high" {
				task.Priority = 5
			}
		})
	}
	now := start.Add(3 * time.Hour)
	same(t, "work", work(now), []string{h.Org})
	names := func(limit int) (all []string) {
		tasks, err := s.DueTasks(ctx, h.Org, now, limit)
		ok(t, err)
		for _, task := range tasks {
			if task.ID != h.Task.ID {
				all = append(all, task.Name)
			}
		}
		return all
	}
	same(t, "due", names(10), []string{"high", "low, early", "low, late"})
	same(t, "first due", names(1), []string{"high"})

	high := made["high"]
	ok(t, s.PutOffTask(ctx, h.Org, high.ID, high.Updated.Add(time.Second), now.Add(time.Hour))) // it was seen as it is not
	same(t, "due", names(1), []string{"high"})
	ok(t, s.PutOffTask(ctx, h.Org, high.ID, high.Updated, now.Add(time.Microsecond)))
	same(t, "due", names(10), []string{"low, early", "low, late"})
	if got := readTask(t, s, high); !got.Scheduled.Equal(high.Scheduled) {
		t.Errorf("what is put off is scheduled at %v", got.Scheduled)
	}
	_, err := s.UpdateTask(ctx, h.Org, made["low, early"].ID, now, func(task *store.Task) error { task.Scheduled = time.Time{}; return nil })
	ok(t, err)
	same(t, "due", names(10), []string{"low, late"})
	execute(t, s, made["low, late"])
	same(t, "due", names(10), []string(nil))
	same(t, "work of a queued dial", work(start.Add(time.Minute)), []string{h.Org})
}

func testTakeDials(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	dials := queued(t, h, 6, func(i int) int { return i / 3 }) // the last three go first
	room := func(limit int) int {
		n, err := s.DialRoom(ctx, h.Org, limit)
		ok(t, err)
		return n
	}
	same(t, "room", []int{room(8), room(6), room(2)}, []int{2, 0, 0})
	now := start.Add(time.Hour)
	taking := store.Taking{Org: h.Org, Node: "a", Now: now, Open: 4, Every: 200 * time.Millisecond, Ahead: 300 * time.Millisecond, Look: 30 * time.Second, Most: 10}
	taken, err := s.TakeDials(ctx, taking)
	ok(t, err)
	want := slices.Clone(dials[3:5])
	for i := range want {
		d := &want[i]
		d.State, d.Node, d.Asked = store.DialAsking, "a", now.Add(time.Duration(i)*taking.Every)
		d.Look = d.Asked.Add(taking.Look)
	}
	same(t, "as many as may be placed within the time ahead", taken, want)
	same(t, "room", room(8), 2)
	more, err := s.TakeDials(ctx, taking)
	ok(t, err)
	same(t, "none at the same moment", callees(more), []string(nil))
	taking.Now, taking.Node = now.Add(10*time.Second), "b"
	more, err = s.TakeDials(ctx, taking)
	ok(t, err)
	same(t, "as many as may be open", callees(more), []string{dials[5].To, dials[0].To})
	more, err = s.TakeDials(ctx, taking)
	ok(t, err)
	same(t, "none beyond", callees(more), []string(nil))
	for _, d := range taken {
		same(t, "events", kinds(t, s, d.Task), []string{store.CallStarted})
	}
	done, err := s.SettleDial(ctx, store.Ended{Call: taken[0].Call, Status: store.Failed, End: end(0)}, time.Time{})
	ok(t, err)
	if !done {
		t.Error("not settled")
	}
	taking.Now = now.Add(20 * time.Second)
	more, err = s.TakeDials(ctx, taking)
	ok(t, err)
	same(t, "one for the one that is over", callees(more), []string{dials[1].To})
}

// testBusyNumber: a number to which a call is open is not rung by another task.
func testBusyNumber(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	var dials []store.Dial
	for range 3 {
		dials = append(dials, execute(t, s, makeTask(t, h, nil)))
	}
	first := take(t, s, h.Org, 10)
	same(t, "of three to one number", len(first), 1)
	same(t, "while it rings", len(take(t, s, h.Org, 10)), 0)
	_, err := s.PlaceDial(ctx, first[0].Call, "CA1", start)
	ok(t, err)
	same(t, "while they talk", len(take(t, s, h.Org, 10)), 0)
	ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: first[0].Call, Status: store.Completed, End: end(0)}}}))
	next := take(t, s, h.Org, 10)
	if len(next) != 1 || next[0].Call == first[0].Call {
		t.Errorf("then %v, of %v", next, dials)
	}
}

// testTakeDialsAtOnce: of nodes that take at once, one gets each dial, and together they keep the limits.
func testTakeDialsAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	const nodes, most = 5, 24
	queued(t, h, 40, nil)
	var w sync.WaitGroup
	var mu sync.Mutex
	seen := map[string]string{}
	var moments []time.Time
	for n := range nodes {
		w.Go(func() {
			for round := range 4 {
				taken, err := s.TakeDials(ctx, store.Taking{Org: h.Org, Node: fmt.Sprint("node ", n), Now: start.Add(time.Hour), Open: most, Every: time.Millisecond, Ahead: time.Hour, Most: 3})
				if err != nil && !errors.Is(err, store.ErrUnavailable) {
					t.Errorf("round %d: %v", round, err)
				}
				mu.Lock()
				for _, d := range taken {
					if by, twice := seen[d.Call]; twice {
						t.Errorf("%s and %s both got %s", by, d.Node, d.Call)
					}
					seen[d.Call], moments = d.Node, append(moments, d.Asked)
				}
				mu.Unlock()
			}
		})
	}
	w.Wait()
	if len(seen) != most {
		t.Errorf("%d were taken, want %d", len(seen), most)
	}
	slices.SortFunc(moments, time.Time.Compare)
	for i := 1; i < len(moments); i++ {
		if moments[i].Sub(moments[i-1]) < time.Millisecond {
			t.Errorf("two are asked for within %v", moments[i].Sub(moments[i-1]))
		}
	}
}

func testDialNews(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	queued(t, h, 4, nil)
	taken := take(t, s, h.Org, 4)
	now := taken[0].Look
	d := taken[0]
	placed, err := s.PlaceDial(ctx, d.Call, "CA1", now.Add(time.Minute))
	ok(t, err)
	d.State, d.CarrierID, d.Look = store.DialPlaced, "CA1", now.Add(time.Minute)
	same(t, "placed dial", placed, d)
	same(t, "carrier's id of the call", readCall(t, s, h.Org, d.Call).CarrierID, "CA1")

	ok(t, s.UnaskDial(ctx, taken[1].Call, "another", now))
	ok(t, s.UnaskDial(ctx, taken[0].Call, "node", now)) // it is placed
	ok(t, s.UnaskDial(ctx, taken[2].Call, "node", now.Add(time.Hour)))
	for i, want := range []store.DialState{store.DialPlaced, store.DialAsking, store.DialQueued, store.DialAsking} {
		got, err := s.Dial(ctx, taken[i].Call)
		ok(t, err)
		same(t, fmt.Sprint("dial ", i), got.State, want)
	}
	same(t, "before its time", len(take(t, s, h.Org, 4)), 0)

	known, err := s.KnownCalls(ctx, []string{"CA1", "CA2", ""})
	ok(t, err)
	same(t, "known calls", known, map[string]string{"CA1": d.Call})

	var claimed []string
	for _, node := range []string{"b", "c"} {
		got, err := s.OverdueDials(ctx, node, now, now.Add(time.Hour), 10)
		ok(t, err)
		for _, o := range got {
			if o.Node != node || !o.Look.Equal(now.Add(time.Hour)) {
				t.Errorf("claimed %+v", o)
			}
			claimed = append(claimed, o.Call)
		}
	}
	slices.Sort(claimed)
	want := []string{taken[1].Call, taken[3].Call}
	slices.Sort(want)
	same(t, "overdue", claimed, want)
	ok(t, s.UnaskDial(ctx, taken[1].Call, "node", now)) // it is another's by now
	if got, err := s.Dial(ctx, taken[1].Call); err != nil || got.State != store.DialAsking {
		t.Errorf("dial %+v: %v", got, err)
	}

	for _, at := range []time.Time{now, now.Add(time.Hour)} {
		ok(t, s.GoneDial(ctx, d.Call, at, at.Add(time.Second)))
	}
	got, err := s.Dial(ctx, d.Call)
	ok(t, err)
	if !got.Gone.Equal(now) || !got.Look.Equal(now.Add(time.Second)) {
		t.Errorf("gone at %v, look at %v", got.Gone, got.Look)
	}
	is(t, second(s.Dial(ctx, store.NewID())), store.ErrNotFound)
	is(t, second(s.PlaceDial(ctx, store.NewID(), "CA3", now)), store.ErrNotFound)
	is(t, second(s.SettleDial(ctx, store.Ended{Call: store.NewID(), Status: store.Failed}, time.Time{})), store.ErrNotFound)
}

// testTrunkDials: what a node has placed by a trunk is looked into by that node alone, until it is gone.
func testTrunkDials(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	for _, boot := range []string{"placer", "other"} {
		beat(t, s, boot)
	}
	made := map[string]string{} // calls, by their accounts
	for i, account := range []string{store.TrunkAccount + "trunk", h.Credential.ID} {
		task := makeTask(t, h, func(made *store.Task) { made.To = fmt.Sprint("+1500555010", i) })
		x := newExecution(task, start)
		x.Account = account
		d, err := s.ExecuteTask(ctx, x)
		ok(t, err)
		made[account] = d.Call
	}
	take := func(node string, now time.Time, others time.Duration) (calls []string) {
		t.Helper()
		taken, err := s.TakeDials(ctx, store.Taking{Org: h.Org, Node: node, Now: now, Look: time.Minute, Others: others, Most: 2})
		ok(t, err)
		for _, d := range taken {
			calls = append(calls, d.Call)
		}
		return calls
	}
	same(t, "taken by who has no trunks", take("placer", start.Add(time.Hour), 2*time.Hour), []string{made[h.Credential.ID]})
	same(t, "taken by who has, or when nobody has for so long", take("placer", start.Add(time.Hour), time.Hour), []string{made[store.TrunkAccount+"trunk"]})
	now := start.Add(2 * time.Hour)
	overdue := func(node string) (calls []string) {
		t.Helper()
		now = now.Add(time.Minute)
		got, err := s.OverdueDials(ctx, node, now, now, 10)
		ok(t, err)
		for _, d := range got {
			calls = append(calls, d.Call)
		}
		return calls
	}
	same(t, "another node looks into", overdue("other"), []string{made[h.Credential.ID]})
	same(t, "both are looked into by who placed them", len(overdue("placer")), 2)
	ok(t, s.Leave(ctx, "placer"))
	same(t, "another looks into, when that is gone", len(overdue("other")), 2)
}

func testSettleDial(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	task := makeTask(t, h, nil)
	execute(t, s, task)
	d := take(t, s, h.Org, 1)[0]
	e := store.Ended{Call: d.Call, Status: store.Failed, End: store.End{Ended: start.Add(time.Hour), Cause: store.CauseBusy}}
	again := start.Add(2 * time.Hour)
	for i, want := range []bool{true, false} {
		done, err := s.SettleDial(ctx, e, again)
		ok(t, err)
		same(t, fmt.Sprint("settled, time ", i), done, want)
	}
	got := readTask(t, s, task)
	if got.Status != store.Pending || !got.Due.Equal(again) || got.Retries != 1 || got.Attempts != 1 || got.Error != store.CauseBusy || got.Call != d.Call {
		t.Errorf("task that is tried again: %+v", got)
	}
	same(t, "events", kinds(t, s, task.ID), []string{store.CallStarted, store.CallFailed})
	if c := readCall(t, s, h.Org, d.Call); c.Status != store.Failed || c.Cause != store.CauseBusy {
		t.Errorf("call %+v", c)
	}
	late, err := s.PlaceDial(ctx, d.Call, "CA5", again)
	ok(t, err)
	if late.State != store.DialOver || late.CarrierID != "CA5" {
		t.Errorf("a dial that is over is placed: %+v", late)
	}

	second := execute(t, s, got)
	same(t, "second execution", second.Execution, 2)
	e.Call, e.End.Error = second.Call, "nobody there"
	done, err := s.SettleDial(ctx, e, time.Time{})
	ok(t, err)
	got = readTask(t, s, task)
	if !done || got.Status != store.Failed || got.Error != "nobody there" || got.Retries != 1 || !got.Due.IsZero() {
		t.Errorf("task that is not tried again: %+v", got)
	}
	counted(t, s, h.Org)
}

func testDialRules(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	other, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Other", Created: start})
	ok(t, err)
	rules, err := s.DialRules(ctx, other.ID)
	ok(t, err)
	same(t, "rules of whoever has none", rules, "")
	refusal := errors.New("not so")
	_, err = s.UpdateDialRules(ctx, h.Org, func(string) (string, error) { return "no", refusal })
	if err != refusal { //nolint:errorlint // as it is
		t.Errorf("error %v, want the callback's own", err)
	}
	for _, step := range [][2]string{{h.Rules, `{"a":1}`}, {`{"a":1}`, `{}`}} {
		got, err := s.UpdateDialRules(ctx, h.Org, func(before string) (string, error) {
			same(t, "rules before", before, step[0])
			return step[1], nil
		})
		ok(t, err)
		same(t, "rules", got, step[1])
	}
	rules, err = s.DialRules(ctx, h.Org)
	ok(t, err)
	same(t, "rules", rules, "{}")
	_, err = s.UpdateDialRules(ctx, store.NewID(), func(string) (string, error) { return "", nil })
	is(t, err, store.ErrNotFound)
}

func testDoNotCall(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	other, err := s.CreateOrganisation(ctx, store.Organisation{ID: store.NewID(), Name: "Other", Created: start})
	ok(t, err)
	b := store.Barred{ID: store.NewID(), Org: h.Org, E164: "+15005550007", Reason: "asked", Created: start}
	made, err := s.Bar(ctx, b)
	ok(t, err)
	b.Number = made.Number
	same(t, "barred", made, b)
	again := b
	again.ID, again.Reason = store.NewID(), "other"
	made, err = s.Bar(ctx, again)
	ok(t, err)
	same(t, "barred again", made, b)
	for org, want := range map[string]bool{h.Org: true, other.ID: false} {
		is, err := s.IsBarred(ctx, org, b.E164)
		ok(t, err)
		same(t, "is barred", is, want)
	}
	list, n, err := s.Barred(ctx, h.Org, all)
	ok(t, err)
	same(t, "list", list, []store.Barred{b, h.Barred})
	same(t, "total", n, int64(2))
	is(t, s.Unbar(ctx, other.ID, b.ID), store.ErrNotFound)
	ok(t, s.Unbar(ctx, h.Org, b.ID))
	is(t, s.Unbar(ctx, h.Org, b.ID), store.ErrNotFound)
	b.Org = store.NewID()
	_, err = s.Bar(ctx, b)
	is(t, err, store.ErrNotFound)
}
