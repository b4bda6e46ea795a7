package sql

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateCampaign implements store.Campaigns.
func (s *Store) CreateCampaign(ctx context.Context, c store.Campaign) (made store.Campaign, err error) {
	err = s.write(ctx, "create campaign", func(ctx context.Context, u unit) error {
		if err := u.keepAgent(ctx, c.Org, c.Agent); err != nil {
			return err
		}
		row, err := u.InsertCampaign(ctx, db.InsertCampaignParams{
			ID: c.ID, Org: c.Org, Agent: c.Agent, Name: c.Name, Description: c.Description, StartingMessage: c.StartingMessage,
			Priority: int64(c.Priority), Scheduled: db.Time(c.Scheduled), WebhookUrl: c.WebhookURL, WebhookEvents: c.WebhookEvents,
			MaxCalls: int64(c.MaxCalls), Pace: int64(c.Pace), BreakerCalls: int64(c.Breaker.Calls), BreakerPercent: int64(c.Breaker.Percent),
			BreakerShort: int64(c.Breaker.Short), Created: db.Time(c.Created),
		})
		made = campaign(row)
		return err
	})
	return made, err
}

// keepAgent keeps an agent from being deleted until the transaction ends.
func (u unit) keepAgent(ctx context.Context, org, agent string) error {
	var one int
	return u.QueryRowContext(ctx, "SELECT 1 FROM agents WHERE org = $1 AND id = $2"+u.forShare, org, agent).Scan(&one)
}

// Campaign implements store.Campaigns.
func (s *Store) Campaign(ctx context.Context, org, id string) (c store.Campaign, err error) {
	err = s.read(ctx, "read campaign", func(ctx context.Context, u unit) error {
		row, err := u.Campaign(ctx, db.CampaignParams{Org: org, ID: id})
		c = campaign(row)
		return err
	})
	return c, err
}

// Campaigns implements store.Campaigns.
func (s *Store) Campaigns(ctx context.Context, org string, p store.Page) (all []store.Campaign, total int64, err error) {
	err = s.read(ctx, "list campaigns", func(ctx context.Context, u unit) error {
		limit, offset := bounds(p)
		found, err := u.Campaigns(ctx, db.CampaignsParams{Org: org, HowMany: limit, After: offset})
		if err != nil {
			return err
		}
		all = each(found, campaign)
		total, err = u.CountCampaigns(ctx, org)
		return err
	})
	return all, total, err
}

// UpdateCampaign implements store.Campaigns. While change runs, nobody else changes the campaign: it should not take long.
func (s *Store) UpdateCampaign(ctx context.Context, org, id string, at time.Time, change func(*store.Campaign) error) (c store.Campaign, err error) {
	var refusal error
	err = s.write(ctx, "update campaign", func(ctx context.Context, u unit) error {
		refusal = nil
		row, err := u.HoldCampaign(ctx, id)
		if err != nil {
			return err
		}
		if c = campaign(row); c.Org != org {
			return store.ErrNotFound
		}
		if refusal = change(&c); refusal != nil {
			return errUnchanged
		}
		row, err = u.UpdateCampaign(ctx, db.UpdateCampaignParams{
			ID: id, Name: c.Name, Description: c.Description, Scheduled: db.Time(c.Scheduled), MaxCalls: int64(c.MaxCalls), Pace: int64(c.Pace),
			BreakerCalls: int64(c.Breaker.Calls), BreakerPercent: int64(c.Breaker.Percent), BreakerShort: int64(c.Breaker.Short), Updated: db.Time(at),
		})
		c = campaign(row)
		return err
	})
	if err = cmp.Or(refusal, err); err != nil {
		return store.Campaign{}, err
	}
	return c, nil
}

