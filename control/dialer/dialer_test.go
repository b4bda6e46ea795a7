package dialer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/control/dialer"
	"parley/pipeline"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
)

// A switchroom is a carrier in memory that does as it is told.
type switchroom struct {
	mu     sync.Mutex
	place  func(n int, o pipeline.Order) (pipeline.PlacedState, error) // of the n-th request, from 1; nil: it rings
	calls  []*pipeline.Placed
	orders []pipeline.Order
	asked  []time.Time
	hung   []string
	open   int
	most   int // calls that were open at once
}

func (s *switchroom) Place(_ context.Context, o pipeline.Order) (pipeline.Placed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders, s.asked = append(s.orders, o), append(s.asked, time.Now())
	state, err := pipeline.PlacedRinging, error(nil)
	if s.place != nil {
		state, err = s.place(len(s.orders), o)
	}
	if state == "" {
		return pipeline.Placed{}, err
	}
	p := &pipeline.Placed{ID: fmt.Sprint("CA", len(s.orders)), To: o.To, From: o.From, State: state, Made: time.Now()}
	s.calls = append(s.calls, p)
	if !state.Over() {
		s.open++
		s.most = max(s.most, s.open)
	}
	return *p, err
}

func (s *switchroom) Find(_ context.Context, o pipeline.Order) (found []pipeline.Placed, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.To == o.To {
			found = append(found, *c)
		}
	}
	return found, nil
}

func (s *switchroom) Look(_ context.Context, id string) (pipeline.Placed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.ID == id {
			return *c, nil
		}
	}
	return pipeline.Placed{}, pipeline.ErrNoCall
}

func (s *switchroom) HangUp(_ context.Context, id string) error {
	s.mu.Lock()
	s.hung = append(s.hung, id)
	s.mu.Unlock()
	s.set(id, pipeline.PlacedCancelled)
	return nil
}

// set has a call stand otherwise.
func (s *switchroom) set(id string, state pipeline.PlacedState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.ID == id && c.State != state {
			if !c.State.Over() && state.Over() {
				s.open--
			}
			c.State = state
		}
	}
}

// rang is how often each number did.
func (s *switchroom) rang() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]int{}
	for _, c := range s.calls {
		all[c.To]++
	}
	return all
}

// to are the numbers that were asked for, in order.
func (s *switchroom) to() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orders {
		all = append(all, o.To)
	}
	return all
}

// A desk is a dialer that runs, on a database of its own.
type desk struct {
	*dialer.Dialer
	t       *testing.T
	db      *sql.Store
	carrier *switchroom
	org     string
	agent   store.Agent
	stop    func()
}

func newDesk(t *testing.T, rules dialer.Rules, change ...func(*dialer.Options)) *desk {
	t.Helper()
	db, err := sql.Open(t.Context(), sql.Options{URL: litetest.New(t, "")})
	must(t, err)
	d := &desk{t: t, db: db, carrier: &switchroom{}}
	var id string
	d.org, id = found(t, db)
	d.agent, err = db.Agent(t.Context(), d.org, id)
	must(t, err)
	if rules.CallsPerSecond == 0 {
		rules.CallsPerSecond = 500
	}
	timing := impatience
	timing.Every, timing.Ask, timing.Look = 5*time.Millisecond, 2*time.Second, 3*time.Second // nothing is lost on a busy machine
	o := dialer.Options{Store: db, Node: "node", Leg: "twilio", Timing: timing, Rules: rules, Carrier: d.carrier, Caller: func(string, string) string { return "+15550100001" }}
	for _, f := range change {
		f(&o)
	}
	d.Dialer = dialer.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	d.stop = sync.OnceFunc(func() { cancel(); must(t, <-done) })
	t.Cleanup(func() { d.stop(); must(t, db.Close()) })
	return d
}

// task makes one that is due, unless change says otherwise.
func (d *desk) task(to string, change ...func(*store.Task)) store.Task {
	d.t.Helper()
	task := store.Task{ID: store.NewID(), Org: d.org, Agent: d.agent.ID, Name: to, To: to, Context: `{"name":"Zoë"}`, Scheduled: time.Now().Add(-time.Second), Created: time.Now()}
	for _, f := range change {
		f(&task)
	}
	made, err := d.db.CreateTask(d.t.Context(), task)
	must(d.t, err)
	return made
}

