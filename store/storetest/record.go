package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/store"
)

// readCall is a call as the database has it, without its number.
func readCall(t tb, s Store, org, id string) store.Call {
	t.Helper()
	c, err := s.Call(t.Context(), org, id)
	ok(t, err)
	if c.Number <= 0 {
		t.Errorf("a call has number %d", c.Number)
	}
	c.Number = 0
	return c
}

func testCall(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	same(t, "ended call", readCall(t, s, h.Org, h.Call.ID), h.Call)
	c := newCall(h.Org)
	c.Agent, c.AgentVersion, c.Task, c.Direction, c.Status, c.Answered = "agent", 7, "task", store.Outbound, store.Initiated, time.Time{}
	ok(t, s.Record(ctx, []store.Entry{{Began: &c}}))
	same(t, "call", readCall(t, s, h.Org, c.ID), c)
	changed := c
	changed.From = "somebody else"
	ok(t, s.Record(ctx, []store.Entry{{Began: &changed}, {Began: &changed}}))
	same(t, "call that began twice", readCall(t, s, h.Org, c.ID), c)

	messages, err := s.Transcript(ctx, h.Org, c.ID)
	ok(t, err)
	turns, err := s.Turns(ctx, h.Org, c.ID)
	ok(t, err)
	if len(messages) != 0 || len(turns) != 0 {
		t.Errorf("a call that has just begun has %v, %v", messages, turns)
	}
	_, err = s.Recording(ctx, h.Org, c.ID)
	is(t, err, store.ErrNotFound)
	ok(t, s.Record(ctx, nil))
}

func testTurned(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	c := newCall(h.Org)
	first := store.Turned{Turn: newTurn(c.ID, 1), Messages: []store.Message{newMessage(c.ID, 0), newMessage(c.ID, 1)}}
	first.Collected = map[string]string{"day": "2026-11-24", "name": "Zoë \"Z\" O'Neil"}
	second := store.Turned{Turn: store.Turn{Call: c.ID, N: 2, Why: "silence"}, Messages: []store.Message{newMessage(c.ID, 2)}}
	ok(t, s.Record(ctx, []store.Entry{{Began: &c}, {Turned: &first}}))
	ok(t, s.Record(ctx, []store.Entry{{Turned: &second}, {Turned: &second}}))
	twice := store.Turned{Turn: store.Turn{Call: c.ID, N: 1, Why: "keys"}, Messages: []store.Message{newMessage(c.ID, 9)}}
	ok(t, s.Record(ctx, []store.Entry{{Turned: &twice}}))
	turns, err := s.Turns(ctx, h.Org, c.ID)
	ok(t, err)
	same(t, "turns", turns, []store.Turn{first.Turn, second.Turn})
	messages, err := s.Transcript(ctx, h.Org, c.ID)
	ok(t, err)
	same(t, "transcript", messages, slices.Concat(first.Messages, second.Messages))

	same(t, "collected", readCall(t, s, h.Org, c.ID).Collected, first.Collected)
	third := store.Turned{Turn: newTurn(c.ID, 3), Collected: map[string]string{"name": "Zoë"}}
	ok(t, s.Record(ctx, []store.Entry{{Turned: &third}, {Turned: &first}, {Turned: &twice}}))
	same(t, "collected later", readCall(t, s, h.Org, c.ID).Collected, third.Collected)
	list, _, err := s.Calls(ctx, h.Org, store.CallFilter{Status: store.InProgress}, all)
	ok(t, err)
	same(t, "collected, in a list", list[0].Collected, third.Collected)
	ok(t, s.Record(ctx, []store.Entry{{Turned: &store.Turned{Turn: newTurn(c.ID, 4), Collected: map[string]string{}}}}))
	same(t, "collected no more", readCall(t, s, h.Org, c.ID).Collected, map[string]string(nil))
}

