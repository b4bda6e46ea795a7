package store

import (
	"context"
	"time"
)

// OfFunnelConversations is the entity of the custom fields that conversations of the CRM have.
const OfFunnelConversations = "FUNNEL_CONVERSATION"

// A FunnelConversation is where a contact stands in a funnel, as the CRM has it: its conversation. What was said in it are the contact's calls and
// threads: its ChannelSessions. A contact has one in a funnel that is not archived.
type FunnelConversation struct {
	ID       string
	Number   int64
	Org      string
	Contact  int64             // its Number
	User     string            // a number of the client's own, as JSON writes it; empty: none
	Funnel   string            // the same
	Stage    string            // the same: where in the funnel
	Fields   map[string]string // custom fields: JSON by key; none is nil
	Archived time.Time
	Created  time.Time
	Updated  time.Time
}

// A FunnelDraft is a conversation that is to begin, with somebody.
type FunnelDraft struct {
	Conversation FunnelConversation // ID, User, Funnel, Stage, Fields, Archived and Created
	Contact      int64              // whose; 0: whoever has one of Addresses, the oldest of them, or else somebody new
	Addresses    []string
	Person       func(*Contact) error // what is said of them, as of UpdateContact; nil: nothing
}

// A FunnelChange changes a conversation, and perhaps whoever it is with.
type FunnelChange struct {
	Number int64
	Change func(*FunnelConversation) error // alters User, Stage, Fields and Archived; nil: nothing
	Person func(*Contact) error            // as of UpdateContact; nil: nothing
}

// A FunnelOutcome is what became of a FunnelDraft or a FunnelChange.
type FunnelOutcome struct {
	Number  int64   // the conversation; 0: there is none
	Contact int64   // whose it is; 0: nobody's
	Met     bool    // the contact was there before
	Was     bool    // of a draft: the conversation was there before, and is as it was
	Others  []int64 // further contacts who have one of the addresses

	// Err is why nothing was kept of it: an error of Change or Person as it is, ErrNotFound for a contact or conversation that there is not,
	// ErrConflict for one that would be the second in its funnel: Number is the first.
	Err error
}

// A ChannelSession is a call with a contact, or their thread with a bot.
type ChannelSession struct {
	Number  int64  // of the call or the thread
	ID      string // the same
	Channel AddressChannel
	Peer    string // what the contact is called in it
	Ours    int64  // our end: the Number of the phone number of a call, or of the bot of a thread; 0: there is none
	Ended   time.Time
	Created time.Time
	Updated time.Time
}

// Funnels are the conversations of the CRM.
type Funnels interface {
	// BeginFunnels begins conversations, in one transaction; the outcomes are in the order of the drafts. Of the drafts of one organisation, each
	// sees what those before it have made, also those of others who begin at once. A contact who has a conversation in the funnel gets no second
	// one, unless that is archived; one that is archived when it begins is the same as one that was archived at that moment. Functions may be
	// called more than once. ErrNotFound if there is no such organisation.
	BeginFunnels(ctx context.Context, org string, at time.Time, drafts []FunnelDraft) ([]FunnelOutcome, error)
	// ChangeFunnels changes conversations, in one transaction; the outcomes are in the order of the changes. at becomes Updated of what is altered.
	ChangeFunnels(ctx context.Context, org string, at time.Time, changes []FunnelChange) ([]FunnelOutcome, error)
	FunnelConversation(ctx context.Context, org string, number int64) (FunnelConversation, error)
	// FunnelOf is a contact's newest conversation that is not archived, or else the newest: ErrNotFound if there is none.
	FunnelOf(ctx context.Context, org string, contact int64) (FunnelConversation, error)
	// ChannelSessions are a contact's calls and threads, newest first, at most so many of either.
	ChannelSessions(ctx context.Context, org string, contact int64, most int) ([]ChannelSession, error)
}
