package dialer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/media"
	"parley/store"
)

// dropped is how many tasks of a cancelled campaign are failed in one transaction.
const dropped = 500

// tend does for an organisation's campaigns what is due by itself, and returns those that run: drafts whose time has come begin, breakers
// trip, campaigns that have nothing left to do are completed, and what is left of cancelled ones is cancelled. A campaign that somebody
// changes meanwhile is looked at in the next round.
func (d *Dialer) tend(ctx context.Context, org string, now time.Time) (running []store.Campaign, err error) {
	live, err := d.o.Store.LiveCampaigns(ctx, org, now)
	if err != nil {
		return nil, fmt.Errorf("list campaigns: %w", err)
	}
	for _, c := range live {
		switch c.Status {
		case store.CampaignDraft:
			err = d.startDraft(ctx, c)
		case store.CampaignRunning:
			var on bool
			if on, err = d.goesOn(ctx, c); on {
				running = append(running, c)
			}
		case store.CampaignCancelled:
			err = d.clear(ctx, c)
		}
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return nil, err
		}
	}
	return running, nil
}

// move changes a campaign as it was seen.
func (d *Dialer) move(ctx context.Context, c store.Campaign, to store.CampaignStatus, reason string, over bool) error {
	_, err := d.o.Store.MoveCampaign(ctx, c.Org, c.ID, store.Move{
		From: []store.CampaignStatus{c.Status}, To: to, Reason: reason, At: time.Now().UTC(), Seen: c.Updated, Over: over,
	})
	if err != nil {
		return fmt.Errorf("change campaign: %w", err)
	}
	d.o.Log.Info("campaign changed", "campaign", c.ID, "from", c.Status, "to", to, "reason", reason)
	return nil
}

// startDraft starts a campaign whose time has come, once there is somebody to call.
func (d *Dialer) startDraft(ctx context.Context, c store.Campaign) error {
	pending, _, err := d.left(ctx, c)
	if err != nil || pending == 0 {
		return err
	}
	return d.move(ctx, c, store.CampaignRunning, "", false)
}

// goesOn says whether a running campaign may go on: not if its breaker trips, or nothing is left of it.
func (d *Dialer) goesOn(ctx context.Context, c store.Campaign) (bool, error) {
	pending, open, err := d.left(ctx, c)
	if err != nil {
		return false, err
	}
	if pending+open == 0 {
		return false, d.move(ctx, c, store.CampaignCompleted, "", true)
	}
	if c.Breaker.Calls == 0 {
		return true, nil
	}
	ends, err := d.o.Store.CampaignEnds(ctx, c.ID, c.Since, c.Breaker.Calls)
	if err != nil {
		return false, fmt.Errorf("read ends of calls: %w", err)
	}
	if reason := Trips(c.Breaker, ends); reason != "" {
		d.o.Log.Warn("circuit breaker pauses a campaign", "campaign", c.ID, "reason", reason)
		return false, d.move(ctx, c, store.CampaignPaused, reason, false)
	}
	return true, nil
}

// left is how many tasks of a campaign wait, and how many have a call.
func (d *Dialer) left(ctx context.Context, c store.Campaign) (pending, open int, err error) {
	counts, err := d.o.Store.CampaignCounts(ctx, c.Org, c.ID)
	if err != nil {
		return 0, 0, fmt.Errorf("read counters: %w", err)
	}
	for _, one := range counts {
		switch one.Status {
		case store.Pending:
			pending += int(one.N)
		case store.InProgress:
			open += int(one.N)
		}
	}
	return pending, open, nil
}

