package store

import (
	"context"
	"time"
)

// CauseElsewhere is the cause of calls that were made elsewhere, by another system than this one.
const CauseElsewhere = "elsewhere"

// LegElsewhere is their kind of leg: they had none here.
const LegElsewhere = "elsewhere"

// A Card is what clients keep of a call beside what the call itself leaves behind. Numbers are the clients' own, as JSON writes them;
// empty: none.
type Card struct {
	Call         string `json:"-"`
	ProviderID   string `json:"provider_id,omitempty"`   // empty: the carrier's id
	ProviderName string `json:"provider_name,omitempty"` // empty: the kind of leg
	Conversation string `json:"conversation,omitempty"`
	Session      string `json:"session,omitempty"`
	User         string `json:"user,omitempty"`
	Contact      string `json:"contact,omitempty"` // empty: whoever has the other's number
	Opportunity  string `json:"opportunity,omitempty"`
	Analysis     string `json:"analysis,omitempty"`
	Team         string `json:"team,omitempty"`
	Redirected   string `json:"redirected,omitempty"`
	Direction    string `json:"direction,omitempty"` // in the client's words; empty: the call's
	Status       string `json:"status,omitempty"`    // the same
	Duration     string `json:"duration,omitempty"`  // in seconds; empty: the call's
	Metadata     string `json:"metadata,omitempty"`  // JSON of any kind
	Custom       string `json:"custom,omitempty"`    // JSON of any kind

	Changes int64     `json:"-"` // from 1: how often it was written
	Created time.Time `json:"-"`
	Updated time.Time `json:"-"`
}

// A Load is a recording that is to be fetched from elsewhere, for a call that was made there.
type Load struct {
	Call    string
	Org     string
	URL     string
	Tries   int       // how often it was taken
	Due     time.Time // of one that was taken: when it is anybody's again
	Node    string    // that has taken it; empty: nobody
	Error   string    // why the last try came to nothing
	Created time.Time
	Ended   time.Time // zero: it is still to be done
}

// LoadTaking is how a node takes loads.
type LoadTaking struct {
	Node       string
	Now, Until time.Time // until when they are the node's
	Most       int
}

// Cards are what clients keep of calls.
type Cards interface {
	// NumberedCall is the call of a number.
	NumberedCall(ctx context.Context, org string, number int64) (Call, error)
	// Card is a call's; ErrNotFound if it has none.
	Card(ctx context.Context, org, call string) (Card, error)
	// PutCard keeps a card in place of the former one. ErrNotFound if there is no such call.
	PutCard(ctx context.Context, org string, k Card, at time.Time) (Card, error)
	// AddCall keeps a call that was made elsewhere and is over, with its card, and the recording that is to be fetched for it, if load has a
	// URL: all or nothing. ErrNotFound if there is no such organisation.
	AddCall(ctx context.Context, c Call, k Card, load Load) (Call, error)
	// NumberedAgent is the id of the agent of a number.
	NumberedAgent(ctx context.Context, org string, number int64) (agent string, err error)
	// CallAgent is the agent that was made for calls of a digest; ErrNotFound if none was.
	CallAgent(ctx context.Context, org, digest string) (agent string, err error)
	PutCallAgent(ctx context.Context, org, digest, agent string) error
	// Load is what is, or was, to be fetched for a call; ErrNotFound: nothing.
	Load(ctx context.Context, org, call string) (Load, error)
}

// Loads are the recordings of all organisations that are to be fetched. Of those who take them, each gets others.
type Loads interface {
	TakeLoads(ctx context.Context, t LoadTaking) ([]Load, error)
	// FreeLoads gives back what a node had taken that has started anew.
	FreeLoads(ctx context.Context, node string, at time.Time) error
	// PutOffLoad gives one back, that is to be taken again. ErrConflict if it is no more the node's; so of the next two.
	PutOffLoad(ctx context.Context, l Load, due time.Time, failure string) error
	// KeepLoad keeps the recording that was fetched, from which the call's length is known.
	KeepLoad(ctx context.Context, l Load, r Recording) error
	// EndLoad says that there is no more to be done; failure is empty if all was.
	EndLoad(ctx context.Context, l Load, failure string, at time.Time) error
}