func byHand(t *store.Task) { t.Scheduled = time.Time{} }

// until waits for a task to be as it should.
func (d *desk) until(what string, task store.Task, ok func(store.Task) bool) store.Task {
	d.t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(time.Minute); ; {
		now, err := d.db.Task(d.t.Context(), d.org, task.ID)
		must(d.t, err)
		if ok(now) {
			return now
		}
		select {
		case <-look.C:
		case <-limit:
			d.t.Fatalf("never %s: %+v", what, now)
		}
	}
}

func (d *desk) ended(task store.Task) (store.Task, store.Call) {
	d.t.Helper()
	now := d.until("ended", task, func(t store.Task) bool { return t.Status.Final() })
	call, err := d.db.Call(d.t.Context(), d.org, now.Call)
	must(d.t, err)
	return now, call
}

// placed waits until the carrier has a task's call, and returns its dial.
func (d *desk) placed(task store.Task) store.Dial {
	d.t.Helper()
	var dial store.Dial
	d.until("placed", task, func(t store.Task) bool {
		if t.Call == "" {
			return false
		}
		var err error
		dial, err = d.db.Dial(d.t.Context(), t.Call)
		must(d.t, err)
		return dial.State == store.DialPlaced
	})
	return dial
}

// TestOutcomes: how calls that nobody answers end their tasks.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{})
	for state, want := range map[pipeline.PlacedState][2]string{
		pipeline.PlacedBusy: {"busy", "busy"}, pipeline.PlacedNoAnswer: {"no_answer", "no_answer"}, pipeline.PlacedCancelled: {"cancelled", "cancelled"},
		pipeline.PlacedFailed: {"carrier", "could not connect the call (SIP 404)"}, pipeline.PlacedHungUp: {"carrier", "its sound never came"},
	} {
		task := d.task("+1212555" + fmt.Sprintf("%04d", len(state)*7))
		dial := d.placed(task)
		must(t, d.Heard(t.Context(), dial.Call, pipeline.Placed{ID: "another", State: pipeline.PlacedBusy})) // of a call that is not it
		d.carrier.set(dial.CarrierID, state)
		p := pipeline.Placed{ID: dial.CarrierID, State: state, Code: 404}
		must(t, d.Heard(t.Context(), dial.Call, p))
		must(t, d.Heard(t.Context(), dial.Call, p)) // as carriers do
		now, call := d.ended(task)
		if now.Status != store.Failed || call.Cause != want[0] || !strings.Contains(now.Error, want[1]) || call.CarrierID != dial.CarrierID {
			t.Errorf("%s: task %+v, call %+v", state, now, call)
		}
		must(t, d.Heard(t.Context(), dial.Call, p))
		if err := d.Expected(t.Context(), dial.Call, dial.CarrierID); !errors.Is(err, dialer.ErrOver) {
			t.Errorf("%s: still expected (%v)", state, err)
		}
	}
	must(t, d.Heard(t.Context(), store.NewID(), pipeline.Placed{ID: "CA", State: pipeline.PlacedBusy}))
	if err := d.Expected(t.Context(), store.NewID(), "CA"); !errors.Is(err, dialer.ErrOver) {
		t.Errorf("a call that nobody placed: %v", err)
	}
}

