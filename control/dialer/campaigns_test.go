package dialer_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/dialer"
	"parley/pipeline"
	"parley/store"
	"parley/store/sql"
)

// campaign makes one with so many contacts, +15550200000 and on.
func (d *desk) campaign(n int, change ...func(*store.Campaign)) store.Campaign {
	d.t.Helper()
	c := store.Campaign{ID: store.NewID(), Org: d.org, Agent: d.agent.ID, Name: "C", Created: time.Now().UTC()}
	for _, f := range change {
		f(&c)
	}
	made, err := d.db.CreateCampaign(d.t.Context(), c)
	must(d.t, err)
	contacts(d.t, d.db, made, n)
	return made
}

func contacts(t *testing.T, db *sql.Store, c store.Campaign, n int) {
	t.Helper()
	var tasks []store.Task
	for i := range n {
		tasks = append(tasks, store.Task{ID: store.NewID(), Name: "C", To: fmt.Sprintf("+1555020%04d", i), Context: `{"name":"Zoë"}`, Priority: c.Priority, Created: time.Now().UTC()})
	}
	_, err := db.AddContacts(t.Context(), c.Org, c.ID, tasks)
	must(t, err)
}

// move changes its status, whatever that is.
func (d *desk) move(c store.Campaign, to store.CampaignStatus) {
	d.t.Helper()
	from := []store.CampaignStatus{store.CampaignDraft, store.CampaignRunning, store.CampaignPaused, store.CampaignCompleted}
	_, err := d.db.MoveCampaign(d.t.Context(), d.org, c.ID, store.Move{From: from, To: to, At: time.Now().UTC()})
	must(d.t, err)
}

// campaignUntil waits for a campaign to be as it should.
func (d *desk) campaignUntil(what string, c store.Campaign, ok func(c store.Campaign, tasks map[store.Status]int64) bool) store.Campaign {
	d.t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(60 * time.Second); ; {
		now, err := d.db.Campaign(d.t.Context(), d.org, c.ID)
		must(d.t, err)
		counts, err := d.db.CampaignCounts(d.t.Context(), d.org, c.ID)
		must(d.t, err)
		by := map[store.Status]int64{}
		for _, n := range counts {
			by[n.Status] += n.N
		}
		if ok(now, by) {
			return now
		}
		select {
		case <-look.C:
		case <-limit:
			d.t.Fatalf("never %s: %+v, %v", what, now, by)
		}
	}
}

func is(status store.CampaignStatus) func(store.Campaign, map[store.Status]int64) bool {
	return func(c store.Campaign, _ map[store.Status]int64) bool { return c.Status == status }
}

// busy answers every request with a call that finds a busy line.
func busy(int, pipeline.Order) (pipeline.PlacedState, error) { return pipeline.PlacedBusy, nil }

// TestCampaign: nothing of a draft is called; once it is started all of it is, and then it is completed. With new contacts it begins again.
func TestCampaign(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{MaxCalls: 100})
	d.carrier.place = busy
	c := d.campaign(12)
	other, _ := d.ended(d.task("+15550100077")) // and there was time to call it
	if other.Outcome != store.CauseBusy || len(d.carrier.to()) != 1 {
		t.Errorf("%d calls, outcome %q", len(d.carrier.to()), other.Outcome)
	}
	d.move(c, store.CampaignRunning)
	done := d.campaignUntil("completed", c, is(store.CampaignCompleted))
	if done.Started.IsZero() || done.Ended.IsZero() || len(d.carrier.rang()) != 13 {
		t.Errorf("%+v: %d numbers rang", done, len(d.carrier.rang()))
	}
	contacts(t, d.db, c, 13)
	d.move(c, store.CampaignRunning)
	d.campaignUntil("completed again", c, is(store.CampaignCompleted))
	for to, n := range d.carrier.rang() {
		if n != 1 {
			t.Errorf("%s rang %d times", to, n)
		}
	}
	if len(d.carrier.rang()) != 14 {
		t.Errorf("%d numbers rang", len(d.carrier.rang()))
	}
}

// TestCampaignStartsByItself at its time.
func TestCampaignStartsByItself(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{})
	d.carrier.place = busy
	soon := time.Now().Add(300 * time.Millisecond).UTC()
	later := d.campaign(1, func(c *store.Campaign) { c.Scheduled = soon.Add(time.Hour) })
	done := d.campaignUntil("completed", d.campaign(2, func(c *store.Campaign) { c.Scheduled = soon }), is(store.CampaignCompleted))
	if done.Started.Before(soon) {
		t.Errorf("started at %v, scheduled for %v", done.Started, soon)
	}
	none := d.campaign(0, func(c *store.Campaign) { c.Scheduled = soon })
	d.ended(d.task("+15550100077")) // and there was time to start it
	d.campaignUntil("a draft", none, is(store.CampaignDraft))
	contacts(t, d.db, none, 1)
	d.campaignUntil("completed once it has contacts", none, is(store.CampaignCompleted))
	d.campaignUntil("a draft", later, is(store.CampaignDraft))
}

