// Package campaign serves campaigns: a file of numbers, which an agent calls one after the other.
//
//	POST /campaigns ──────────────▶ draft
//	POST …/contacts: CSV ─▶ reader ─▶ vetting ─▶ store.AddContacts, 250 rows at a time: each number is a task, once
//	POST …/start, pause, resume, cancel ─▶ store.MoveCampaign ──▶ every node's dialer goes by it
//	GET  …/progress ◀── counters, the last calls' ends
//	GET  …/tasks, …/results: CSV ◀── tasks with their calls
//
// Tasks do the rest: the dialer places their calls, keeps to the limits, and pauses a campaign whose calls fail. All of this is an extension
// of the voice-agents contract. Handlers own no goroutine; a file is read, and results are written, a page at a time.
package campaign

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/dialer"
	"parley/control/envelope"
	"parley/control/webhook"
	"parley/store"
)

// A Vetter says beforehand why numbers would not be called: a dialer.Dialer.
type Vetter interface {
	Vet(ctx context.Context, org, agent string) (*dialer.Vetting, error)
}

// Campaigns handles /campaigns.
type Campaigns struct {
	Store     store.Campaigns
	Tasks     store.Tasks
	DoNotCall store.DoNotCall
	Vetter    Vetter
	Log       *slog.Logger
}

// Campaign is a campaign as the API shows it.
type Campaign struct {
	ID              string               `json:"id" format:"uuid"`
	Number          int64                `json:"number" doc:"Its second id, a number." example:"1"`
	AgentID         string               `json:"agent_id" format:"uuid"`
	Name            string               `json:"name" example:"Reminders of November"`
	Description     *string              `json:"description"`
	StartingMessage *string              `json:"starting_message" doc:"What the agent says first; null: its own." example:"Hello {{name}}, this is Northwind Clinic."`
	Priority        int                  `json:"priority" doc:"Of its tasks: higher goes first." example:"0"`
	ScheduledAt     envelope.Time        `json:"scheduled_at" nullable:"true" doc:"When it starts by itself; null: it waits to be started."`
	WebhookURL      *string              `json:"webhook_url" doc:"Of its tasks." example:"https://your-app.com/webhooks"`
	WebhookEvents   []string             `json:"webhook_events" nullable:"false" enum:"call_started,call_completed,call_failed" doc:"What webhook_url is told; none: everything."`
	MaxCalls        int                  `json:"max_calls" doc:"Calls at once; 0: as many as the organisation may have." example:"5"`
	CallsPerSecond  float64              `json:"calls_per_second" doc:"Calls begun in a second; 0: the organisation's rule." example:"0.5"`
	Breaker         Breaker              `json:"breaker"`
	Status          store.CampaignStatus `json:"status" enum:"draft,running,paused,completed,cancelled"`
	Reason          *string              `json:"reason" doc:"Why it is paused or cancelled." example:"circuit breaker: 11 of the last 20 calls failed, more than 50 %"`
	CreatedAt       envelope.Time        `json:"created_at"`
	UpdatedAt       envelope.Time        `json:"updated_at"`
	StartedAt       envelope.Time        `json:"started_at" nullable:"true" doc:"The first time that it was started."`
	EndedAt         envelope.Time        `json:"ended_at" nullable:"true" doc:"When nothing was left to be called, or the last call after it was cancelled was over."`
}

// Breaker pauses a campaign whose calls fail.
type Breaker struct {
	Calls        int     `json:"calls" doc:"It looks at so many of the last calls, and trips only once there have been so many since the campaign was started or resumed; 0: never." example:"20"`
	Percent      int     `json:"percent" doc:"It trips when more of them than this have failed: were not placed, or broke. A busy line, no answer or a machine is no failure." example:"50"`
	ShortSeconds float64 `json:"short_seconds" doc:"A call that the far end hung up sooner has failed, too; 0: none has." example:"3"`
}

// BreakerBody is a Breaker as it is asked for.
type BreakerBody struct {
	Calls        *int     `json:"calls,omitempty" minimum:"0" maximum:"1000" doc:"How many of the last calls it looks at; 0: it is off. Left out: 20." example:"20"`
	Percent      *int     `json:"percent,omitempty" minimum:"0" maximum:"100" doc:"It trips when more of them than this have failed. Left out: 50." example:"50"`
	ShortSeconds *float64 `json:"short_seconds,omitempty" minimum:"0" maximum:"600" doc:"A call that the far end hung up sooner has failed, too; 0, or left out: none has." example:"3"`
}