// MoveCampaign implements store.Campaigns. Whoever makes calls of the campaign's tasks, or places them, holds its row meanwhile (admit,
// holdBack): they are done before, or see the new status.
func (s *Store) MoveCampaign(ctx context.Context, org, id string, m store.Move) (c store.Campaign, err error) {
	err = s.write(ctx, "change campaign", func(ctx context.Context, u unit) error {
		row, err := u.HoldCampaign(ctx, id)
		if err != nil {
			return err
		}
		switch c = campaign(row); {
		case c.Org != org:
			return store.ErrNotFound
		case !slices.Contains(m.From, c.Status):
			return fmt.Errorf("%w: it is %s", store.ErrConflict, c.Status)
		case !m.Seen.IsZero() && !m.Seen.Equal(c.Updated):
			return fmt.Errorf("%w: it has just been changed", store.ErrConflict)
		}
		if m.Over {
			if err := u.idle(ctx, c); err != nil {
				return err
			}
		}
		started, ended := c.Started, time.Time{}
		if started.IsZero() && m.To == store.CampaignRunning {
			started = m.At
		}
		if m.Over {
			ended = m.At
		}
		row, err = u.MoveCampaign(ctx, db.MoveCampaignParams{
			ID: id, Status: string(m.To), Reason: m.Reason, Updated: db.Time(m.At), Started: db.Time(started), Ended: db.Time(ended),
			Anew: m.To == store.CampaignRunning,
		})
		c = campaign(row)
		return err
	})
	if err != nil {
		return store.Campaign{}, err
	}
	return c, nil
}

// idle wants that nothing of a campaign is left to be called, or up.
func (u unit) idle(ctx context.Context, c store.Campaign) error {
	counts, err := u.CampaignCounts(ctx, db.CampaignCountsParams{Org: c.Org, Campaign: c.ID})
	if err != nil {
		return err
	}
	for _, n := range counts {
		if !store.Status(n.Status).Final() {
			return fmt.Errorf("%w: %d of its tasks are %s", store.ErrConflict, n.N, n.Status)
		}
	}
	return nil
}

