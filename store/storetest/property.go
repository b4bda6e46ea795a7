package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"parley/store"
)

// A model is a Recorder in memory, written for reading: one entry at a time.
type model struct {
	calls map[string]modelCall
	boots map[[2]string]bool
}

type modelCall struct {
	store.Call
	turns     map[int]store.Turn
	messages  map[int]store.Message
	recording *store.Recording
}

func (m model) clone() model {
	m.calls, m.boots = maps.Clone(m.calls), maps.Clone(m.boots)
	for id, c := range m.calls {
		c.turns, c.messages = maps.Clone(c.turns), maps.Clone(c.messages)
		m.calls[id] = c
	}
	return m
}

// record is Record; it returns what the model has become.
func (m model) record(entries []store.Entry) (model, error) {
	next := m.clone()
	for _, e := range entries {
		if err := next.add(e); err != nil {
			return m, err
		}
	}
	return next, nil
}

// takeable are the entries that would not be refused.
func (m model) takeable(entries []store.Entry) (taken []store.Entry) {
	next := m.clone()
	for _, e := range entries {
		if next.add(e) == nil {
			taken = append(taken, e)
		}
	}
	return taken
}

func (m model) add(e store.Entry) error {
	switch {
	case e.Began != nil:
		c, there := m.calls[e.Began.ID]
		switch b := e.Began; {
		case !there:
			m.calls[b.ID] = modelCall{Call: *b, turns: map[int]store.Turn{}, messages: map[int]store.Message{}}
		case c.Status == store.Initiated && b.Status == store.InProgress: // it is answered
			answered := *b
			answered.Agent, answered.Task, answered.Created, answered.Collected = c.Agent, c.Task, c.Created, c.Collected
			c.Call = answered
			m.calls[b.ID] = c
		}
	case e.Turned != nil:
		c, there := m.calls[e.Turned.Turn.Call]
		if !there {
			return store.ErrRefused
		}
		if _, turned := c.turns[e.Turned.Turn.N]; turned || c.Status.Final() {
			return nil
		}
		c.turns[e.Turned.Turn.N] = e.Turned.Turn
		if e.Turned.Collected != nil {
			c.Collected = e.Turned.Collected
			m.calls[c.ID] = c
		}
		for _, message := range e.Turned.Messages {
			c.messages[message.Seq] = message
		}
	case e.Ended != nil:
		c, there := m.calls[e.Ended.Call]
		if !there {
			return store.ErrRefused
		}
		if c.Status.Final() {
			return nil
		}
		c.Status, c.End, c.recording, c.messages = e.Ended.Status, e.Ended.End, e.Ended.Recording, map[int]store.Message{}
		if e.Ended.Collected != nil {
			c.Collected = e.Ended.Collected
		}
		for _, message := range e.Ended.Messages {
			c.messages[message.Seq] = message
		}
		m.calls[c.ID] = c
	case e.Crashed != nil:
		m.crash(*e.Crashed)
	}
	return nil
}

func (m model) crash(e store.Crashed) {
	boot := [2]string{e.Node, e.Boot}
	if m.boots[boot] {
		return
	}
	m.boots[boot] = true
	for id, c := range m.calls {
		if c.Node != e.Node || c.Boot == e.Boot || c.Status.Final() {
			continue
		}
		var last time.Duration
		for _, t := range c.turns {
			last = max(last, t.At+t.Sounded)
		}
		for _, message := range c.messages {
			last = max(last, message.At+message.Length)
		}
		c.Status, c.End = store.Failed, store.End{Ended: c.Answered.Add(last), Length: last, Cause: store.CauseCrash, Turns: len(c.turns)}
		if c.Answered.IsZero() {
			c.Ended, c.Length = c.Created.Add(last), 0
		}
		if r, found := e.Recordings[id]; found {
			c.recording = &r
		}
		m.calls[id] = c
	}
}

// testEntries writes random entries, in random batches of which random ones are repeated, and compares all that can be read.
func testEntries(t *testing.T, s Store) {
	h := fill(t, s)
	rapid.Check(t, func(rt *rapid.T) {
		org, err := s.CreateOrganisation(t.Context(), store.Organisation{ID: store.NewID(), Name: "of one check", Created: start})
		ok(rt, err)
		d := dice{rt, org.ID, store.NewID(), nil}
		for range 6 {
			d.calls = append(d.calls, store.NewID())
		}
		m := model{calls: map[string]modelCall{}, boots: map[[2]string]bool{}}
		var written []store.Entry
		for range rapid.IntRange(1, 8).Draw(rt, "batches") {
			batch := rapid.SliceOfN(rapid.Custom(d.entry), 1, 8).Draw(rt, "batch")
			if len(written) > 0 && d.coin("again") {
				from := rapid.IntRange(0, len(written)-1).Draw(rt, "from")
				batch = slices.Concat(written[from:], batch)
			}
			if d.coin("all in order") {
				batch = m.takeable(batch)
			}
			next, want := m.record(batch)
			if got := s.Record(t.Context(), batch); !errors.Is(got, want) {
				rt.Fatalf("error %v, want %v", got, want)
			}
			if want == nil {
				m, written = next, append(written, batch...)
			}
		}
		ok(rt, s.Record(t.Context(), written))
		d.compare(s, m)
	})
	same(t, "total of the others", total(t, s, h.Org, store.CallFilter{}), int64(1))
}