// TestCampaignLimits: a campaign has no more calls up than it may, and begins them at its pace; tasks of others go on beside it.
func TestCampaignLimits(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{MaxCalls: 50})
	c := d.campaign(6, func(c *store.Campaign) { c.MaxCalls, c.Pace = 4, 100*time.Millisecond })
	d.move(c, store.CampaignRunning)
	d.placed(d.task("+15550100077"))
	var open []string
	d.campaignUntil("as many up as may be", c, func(store.Campaign, map[store.Status]int64) bool {
		open = open[:0]
		for _, to := range d.carrier.to() {
			if to != "+15550100077" {
				open = append(open, to)
			}
		}
		return len(open) == 4
	})
	tasks, _, err := d.db.Tasks(t.Context(), d.org, store.TaskFilter{Campaign: c.ID, Status: store.InProgress}, store.Page{Limit: 10})
	must(t, err)
	var due []time.Time
	for _, task := range tasks {
		dial, err := d.db.Dial(t.Context(), task.Call)
		must(t, err)
		due = append(due, dial.Due)
	}
	slices.SortFunc(due, time.Time.Compare)
	for i := range len(due) - 1 {
		if due[i+1].Sub(due[i]) < c.Pace {
			t.Errorf("calls were begun at %v", due)
		}
	}
	d.carrier.set("CA1", pipeline.PlacedBusy)
	d.carrier.set("CA2", pipeline.PlacedBusy)
	d.carrier.set("CA3", pipeline.PlacedBusy) // two of them at least are the campaign's
	for _, id := range []string{"CA1", "CA2", "CA3"} {
		task := d.byCarrier(id)
		must(t, d.Heard(t.Context(), task, pipeline.Placed{ID: id, State: pipeline.PlacedBusy}))
	}
	d.campaignUntil("all were called", c, func(_ store.Campaign, by map[store.Status]int64) bool { return by[store.Pending] == 0 })
}

// byCarrier is the token of the carrier's call.
func (d *desk) byCarrier(id string) string {
	d.t.Helper()
	var token string
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(time.Minute); token == ""; {
		known, err := d.db.KnownCalls(d.t.Context(), []string{id})
		must(d.t, err)
		token = known[id]
		select {
		case <-look.C:
		case <-limit:
			d.t.Fatalf("no call is %s", id)
		}
	}
	return token
}

// TestBreaker: a campaign whose calls cannot be placed is paused, with the reason; resumed, it counts anew.
func TestBreaker(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{MaxCalls: 2})
	d.carrier.place = func(int, pipeline.Order) (pipeline.PlacedState, error) {
		return "", &pipeline.Refusal{Code: 21210, Message: "no such caller"}
	}
	c := d.campaign(60, func(c *store.Campaign) { c.Breaker = store.Breaker{Calls: 10, Percent: 50} })
	d.move(c, store.CampaignRunning)
	paused := d.campaignUntil("paused", c, is(store.CampaignPaused))
	if want := "circuit breaker: 10 of the last 10 calls failed, more than 50 %"; paused.Reason != want {
		t.Errorf("reason %q, want %q", paused.Reason, want)
	}
	asked := len(d.carrier.to())
	if asked < 10 || asked > 16 { // two at once, and those that had been begun
		t.Errorf("%d calls were tried before it tripped", asked)
	}
	d.carrier.mu.Lock()
	d.carrier.place = busy // which is no failure
	d.carrier.mu.Unlock()
	d.move(c, store.CampaignRunning)
	d.campaignUntil("completed", c, is(store.CampaignCompleted))
}