func testEnded(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	c := newCall(h.Org)
	turned := store.Turned{Turn: newTurn(c.ID, 1), Messages: []store.Message{newMessage(c.ID, 0), newMessage(c.ID, 1), newMessage(c.ID, 2)},
		Collected: map[string]string{"day": "2026-11-24"}}
	ok(t, s.Record(ctx, []store.Entry{{Began: &c}, {Turned: &turned}}))
	corrected := newMessage(c.ID, 1)
	corrected.Text = "what was heard of it"
	ended := store.Ended{Call: c.ID, Status: store.Failed, End: end(9 * time.Second),
		Messages: []store.Message{newMessage(c.ID, 0), corrected}, Recording: newRecording(c.ID)}
	ok(t, s.Record(ctx, []store.Entry{{Ended: &ended}}))
	c.Status, c.End, c.Collected = ended.Status, ended.End, turned.Collected
	check := func() {
		t.Helper()
		same(t, "call", readCall(t, s, h.Org, c.ID), c)
		messages, err := s.Transcript(ctx, h.Org, c.ID)
		ok(t, err)
		same(t, "transcript", messages, ended.Messages)
		turns, err := s.Turns(ctx, h.Org, c.ID)
		ok(t, err)
		same(t, "turns", turns, []store.Turn{turned.Turn})
		r, err := s.Recording(ctx, h.Org, c.ID)
		ok(t, err)
		same(t, "recording", r, *ended.Recording)
		_, total, err := s.Calls(ctx, h.Org, store.CallFilter{Status: store.Failed}, all)
		ok(t, err)
		if total != 1 {
			t.Errorf("%d failed calls, want 1", total)
		}
	}
	check()
	again := store.Ended{Call: c.ID, Status: store.Completed, End: end(time.Second), Recording: &store.Recording{Call: c.ID, Path: "elsewhere"}}
	late := store.Turned{Turn: newTurn(c.ID, 2), Messages: []store.Message{newMessage(c.ID, 3)}, Collected: map[string]string{"day": "never"}}
	ok(t, s.Record(ctx, []store.Entry{{Turned: &late}, {Ended: &again}}))
	check()
	ok(t, s.Record(ctx, []store.Entry{{Began: &c}, {Turned: &turned}, {Ended: &ended}}))
	check()
	atLast := newCall(h.Org)
	turned.Turn.Call, turned.Messages = atLast.ID, nil
	ok(t, s.Record(ctx, []store.Entry{{Began: &atLast}, {Turned: &turned}, {Ended: &store.Ended{
		Call: atLast.ID, Status: store.Completed, End: end(time.Second), Collected: map[string]string{"day": "2026-11-25"}}}}))
	same(t, "collected at last", readCall(t, s, h.Org, atLast.ID).Collected, map[string]string{"day": "2026-11-25"})
}

func testCrashed(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	calls := map[string]*store.Call{}
	for _, name := range []string{"silent", "spoke", "ringing", "answered", "other node", "new boot"} {
		c := newCall(h.Org)
		c.Agent = "agent"
		calls[name] = &c
	}
	calls["ringing"].Answered, calls["ringing"].Status = time.Time{}, store.Initiated
	calls["other node"].Node = "other"
	calls["new boot"].Boot = "boot 2"
	var entries []store.Entry
	for _, c := range calls {
		entries = append(entries, store.Entry{Began: c})
	}
	turn := newTurn(calls["spoke"].ID, 1)
	message := store.Message{Call: turn.Call, Seq: 0, Role: "caller", Text: "hello?", At: 4 * time.Second, Length: 250 * time.Millisecond}
	silent := newTurn(calls["silent"].ID, 1) // speech of which no message tells
	entries = append(entries, store.Entry{Turned: &store.Turned{Turn: turn, Messages: []store.Message{message}}}, store.Entry{Turned: &store.Turned{Turn: silent}})
	ok(t, s.Record(ctx, entries))

	unknown := store.NewID()
	crash := store.Entry{Crashed: &store.Crashed{Node: "node", Boot: "boot 2", Recordings: map[string]store.Recording{
		turn.Call: *newRecording(turn.Call), unknown: *newRecording(unknown), h.Call.ID: {Call: h.Call.ID, Path: "elsewhere"},
		calls["new boot"].ID: *newRecording(calls["new boot"].ID)}}}
	ok(t, s.Record(ctx, []store.Entry{crash}))
	for name, length := range map[string]time.Duration{"silent": silent.At + silent.Sounded, "spoke": message.At + message.Length, "answered": 0, "ringing": 0} {
		c := calls[name]
		c.Status, c.End = store.Failed, store.End{Ended: c.Answered.Add(length).Truncate(time.Microsecond), Length: length, Cause: store.CauseCrash}
		if name == "ringing" {
			c.Ended = c.Created
		}
	}
	calls["silent"].Turns, calls["spoke"].Turns = 1, 1
	check := func() {
		t.Helper()
		for name, c := range calls {
			same(t, name, readCall(t, s, h.Org, c.ID), *c)
		}
		_, total, err := s.Calls(ctx, h.Org, store.CallFilter{Agent: "agent", Status: store.Failed}, all)
		ok(t, err)
		if total != 4 {
			t.Errorf("%d failed calls, want 4", total)
		}
		r, err := s.Recording(ctx, h.Org, turn.Call)
		ok(t, err)
		same(t, "repaired recording", r, *newRecording(turn.Call))
		r, err = s.Recording(ctx, h.Org, h.Call.ID)
		ok(t, err)
		same(t, "recording of a call that had ended", r, *newRecording(h.Call.ID))
		for _, none := range []string{calls["new boot"].ID, unknown} {
			_, err = s.Recording(ctx, h.Org, none)
			is(t, err, store.ErrNotFound)
		}
		messages, err := s.Transcript(ctx, h.Org, turn.Call)
		ok(t, err)
		same(t, "transcript", messages, []store.Message{message})
	}
	check()
	ok(t, s.Record(ctx, append(entries, crash))) // all of it again
	check()

	// The next start ends what the second boot began; the second boot's entry, repeated after it, must not end the third's calls.
	third := newCall(h.Org)
	third.Boot = "boot 3"
	ok(t, s.Record(ctx, []store.Entry{{Crashed: &store.Crashed{Node: "node", Boot: "boot 3"}}, {Began: &third}, crash}))
	same(t, "the third boot's", readCall(t, s, h.Org, third.ID), third)
	if c := readCall(t, s, h.Org, calls["new boot"].ID); c.Status != store.Failed {
		t.Errorf("the second boot's call is %s", c.Status)
	}
}

