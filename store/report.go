package store

import (
	"context"
	"time"
)

// A Report is what was made of a call after its end.
type Report struct {
	Call  string
	JSON  string // an object of package control/report
	Rules bool   // made by rules, for want of a model: one that a model makes takes its place
	Made  time.Time
}

// A Retelling is a second transcript of a call, made after its end: by the vendor who held the conversation, or from the recording.
// The first one, of messages, stays beside it.
type Retelling struct {
	Call         string
	Source       string // who told it: elevenlabs, recording
	Conversation string // the vendor's own id of the call; empty: none
	Messages     []Message
	Made         time.Time
}

// Reports are what is made of calls after their end.
type Reports interface {
	// Report is a call's; ErrNotFound if none was made yet.
	Report(ctx context.Context, org, call string) (Report, error)
	// PutReport keeps a report, and returns the one that stands then: one that a model has made is not replaced,
	// unless it was made before the call's end and the new one was not (a call that was presumed over may go on). ErrNotFound if there is
	// no such call, ErrConflict if it is not over.
	PutReport(ctx context.Context, org string, r Report) (Report, error)
	// Retelling is a call's second transcript; ErrNotFound if there is none.
	Retelling(ctx context.Context, org, call string) (Retelling, error)
	// Retell keeps a second transcript and the report on it in place of the former ones: both or neither. ErrNotFound if there is no such
	// call, ErrConflict if it is not over.
	Retell(ctx context.Context, org string, t Retelling, r Report) error
}

// Recordings are the recordings of all organisations, as their keeping is seen to.
type Recordings interface {
	// RecordingsBefore are those of calls that came in before a time, oldest first: by their ids, which tell the time in milliseconds.
	RecordingsBefore(ctx context.Context, at time.Time, limit int) ([]Recording, error)
	// DropRecordings forgets that these calls were recorded; those that were not are ignored.
	DropRecordings(ctx context.Context, calls []string) error
}
