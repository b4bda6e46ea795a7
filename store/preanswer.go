package store

import (
	"context"
	"time"
)

// A PreAnswer is what came of asking about a call before it was answered.
type PreAnswer struct {
	Outcome  string        `json:"outcome"`            // heeded, empty, rejected, or why there is none: see control/preanswer
	Fallback string        `json:"fallback,omitempty"` // what was done where there is none: agent, reject
	Status   int           `json:"status,omitempty"`   // HTTP status of the last try; 0: there was no answer
	Tries    int           `json:"tries,omitempty"`
	Took     time.Duration `json:"took,omitempty"`  // all tries together
	Error    string        `json:"error,omitempty"` // what was wrong

	Agent     string            `json:"agent,omitempty"` // that was chosen; empty: the number's own
	Greeting  string            `json:"greeting,omitempty"`
	Variables map[string]string `json:"variables,omitempty"`
	Reject    string            `json:"reject,omitempty"` // why the call was not taken: busy, rejected; empty: it was
}

// A KeptPreAnswer is a PreAnswer on its way to the node where the call's sound comes.
type KeptPreAnswer struct {
	Leg, CarrierID string // of the call that is not there yet
	Call           string // what its id will be
	Org            string
	Answer         PreAnswer
	Expires        time.Time
}

// PreAnswers pass answers from the node that asked to the node where the sound comes. They belong to the server, not to a client.
type PreAnswers interface {
	// KeepPreAnswer keeps an answer, in place of an earlier one for the same call, and removes what has expired by now.
	KeepPreAnswer(ctx context.Context, p KeptPreAnswer, now time.Time) error
	// PreAnswer finds one that has not expired: ErrNotFound if there is none.
	PreAnswer(ctx context.Context, leg, carrierID string, now time.Time) (KeptPreAnswer, error)
}