// TestAnswered: an answered call gets its task's words, and ends its task.
func TestAnswered(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{})
	task := d.task("+12125551234", func(t *store.Task) { t.StartingMessage = "Good day {{name}}, {{to}}" })
	dial := d.placed(task)
	must(t, d.Expected(t.Context(), dial.Call, dial.CarrierID))
	for _, other := range []*dialer.Dialer{d.Dialer, dialer.New(dialer.Options{Store: d.db, Node: "other"})} { // the node that dialled, and another
		plan, err := other.Answered(t.Context(), dial.Call)
		must(t, err)
		text, missing := pipeline.Fill(plan.Opening(), plan.Slots())
		if text != "Good day Zoë, +12125551234" || len(missing) > 0 || plan.Agent.ID != d.agent.ID || plan.Task.ID != task.ID {
			t.Errorf("the plan is %+v: %q", plan, text)
		}
	}
	for token, id := range map[string]string{dial.Call: "", "": dial.CarrierID, store.NewID(): dial.CarrierID} {
		if got, err := d.Dialled(t.Context(), token, id); err != nil || got.Call != dial.Call || got.To != "+12125551234" {
			t.Errorf("dialled, by %q and %q: %+v, %v", token, id, got, err)
		}
	}
	if got, err := d.Dialled(t.Context(), "", "nobody's"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody's: %+v, %v", got, err)
	}
	call := store.Call{ID: dial.Call, Org: d.org, Agent: d.agent.ID, Task: task.ID, Direction: store.Outbound, Status: store.InProgress, Answered: time.Now()}
	must(t, d.db.Record(t.Context(), []store.Entry{{Began: &call}, {Ended: &store.Ended{Call: dial.Call, Status: store.Completed, End: store.End{Ended: time.Now(), Cause: "caller"}}}}))
	d.carrier.set(dial.CarrierID, pipeline.PlacedHungUp)
	now, ended := d.ended(task)
	if now.Status != store.Completed || ended.Cause != "caller" {
		t.Errorf("task %+v, call %+v", now, ended)
	}
	if _, err := dialer.New(dialer.Options{Store: d.db, Node: "other"}).Answered(t.Context(), dial.Call); !errors.Is(err, dialer.ErrOver) {
		t.Errorf("a call that is over is answered: %v", err)
	}
}

// TestRetries: busy and unanswered numbers are called again if the rules say so, each time as an execution of its own.
func TestRetries(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{Retry: dialer.Retry{Busy: 2, NoAnswer: 1, WaitSeconds: 1}})
	d.carrier.place = func(n int, o pipeline.Order) (pipeline.PlacedState, error) {
		if strings.HasSuffix(o.To, "1") {
			return pipeline.PlacedNoAnswer, nil
		}
		return pipeline.PlacedBusy, nil
	}
	for to, attempts := range map[string]int{"+12125550000": 3, "+12125550001": 2} {
		now, _ := d.ended(d.task(to))
		if now.Attempts != attempts || now.Retries != attempts-1 || d.carrier.rang()[to] != attempts {
			t.Errorf("%s: %+v, rang %d times; want %d", to, now, d.carrier.rang()[to], attempts)
		}
	}
}

// TestOrderAndLimits: those of higher priority go first, no more at once than the rules say, and not faster.
func TestOrderAndLimits(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	d := newDesk(t, dialer.Rules{MaxCalls: 3, CallsPerSecond: 20}, func(o *dialer.Options) {
		o.Accepting = func() bool {
			select {
			case <-gate:
				return true
			default:
				return false
			}
		}
	})
	d.carrier.place = func(int, pipeline.Order) (pipeline.PlacedState, error) { return pipeline.PlacedRinging, nil }
	var want []string
	var tasks []store.Task
	for i := range 9 {
		to := fmt.Sprintf("+1212555000%d", i)
		tasks = append(tasks, d.task(to, func(t *store.Task) {
			t.Priority = i / 3
			t.Scheduled = t.Scheduled.Add(time.Duration(i) * time.Millisecond)
		}))
	}
	for _, group := range []int{2, 1, 0} {
		for i := range 3 {
			want = append(want, fmt.Sprintf("+1212555000%d", 3*group+i))
		}
	}
	close(gate)
	for range 3 { // the calls of one priority must end before those of the next begin
		look := time.NewTicker(5 * time.Millisecond)
		for d.openCalls() < 3 {
			<-look.C
		}
		look.Stop()
		if n := d.openCalls(); n > 3 {
			t.Errorf("%d calls are open", n)
		}
		for _, task := range tasks {
			now, err := d.db.Task(t.Context(), d.org, task.ID)
			must(t, err)
			if now.Status == store.InProgress {
				dial := d.placed(task)
				d.carrier.set(dial.CarrierID, pipeline.PlacedBusy)
				must(t, d.Heard(t.Context(), dial.Call, pipeline.Placed{ID: dial.CarrierID, State: pipeline.PlacedBusy}))
			}
		}
	}
	for _, task := range tasks {
		d.ended(task)
	}
	for i := range 3 { // the carrier is asked for a few at a time, each in its own moment
		got, group := d.carrier.to()[3*i:3*i+3], want[3*i:3*i+3]
		slices.Sort(got)
		if !slices.Equal(got, group) {
			t.Errorf("placed %v, want %v", got, group)
		}
	}
	d.carrier.mu.Lock()
	defer d.carrier.mu.Unlock()
	if d.carrier.most > 3 {
		t.Errorf("%d calls at once", d.carrier.most)
	}
	slices.SortFunc(d.carrier.orders, func(a, b pipeline.Order) int { return a.Asked.Compare(b.Asked) })
	for i := 1; i < len(d.carrier.orders); i++ {
		if gap := d.carrier.orders[i].Asked.Sub(d.carrier.orders[i-1].Asked); gap < 50*time.Millisecond {
			t.Errorf("two calls within %v, want 50 ms at least", gap)
		}
	}
}