func TestTrips(t *testing.T) {
	t.Parallel()
	ends := func(causes ...string) (all []store.CampaignEnd) {
		for _, cause := range causes {
			all = append(all, store.CampaignEnd{Status: store.Failed, Cause: cause, Length: 3 * time.Second})
		}
		return all
	}
	b := store.Breaker{Calls: 4, Percent: 50}
	short := b
	short.Short = 4 * time.Second
	for name, tc := range map[string]struct {
		b    store.Breaker
		ends []store.CampaignEnd
		want bool
	}{
		"off":                     {store.Breaker{}, ends("carrier", "carrier", "carrier", "carrier"), false},
		"too few":                 {b, ends("carrier", "carrier", "carrier"), false},
		"half":                    {b, ends("carrier", "unplaced", "caller", "agent"), false},
		"more than half":          {b, ends("crash", "unplaced", "provider", "agent"), true},
		"long ago":                {b, ends("agent", "busy", "no_answer", "carrier", "carrier", "carrier"), false},
		"nobody there":            {b, ends("busy", "no_answer", "machine", "nobody"), false},
		"hung up at once":         {short, ends("caller", "caller", "caller", "agent"), true},
		"hung up, and no failure": {b, ends("caller", "caller", "caller", "caller"), false},
		"any":                     {store.Breaker{Calls: 4}, ends("busy", "busy", "busy", "carrier"), true},
		"never":                   {store.Breaker{Calls: 4, Percent: 100}, ends("carrier", "carrier", "carrier", "carrier"), false},
	} {
		if got := dialer.Trips(tc.b, tc.ends); (got != "") != tc.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestCancelCampaign: what is up goes on, all else is cancelled, and then it is over.
func TestCancelCampaign(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{MaxCalls: 2})
	c := d.campaign(1200)
	d.move(c, store.CampaignRunning)
	d.byCarrier("CA1")
	d.byCarrier("CA2")
	d.move(c, store.CampaignCancelled)
	now := d.campaignUntil("all but those that are up are over", c, func(_ store.Campaign, by map[store.Status]int64) bool {
		return by[store.Pending] == 0 && by[store.InProgress] <= 2
	})
	if !now.Ended.IsZero() {
		t.Errorf("it is over, and has calls up: %+v", now)
	}
	for _, id := range []string{"CA1", "CA2"} {
		must(t, d.Heard(t.Context(), d.byCarrier(id), pipeline.Placed{ID: id, State: pipeline.PlacedNoAnswer}))
	}
	d.campaignUntil("over", c, func(c store.Campaign, by map[store.Status]int64) bool {
		return !c.Ended.IsZero() && by[store.Failed] == 1200
	})
	if n := len(d.carrier.to()); n != 2 {
		t.Errorf("%d calls were placed", n)
	}
	counts, err := d.db.CampaignCounts(t.Context(), d.org, c.ID)
	must(t, err)
	want := []store.CampaignCount{{Status: store.Failed, Outcome: store.CauseCancelled, N: 1198}, {Status: store.Failed, Outcome: store.CauseNoAnswer, N: 2}}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestPause: two nodes dial a campaign of 1,000 from one Postgres, which is paused and resumed again and again. No number rings twice, none
// rings while it is paused, and in the end all have rung.
func TestPause(t *testing.T) {
	t.Parallel()
	count := 1000
	if testing.Short() {
		count = 200
	}
	url := postgres.URL(t)
	db, err := sql.Open(t.Context(), sql.Options{URL: url, Conns: 12})
	must(t, err)
	d := &desk{t: t, db: db, carrier: &switchroom{place: busy}}
	var agent string
	d.org, agent = found(t, db)
	d.agent = store.Agent{ID: agent}
	c := d.campaign(count)

	ctx, cancel := context.WithCancel(context.Background())
	var nodes sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		other, err := sql.Open(t.Context(), sql.Options{URL: url, Conns: 12})
		must(t, err)
		timing := impatience
		timing.Every, timing.Ask, timing.Look = 5*time.Millisecond, 10*time.Second, 30*time.Second
		node := dialer.New(dialer.Options{Store: other, Node: name, Leg: "twilio", Timing: timing, Carrier: d.carrier,
			Rules: dialer.Rules{MaxCalls: 40, CallsPerSecond: 400}, Caller: func(string, string) string { return "+15550100001" }})
		nodes.Go(func() {
			if err := node.Run(ctx); err != nil {
				t.Error(err)
			}
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	defer func() { cancel(); nodes.Wait(); must(t, db.Close()) }()

	asking := func() (n int) {
		open, _, err := db.Tasks(t.Context(), d.org, store.TaskFilter{Campaign: c.ID, Status: store.InProgress}, store.Page{Limit: 1000})
		must(t, err)
		for _, task := range open {
			dial, err := db.Dial(t.Context(), task.Call)
			must(t, err)
			if dial.State == store.DialAsking {
				n++
			}
		}
		return n
	}
	pauses := 0
	for part := 1; part <= 5; part++ {
		d.move(c, store.CampaignRunning)
		d.campaignUntil("called in part", c, func(_ store.Campaign, by map[store.Status]int64) bool { return int(by[store.Failed]) >= part*count/6 })
		d.move(c, store.CampaignPaused)
		d.campaignUntil("quiet", c, func(store.Campaign, map[store.Status]int64) bool { return asking() == 0 }) // what was being asked goes on
		before := len(d.carrier.to())
		beside, err := db.CreateTask(t.Context(), store.Task{ID: store.NewID(), Org: d.org, Agent: agent, Name: "beside", To: fmt.Sprintf("+1555010%04d", part),
			Context: `{"name":"Zoë"}`, Scheduled: time.Now().Add(-time.Second), Created: time.Now()})
		must(t, err)
		d.ended(beside) // both nodes have been at work since
		if after := len(d.carrier.to()); after != before+1 {
			t.Errorf("%d calls were placed while it was paused", after-before-1)
		}
		pauses++
	}
	d.move(c, store.CampaignRunning)
	d.campaignUntil("completed", c, is(store.CampaignCompleted))
	rang := d.carrier.rang()
	for to, n := range rang {
		if n != 1 {
			t.Errorf("%s rang %d times", to, n)
		}
	}
	if len(rang) != count+pauses {
		t.Errorf("%d numbers rang, want %d", len(rang), count+pauses)
	}
	t.Logf("%d tasks, %d pauses, %d numbers rang", count, pauses, len(rang))
}
