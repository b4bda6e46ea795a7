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
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/dialer"
	"parley/control/envelope"
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
	Calls        int     `json:"calls" minimum:"0" maximum:"1000" default:"20" doc:"It looks at so many of the last calls, and trips only once there have been so many since the campaign was started or resumed; 0: never." example:"20"`
	Percent      int     `json:"percent" minimum:"0" maximum:"100" default:"50" doc:"It trips when more of them than this have failed: were not placed, or broke. A busy line, no answer or a machine is no failure." example:"50"`
	ShortSeconds float64 `json:"short_seconds" minimum:"0" maximum:"600" default:"0" doc:"A call that the far end hung up sooner has failed, too; 0: none has." example:"3"`
}

func (b Breaker) row() store.Breaker {
	return store.Breaker{Calls: b.Calls, Percent: b.Percent, Short: time.Duration(b.ShortSeconds * float64(time.Second))}
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
		ID: c.ID, Number: c.Number, AgentID: c.Agent, Name: c.Name, Description: or(c.Description), StartingMessage: or(c.StartingMessage),
		Priority: c.Priority, ScheduledAt: envelope.Time(c.Scheduled), WebhookURL: or(c.WebhookURL), WebhookEvents: events,
		MaxCalls: c.MaxCalls, CallsPerSecond: rate,
		Breaker: Breaker{Calls: c.Breaker.Calls, Percent: c.Breaker.Percent, ShortSeconds: c.Breaker.Short.Seconds()},
		Status:  c.Status, Reason: or(c.Reason), CreatedAt: envelope.Time(c.Created), UpdatedAt: envelope.Time(c.Updated),
		StartedAt: envelope.Time(c.Started), EndedAt: envelope.Time(c.Ended),
	}
}

// or is a text for JSON, where an empty one is null.
func or(text string) *string {
	if text == "" {
		return nil
	}
	return &text
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
	Breaker         *Breaker                  `json:"breaker,omitempty" doc:"Pauses the campaign when its calls fail. Left out: more than half of the last 20."`
}

// Resolve implements huma.ResolverWithPath.
func (b *Body) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := b.ScheduledAt.Check(at, "scheduled_at", true)
	for _, f := range []struct{ name, text string }{{"name", b.Name}, {"description", b.Description}, {"starting_message", b.StartingMessage}} {
		if strings.ContainsRune(f.text, 0) {
			bad = append(bad, envelope.Complain(at, f.name, "must not contain NUL characters"))
		}
	}
	if b.Name != "" && strings.TrimSpace(b.Name) == "" {
		bad = append(bad, envelope.Complain(at, "name", "must not be blank"))
	}
	u, err := url.Parse(b.WebhookURL)
	if b.WebhookURL != "" && (err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsRune(b.WebhookURL, 0)) {
		bad = append(bad, envelope.Complain(at, "webhook_url", "is no https URL"))
	}
	if b.CallsPerSecond > 0 && b.CallsPerSecond < 0.001 {
		bad = append(bad, envelope.Complain(at, "calls_per_second", "is 0, or 0.001 or more"))
	}
	return bad
}

// row makes a new campaign of it.
func (b *Body) row(org string, now time.Time) store.Campaign {
	c := store.Campaign{
		ID: store.NewID(), Org: org, Agent: strings.ToLower(b.AgentID), Name: b.Name, Description: b.Description,
		StartingMessage: b.StartingMessage, Priority: b.Priority, Scheduled: b.ScheduledAt.Value.UTC(), WebhookURL: b.WebhookURL,
		WebhookEvents: slices.Compact(slices.Sorted(slices.Values(b.WebhookEvents))), MaxCalls: b.MaxCalls,
		Breaker: Breaker{Calls: 20, Percent: 50}.row(), Created: now,
	}
	if b.CallsPerSecond > 0 {
		c.Pace = time.Duration(float64(time.Second) / b.CallsPerSecond)
	}
	if b.Breaker != nil {
		c.Breaker = b.Breaker.row()
	}
	return c
}

// org is whose rows a request may see. The middleware lets nobody through without one.
func org(ctx context.Context) string {
	i, _ := access.From(ctx)
	return i.Org
}