func (d *desk) openCalls() int {
	d.carrier.mu.Lock()
	defer d.carrier.mu.Unlock()
	return d.carrier.open
}

// TestUnfitTasks: what may not be called is not, and its task says why; what may be called later waits.
func TestUnfitTasks(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{})
	_, err := d.db.Bar(t.Context(), store.Barred{ID: store.NewID(), Org: d.org, E164: "+12125550001", Created: time.Now()})
	must(t, err)
	idle, err := d.db.CreateAgent(t.Context(), store.Agent{ID: store.NewID(), Org: d.org, Name: "Off", Created: time.Now()})
	must(t, err)
	for why, task := range map[string]store.Task{
		"do-not-call list":     d.task("+12125550001"),
		"premium":              d.task("+19005551234"),
		"context_data.name is": d.task("+12125550002", func(t *store.Task) { t.Context = "" }),
		"agent is disabled":    d.task("+12125550003", func(t *store.Task) { t.Agent = idle.ID }),
	} {
		now, call := d.ended(task)
		if now.Status != store.Failed || !strings.Contains(now.Error, why) || call.Cause != store.CauseUnplaced || call.Status != store.Failed {
			t.Errorf("%s: task %+v, call %+v", why, now, call)
		}
	}
	if rang := d.carrier.rang(); len(rang) > 0 {
		t.Errorf("called all the same: %v", rang)
	}
	day := strings.ToLower(time.Now().UTC().Add(48 * time.Hour).Format("Mon"))
	must(t, d.SetRules(t.Context(), d.org, dialer.Rules{Windows: []dialer.Window{{Days: []string{day}, From: "10:00", To: "12:00"}}}))
	later := d.task("+442071234567")
	now := d.until("put off", later, func(t store.Task) bool { return t.Due.After(time.Now()) })
	if now.Status != store.Pending || now.Attempts != 0 || !now.Scheduled.Equal(later.Scheduled) || now.Due.Weekday() != time.Now().UTC().Add(48*time.Hour).Weekday() {
		t.Errorf("a task outside of the windows: %+v", now)
	}
	_, err = d.Execute(t.Context(), d.org, later.ID)
	var unfit *dialer.Unfit
	if !errors.As(err, &unfit) || unfit.Open.IsZero() {
		t.Errorf("executed outside of the windows: %v", err)
	}
}

// TestBarredMeanwhile: a number that is barred while its call waits is not called.
func TestBarredMeanwhile(t *testing.T) {
	t.Parallel()
	full := true
	var mu sync.Mutex
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) {
		o.Accepting = func() bool { mu.Lock(); defer mu.Unlock(); return !full }
	})
	task := d.task("+12125550001", byHand)
	_, err := d.Execute(t.Context(), d.org, task.ID)
	must(t, err)
	_, err = d.db.Bar(t.Context(), store.Barred{ID: store.NewID(), Org: d.org, E164: task.To, Created: time.Now()})
	must(t, err)
	mu.Lock()
	full = false
	mu.Unlock()
	if now, call := d.ended(task); call.Cause != store.CauseUnplaced || len(d.carrier.to()) > 0 {
		t.Errorf("task %+v, call %+v, asked for %v", now, call, d.carrier.to())
	}
}

