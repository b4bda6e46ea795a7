package webrtc

import (
	"iter"
	"sync/atomic"
)

// Stats counts what browsers have asked for. Anybody may read it at any time.
type Stats struct {
	Opened      atomic.Uint64 // calls that were answered with 201
	Unconnected atomic.Uint64 // of these: browsers that did not come, or had no keys
	Restarts    atomic.Uint64 // of ICE
	Messages    atomic.Uint64 // of data channels
	Panics      atomic.Uint64 // calls ended by a bug
	Refused     [refusals]atomic.Uint64
}

// A Refusal says why a request was turned away.
type Refusal uint8

// The refusals.
const (
	RefusedToken  Refusal = iota // none, or one that is wrong, used or late
	RefusedOffer                 // no offer, or one of something else; also fragments
	RefusedType                  // a body of another type
	RefusedBusy                  // draining, at capacity, or closed
	RefusedGone                  // of a call that there is not, or not any more
	RefusedEtag                  // of another generation of ICE
	RefusedFailed                // our own fault
	refusals
)

// String is the reason as one word for logs and labels.
func (r Refusal) String() string {
	return [refusals]string{"token", "offer", "type", "busy", "gone", "etag", "failed"}[r]
}

// All yields each counter but Refused with its name in snake case.
func (s *Stats) All() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for _, c := range [...]struct {
			name string
			n    *atomic.Uint64
		}{
			{"opened", &s.Opened}, {"unconnected", &s.Unconnected}, {"restarts", &s.Restarts}, {"messages", &s.Messages}, {"panics", &s.Panics},
		} {
			if !yield(c.name, c.n.Load()) {
				return
			}
		}
	}
}

// AllRefused yields how many were turned away, by reason.
func (s *Stats) AllRefused() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for r := range refusals {
			if !yield(r.String(), s.Refused[r].Load()) {
				return
			}
		}
	}
}
