package access

import (
	"time"

	"parley/store"
)

// shelfSize is the most answers that a shelf keeps.
const shelfSize = 10_000

// A shelf keeps answers by hash, each until its time is over. It has two generations: when the young one is full, the old one is dropped
// whole and the young one is the old. So it is bounded, and neither a search nor a goroutine tidies it up.
type shelf struct{ young, old map[string]answer }

type answer struct {
	key   *store.Key // nil: there is none
	until time.Time
}

// get is the answer that is kept for a hash, if its time is not over.
func (s *shelf) get(hash string, now time.Time) (*store.Key, bool) {
	a, ok := s.young[hash]
	if !ok {
		a, ok = s.old[hash]
	}
	if !ok || !now.Before(a.until) {
		return nil, false
	}
	return a.key, true
}

// put keeps an answer.
func (s *shelf) put(hash string, key *store.Key, until time.Time) {
	if s.young == nil || len(s.young) >= shelfSize/2 {
		s.young, s.old = make(map[string]answer), s.young
	}
	s.young[hash] = answer{key, until}
}

// drop forgets an answer.
func (s *shelf) drop(hash string) {
	delete(s.young, hash)
	delete(s.old, hash)
}