func testRefused(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	nowhere, c := newCall(store.NewID()), newCall(h.Org)
	strange, unnamed := newCall(h.Org), newCall(h.Org)
	strange.Status, unnamed.ID = "ringing", ""
	for name, e := range map[string]store.Entry{
		"empty":                   {},
		"two fields":              {Began: &c, Ended: &store.Ended{Call: c.ID, Status: store.Completed}},
		"two fields and a crash":  {Began: &c, Crashed: &store.Crashed{Node: "n", Boot: "b"}},
		"no such organisation":    {Began: &nowhere},
		"strange status":          {Began: &strange},
		"no id":                   {Began: &unnamed},
		"a turn of no call":       {Turned: &store.Turned{Turn: newTurn(store.NewID(), 1)}},
		"an end of no call":       {Ended: &store.Ended{Call: store.NewID(), Status: store.Completed}},
		"an end that is not over": {Ended: &store.Ended{Call: h.Call.ID, Status: store.InProgress}},
	} {
		good := newCall(h.Org)
		is(t, s.Record(ctx, []store.Entry{{Began: &good}, e}), store.ErrRefused)
		is(t, s.Record(ctx, []store.Entry{e}), store.ErrRefused)
		if _, err := s.Call(ctx, h.Org, good.ID); err == nil {
			t.Errorf("%s: half of it was kept", name)
		}
		ok(t, s.Record(ctx, []store.Entry{{Began: &good}}))
	}
	_, total, err := s.Calls(ctx, h.Org, store.CallFilter{Status: store.InProgress}, all)
	ok(t, err)
	if total != 9 {
		t.Errorf("%d calls in progress, want 9", total)
	}
}

func testText(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	for name, text := range map[string][2]string{
		"emoji":         {"👩‍👩‍👧 \U0001F1E9\U0001F1EA ok", "👩‍👩‍👧 \U0001F1E9\U0001F1EA ok"},
		"quotes":        {`'; DROP TABLE calls; -- \' "$1"`, `'; DROP TABLE calls; -- \' "$1"`},
		"NUL":           {"a\x00b", "a\uFFFDb"},
		"invalid UTF-8": {"a\xff\xfeb", "a\uFFFDb"},
		"huge":          {strings.Repeat("wörter ", 500_000), strings.Repeat("wörter ", 500_000)},
	} {
		in, want := text[0], text[1]
		c := newCall(h.Org)
		c.From, c.CarrierID = in, in
		turned := store.Turned{Turn: store.Turn{Call: c.ID, N: 1, Text: in, Error: in, Latency: map[string]int64{in[:3]: 1}},
			Messages: []store.Message{{Call: c.ID, Text: in}}}
		ok(t, s.Record(ctx, []store.Entry{{Began: &c}, {Turned: &turned}}))
		if got := readCall(t, s, h.Org, c.ID); got.From != want || got.CarrierID != want {
			t.Errorf("%s: a call is from %.40q, want %.40q", name, got.From, want)
		}
		turns, err := s.Turns(ctx, h.Org, c.ID)
		ok(t, err)
		messages, err := s.Transcript(ctx, h.Org, c.ID)
		ok(t, err)
		if turns[0].Text != want || turns[0].Error != want || messages[0].Text != want || len(turns[0].Latency) != 1 {
			t.Errorf("%s: a turn is %.40q, a message %.40q; want %.40q", name, turns[0].Text, messages[0].Text, want)
		}
		a, err := s.CreateAgent(ctx, store.Agent{ID: store.NewID(), Org: h.Org, Name: in, SystemPrompt: in, Created: start})
		ok(t, err)
		if a.Name != want || a.SystemPrompt != want {
			t.Errorf("%s: an agent is %.40q, want %.40q", name, a.Name, want)
		}
		_, err = s.Call(ctx, h.Org, in)
		is(t, err, store.ErrNotFound)
	}
}