// TestNoPlace: a call for which this node has no place waits, and is placed once when it has one. The place is given back when the call has
// come to nothing.
func TestNoPlace(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked, released := map[string]int{}, make(chan string, 10)
	d := newDesk(t, dialer.Rules{RingSeconds: 7}, func(o *dialer.Options) {
		o.Admit = func(call string, agent store.Agent, ring time.Duration) bool {
			mu.Lock()
			defer mu.Unlock()
			if agent.Org == "" || ring != 7*time.Second {
				t.Errorf("asked for agent %+v, ringing %v", agent, ring)
			}
			asked[call]++
			return asked[call] > 2
		}
		o.Release = func(call string) { released <- call }
	})
	d.carrier.place = func(int, pipeline.Order) (pipeline.PlacedState, error) { return pipeline.PlacedBusy, nil }
	now, call := d.ended(d.task("+12125550001"))
	if place := <-released; place != call.ID { // which comes after the end was written down
		t.Errorf("the place of %s is given back, not of %s", place, call.ID)
	}
	mu.Lock()
	defer mu.Unlock()
	if call.Cause != store.CauseBusy || now.Attempts != 1 || d.carrier.rang()["+12125550001"] != 1 || asked[call.ID] != 3 {
		t.Errorf("task %+v, call %+v, asked %v", now, call, asked)
	}
}

// TestUntaken: a carrier that surely has not taken a request is asked again, until it takes too long.
func TestUntaken(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{})
	d.carrier.place = func(n int, o pipeline.Order) (pipeline.PlacedState, error) {
		if n < 3 {
			return "", fmt.Errorf("%w: no route", pipeline.ErrUntaken)
		}
		return pipeline.PlacedBusy, nil
	}
	now, call := d.ended(d.task("+12125550001"))
	if call.Cause != store.CauseBusy || now.Attempts != 1 || d.carrier.rang()["+12125550001"] != 1 || len(d.carrier.to()) != 3 {
		t.Errorf("task %+v, call %+v, asked %d times", now, call, len(d.carrier.to()))
	}
	d = newDesk(t, dialer.Rules{}, func(o *dialer.Options) { o.Timing.Wait = 200 * time.Millisecond })
	d.carrier.place = func(int, pipeline.Order) (pipeline.PlacedState, error) {
		return "", fmt.Errorf("%w: no route", pipeline.ErrUntaken)
	}
	if now, call := d.ended(d.task("+12125550009")); call.Cause != store.CauseUnplaced || !strings.Contains(now.Error, "no route") {
		t.Errorf("task %+v, call %+v", now, call)
	}
}

// TestUnknown: of a lost answer it is found out what there is; a panic is one.
func TestUnknown(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{})
	d.carrier.place = func(n int, o pipeline.Order) (pipeline.PlacedState, error) {
		switch o.To[len(o.To)-1] {
		case '1':
			return pipeline.PlacedBusy, errors.New("lost") // it rang
		case '2':
			return "", errors.New("lost") // it did not
		case '3':
			panic("in the carrier")
		}
		return "", &pipeline.Refusal{Code: 21211, Message: "no such number"}
	}
	for to, want := range map[string][2]string{
		"+12125550001": {store.CauseBusy, ""}, "+12125550002": {store.CauseUnplaced, "was not placed"},
		"+12125550003": {store.CauseUnplaced, "was not placed"}, "+12125550004": {store.CauseUnplaced, "no such number (21211)"},
	} {
		now, call := d.ended(d.task(to))
		if call.Cause != want[0] || !strings.Contains(now.Error, want[1]) {
			t.Errorf("%s: task %+v, call %+v", to, now, call)
		}
	}
	if asked := d.carrier.to(); len(asked) != 4 {
		t.Errorf("asked for %v: want each once", asked)
	}
}

