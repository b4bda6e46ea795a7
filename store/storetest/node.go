package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/store"
)

// lenient is a vigil in which any node that has beaten is steady at once, and who has not beaten since is silent.
var lenient = store.Vigil{Gap: time.Hour, Silent: time.Microsecond}

func beat(t *testing.T, s Store, boot string) (reopened int) {
	t.Helper()
	reopened, err := s.Beat(t.Context(), store.Node{Boot: boot, Node: "dir of " + boot, Version: "v1", Calls: 3}, store.Vigil{Gap: time.Hour})
	ok(t, err)
	return reopened
}

// bury has a node bury another. On a clock that is coarse a microsecond may not have passed.
func bury(t *testing.T, s Store, by string) store.Burial {
	t.Helper()
	for range 10_000 {
		b, done, err := s.Bury(t.Context(), by, lenient)
		ok(t, err)
		if done {
			return b
		}
	}
	t.Fatal("nobody is buried")
	return store.Burial{}
}

// callOf is a call that lives on a node.
func callOf(t *testing.T, h House, boot string) store.Call {
	t.Helper()
	c := newCall(h.Org)
	c.Node, c.Boot = "dir of "+boot, boot
	ok(t, h.Record(t.Context(), []store.Entry{{Began: &c}}))
	return c
}

func testNodes(t *testing.T, s Store) {
	ctx := t.Context()
	id, err := s.Installation(ctx)
	ok(t, err)
	if id == "" || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Errorf("the installation is %q", id)
	}
	again, err := s.Installation(ctx)
	ok(t, err)
	same(t, "installation", again, id)

	beat(t, s, "one")
	_, err = s.Beat(ctx, store.Node{Boot: "two", Node: "dir of two", Version: "v2", Draining: true}, lenient)
	ok(t, err)
	beat(t, s, "one")
	nodes, total, err := s.Nodes(ctx, all)
	ok(t, err)
	if len(nodes) != 2 || total != 2 {
		t.Fatalf("%d nodes, total %d", len(nodes), total)
	}
	one, two := nodes[0], nodes[1]
	if one.Beat.Before(one.Started) || two.Started.Before(one.Started) || !one.Gone.IsZero() || time.Since(one.Beat).Abs() > time.Hour {
		t.Errorf("times of nodes: %+v", nodes)
	}
	one.Started, one.Beat, two.Started, two.Beat = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	same(t, "node", one, store.Node{Boot: "one", Node: "dir of one", Version: "v1", Calls: 3})
	same(t, "node", two, store.Node{Boot: "two", Node: "dir of two", Version: "v2", Draining: true})
	nodes, total, err = s.Nodes(ctx, store.Page{Limit: 1, Offset: 1})
	ok(t, err)
	if len(nodes) != 1 || nodes[0].Boot != "two" || total != 2 {
		t.Errorf("the second page has %+v, total %d", nodes, total)
	}
	ok(t, s.Leave(ctx, "two"))
	ok(t, s.Leave(ctx, "two"))
	_, total, err = s.Nodes(ctx, all)
	ok(t, err)
	same(t, "nodes after one left", total, int64(1))
}

// testBury: the open calls of a node that is silent end, and those of others do not.
func testBury(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	_, done, err := s.Bury(ctx, "none", lenient)
	ok(t, err)
	same(t, "who has never beaten buries", done, false)
	beat(t, s, "dead")
	beat(t, s, "well")
	mine, theirs := callOf(t, h, "well"), callOf(t, h, "dead")
	ok(t, s.Record(ctx, []store.Entry{{Turned: &store.Turned{Turn: newTurn(theirs.ID, 1), Messages: []store.Message{newMessage(theirs.ID, 0)}}}}))
	for v, why := range map[store.Vigil]string{
		{Gap: time.Hour, Silent: time.Hour}:            "nobody has been silent for so long",
		{Gap: 0, Silent: time.Microsecond}:             "who has not just beaten is not steady",
		{Gap: time.Hour, Silent: 1000 * time.Hour}:     "nobody has been steady for so long",
		{Gap: -time.Second, Silent: time.Microsecond}:  "nobody is steady",
		{Gap: -time.Second, Silent: -time.Microsecond}: "nor now",
	} {
		_, done, err := s.Bury(ctx, "well", v)
		ok(t, err)
		if done {
			t.Errorf("buried, though %s", why)
		}
	}
	ok(t, s.Leave(ctx, "dead"))
	if _, total, err := s.Nodes(ctx, all); err != nil || total != 2 {
		t.Errorf("a node left its calls open (%d nodes, %v)", total, err)
	}

	b := bury(t, s, "well")
	if b.Node.Boot != "dead" || b.Node.Gone.IsZero() || b.Dials != 0 {
		t.Errorf("buried %+v", b)
	}
	same(t, "calls that ended", b.Calls, []string{theirs.ID})
	got := readCall(t, s, h.Org, theirs.ID)
	if got.Status != store.Failed || got.Cause != store.CauseCrash || got.Turns != 1 || got.Ended.IsZero() {
		t.Errorf("its call is %+v", got)
	}
	same(t, "the other's call", readCall(t, s, h.Org, mine.ID).Status, store.InProgress)
	_, done, err = s.Bury(ctx, "well", lenient)
	ok(t, err)
	same(t, "buried again", done, false)
	if _, total, err := s.Calls(ctx, h.Org, store.CallFilter{Status: store.InProgress}, all); err != nil || total != 1 {
		t.Errorf("%d calls in progress (%v), want one", total, err)
	}

	late := callOf(t, h, "dead") // its records came after it had been buried
	same(t, "calls that ended later", bury(t, s, "well").Calls, []string{late.ID})
	_, done, err = s.Bury(ctx, "dead", lenient)
	ok(t, err)
	same(t, "a node that is buried buries", done, false)
}