// row is the breaker that is asked for; b may be nil.
func (b *BreakerBody) row() store.Breaker {
	row := store.Breaker{Calls: 20, Percent: 50}
	if b == nil {
		return row
	}
	if b.Calls != nil {
		row.Calls = *b.Calls
	}
	if b.Percent != nil {
		row.Percent = *b.Percent
	}
	if b.ShortSeconds != nil {
		row.Short = time.Duration(*b.ShortSeconds * float64(time.Second))
	}
	return row
}

func show(c store.Campaign) Campaign {
	events := c.WebhookEvents
	if events == nil {
		events = []string{}
	}
	rate := 0.0
	if c.Pace > 0 {
		rate = math.Round(1000*float64(time.Second)/float64(c.Pace)) / 1000
	}
	return Campaign{
		ID: c.ID, Number: c.Number, AgentID: c.Agent, Name: c.Name, Description: envelope.Optional(c.Description), StartingMessage: envelope.Optional(c.StartingMessage),
		Priority: c.Priority, ScheduledAt: envelope.Time(c.Scheduled), WebhookURL: envelope.Optional(c.WebhookURL), WebhookEvents: events,
		MaxCalls: c.MaxCalls, CallsPerSecond: rate,
		Breaker: Breaker{Calls: c.Breaker.Calls, Percent: c.Breaker.Percent, ShortSeconds: c.Breaker.Short.Seconds()},
		Status:  c.Status, Reason: envelope.Optional(c.Reason), CreatedAt: envelope.Time(c.Created), UpdatedAt: envelope.Time(c.Updated),
		StartedAt: envelope.Time(c.Started), EndedAt: envelope.Time(c.Ended),
	}
}

// Body is the body of POST /campaigns.
type Body struct {
	Name            string                    `json:"name" minLength:"1" maxLength:"200" doc:"Not blank."`
	AgentID         string                    `json:"agent_id" format:"uuid" doc:"The agent that is to call."`
	Description     string                    `json:"description,omitempty" nullable:"true" maxLength:"2000" doc:"What it is for."`
	StartingMessage string                    `json:"starting_message,omitempty" nullable:"true" maxLength:"5000" doc:"What the agent says first; null: its own message. Columns of the contacts fill its {{places}}."`
	Priority        int                       `json:"priority,omitempty" nullable:"true" minimum:"-1000000" maximum:"1000000" default:"0" doc:"Of its tasks: higher goes first."`
	ScheduledAt     envelope.Field[time.Time] `json:"scheduled_at,omitempty" doc:"When it starts by itself, with a time zone; null: it waits to be started."`
	WebhookURL      string                    `json:"webhook_url,omitempty" nullable:"true" maxLength:"2000" doc:"Of its tasks: where events are sent, an https URL."`
	WebhookEvents   []string                  `json:"webhook_events,omitempty" nullable:"true" maxItems:"3" enum:"call_started,call_completed,call_failed" doc:"Events to send; none: all."`
	MaxCalls        int                       `json:"max_calls,omitempty" minimum:"0" maximum:"10000" default:"0" doc:"Calls at once, over all nodes; 0: as many as the organisation may have. The organisation's limits hold all the same."`
	CallsPerSecond  float64                   `json:"calls_per_second,omitempty" minimum:"0" maximum:"1000" default:"0" doc:"Calls begun in a second, over all nodes, 0.001 or more; 0: the organisation's rule."`
	Breaker         *BreakerBody              `json:"breaker,omitempty" doc:"Pauses the campaign when its calls fail. Left out: more than half of the last 20."`
}

// Resolve implements huma.ResolverWithPath.
func (b *Body) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := b.ScheduledAt.Check(at, "scheduled_at", true)
	bad = append(bad, checkWords(at, b.Name, b.Description, b.StartingMessage)...)
	bad = append(bad, checkRate(at, b.CallsPerSecond)...)
	if b.WebhookURL != "" {
		if err := webhook.CheckURL(b.WebhookURL); err != nil {
			bad = append(bad, envelope.Complain(at, "webhook_url", err.Error()))
		}
	}
	return bad
}