// TestResetAndCancel: a call that is under way is ended, and may be executed again.
func TestResetAndCancel(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var here []string
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) {
		o.HangUp = func(_ context.Context, c store.Call) { mu.Lock(); here = append(here, c.ID); mu.Unlock() }
	})
	task := d.task("+12125550001")
	dial := d.placed(task)
	now, err := d.Reset(t.Context(), d.org, task.ID)
	must(t, err)
	if now.Status != store.Pending || !now.Due.IsZero() || !slices.Equal(d.carrier.hung, []string{dial.CarrierID}) || !slices.Equal(here, []string{dial.Call}) {
		t.Errorf("reset: %+v; hung up on %v, here on %v", now, d.carrier.hung, here)
	}
	if _, err := d.Reset(t.Context(), d.org, task.ID); !errors.Is(err, store.ErrConflict) {
		t.Errorf("reset of a pending task: %v", err)
	}
	if _, err := d.Execute(t.Context(), d.org, task.ID); err != nil {
		t.Fatal(err)
	}
	again := d.placed(task)
	if again.Call == dial.Call || again.Execution != 2 {
		t.Errorf("the second execution: %+v", again)
	}
	if _, err := d.Execute(t.Context(), d.org, task.ID); !errors.Is(err, store.ErrConflict) {
		t.Errorf("executed while in progress: %v", err)
	}
	must(t, d.Cancel(t.Context(), again.Call))
	if now, call := d.ended(task); call.Cause != store.CauseCancelled || now.Status != store.Failed || call.ID != again.Call {
		t.Errorf("cancelled: %+v, %+v", now, call)
	}
	for _, call := range []string{again.Call, store.NewID()} {
		if err := d.Cancel(t.Context(), call); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("cancelled what is over, or none: %v", err)
		}
	}
}

// TestResetWhileAsking: a call of which the carrier's answer comes too late is hung up on.
func TestResetWhileAsking(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{})
	asking, reset := make(chan struct{}), make(chan struct{})
	d.carrier.place = func(int, pipeline.Order) (pipeline.PlacedState, error) {
		close(asking)
		<-reset
		return pipeline.PlacedRinging, nil
	}
	task := d.task("+12125550001", byHand)
	_, err := d.Execute(t.Context(), d.org, task.ID)
	must(t, err)
	<-asking
	_, err = d.Reset(t.Context(), d.org, task.ID)
	must(t, err)
	close(reset)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(time.Minute); ; {
		d.carrier.mu.Lock()
		n := len(d.carrier.hung)
		d.carrier.mu.Unlock()
		if n == 1 {
			return
		}
		select {
		case <-look.C:
		case <-limit:
			t.Fatal("it rings on")
		}
	}
}

// TestStop: what has not been asked for is left to others, what has is heard to its end, and nothing is left running.
func TestStop(t *testing.T) { // not parallel: it looks at every goroutine
	before := goleak.IgnoreCurrent()
	d := newDesk(t, dialer.Rules{CallsPerSecond: 2})
	var tasks []store.Task
	for i := range 3 { // at 0, 0.5 and 1 s
		tasks = append(tasks, d.task(fmt.Sprintf("+1212555000%d", i)))
	}
	first := d.until("one is placed", tasks[0], func(t store.Task) bool { return t.Status == store.InProgress })
	d.placed(first)
	d.stop()
	asked := len(d.carrier.to())
	if asked == 0 || asked == 3 {
		t.Errorf("asked for %d of 3 calls", asked)
	}
	states := map[store.DialState]int{}
	for _, task := range tasks {
		now, err := d.db.Task(t.Context(), d.org, task.ID)
		must(t, err)
		if now.Call == "" {
			continue
		}
		dial, err := d.db.Dial(t.Context(), now.Call)
		must(t, err)
		states[dial.State]++
	}
	if states[store.DialAsking] != 0 || states[store.DialPlaced] != asked {
		t.Errorf("dials are %v, of which %d were asked for", states, asked)
	}
	must(t, d.db.Close())
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("parley/store/storetest/pgtest.spawn.func1"))
}

// TestNoCarrier: a server without a carrier says so, and leaves the tasks to others.
func TestNoCarrier(t *testing.T) {
	t.Parallel()
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) { o.Carrier = nil })
	task := d.task("+12125550001")
	if _, err := d.Execute(t.Context(), d.org, task.ID); !errors.Is(err, dialer.ErrNoCarrier) {
		t.Errorf("error %v", err)
	}
	if _, err := d.Execute(t.Context(), d.org, store.NewID()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("error %v", err)
	}
	nobody := newDesk(t, dialer.Rules{}, func(o *dialer.Options) { o.Caller = nil })
	if now, _ := nobody.ended(nobody.task("+12125550001")); !strings.Contains(now.Error, "number to call from") {
		t.Errorf("without a number: %+v", now)
	}
}
