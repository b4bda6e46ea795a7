package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/store"
)

// testCampaignLimits: a campaign has no more calls than it may, and each begins at its moment.
func testCampaignLimits(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	now := start.Add(time.Hour)
	c := drive(t, h, 6, func(c *store.Campaign) { c.MaxCalls, c.Pace = 3, 400*time.Millisecond })
	tasks := due(t, h, c, 10)
	same(t, "due", len(tasks), 6)
	var dials []store.Dial
	for _, task := range tasks[:3] {
		d, err := begin(t, h, task, now)
		ok(t, err)
		dials = append(dials, d)
	}
	same(t, "when they are placed", []time.Duration{dials[0].Due.Sub(now), dials[1].Due.Sub(now), dials[2].Due.Sub(now)}, []time.Duration{0, c.Pace, 2 * c.Pace})
	_, err := begin(t, h, tasks[3], now.Add(time.Minute)) // three are open
	is(t, err, store.ErrConflict)
	done, err := s.SettleDial(ctx, store.Ended{Call: dials[0].Call, Status: store.Failed, End: store.End{Ended: now, Cause: store.CauseBusy}}, now.Add(time.Hour))
	ok(t, err)
	same(t, "settled", done, true)
	_, err = begin(t, h, tasks[3], now) // 1200 ms ahead
	is(t, err, store.ErrConflict)
	d, err := begin(t, h, tasks[3], now.Add(200*time.Millisecond))
	ok(t, err)
	same(t, "the fourth", d.Due.Sub(now), 3*c.Pace)
	taken, err := s.TakeDials(ctx, store.Taking{Org: h.Org, Node: "a", Now: now.Add(c.Pace), Look: time.Minute, Most: 10})
	ok(t, err)
	same(t, "placed in time", len(taken), 1) // the first is over, the others are to come
}

func testCampaignLimitsAtOnce(t *testing.T, s Store) {
	_, h := t.Context(), fill(t, s)
	now := start.Add(time.Hour)
	c := drive(t, h, 20, func(c *store.Campaign) { c.MaxCalls = 5 })
	tasks := due(t, h, c, 20)
	var begun atomic.Int64
	var nodes sync.WaitGroup
	for _, task := range tasks {
		nodes.Go(func() {
			if _, err := begin(t, h, task, now); err == nil {
				begun.Add(1)
			} else {
				is(t, err, store.ErrConflict)
			}
		})
	}
	nodes.Wait()
	same(t, "calls", begun.Load(), int64(5))
	same(t, "counts", counts(t, h, c), map[string]int64{"pending ": 15, "in_progress ": 5})
}

// testCampaignPaused: what a paused campaign has queued is neither placed nor in the way of others.
func testCampaignPaused(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	now := start.Add(time.Hour)
	c := drive(t, h, 3, nil)
	for _, task := range due(t, h, c, 3) {
		_, err := begin(t, h, task, now)
		ok(t, err)
	}
	other := execute(t, s, makeTask(t, h, nil))
	room := func() int {
		n, err := s.DialRoom(ctx, h.Org, 10)
		ok(t, err)
		return n
	}
	take := func() []store.Dial {
		taken, err := s.TakeDials(ctx, store.Taking{Org: h.Org, Node: "a", Now: now, Look: time.Minute, Most: 10})
		ok(t, err)
		return taken
	}
	same(t, "room", room(), 6)
	move(t, h, c, store.CampaignRunning, store.CampaignPaused)
	same(t, "room while it is paused", room(), 9)
	if taken := take(); len(taken) != 1 || taken[0].Call != other.Call {
		t.Errorf("taken while it is paused: %+v", taken)
	}
	orgs, err := s.DialWork(ctx, now)
	ok(t, err)
	same(t, "work", orgs, []string(nil))
	held, err := s.HeldDials(ctx, h.Org, c.ID, 10)
	ok(t, err)
	same(t, "held", len(held), 3)
	move(t, h, c, store.CampaignPaused, store.CampaignRunning)
	same(t, "taken when it goes on", len(take()), 3)
}

// testCampaignPausedAtOnce: once a campaign is paused, nobody who is at work takes a dial of it.
func testCampaignPausedAtOnce(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	now := start.Add(time.Hour)
	c := drive(t, h, 40, nil)
	for _, task := range due(t, h, c, 40) {
		_, err := begin(t, h, task, now)
		ok(t, err)
	}
	var nodes sync.WaitGroup
	over := make(chan struct{})
	for _, name := range []string{"a", "b"} {
		nodes.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if _, err := s.TakeDials(ctx, store.Taking{Org: h.Org, Node: name, Now: now, Look: time.Minute, Most: 1}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	held := func() int {
		all, err := s.HeldDials(ctx, h.Org, c.ID, 100)
		ok(t, err)
		return len(all)
	}
	for held() > 30 {
	}
	move(t, h, c, store.CampaignRunning, store.CampaignPaused)
	before := held()
	for range 5 {
		_, err := s.TakeDials(ctx, store.Taking{Org: h.Org, Node: "c", Now: now, Look: time.Minute, Most: 10})
		ok(t, err)
	}
	same(t, "queued after the pause", held(), before)
	close(over)
	nodes.Wait()
	same(t, "queued after the pause", held(), before)
}

// testCampaignPresumed: a call that another node has taken for dead, and that was not, counts once in its campaign.
func testCampaignPresumed(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	beat(t, s, "dead")
	beat(t, s, "well")
	c := drive(t, h, 1, nil)
	task := due(t, h, c, 1)[0]
	d, err := begin(t, h, task, start.Add(time.Hour))
	ok(t, err)
	_, err = s.TakeDials(ctx, store.Taking{Org: h.Org, Node: "dead", Now: start.Add(time.Hour), Look: time.Hour, Most: 1})
	ok(t, err)
	_, err = s.PlaceDial(ctx, d.Call, "CA1", start.Add(3*time.Hour))
	ok(t, err)
	call, err := s.Call(ctx, h.Org, d.Call)
	ok(t, err)
	call.Number, call.Status, call.Node, call.Boot, call.Answered, call.CarrierID = 0, store.InProgress, "dir of dead", "dead", start.Add(2*time.Hour), "CA1"
	ok(t, s.Record(ctx, []store.Entry{{Began: &call}}))
	bury(t, s, "well")
	same(t, "counts", counts(t, h, c), map[string]int64{"failed crash": 1})
	same(t, "reopened", beat(t, s, "dead"), 1)
	same(t, "counts", counts(t, h, c), map[string]int64{"in_progress ": 1})
	same(t, "outcome", readTask(t, s, task).Outcome, "")
	ok(t, s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: call.ID, Status: store.Completed, End: store.End{Cause: "agent", Ended: start.Add(4 * time.Hour)}}}}))
	same(t, "counts", counts(t, h, c), map[string]int64{"completed answered": 1})
}