// clear cancels what a cancelled campaign has left: calls that nobody has been asked for, and pending tasks. Calls that are up go on; when
// the last is over, so is the campaign.
func (d *Dialer) clear(ctx context.Context, c store.Campaign) error {
	pending, open, err := d.left(ctx, c)
	if err != nil {
		return err
	}
	if open > 0 {
		held, err := d.o.Store.HeldDials(ctx, c.Org, c.ID, dropped)
		if err != nil {
			return fmt.Errorf("list queued calls: %w", err)
		}
		for _, dial := range held {
			if err := d.settle(ctx, dial, end{cause: store.CauseCancelled}); err != nil {
				return err
			}
		}
	}
	for pending > 0 && ctx.Err() == nil {
		n, err := d.o.Store.DropContacts(ctx, c.Org, c.ID, time.Now().UTC(), dropped)
		if err != nil {
			return fmt.Errorf("cancel tasks: %w", err)
		}
		if n == 0 {
			break
		}
		pending -= n
	}
	if pending > 0 || open > 0 {
		return nil
	}
	return d.move(ctx, c, store.CampaignCancelled, c.Reason, true)
}

// Trips says why a breaker trips, by a campaign's last calls, newest first; empty: it does not.
func Trips(b store.Breaker, ends []store.CampaignEnd) (reason string) {
	if b.Calls == 0 || len(ends) < b.Calls {
		return ""
	}
	failed := 0
	for _, e := range ends[:b.Calls] {
		if Broken(b, e) {
			failed++
		}
	}
	if 100*failed <= b.Percent*b.Calls {
		return ""
	}
	return fmt.Sprintf("circuit breaker: %d of the last %d calls failed, more than %d %%", failed, b.Calls, b.Percent)
}

// Broken says whether a call counts as failed for a breaker: it was not placed, or something broke it, or, if the breaker says so, the far
// end hung up at once. That nobody answers, or a machine, is what calling people is like.
func Broken(b store.Breaker, e store.CampaignEnd) bool {
	switch e.Cause {
	case store.CauseUnplaced, store.CauseCrash, string(media.CauseCarrier), string(media.CauseMedia), string(media.CauseProvider),
		string(media.CauseOverrun), string(media.CausePanic), string(media.CauseRejected):
		return true
	case string(media.CauseCaller):
		return e.Length < b.Short
	}
	return false
}

// due are the tasks whose time has come, of no campaign and of those that run, as far as there is room: higher priority first, then who has
// waited longest.
func (d *Dialer) due(ctx context.Context, org string, running []store.Campaign, now time.Time, room int) ([]store.Task, error) {
	room = min(batch, room)
	due, err := d.o.Store.DueTasks(ctx, org, now, room)
	if err != nil {
		return nil, fmt.Errorf("list due tasks: %w", err)
	}
	for _, c := range running {
		n, err := d.roomOf(ctx, c, now, room)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			continue
		}
		some, err := d.o.Store.DueContacts(ctx, c.ID, now, n)
		if err != nil {
			return nil, fmt.Errorf("list due contacts: %w", err)
		}
		due = append(due, some...)
	}
	if len(running) > 0 {
		slices.SortStableFunc(due, func(a, b store.Task) int {
			return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID))
		})
	}
	return due[:min(len(due), room)], nil
}

// roomOf is how many calls of a campaign may be begun now, of so many. The store keeps to its limits whatever comes of this: it is for not
// trying in vain.
func (d *Dialer) roomOf(ctx context.Context, c store.Campaign, now time.Time, room int) (int, error) {
	if c.MaxCalls > 0 {
		_, open, err := d.left(ctx, c)
		if err != nil {
			return 0, err
		}
		room = min(room, max(0, c.MaxCalls-open))
	}
	if c.Pace > 0 {
		slots := 1 + now.Add(ahead).Sub(later(c.Next, now))/c.Pace
		if now.Add(ahead).Before(c.Next) {
			slots = 0
		}
		room = min(room, int(slots))
	}
	return room, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// held says whether the calls of a task wait, because its campaign is paused or cancelled.
func (d *Dialer) held(ctx context.Context, t store.Task) (bool, error) {
	if t.Campaign == "" {
		return false, nil
	}
	c, err := d.o.Store.Campaign(ctx, t.Org, t.Campaign)
	if err != nil {
		return false, fmt.Errorf("read campaign: %w", err)
	}
	return c.Status == store.CampaignPaused || c.Status == store.CampaignCancelled, nil
}
