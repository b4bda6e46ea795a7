package live

import (
	"slices"

	"parley/store"
)

// A Reader reads one call. It is for one goroutine; any may Close it.
type Reader struct {
	t      *transcript
	done   func()
	begun  bool
	seen   uint64 // the version that it has taken
	status int    // how many of the statuses
	finals int    // how many of the final entries
	shown  []Entry
}

// An Update is what has changed for a reader since its last one. The first has all that there is.
type Update struct {
	Call     store.Call     // as it stands
	Statuses []store.Status // that it has had since, in order; of the first Update: where it stands
	Stance   Stance         // as it stands
	Entries  []Entry        // new or changed: final ones first, each exactly once and in order
	Gone     []Key          // of interim entries that have come to nothing
	Missed   int            // changes that were folded into this one: interim states that the reader did not see
	Over     bool           // nothing follows
}

// reader begins to read.
func (t *transcript) reader(follow func(string) func(), done func()) *Reader {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heed(1, follow)
	return &Reader{t: t, done: done}
}

// Close ends the reading. Closing it again does nothing.
func (r *Reader) Close() {
	r.t.mu.Lock()
	done := r.done
	if r.done = nil; done != nil {
		r.t.heed(-1, nil)
	}
	r.t.mu.Unlock()
	if done != nil {
		done()
	}
}

// Take returns what has changed since it was last called, and a channel that is closed when more has. It never waits.
func (r *Reader) Take() (u Update, news bool, more <-chan struct{}) {
	t := r.t
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.begun && r.seen == t.version {
		return Update{Over: t.over}, false, t.changed
	}
	u = Update{Call: t.call, Stance: t.stance, Over: t.over}
	if r.begun {
		u.Statuses = t.statuses[r.status:len(t.statuses):len(t.statuses)]
		u.Missed = int(t.version - r.seen - 1) //nolint:gosec // as many as there were
	} else {
		u.Statuses = t.statuses[len(t.statuses)-1 : len(t.statuses) : len(t.statuses)]
	}
	u.Entries = slices.Clone(t.finals[r.finals:])
	for _, e := range t.interim {
		if !slices.Contains(r.shown, e) {
			u.Entries = append(u.Entries, e)
		}
	}
	for _, e := range r.shown {
		same := func(now Entry) bool { return now.Key == e.Key }
		if !slices.ContainsFunc(t.interim, same) && !slices.ContainsFunc(t.finals[r.finals:], same) {
			u.Gone = append(u.Gone, e.Key)
		}
	}
	r.begun, r.seen, r.status, r.finals, r.shown = true, t.version, len(t.statuses), len(t.finals), t.interim
	return u, true, t.changed
}