func testCallList(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	same(t, "total of nobody", total(t, s, store.NewID(), store.CallFilter{}), int64(0))
	agents, tasks := []string{"", "agent 1", "agent 2"}, []string{"", "task 1", "task 2"}
	statuses := []store.Status{store.Initiated, store.InProgress, store.Completed, store.Failed}
	want := []store.Call{h.Call}
	for i := range 60 {
		c := newCall(h.Org)
		c.Agent, c.Task, c.Status = agents[i%3], tasks[i/2%3], statuses[i/3%4]
		want = append(want, c)
	}
	slices.Reverse(want)
	var entries []store.Entry
	for i := range want[:60] {
		entries = append(entries, store.Entry{Began: &want[i*7%60]}) // in no order
	}
	ok(t, s.Record(ctx, entries))
	for _, agent := range append(agents, "agent 3", h.Call.Agent) {
		for _, task := range append(tasks, "task 3") {
			for _, status := range append(statuses, "") {
				f := store.CallFilter{Agent: agent, Task: task, Status: status}
				checkList(t, s, h.Org, f, want, store.Page{Limit: 3}, store.Page{Limit: 100}, store.Page{Limit: 4, Offset: 3}, store.Page{Limit: 2, Offset: 1000})
			}
		}
	}
}

func total(t tb, s Store, org string, f store.CallFilter) int64 {
	t.Helper()
	_, n, err := s.Calls(t.Context(), org, f, store.Page{Limit: 1})
	ok(t, err)
	return n
}

// checkList compares pages of a filtered list, and its total, with all calls, newest first.
func checkList(t tb, s Store, org string, f store.CallFilter, calls []store.Call, pages ...store.Page) {
	t.Helper()
	want := slices.DeleteFunc(slices.Clone(calls), func(c store.Call) bool {
		return f.Agent != "" && c.Agent != f.Agent || f.Task != "" && c.Task != f.Task || f.Status != "" && c.Status != f.Status
	})
	for _, p := range pages {
		got, total, err := s.Calls(t.Context(), org, f, p)
		ok(t, err)
		for i := range got {
			got[i].Number = 0
		}
		same(t, fmt.Sprintf("page %v of %+v", p, f), got, part(want, p))
		if total != int64(len(want)) {
			t.Errorf("total %d of %+v, want %d", total, f, len(want))
		}
	}
}

// testRecordAtOnce: several nodes record at once, each its own calls, and all of them the same ones, step by step and in different orders.
func testRecordAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	const nodes, rounds = 6, 12
	var common [rounds][2][]store.Entry
	for i := range common {
		common[i] = [2][]store.Entry{life(newCall(h.Org)), life(newCall(h.Org))}
	}
	for _, round := range common {
		for step := range round[0] {
			var w sync.WaitGroup
			for n := range nodes {
				w.Go(func() {
					own := newCall(h.Org)
					own.Agent = fmt.Sprint("agent ", (n+step)%3)
					batch := append(life(own), round[n%2][step], round[(n+1)%2][step])
					if err := s.Record(ctx, batch); err != nil {
						t.Error(err)
					}
				})
			}
			w.Wait()
		}
	}
	for status, want := range map[store.Status]int64{store.InProgress: 0, store.Completed: 1 + 2*rounds + 3*nodes*rounds, "": 1 + 2*rounds + 3*nodes*rounds} {
		list, n, err := s.Calls(ctx, h.Org, store.CallFilter{Status: status}, store.Page{Limit: 1000})
		ok(t, err)
		if n != want || int64(len(list)) != want {
			t.Errorf("total of %q is %d, and %d are listed; want %d", status, n, len(list), want)
		}
	}
	for _, round := range common {
		for _, entries := range round {
			c := entries[len(entries)-1].Ended
			messages, err := s.Transcript(ctx, h.Org, c.Call)
			ok(t, err)
			if len(messages) != len(c.Messages) {
				t.Errorf("transcript %v, want %v", messages, c.Messages)
			}
		}
	}
}

// life is all that a call leaves behind.
func life(c store.Call) []store.Entry {
	return []store.Entry{
		{Began: &c},
		{Turned: &store.Turned{Turn: newTurn(c.ID, 1), Messages: []store.Message{newMessage(c.ID, 0)}}},
		{Ended: &store.Ended{Call: c.ID, Status: store.Completed, End: end(time.Second), Messages: []store.Message{newMessage(c.ID, 0), newMessage(c.ID, 1)}}},
	}
}
