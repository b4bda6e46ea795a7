package store

import (
	"context"
	"time"
)

// DialState is how far a carrier has been asked to place a call.
type DialState string

// The states of a Dial, in their order.
//
//	queued ──TakeDials──▶ asking ──PlaceDial──▶ placed ──the call ends──▶ over
//	   ▲                    │ └──────────────the call ends─────────────────▲
//	   └──────UnaskDial─────┘
const (
	DialQueued DialState = "queued" // nobody has been asked
	DialAsking DialState = "asking" // the carrier may have been asked: its answer is not known
	DialPlaced DialState = "placed" // the carrier has the call
	DialOver   DialState = "over"
)

// Causes of calls that never connected, besides media.Cause's.
const (
	CauseBusy      = "busy"
	CauseNoAnswer  = "no_answer"
	CauseCancelled = "cancelled" // by whoever planned it, or ended it
	CauseUnplaced  = "unplaced"  // the carrier was not asked, or did not take it
	// CausePermission is of somebody who has not allowed to be called on a messaging channel, or not yet.
	CausePermission = "permission"
)

// TrunkAccount and a trunk's id are the account of calls that are placed by it. No carrier can be asked about them: the node that has placed
// such a call has it.
const TrunkAccount = "sip:"

// ChatAccount and a bot's id are the account of calls that are placed on the bot's messaging channel. They too are their node's alone.
const ChatAccount = "chat:"

// A Dial is the placing of one call, for one execution of a task. Its row is written before the carrier is asked, and only who has
// moved it from queued to asking may ask: once. So a number rings at most once per execution, whatever breaks.
type Dial struct {
	Call      string // the call's id: the token by which the carrier is asked
	Org       string
	Task      string
	Execution int // Task.Attempts
	Priority  int
	From, To  string
	Account   string // the credential by which the call is placed, by its id, TrunkAccount or ChatAccount; empty: the server's own account
	State     DialState
	Due       time.Time // not asked before
	Node      string    // who asks, or looked last
	CarrierID string    // the carrier's id of the call, once known
	Asked     time.Time
	Look      time.Time // when somebody should ask the carrier how it stands, if no news has come before
	Gone      time.Time // when the carrier said that the call is over; zero: it has not
	Created   time.Time
	Campaign  string // its task's
}

// A Taking is what a node takes of an organisation's queued dials.
type Taking struct {
	Org, Node string
	Now       time.Time
	Open      int           // calls that the organisation may have open at once; 0: no limit
	Every     time.Duration // between two calls of the organisation, over all nodes; 0: no limit
	Ahead     time.Duration // how far ahead of their moment dials are taken
	Look      time.Duration // after its moment, a dial of which nothing has been heard is looked into
	Others    time.Duration // dials by trunks are left to other nodes for so long since they were made; 0: they are not
	Most      int
}

// The kinds of TaskEvent: the contract's webhook events.
const (
	CallStarted   = "call_started"
	CallCompleted = "call_completed"
	CallFailed    = "call_failed"
)

// A TaskEvent is something that happened to a task's call. It is written in the transaction that made it so, once for each call.
type TaskEvent struct {
	Number  int64 // grows; of those that are written at once, a later one may be seen first
	Org     string
	Task    string
	Call    string
	Kind    string
	Created time.Time
}

// Dials are the calls that are being placed. Rows are named by their call alone: these methods are the dialer's, not a client's.
type Dials interface {
	// DialWork names the organisations that have tasks due, or queued dials that are, or LiveCampaigns.
	DialWork(ctx context.Context, now time.Time) (orgs []string, err error)
	// DueTasks lists pending tasks that are due and belong to no campaign: higher priority first, then who has waited longest.
	DueTasks(ctx context.Context, org string, now time.Time, limit int) ([]Task, error)
	// PutOffTask makes a pending task that has not changed since seen due at another time; of one that has, nothing changes.
	PutOffTask(ctx context.Context, org, id string, seen, due time.Time) error
	// DialRoom is how many more calls an organisation may have open or queued, of a limit. What a campaign holds back does not count.
	DialRoom(ctx context.Context, org string, limit int) (int, error)
	// TakeDials moves queued dials to asking, those of higher priority first, and says to ask the carrier for each, once, at its Asked.
	// Numbers to which the organisation has a call open are left for later, and so is what belongs to a paused or cancelled campaign.
	TakeDials(ctx context.Context, t Taking) ([]Dial, error)
	// Dial finds one; ErrNotFound.
	Dial(ctx context.Context, call string) (Dial, error)
	// PlaceDial notes that the carrier has the call, under its id, and when to look next. It returns the dial as it stands, which may be
	// over: that stays.
	PlaceDial(ctx context.Context, call, carrierID string, look time.Time) (Dial, error)
	// UnaskDial queues again what a node was to ask and surely has not; anything else stays as it is.
	UnaskDial(ctx context.Context, call, node string, due time.Time) error
	// GoneDial notes that the carrier has said that the call is over; the first time counts.
	GoneDial(ctx context.Context, call string, at, look time.Time) error
	// OverdueDials claims dials whose Look has come, and sets their Look to next: of nodes that ask at once, one gets each. What was placed by
	// a trunk or on a messaging channel is its own node's as long as that has not left or been buried.
	OverdueDials(ctx context.Context, node string, now, next time.Time, limit int) ([]Dial, error)
	// KnownCalls says which of a carrier's calls belong to dials, by the carrier's id.
	KnownCalls(ctx context.Context, carrierIDs []string) (calls map[string]string, err error)
	// SettleDial ends a call that its leg does not end, and with it the dial and the task. If again is set, the task is pending instead, due
	// then, with one more retry. done is false if the call had ended before: then nothing changes.
	SettleDial(ctx context.Context, e Ended, again time.Time) (done bool, err error)
	// TaskEvents lists events after a Number.
	TaskEvents(ctx context.Context, after int64, limit int) ([]TaskEvent, error)
}

// DialRules say how an organisation may dial.
type DialRules interface {
	// DialRules is the organisation's own rules, JSON of the dialer's; empty: it has none.
	DialRules(ctx context.Context, org string) (rules string, err error)
	// UpdateDialRules lets change alter them, in one transaction. An error of change is returned as it is.
	UpdateDialRules(ctx context.Context, org string, change func(rules string) (string, error)) (rules string, err error)
}

// A Barred is a number that an organisation never dials.
type Barred struct {
	ID      string
	Number  int64
	Org     string
	E164    string
	Reason  string
	Created time.Time
}

// DoNotCall is the organisations' lists of numbers that are never dialled.
type DoNotCall interface {
	// Bar adds a number. One that is there already stays as it is, and is returned.
	Bar(ctx context.Context, b Barred) (Barred, error)
	IsBarred(ctx context.Context, org, e164 string) (bool, error)
	BarredAmong(ctx context.Context, org string, e164 []string) (barred []string, err error)  // in no order
	Barred(ctx context.Context, org string, p Page) (barred []Barred, total int64, err error) // newest first
	Unbar(ctx context.Context, org, id string) error
}
