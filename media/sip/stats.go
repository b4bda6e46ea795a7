package sip

import (
	"maps"
	"sync"
	"sync/atomic"

	"parley/media/sip/edge"
)

// A Way says who asked whom.
type Way string

// The ways.
const (
	In  Way = "in"
	Out Way = "out"
)

// A Count is how many requests of a method came to which final status; Code 0: none came.
type Count struct {
	Way    Way
	Method string
	Code   int
}

// Stats count what an Agent does. Any goroutine may read them.
type Stats struct {
	Panics atomic.Uint64 // bugs: each has ended one request or one call
	Merged atomic.Uint64 // requests that came twice by different ways (482)

	mu       sync.Mutex
	requests map[Count]uint64
}

// methods are those that are counted under their own names; what far ends make up is "other".
func (s *Stats) count(way Way, method string, code int) {
	switch method {
	case "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY", "REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH":
	default:
		method = "other"
	}
	if code < 0 || code > 699 {
		code = 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.requests == nil {
		s.requests = map[Count]uint64{}
	}
	s.requests[Count{way, method, code}]++
}

// Requests are the counts so far.
func (s *Stats) Requests() map[Count]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// Edge are the counts of the edge: messages that were refused before they cost anything.
func (a *Agent) Edge() edge.Stats { return a.edge.Stats() }

// Dialogs is how many dialogs are open.
func (a *Agent) Dialogs() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.legs)
}
