package store

import (
	"context"
	"time"
)

// A Remembering asks for the conversations that were held with somebody.
type Remembering struct {
	Names    []string  // that they are known by: phone numbers in E.164, ids of channels' own
	Channels []Channel // empty: all
	Since    time.Time // conversations in which nothing has happened since are left out, and what was written before
	Except   string    // the conversation that goes on
	Most     int       // conversations
	Messages int       // of each
}

// A Remembered conversation is one that was held with somebody, and the last of what was said in it: of a call Spoken, of any other Written, both
// oldest first.
type Remembered struct {
	Conversation
	Report  string // of a call: an object of package control/report; empty: none was made
	Spoken  []Message
	Written []ThreadMessage
}

// Memories are what organisations remember of those whom they have talked to. Nothing is kept for it: conversations are read where they are.
type Memories interface {
	// Remember gives the conversations that somebody had, the one that ended last first. Who is a contact is known by all their numbers and ids,
	// unless another contact shares the name. What they had said when they were deleted from the contacts is left out.
	Remember(ctx context.Context, org string, r Remembering) ([]Remembered, error)
}
