package campaign

import (
	"context"
	"fmt"
	"time"

	"parley/control/dialer"
	"parley/control/envelope"
	"parley/store"
)

// The rate of a campaign is that of its last calls: of so many, and no longer ago.
const (
	rateCalls = 500
	rateTime  = 10 * time.Minute
)

// Progress is how far a campaign has come.
type Progress struct {
	CampaignID     string               `json:"campaign_id" format:"uuid"`
	Status         store.CampaignStatus `json:"status" enum:"draft,running,paused,completed,cancelled"`
	Reason         *string              `json:"reason" doc:"Why it is paused or cancelled."`
	Tasks          Tally                `json:"tasks"`
	Outcomes       map[string]int64     `json:"outcomes" nullable:"false" doc:"Of the tasks that are over, how many had which outcome." example:"{\"human\": 41, \"machine\": 12, \"busy\": 3}"`
	PercentDone    float64              `json:"percent_done" doc:"Of its tasks, how many are over, with one decimal." example:"37.5"`
	CallsPerMinute *float64             `json:"calls_per_minute" doc:"Calls that ended in a minute, over the last ten minutes or the last 500 calls; null: none did, or it does not run." example:"12.5"`
	EstimatedEndAt envelope.Time        `json:"estimated_end_at" nullable:"true" doc:"When it will be done at that rate; null: it cannot be told. Calling windows and retries to come are not foreseen."`
	Breaker        BreakerState         `json:"breaker"`
	StartedAt      envelope.Time        `json:"started_at" nullable:"true"`
	EndedAt        envelope.Time        `json:"ended_at" nullable:"true"`
}

// Tally counts tasks by their status.
type Tally struct {
	Total      int64 `json:"total" example:"150"`
	Pending    int64 `json:"pending" example:"90"`
	InProgress int64 `json:"in_progress" example:"4"`
	Completed  int64 `json:"completed" example:"41"`
	Failed     int64 `json:"failed" example:"15"`
}

// BreakerState is what a circuit breaker sees.
type BreakerState struct {
	Breaker

	Seen   int `json:"seen" doc:"How many calls it has to go by, since the campaign was started or resumed; at most calls." example:"20"`
	Failed int `json:"failed" doc:"How many of these failed." example:"3"`
}

// tallied adds counters up.
func tallied(counts []store.CampaignCount) (t Tally) {
	for _, c := range counts {
		t.Total += c.N
		switch c.Status {
		case store.Pending:
			t.Pending += c.N
		case store.InProgress:
			t.InProgress += c.N
		case store.Completed:
			t.Completed += c.N
		case store.Failed:
			t.Failed += c.N
		}
	}
	return t
}

// Progress handles GET /campaigns/{id}/progress.
func (h *Campaigns) Progress(ctx context.Context, in *envelope.ID) (*envelope.One[Progress], error) {
	c, err := h.find(ctx, in.ID)
	if err != nil {
		return nil, none(err)
	}
	counts, err := h.Store.CampaignCounts(ctx, c.Org, c.ID)
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	p := Progress{
		CampaignID: c.ID, Status: c.Status, Reason: envelope.Optional(c.Reason), Tasks: tallied(counts), Outcomes: map[string]int64{},
		Breaker: BreakerState{Breaker: show(c).Breaker}, StartedAt: envelope.Time(c.Started), EndedAt: envelope.Time(c.Ended),
	}
	for _, n := range counts {
		if n.Status.Final() && n.Outcome != "" {
			p.Outcomes[n.Outcome] += n.N
		}
	}
	if done := p.Tasks.Completed + p.Tasks.Failed; done > 0 {
		p.PercentDone = float64(1000*done/p.Tasks.Total) / 10
	}
	ends, err := h.Store.CampaignEnds(ctx, c.ID, 0, rateCalls)
	if err != nil {
		return nil, fmt.Errorf("read ends of calls: %w", err)
	}
	now := time.Now()
	if rate := rate(c, ends, now); rate > 0 {
		p.CallsPerMinute = &rate
		left := float64(p.Tasks.Pending + p.Tasks.InProgress)
		p.EstimatedEndAt = envelope.Time(now.Add(time.Duration(left / rate * float64(time.Minute))))
	}
	for _, e := range ends {
		if e.Number <= c.Since || p.Breaker.Seen == c.Breaker.Calls {
			break
		}
		p.Breaker.Seen++
		if dialer.Broken(c.Breaker, e) {
			p.Breaker.Failed++
		}
	}
	return envelope.Give(ctx, p), nil
}

// rate is how many calls of a running campaign end in a minute, by those that ended last, newest first; 0: it cannot be told.
func rate(c store.Campaign, ends []store.CampaignEnd, now time.Time) float64 {
	if c.Status != store.CampaignRunning {
		return 0
	}
	from := now.Add(-rateTime)
	if c.Started.After(from) {
		from = c.Started
	}
	n := 0
	for _, e := range ends {
		if e.Ended.Before(from) {
			break
		}
		n++
	}
	if n == rateCalls {
		from = ends[n-1].Ended
	}
	span := max(now.Sub(from), time.Second)
	return float64(int(10*float64(n)*float64(time.Minute)/float64(span))) / 10
}