// dice draw entries about a few calls of two nodes.
type dice struct {
	*rapid.T
	org, node string
	calls     []string
}

func (d dice) coin(label string) bool { return rapid.Bool().Draw(d.T, label) }

func (d dice) entry(rt *rapid.T) store.Entry {
	id := rapid.SampledFrom(d.calls).Draw(rt, "call")
	switch kind := rapid.IntRange(0, 19).Draw(rt, "kind"); {
	case kind < 8:
		c := newCall(d.org)
		c.ID, c.Node, c.Boot = id, d.node, d.boot(rt)
		if rapid.IntRange(0, 3).Draw(rt, "node") == 0 {
			c.Node += "'"
		}
		c.Agent = rapid.SampledFrom([]string{"", "agent 1", "agent 2"}).Draw(rt, "agent")
		c.Task = rapid.SampledFrom([]string{"", "task"}).Draw(rt, "task")
		c.Status = rapid.SampledFrom([]store.Status{store.InProgress, store.Initiated, store.Failed}).Draw(rt, "status")
		if c.Status == store.Initiated {
			c.Answered = time.Time{}
		}
		return store.Entry{Began: &c}
	case kind < 14:
		t := newTurn(id, rapid.IntRange(1, 4).Draw(rt, "n"))
		t.Sounded = 300 * time.Millisecond
		collected := rapid.SampledFrom([]map[string]string{nil, nil, {"day": "1"}, {"day": "2", "name": "Zoë"}}).Draw(rt, "collected")
		return store.Entry{Turned: &store.Turned{Turn: t, Messages: d.messages(rt, id), Collected: collected}}
	case kind < 18:
		e := store.Ended{Call: id, Status: store.Completed, End: end(time.Minute), Messages: d.messages(rt, id)}
		e.Collected = rapid.SampledFrom([]map[string]string{nil, nil, {"day": "3"}}).Draw(rt, "collected")
		if rapid.Bool().Draw(rt, "recorded") {
			e.Recording = newRecording(id)
		}
		return store.Entry{Ended: &e}
	default:
		return store.Entry{Crashed: &store.Crashed{Node: d.node, Boot: d.boot(rt), Recordings: map[string]store.Recording{id: *newRecording(id)}}}
	}
}

func (d dice) boot(rt *rapid.T) string {
	return fmt.Sprint("boot ", rapid.IntRange(1, 3).Draw(rt, "boot"))
}

func (d dice) messages(rt *rapid.T, call string) (messages []store.Message) {
	for _, seq := range rapid.SliceOfN(rapid.IntRange(0, 5), 0, 4).Draw(rt, "seqs") {
		m := newMessage(call, seq)
		m.Text = rapid.SampledFrom([]string{"", "yes", "wörter"}).Draw(rt, "text")
		messages = append(messages, m)
	}
	return messages
}

// compare reads everything, and every list.
func (d dice) compare(s Store, m model) {
	ctx := d.Context()
	var calls []store.Call
	for id, want := range m.calls {
		calls = append(calls, want.Call)
		turns, err := s.Turns(ctx, d.org, id)
		ok(d, err)
		same(d, "turns", turns, byKey(want.turns))
		messages, err := s.Transcript(ctx, d.org, id)
		ok(d, err)
		same(d, "transcript", messages, byKey(want.messages))
		r, err := s.Recording(ctx, d.org, id)
		if want.recording == nil {
			is(d, err, store.ErrNotFound)
		} else {
			same(d, "recording", r, *want.recording)
		}
	}
	slices.SortFunc(calls, func(a, b store.Call) int { return cmp.Compare(b.ID, a.ID) })
	page := store.Page{Limit: rapid.IntRange(0, 8).Draw(d.T, "limit"), Offset: rapid.IntRange(0, 3).Draw(d.T, "offset")}
	for _, agent := range []string{"", "agent 1"} {
		for _, task := range []string{"", "task"} {
			for _, status := range []store.Status{"", store.InProgress, store.Failed, store.Completed} {
				checkList(d, s, d.org, store.CallFilter{Agent: agent, Task: task, Status: status}, calls, page)
			}
		}
	}
}

func byKey[T any](m map[int]T) (list []T) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, m[k])
	}
	return list
}
