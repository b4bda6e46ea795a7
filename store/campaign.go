package store

import (
	"context"
	"time"
)

// CampaignStatus is where a campaign stands.
type CampaignStatus string

// The statuses of a campaign. Its tasks are due only while it is running; its calls that are queued are placed unless it is paused or
// cancelled.
//
//	draft ──▶ running ◀──▶ paused
//	  │        │   ▲          │
//	  │        ▼   │          │
//	  │     completed         │
//	  └──────▶ cancelled ◀────┘
const (
	CampaignDraft     CampaignStatus = "draft"
	CampaignRunning   CampaignStatus = "running"
	CampaignPaused    CampaignStatus = "paused"
	CampaignCompleted CampaignStatus = "completed" // no task is left to be called
	CampaignCancelled CampaignStatus = "cancelled"
)

// A Campaign is many numbers that an agent calls: each is a Task, with Task.Campaign.
type Campaign struct {
	ID              string
	Number          int64
	Org             string
	Agent           string
	Name            string
	Description     string
	StartingMessage string // its tasks', empty: the agent's
	Priority        int    // its tasks'
	Scheduled       time.Time
	WebhookURL      string
	WebhookEvents   []string
	MaxCalls        int           // calls at once; 0: as many as the organisation may have
	Pace            time.Duration // between two calls; 0: the organisation's
	Breaker         Breaker
	Status          CampaignStatus
	Reason          string    // why it is paused or cancelled
	Since           int64     // CampaignEnd.Number after which the breaker counts: of the last call before it was started, or resumed
	Next            time.Time // when its next call may be placed, if it has a Pace
	Created         time.Time
	Updated         time.Time
	Started         time.Time // the first time
	Ended           time.Time // completed, or cancelled and its last call over
}

// A Breaker pauses a campaign whose calls fail. The zero Breaker never does.
type Breaker struct {
	Calls   int           // how many of the last calls it looks at, and waits for; 0: it is off
	Percent int           // more of them than this have failed: pause
	Short   time.Duration // an answered call that the far end hung up sooner has failed, too; 0: none has
}

// A CampaignCount is how many tasks of a campaign have a status, and how they came to it.
type CampaignCount struct {
	Status  Status
	Outcome string // Task.Outcome
	N       int64
}

// A CampaignEnd is how one call of a campaign ended.
type CampaignEnd struct {
	Number int64 // grows; of those that are written at once, a later one may be seen first
	Status Status
	Cause  string
	Length time.Duration
	Ended  time.Time
}

// A CampaignResult is a task of a campaign, and its last call: of that, Status, Answered, AnsweredBy, Ended, Cause and Length. Of a task
// without a call they are zero.
type CampaignResult struct {
	Task Task
	Call Call
}

// A Move is a change of a campaign's status.
type Move struct {
	From   []CampaignStatus // it must have one of these, else ErrConflict
	To     CampaignStatus
	Reason string
	At     time.Time
	Seen   time.Time // Campaign.Updated as it was when the move was decided on, else ErrConflict; zero: it does not matter
	Over   bool      // nothing is left to be done, else ErrConflict: Ended is set
}

// A CampaignContact is a number that a campaign has.
type CampaignContact struct {
	Task    string // its id
	To      string
	Line    int // of the file that it came with
	Created time.Time
}

// Campaigns are the campaigns of organisations.
type Campaigns interface {
	// CreateCampaign keeps a new campaign, a draft. ErrNotFound if the organisation has no such agent.
	CreateCampaign(ctx context.Context, c Campaign) (Campaign, error)
	Campaign(ctx context.Context, org, id string) (Campaign, error)
	Campaigns(ctx context.Context, org string, p Page) (campaigns []Campaign, total int64, err error) // newest first
	// UpdateCampaign lets change alter a campaign as it stands, in one transaction: name, description, schedule, limits and breaker. An error
	// of change is returned as it is, and nothing is kept. change may be called more than once.
	UpdateCampaign(ctx context.Context, org, id string, at time.Time, change func(*Campaign) error) (Campaign, error)
	// MoveCampaign changes a campaign's status. When it returns, every node goes by the new one.
	MoveCampaign(ctx context.Context, org, id string, m Move) (Campaign, error)
	// AddContacts gives a campaign tasks, due at their Created, all or none. to are the campaign's contacts of their numbers, in the same
	// order: where Task is another id, the campaign had the number already, and has it once. No two of tasks have the same number. A
	// campaign that was completed after their Created, while they were on their way, runs again.
	// ErrConflict if the campaign is cancelled; ErrNotFound if it, or its agent, is gone.
	AddContacts(ctx context.Context, org, campaign string, tasks []Task) (to []CampaignContact, err error)
	// CampaignCounts are counters: they are read, not counted.
	CampaignCounts(ctx context.Context, org, campaign string) ([]CampaignCount, error)
	// CampaignEnds are the last calls of a campaign that ended, newest first, after a Number.
	CampaignEnds(ctx context.Context, campaign string, after int64, limit int) ([]CampaignEnd, error)
	// CampaignResults lists tasks by id, after one.
	CampaignResults(ctx context.Context, org, campaign, after string, limit int) ([]CampaignResult, error)
}

// CampaignDials are what the dialer needs of campaigns. Rows are named by their campaign alone: these methods are not a client's.
type CampaignDials interface {
	// LiveCampaigns are those that the dialer has to do with: running, cancelled with tasks or calls left, drafts whose time has come. Higher
	// priority first.
	LiveCampaigns(ctx context.Context, org string, now time.Time) ([]Campaign, error)
	// DueContacts lists a campaign's pending tasks that are due, as DueTasks does those of none.
	DueContacts(ctx context.Context, campaign string, now time.Time, limit int) ([]Task, error)
	// DropContacts fails pending tasks of a campaign, with outcome cancelled; n is how many.
	DropContacts(ctx context.Context, org, campaign string, at time.Time, limit int) (n int, err error)
	// HeldDials lists queued dials of a campaign.
	HeldDials(ctx context.Context, org, campaign string, limit int) ([]Dial, error)
}