// checkWords refuses a blank name, and NUL, which databases cannot keep.
func checkWords(at *huma.PathBuffer, name, description, start string) (bad []error) {
	for _, f := range []struct{ name, text string }{{"name", name}, {"description", description}, {"starting_message", start}} {
		if strings.ContainsRune(f.text, 0) {
			bad = append(bad, envelope.Complain(at, f.name, "must not contain NUL characters"))
		}
	}
	if name != "" && strings.TrimSpace(name) == "" {
		bad = append(bad, envelope.Complain(at, "name", "must not be blank"))
	}
	return bad
}

func checkRate(at *huma.PathBuffer, rate float64) []error {
	if rate > 0 && rate < 0.001 {
		return []error{envelope.Complain(at, "calls_per_second", "is 0, or 0.001 or more")}
	}
	return nil
}

// pace is the time between two calls at a rate.
func pace(rate float64) time.Duration {
	if rate <= 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / rate)
}

// row makes a new campaign of it.
func (b *Body) row(org string, now time.Time) store.Campaign {
	return store.Campaign{
		ID: store.NewID(), Org: org, Agent: strings.ToLower(b.AgentID), Name: b.Name, Description: b.Description,
		StartingMessage: b.StartingMessage, Priority: b.Priority, Scheduled: b.ScheduledAt.Value.UTC(), WebhookURL: b.WebhookURL,
		WebhookEvents: slices.Compact(slices.Sorted(slices.Values(b.WebhookEvents))), MaxCalls: b.MaxCalls,
		Pace: pace(b.CallsPerSecond), Breaker: b.Breaker.row(), Created: now,
	}
}

// Patch is the body of PATCH /campaigns/{id}: what is left out stays. What its tasks inherit cannot be changed: they have it.
type Patch struct {
	Name           envelope.Field[string]      `json:"name,omitempty" nullable:"false" minLength:"1" maxLength:"200" doc:"Not blank."`
	Description    envelope.Field[string]      `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	ScheduledAt    envelope.Field[time.Time]   `json:"scheduled_at,omitempty" doc:"When a draft starts by itself; null: it waits to be started."`
	MaxCalls       envelope.Field[int]         `json:"max_calls,omitempty" nullable:"false" minimum:"0" maximum:"10000" doc:"Calls at once; 0: as many as the organisation may have. Calls that are up go on."`
	CallsPerSecond envelope.Field[float64]     `json:"calls_per_second,omitempty" nullable:"false" minimum:"0" maximum:"1000" doc:"Calls begun in a second; 0: the organisation's rule."`
	Breaker        envelope.Field[BreakerBody] `json:"breaker,omitempty" nullable:"false" doc:"Replaced as a whole."`
}

// Resolve implements huma.ResolverWithPath.
func (b *Patch) Resolve(_ huma.Context, at *huma.PathBuffer) (bad []error) {
	for _, wrong := range [][]error{
		b.Name.Check(at, "name", false),
		b.Description.Check(at, "description", true),
		b.ScheduledAt.Check(at, "scheduled_at", true),
		b.MaxCalls.Check(at, "max_calls", false),
		b.CallsPerSecond.Check(at, "calls_per_second", false),
		b.Breaker.Check(at, "breaker", false),
		checkWords(at, b.Name.Value, b.Description.Value, ""),
		checkRate(at, b.CallsPerSecond.Value),
	} {
		bad = append(bad, wrong...)
	}
	return bad
}

// empty says that there is nothing to change.
func (b *Patch) empty() bool {
	return !b.Name.Set && !b.Description.Set && !b.ScheduledAt.Set && !b.MaxCalls.Set && !b.CallsPerSecond.Set && !b.Breaker.Set
}

// apply makes the changes on a row.
func (b *Patch) apply(c *store.Campaign) {
	if b.Name.Set {
		c.Name = b.Name.Value
	}
	if b.Description.Set {
		c.Description = b.Description.Value
	}
	if b.ScheduledAt.Set {
		c.Scheduled = b.ScheduledAt.Value.UTC()
	}
	if b.MaxCalls.Set {
		c.MaxCalls = b.MaxCalls.Value
	}
	if b.CallsPerSecond.Set {
		c.Pace = pace(b.CallsPerSecond.Value)
	}
	if b.Breaker.Set {
		c.Breaker = b.Breaker.Value.row()
	}
}