// AddContacts implements store.Campaigns. The campaign is locked after its tasks, here as in ExecuteTask; and tasks in the order of their
// numbers, so that of two uploads none waits for one that waits for it.
func (s *Store) AddContacts(ctx context.Context, org, id string, tasks []store.Task) (to []store.CampaignContact, err error) {
	byNumber := slices.SortedFunc(slices.Values(tasks), func(a, b store.Task) int { return strings.Compare(a.To, b.To) })
	err = s.write(ctx, "add contacts", func(ctx context.Context, u unit) error {
		seen, err := u.Campaign(ctx, db.CampaignParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		if err := u.keepAgent(ctx, org, seen.Agent); err != nil {
			return err
		}
		has, err := u.putContacts(ctx, seen, byNumber)
		if err != nil {
			return err
		}
		held, err := u.HoldCampaign(ctx, id)
		if err != nil {
			return err
		}
		if held.Status == string(store.CampaignCancelled) {
			return fmt.Errorf("%w: it is cancelled", store.ErrConflict)
		}
		to = make([]store.CampaignContact, len(tasks))
		fresh := int64(0)
		for i, t := range tasks {
			if to[i] = has[t.To]; to[i].Task == t.ID {
				fresh++
			}
		}
		if fresh > 0 && held.Status == string(store.CampaignCompleted) && time.Time(held.Ended).After(tasks[0].Created) {
			_, err = u.MoveCampaign(ctx, db.MoveCampaignParams{ID: id, Status: string(store.CampaignRunning), Updated: held.Ended, Started: held.Started})
			if err != nil {
				return err
			}
		}
		return u.countTasks(ctx, map[tally]int64{{org: org, agent: seen.Agent, status: string(store.Pending), campaign: id}: fresh})
	})
	if err != nil {
		return nil, err
	}
	return to, nil
}

// putContacts inserts the tasks whose numbers the campaign has not yet, and returns its contacts of all their numbers.
func (u unit) putContacts(ctx context.Context, c db.Campaign, tasks []store.Task) (map[string]store.CampaignContact, error) {
	const columns = "id, org, agent, name, callee, description, starting_message, context, priority, scheduled, webhook_url, webhook_events, " +
		"status, due, attempts, retries, call, error, created, updated, campaign, line, outcome"
	r := rows{
		before: "INSERT INTO tasks (" + columns + ") VALUES ",
		after: " ON CONFLICT (campaign, callee) WHERE campaign <> '' DO UPDATE SET line = tasks.line " +
			"RETURNING id, callee, line, created",
		casts: make([]string, 23),
	}
	for _, t := range tasks {
		r.add(t.ID, c.Org, c.Agent, t.Name, t.To, t.Description, t.StartingMessage, t.Context, int64(t.Priority), db.Time(t.Scheduled),
			t.WebhookURL, db.Scopes(t.WebhookEvents), string(store.Pending), db.Time(t.Created), int64(0), int64(0), "", "",
			db.Time(t.Created), db.Time(t.Created), c.ID, int64(t.Line), "")
	}
	has := make(map[string]store.CampaignContact, len(tasks))
	err := r.write(ctx, u, func(scan func(...any) error) error {
		var k store.CampaignContact
		var created db.Time
		err := scan(&k.Task, &k.To, &k.Line, &created)
		k.Created = time.Time(created)
		has[k.To] = k
		return err
	})
	return has, err
}

// CampaignCounts implements store.Campaigns.
func (s *Store) CampaignCounts(ctx context.Context, org, id string) (counts []store.CampaignCount, err error) {
	err = s.read(ctx, "read counters of campaign", func(ctx context.Context, u unit) error {
		found, err := u.CampaignCounts(ctx, db.CampaignCountsParams{Org: org, Campaign: id})
		counts = each(found, func(r db.CampaignCountsRow) store.CampaignCount {
			return store.CampaignCount{Status: store.Status(r.Status), Outcome: r.Outcome, N: r.N}
		})
		return err
	})
	return counts, err
}

// CampaignEnds implements store.Campaigns.
func (s *Store) CampaignEnds(ctx context.Context, id string, after int64, limit int) (ends []store.CampaignEnd, err error) {
	most, _ := bounds(store.Page{Limit: limit})
	err = s.read(ctx, "list ends of calls", func(ctx context.Context, u unit) error {
		found, err := u.CampaignEnds(ctx, db.CampaignEndsParams{Campaign: id, Since: after, HowMany: most})
		ends = each(found, func(r db.CampaignEnd) store.CampaignEnd {
			return store.CampaignEnd{Number: r.Number, Status: store.Status(r.Status), Cause: r.Cause, Length: time.Duration(r.Length), Ended: time.Time(r.Ended)}
		})
		return err
	})
	return ends, err
}

// CampaignResults implements store.Campaigns.
func (s *Store) CampaignResults(ctx context.Context, org, id, after string, limit int) (results []store.CampaignResult, err error) {
	most, _ := bounds(store.Page{Limit: limit})
	err = s.read(ctx, "list results of campaign", func(ctx context.Context, u unit) error {
		found, err := u.CampaignResults(ctx, db.CampaignResultsParams{Org: org, Campaign: id, After: after, HowMany: most})
		results = each(found, result)
		return err
	})
	return results, err
}

// newCampaignEnds are the ends of campaigns' calls on their way into their table.
func newCampaignEnds() *rows {
	return &rows{before: "INSERT INTO campaign_ends (campaign, status, cause, length, ended) VALUES ", casts: make([]string, 5)}
}

// admit says when the call of a task of a campaign may be placed, and takes that moment; zero if the task is of none, or the campaign
// leaves it to the organisation. It holds the campaign until the transaction ends.
func (s *Store) admit(ctx context.Context, u unit, t store.Task, x store.Execution) (due time.Time, err error) {
	if t.Campaign == "" {
		return due, nil
	}
	var status string
	var most, pace int64
	var next db.Time
	row := u.QueryRowContext(ctx, "SELECT status, max_calls, pace, next FROM campaigns WHERE id = $1"+s.forUpdate, t.Campaign)
	if err := row.Scan(&status, &most, &pace, &next); err != nil {
		return due, err
	}
	is, byItself := store.CampaignStatus(status), !x.Now.IsZero()
	if is == store.CampaignPaused || is == store.CampaignCancelled || byItself && is != store.CampaignRunning {
		return due, fmt.Errorf("%w: its campaign is %s", store.ErrConflict, is)
	}
	if byItself && most > 0 {
		open, err := u.CampaignOpen(ctx, db.CampaignOpenParams{Org: t.Org, Campaign: t.Campaign})
		if err != nil {
			return due, err
		}
		if open >= most {
			return due, fmt.Errorf("%w: its campaign has %d calls", store.ErrConflict, open)
		}
	}
	if !byItself || pace == 0 {
		return due, nil
	}
	if due = time.Time(next); due.Before(x.Now) {
		due = x.Now
	}
	if due.After(x.Now.Add(x.Ahead)) {
		return due, fmt.Errorf("%w: the next call of its campaign is at %s", store.ErrConflict, due.Format(time.RFC3339Nano))
	}
	return due, u.PaceCampaign(ctx, db.PaceCampaignParams{ID: t.Campaign, Next: db.Time(due.Add(time.Duration(pace)))})
}

// holdBack keeps the running campaigns of an organisation running until the transaction ends: what one of them has queued is asked for
// before it is paused, or not at all.
func (s *Store) holdBack(ctx context.Context, u unit, org string) error {
	const query = "SELECT id FROM campaigns WHERE org = $1 AND ended = '' ORDER BY id"
	return u.query(ctx, query+s.forUpdate, []any{org}, func(scan func(...any) error) error {
		var id string
		return scan(&id)
	})
}

// LiveCampaigns implements store.CampaignDials.
func (s *Store) LiveCampaigns(ctx context.Context, org string, now time.Time) (all []store.Campaign, err error) {
	err = s.read(ctx, "list live campaigns", func(ctx context.Context, u unit) error {
		found, err := u.LiveCampaigns(ctx, db.LiveCampaignsParams{Org: org, Now: db.Time(now)})
		all = each(found, campaign)
		return err
	})
	return all, err
}

// DueContacts implements store.CampaignDials.
func (s *Store) DueContacts(ctx context.Context, id string, now time.Time, limit int) (tasks []store.Task, err error) {
	most, _ := bounds(store.Page{Limit: limit})
	err = s.read(ctx, "list due contacts", func(ctx context.Context, u unit) error {
		found, err := u.DueContacts(ctx, db.DueContactsParams{Campaign: id, Now: db.Time(now), HowMany: most})
		tasks = each(found, task)
		return err
	})
	return tasks, err
}

// DropContacts implements store.CampaignDials.
func (s *Store) DropContacts(ctx context.Context, org, id string, at time.Time, limit int) (n int, err error) {
	most, _ := bounds(store.Page{Limit: limit})
	err = s.write(ctx, "drop contacts", func(ctx context.Context, u unit) error {
		dropped, err := u.DropContacts(ctx, db.DropContactsParams{Org: org, Campaign: id, Updated: db.Time(at), HowMany: most})
		if err != nil {
			return err
		}
		if n = len(dropped); n == 0 {
			return errUnchanged
		}
		steps := map[tally]int64{}
		for _, row := range dropped {
			t := task(row)
			steps[total(t, store.Pending)]--
			steps[total(t, store.Failed)]++
		}
		return u.countTasks(ctx, steps)
	})
	return n, err
}

// HeldDials implements store.CampaignDials.
func (s *Store) HeldDials(ctx context.Context, org, id string, limit int) (dials []store.Dial, err error) {
	most, _ := bounds(store.Page{Limit: limit})
	err = s.read(ctx, "list held dials", func(ctx context.Context, u unit) error {
		found, err := u.HeldDials(ctx, db.HeldDialsParams{Org: org, Campaign: id, HowMany: most})
		dials = each(found, dial)
		return err
	})
	return dials, err
}

func campaign(r db.Campaign) store.Campaign {
	return store.Campaign{
		ID: r.ID, Number: r.Number, Org: r.Org, Agent: r.Agent, Name: r.Name, Description: r.Description, StartingMessage: r.StartingMessage,
		Priority: int(r.Priority), Scheduled: time.Time(r.Scheduled), WebhookURL: r.WebhookUrl, WebhookEvents: r.WebhookEvents,
		MaxCalls: int(r.MaxCalls), Pace: time.Duration(r.Pace),
		Breaker: store.Breaker{Calls: int(r.BreakerCalls), Percent: int(r.BreakerPercent), Short: time.Duration(r.BreakerShort)},
		Status:  store.CampaignStatus(r.Status), Reason: r.Reason, Since: r.Since, Next: time.Time(r.Next), Created: time.Time(r.Created),
		Updated: time.Time(r.Updated), Started: time.Time(r.Started), Ended: time.Time(r.Ended),
	}
}

func result(r db.CampaignResultsRow) store.CampaignResult {
	t := task(db.Task{
		Number: r.Number, ID: r.ID, Org: r.Org, Agent: r.Agent, Name: r.Name, Callee: r.Callee, Description: r.Description,
		StartingMessage: r.StartingMessage, Context: r.Context, Priority: r.Priority, Scheduled: r.Scheduled, WebhookUrl: r.WebhookUrl,
		WebhookEvents: r.WebhookEvents, Status: r.Status, Due: r.Due, Attempts: r.Attempts, Retries: r.Retries, Call: r.Call, Error: r.Error,
		Created: r.Created, Updated: r.Updated, Campaign: r.Campaign, Line: r.Line, Outcome: r.Outcome,
	})
	return store.CampaignResult{Task: t, Call: store.Call{
		ID: t.Call, Status: store.Status(r.CallStatus), Answered: time.Time(r.Answered),
		End: store.End{Ended: time.Time(r.Ended), Length: time.Duration(r.Length), Cause: r.Cause, AnsweredBy: r.AnsweredBy},
	}}
}
