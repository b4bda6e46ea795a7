package store

import (
	"context"
	"time"
)

// A MessageNote is what the CRM knows of a message besides.
type MessageNote struct {
	Message string
	Org     string
	User    string // for whom it was sent, in the client's words; empty: not known
	Fields  string // custom fields: JSON object; empty: none
	Words   string // what was said in its sound
	Summary string // that, in short
	Failure string // why that is not known
	Heard   time.Time
}

// A Telling is what came of a WordsJob, or of a HearJob.
type Telling struct {
	Words   string // empty: nothing was understood
	Summary string
	Failure string // why there are none
}

// Notes are what the CRM knows of messages.
type Notes interface {
	// MessageAnywhere finds a message of a conversation that is no call, by its id alone; told is when its channel has told of it last.
	MessageAnywhere(ctx context.Context, org, id string) (m ThreadMessage, told time.Time, err error)
	// MessageNote is what is known of a message: ErrNotFound if nothing is.
	MessageNote(ctx context.Context, org, message string) (MessageNote, error)
	// NoteMessage keeps User and Fields: ErrNotFound if the organisation has no such message.
	NoteMessage(ctx context.Context, n MessageNote) error
	// Told ends a WordsJob. ErrConflict if it is no more the node's that took it.
	Told(ctx context.Context, j Job, t Telling, at time.Time) error
	// ThreadWith is the conversation of a bot with somebody: ErrNotFound if there is none.
	ThreadWith(ctx context.Context, org, bot, peer string) (Conversation, error)
}
