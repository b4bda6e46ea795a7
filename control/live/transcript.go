package live

import (
	"maps"
	"slices"
	"sync"

	"parley/pipeline"
	"parley/store"
)

// A Key names an entry for as long as a call lasts: the third thing that the caller said is caller 3, while it is said and for good.
type Key struct {
	Role string // as in store.Message
	N    int    // from 1
}

// An Entry is a line of a live transcript. Until it is final it may change, and go.
type Entry struct {
	store.Message
	Key   Key
	Final bool
}

// A Stance is what a call has been ordered to from outside, and is still in.
type Stance struct {
	Held  bool `json:"held,omitempty"`  // the agent stops until it is told to go on
	Muted bool `json:"muted,omitempty"` // the agent hears nothing of the caller
}

// after is the stance that an event leads to. An order that is refused is told as one, and then of as failed.
func (s Stance) after(e pipeline.Event) Stance {
	order := pipeline.CommandKind(e.Text)
	switch {
	case e.Kind == pipeline.Unbridged, e.Kind == pipeline.CommandFailed && order == pipeline.Hold:
		s.Held = false
	case e.Kind == pipeline.Commanded && (order == pipeline.Hold || order == pipeline.Unhold):
		s.Held = order == pipeline.Hold
	case e.Kind == pipeline.Commanded && (order == pipeline.Mute || order == pipeline.Unmute):
		s.Muted = order == pipeline.Mute
	}
	return s
}

// A transcript is what is known of one call. A call that lives here is told by its events; another one, by its mirror.
type transcript struct {
	org, id string
	readers int // guarded by the Desk

	mu       sync.Mutex // held for as long as it takes to copy what has changed
	call     store.Call
	version  uint64         // grows with each change
	statuses []store.Status // those that it has had, since it is known here
	finals   []Entry
	counts   map[string]int // of finals, by role
	interim  []Entry
	stance   Stance
	over     bool          // nothing changes any more
	changed  chan struct{} // closed with each change

	teller   *teller // nil: it lives elsewhere
	watchers int     // readers, and other nodes
	leave    func()  // those who follow it; nil: nobody does
	share    share   // with other nodes
}

func newTranscript(c store.Call) *transcript {
	return &transcript{
		org: c.Org, id: c.ID, call: c, statuses: []store.Status{c.Status}, counts: make(map[string]int), changed: make(chan struct{}),
	}
}

// settleHere makes it a call that lives here.
func (t *transcript) settleHere(c store.Call, follow func(string) func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.teller != nil || t.over {
		return
	}
	t.call, t.teller = c, &teller{call: c.ID}
	t.status(c.Status)
	t.heed(0, follow)
	t.touch()
}

// heed counts those who watch, and follows a call that lives here while there are any.
func (t *transcript) heed(more int, follow func(string) func()) {
	t.watchers += more
	switch wanted := t.watchers > 0 && t.teller != nil && !t.over; {
	case wanted && t.leave == nil && follow != nil:
		t.leave = follow(t.id)
	case !wanted && t.leave != nil:
		t.leave()
		t.leave = nil
	}
}

// take notes what has happened on a call that lives here.
func (t *transcript) take(e pipeline.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.teller == nil || t.over {
		return
	}
	news := t.teller.take(e)
	if e.Kind == pipeline.CallEnded && e.Ending != nil {
		t.settle(news)
		t.interim, t.over = nil, true
		t.status(statusOf(e.Ending))
		t.heed(0, nil)
		t.touch()
		return
	}
	t.settle(news)
	before := t.stance
	t.stance = before.after(e)
	if t.guess(t.teller.interim(len(t.finals))) || len(news) > 0 || t.stance != before {
		t.touch()
	}
}

// touch wakes those who wait for a change. The caller holds mu, as for the methods that follow.
func (t *transcript) touch() {
	t.version++
	close(t.changed)
	t.changed = make(chan struct{})
}

// status notes where the call stands. What is late does not lead back.
func (t *transcript) status(s store.Status) {
	last := t.statuses[len(t.statuses)-1]
	if stage(s) > stage(last) {
		t.statuses, last = append(t.statuses, s), s
	}
	t.call.Status = last
}

// stage is how far a call has come.
func stage(s store.Status) int {
	switch {
	case s == store.Initiated:
		return 0
	case s.Final():
		return 2
	}
	return 1
}

// settle adds final entries: those of messages that are not there yet. It says whether there were any.
func (t *transcript) settle(messages []store.Message) bool {
	n := len(t.finals)
	for _, m := range messages {
		if m.Seq != len(t.finals) {
			continue // it is there, or one before it is not: then it comes again
		}
		t.counts[m.Role]++
		t.finals = append(t.finals, Entry{m, Key{m.Role, t.counts[m.Role]}, true})
	}
	return len(t.finals) > n
}

// guess replaces the interim entries. It says whether they have changed.
func (t *transcript) guess(messages []store.Message) bool {
	if slices.EqualFunc(t.interim, messages, func(e Entry, m store.Message) bool { return e.Message == m }) {
		return false
	}
	t.interim = make([]Entry, len(messages)) // readers may have the old ones
	counts := maps.Clone(t.counts)
	for i, m := range messages {
		counts[m.Role]++
		t.interim[i] = Entry{m, Key{m.Role, counts[m.Role]}, false}
	}
	return true
}