// testBuryOnce: of nodes that bury at once, one does; and whoever is buried meanwhile writes on.
func testBuryOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	beat(t, s, "dead")
	var calls []string
	for range 20 {
		calls = append(calls, callOf(t, h, "dead").ID)
	}
	var nodes sync.WaitGroup
	var mu sync.Mutex
	ended := map[string]int{}
	for i := range 4 {
		by := fmt.Sprintf("node %d", i)
		beat(t, s, by)
		nodes.Go(func() {
			for range 20 {
				if _, err := s.Beat(ctx, store.Node{Boot: by, Node: by}, lenient); err != nil {
					t.Errorf("beat: %v", err)
				}
				b, done, err := s.Bury(ctx, by, store.Vigil{Gap: time.Hour, Silent: time.Microsecond})
				if err != nil {
					t.Errorf("bury: %v", err)
				}
				if done {
					mu.Lock()
					for _, id := range b.Calls {
						ended[id]++
					}
					mu.Unlock()
				}
			}
		})
	}
	nodes.Go(func() {
		for _, id := range calls[:10] {
			e := store.Ended{Call: id, Status: store.Completed, End: store.End{Cause: "agent", Ended: start}}
			if err := s.Record(ctx, []store.Entry{{Ended: &e}}); err != nil {
				t.Errorf("record: %v", err)
			}
		}
	})
	nodes.Wait()
	for i, id := range calls {
		c := readCall(t, s, h.Org, id)
		if want := map[bool]string{true: "agent", false: store.CauseCrash}[i < 10]; c.Cause != want {
			t.Errorf("call %d ended by %q, want %q", i, c.Cause, want)
		}
		if n := ended[id]; n > 1 || i >= 10 && n != 1 {
			t.Errorf("call %d was ended %d times", i, n)
		}
	}
	for status, want := range map[store.Status]int64{store.Completed: 11, store.Failed: 10, store.InProgress: 0} { // one is the house's
		if _, total, err := s.Calls(ctx, h.Org, store.CallFilter{Status: status}, all); err != nil || total != want {
			t.Errorf("%d calls %s (%v), want %d", total, status, err, want)
		}
	}
}

