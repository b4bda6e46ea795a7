package stream

import (
	"iter"
	"sync/atomic"
)

// Stats counts what happened on all sockets and webhooks of a carrier. Anybody may read it at any time.
type Stats struct {
	MessagesIn   atomic.Uint64 // WebSocket messages
	MessagesOut  atomic.Uint64 // messages sent or queued: sound, marks, clears
	Unknown      atomic.Uint64 // well-formed messages of no use to us
	Malformed    atomic.Uint64 // messages that made no sense
	Oversized    atomic.Uint64 // streams closed because of a message beyond Limits.Message
	Violations   atomic.Uint64 // streams closed because of any breach of the protocol, Oversized included
	Dropped      atomic.Uint64 // streams lost because the carrier did not take our messages in time
	ForeignMarks atomic.Uint64 // marks that came back and were not ours
	OtherTrack   atomic.Uint64 // media of a track that is not the caller's
	Gaps         atomic.Uint64 // places where the caller's audio was lost
	ClockSets    atomic.Uint64 // timestamps that fitted neither the count of samples nor a loss
	Overtaken    atomic.Uint64 // messages of sound that others had overtaken, and that came in time
	Late         atomic.Uint64 // messages of sound whose turn was over, or that had come before
	Panics       atomic.Uint64 // calls ended by a bug
	StreamErrors atomic.Uint64 // stream-error callbacks
	Refused      [refusals]atomic.Uint64
}

// A Refusal says why a request or a stream was turned away.
type Refusal uint8

// The refusals.
const (
	RefusedSignature    Refusal = iota // no signature, or a wrong one
	RefusedOrigin                      // a browser's upgrade
	RefusedHandshake                   // not a WebSocket upgrade
	RefusedBusy                        // draining, at capacity, or closed
	RefusedForm                        // a webhook that is too large or lacks a field
	RefusedNoStart                     // no start in time, or something else instead
	RefusedFormat                      // a start for another account, or not mu-law at 8 kHz
	RefusedToken                       // a token that is missing, wrong, used, late or another call's
	RefusedSecondStream                // the call has a stream already
	RefusedUnwanted                    // a call that was placed, and that nobody waits for any more
	refusals
)

var refusalNames = [refusals]string{"signature", "origin", "handshake", "busy", "form", "no_start", "format", "token", "second_stream", "unwanted"}

// String is the reason as one word for logs and labels.
func (r Refusal) String() string { return refusalNames[r] }

// All yields each counter but Refused with its name in snake case.
func (s *Stats) All() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for _, c := range [...]struct {
			name string
			n    *atomic.Uint64
		}{
			{"messages_in", &s.MessagesIn}, {"messages_out", &s.MessagesOut}, {"unknown", &s.Unknown}, {"malformed", &s.Malformed},
			{"oversized", &s.Oversized}, {"violations", &s.Violations}, {"dropped", &s.Dropped}, {"foreign_marks", &s.ForeignMarks},
			{"other_track", &s.OtherTrack}, {"gaps", &s.Gaps}, {"clock_sets", &s.ClockSets}, {"panics", &s.Panics},
			{"stream_errors", &s.StreamErrors}, {"overtaken", &s.Overtaken}, {"late", &s.Late},
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