// testComesBack: what a node says that was only cut off counts more than what others presumed of it.
func testComesBack(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	beat(t, s, "cut off")
	beat(t, s, "well")
	on, talks, over, silent := callOf(t, h, "cut off"), callOf(t, h, "cut off"), callOf(t, h, "cut off"), callOf(t, h, "cut off")
	first := store.Turned{Turn: newTurn(over.ID, 1), Messages: []store.Message{newMessage(over.ID, 0)}}
	ok(t, s.Record(ctx, []store.Entry{{Turned: &first}}))
	if b := bury(t, s, "well"); len(b.Calls) != 4 {
		t.Fatalf("buried with %v", b.Calls)
	}

	// Its records come before its beat.
	turned := store.Turned{Turn: newTurn(talks.ID, 1), Messages: []store.Message{newMessage(talks.ID, 0)}}
	end := store.Ended{Call: over.ID, Status: store.Completed, Messages: []store.Message{newMessage(over.ID, 0), newMessage(over.ID, 1)},
		End: store.End{Ended: start.Add(time.Minute), Length: time.Minute, Cause: "agent", Turns: 2}, Recording: newRecording(over.ID)}
	entries := []store.Entry{{Began: &over}, {Turned: &first}, {Turned: &turned}, {Ended: &end}}
	ok(t, s.Record(ctx, entries))
	ok(t, s.Record(ctx, entries))
	want := over
	want.Status, want.End = store.Completed, end.End
	same(t, "the call that ended well", readCall(t, s, h.Org, over.ID), want)
	messages, err := s.Transcript(ctx, h.Org, over.ID)
	ok(t, err)
	same(t, "its transcript", messages, end.Messages)
	_, err = s.Recording(ctx, h.Org, over.ID)
	ok(t, err)
	same(t, "the call that talks", readCall(t, s, h.Org, talks.ID), talks)

	same(t, "reopened", beat(t, s, "cut off"), 2)
	same(t, "a call that went on", readCall(t, s, h.Org, on.ID), on)
	same(t, "reopened again", beat(t, s, "cut off"), 0)
	for status, want := range map[store.Status]int64{store.Completed: 2, store.Failed: 0, store.InProgress: 3} {
		if _, total, err := s.Calls(ctx, h.Org, store.CallFilter{Status: status}, all); err != nil || total != want {
			t.Errorf("%d calls %s (%v), want %d", total, status, err, want)
		}
	}
	ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: on.ID, Status: store.Completed, End: store.End{Cause: "caller", Ended: start}}}}))
	same(t, "a call that went on to its end", readCall(t, s, h.Org, on.ID).Cause, "caller")

	// Now it is dead. What its data directory knows comes at its next start.
	beat(t, s, "well")
	if b := bury(t, s, "well"); len(b.Calls) != 2 {
		t.Fatalf("buried with %v", b.Calls)
	}
	second := store.Turned{Turn: newTurn(silent.ID, 1), Messages: []store.Message{newMessage(silent.ID, 0)}}
	crash := store.Entry{Crashed: &store.Crashed{Node: "dir of cut off", Boot: "new", Recordings: map[string]store.Recording{
		silent.ID: *newRecording(silent.ID), talks.ID: *newRecording(talks.ID),
	}}}
	ok(t, s.Record(ctx, []store.Entry{{Turned: &second}}))
	ok(t, s.Record(ctx, []store.Entry{crash}))
	ok(t, s.Record(ctx, []store.Entry{crash, {Turned: &turned}}))
	for _, c := range []store.Call{silent, talks} {
		got := readCall(t, s, h.Org, c.ID)
		if got.Cause != store.CauseCrash || got.Turns != 1 {
			t.Errorf("after the restart: %+v", got)
		}
		_, err = s.Recording(ctx, h.Org, c.ID)
		ok(t, err)
	}
	ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: silent.ID, Status: store.Completed, End: store.End{Cause: "agent", Ended: start}}}}))
	same(t, "after the last word", readCall(t, s, h.Org, silent.ID).Cause, store.CauseCrash)
}

// testBuryTask: a task ends with its call, and goes on with it, unless it has been planned anew. What the dead have asked of carriers, others
// look into.
func testBuryTask(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	beat(t, s, "dead")
	beat(t, s, "well")
	dials := queued(t, h, 4, nil)
	taken, err := s.TakeDials(ctx, store.Taking{Org: h.Org, Node: "dead", Now: start.Add(time.Hour), Look: time.Hour, Most: 4})
	ok(t, err)
	same(t, "taken", len(taken), 4)
	up := func(d store.Dial, boot string) store.Call {
		t.Helper()
		_, err := s.PlaceDial(ctx, d.Call, "CA"+d.Call, start.Add(3*time.Hour))
		ok(t, err)
		c, err := s.Call(ctx, h.Org, d.Call)
		ok(t, err)
		c.Number, c.Status, c.Node, c.Boot, c.Answered, c.CarrierID = 0, store.InProgress, "dir of "+boot, boot, start.Add(2*time.Hour), "CA"+d.Call
		ok(t, s.Record(ctx, []store.Entry{{Began: &c}}))
		return c
	}
	kept, anew, other := up(dials[0], "dead"), up(dials[1], "dead"), up(dials[2], "well") // dials[3]: its answer was lost
	b := bury(t, s, "well")
	same(t, "calls", b.Calls, []string{kept.ID, anew.ID})
	same(t, "dials", b.Dials, 4)
	overdue, err := s.OverdueDials(ctx, "well", start.Add(90*time.Minute), start.Add(2*time.Hour), 10)
	ok(t, err)
	same(t, "to look into", len(overdue), 2)
	for _, d := range overdue {
		if d.Call != other.ID && d.Call != dials[3].Call {
			t.Errorf("%+v is to be looked into", d)
		}
	}
	task := func(i int) store.Task { return readTask(t, s, store.Task{Org: h.Org, ID: dials[i].Task}) }
	for i, want := range []store.Status{store.Failed, store.Failed, store.InProgress, store.InProgress} {
		same(t, fmt.Sprintf("task %d", i), task(i).Status, want)
	}
	_, _, err = s.ResetTask(ctx, h.Org, dials[1].Task, start.Add(3*time.Hour))
	ok(t, err)

	same(t, "reopened", beat(t, s, "dead"), 2)
	same(t, "the task that goes on", task(0).Status, store.InProgress)
	same(t, "its error", task(0).Error, "")
	same(t, "the task that was planned anew", task(1).Status, store.Pending)
	d, err := s.Dial(ctx, kept.ID)
	ok(t, err)
	same(t, "the dial that goes on", d.State, store.DialPlaced)
	d, err = s.Dial(ctx, anew.ID)
	ok(t, err)
	same(t, "the dial that nobody asks for", d.State, store.DialOver)
	for _, c := range []store.Call{kept, anew} {
		ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: c.ID, Status: store.Completed, End: store.End{Cause: "agent", Ended: start.Add(4 * time.Hour)}}}}))
	}
	same(t, "the task whose call ended well", task(0).Status, store.Completed)
	same(t, "the other", task(1).Status, store.Pending)
	for status, want := range map[store.Status]int64{store.Pending: 2, store.InProgress: 2, store.Completed: 1, store.Failed: 0} { // one is the house's
		if _, total, err := s.Tasks(ctx, h.Org, store.TaskFilter{Status: status}, all); err != nil || total != want {
			t.Errorf("%d tasks %s (%v), want %d", total, status, err, want)
		}
	}

	// The carrier said that a call was over of which its node, which was cut off, had not told that it was answered.
	lost := dials[3]
	_, err = s.PlaceDial(ctx, lost.Call, "CA"+lost.Call, start.Add(5*time.Hour))
	ok(t, err)
	ok(t, s.GoneDial(ctx, lost.Call, start.Add(4*time.Hour), start.Add(5*time.Hour)))
	done, err := s.SettleDial(ctx, store.Ended{Call: lost.Call, Status: store.Failed, End: store.End{Cause: "carrier", Ended: start.Add(5 * time.Hour)}}, time.Time{})
	ok(t, err)
	same(t, "settled", done, true)
	c, err := s.Call(ctx, h.Org, lost.Call)
	ok(t, err)
	c.Number, c.Status, c.Node, c.Boot, c.Answered, c.End = 0, store.InProgress, "dir of dead", "dead", start.Add(3*time.Hour), store.End{}
	end := store.Ended{Call: c.ID, Status: store.Completed, Messages: []store.Message{newMessage(c.ID, 0)}, End: store.End{Cause: "caller", Ended: start.Add(4 * time.Hour)}}
	ok(t, s.Record(ctx, []store.Entry{{Began: &c}, {Ended: &end}}))
	c.Status, c.End = store.Completed, end.End
	same(t, "the call of which nothing was known", readCall(t, s, h.Org, c.ID), c)
	same(t, "its task", task(3).Status, store.Completed)
}

func testErrands(t *testing.T, s Store) {
	ctx := t.Context()
	var sent []store.Errand
	for i := range 3 {
		e := store.Errand{ID: store.NewID(), Boot: "one", Task: fmt.Sprintf(`{"n": %d}`, i)}
		ok(t, s.SendErrand(ctx, e))
		sent = append(sent, e)
	}
	ok(t, s.SendErrand(ctx, store.Errand{ID: store.NewID(), Boot: "two", Task: "x"}))
	got, err := s.Errands(ctx, "one", 10)
	ok(t, err)
	same(t, "errands", got, sent)
	got, err = s.Errands(ctx, "one", 2)
	ok(t, err)
	same(t, "some errands", got, sent[:2])
	answer, err := s.ErrandAnswer(ctx, sent[0].ID)
	ok(t, err)
	same(t, "an answer that there is not", answer, "")
	ok(t, s.AnswerErrand(ctx, sent[0].ID, "done"))
	ok(t, s.AnswerErrand(ctx, sent[0].ID, "done again"))
	answer, err = s.ErrandAnswer(ctx, sent[0].ID)
	ok(t, err)
	same(t, "the first answer", answer, "done")
	ok(t, s.DropErrand(ctx, sent[0].ID))
	ok(t, s.DropErrand(ctx, sent[1].ID))
	ok(t, s.AnswerErrand(ctx, sent[1].ID, "late"))
	_, err = s.ErrandAnswer(ctx, sent[1].ID)
	is(t, err, store.ErrNotFound)
	got, err = s.Errands(ctx, "one", 10)
	ok(t, err)
	same(t, "errands that are left", got, sent[2:])
}
