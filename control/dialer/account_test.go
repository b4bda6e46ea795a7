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

	"parley/control/dialer"
	"parley/pipeline"
	"parley/store"
)

// books are organisations' accounts in memory.
type books struct {
	mu     sync.Mutex
	chosen string // the account of every call; empty: the server's own
	reason error  // why there is none
	rooms  map[string]*switchroom
	away   error // why no account can be had
}

func (b *books) Account(_, _ string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.chosen, b.reason
}

func (b *books) Carrier(_, account string) (pipeline.Carrier, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away != nil {
		return nil, b.away
	}
	if r := b.rooms[account]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("account %s: %w", account, store.ErrNotFound)
}

func (b *books) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// TestOwnAccount: a call is placed, asked for and hung up by the account that it was executed with, whatever is chosen later.
func TestOwnAccount(t *testing.T) {
	t.Parallel()
	first, second := &switchroom{}, &switchroom{}
	b := &books{chosen: "first", rooms: map[string]*switchroom{"first": first, "second": second}}
	d := newDesk(t, dialer.Rules{RingSeconds: 1}, func(o *dialer.Options) { o.Accounts = b })
	one := d.task("+12125550001")
	dial := d.placed(one)
	if dial.Account != "first" || len(first.to()) != 1 || len(d.carrier.to()) != 0 {
		t.Errorf("placed by %q: the first was asked for %v, the server's own for %v", dial.Account, first.to(), d.carrier.to())
	}
	if org, err := d.Org(t.Context(), dial.Call); err != nil || org != d.org {
		t.Errorf("the call is %s's, %v", org, err)
	}
	if _, err := d.Org(t.Context(), store.NewID()); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nobody's call: %v", err)
	}
	b.set(func() { b.chosen = "second" })
	two := d.placed(d.task("+12125550002"))
	if two.Account != "second" || len(second.to()) != 1 {
		t.Errorf("placed by %q: the second was asked for %v", two.Account, second.to())
	}
	must(t, d.Cancel(t.Context(), dial.Call))
	if len(first.hung) != 1 || len(second.hung) != 0 {
		t.Errorf("hung up by the first: %v, by the second: %v", first.hung, second.hung)
	}
	second.set(two.CarrierID, pipeline.PlacedBusy) // nobody tells: it is asked for
	if now, err := d.db.Task(t.Context(), d.org, two.Task); err != nil {
		t.Error(err)
	} else if ended, _ := d.ended(now); ended.Error != "busy" {
		t.Errorf("ended with %q", ended.Error)
	}
	b.set(func() { b.chosen = "" })
	if three := d.placed(d.task("+12125550003")); three.Account != "" || len(d.carrier.to()) != 1 {
		t.Errorf("placed by %q: the server's own was asked for %v", three.Account, d.carrier.to())
	}
}

// TestLostAnswerOfOwnAccount: what became of a request is found out at the account that it was sent to.
func TestLostAnswerOfOwnAccount(t *testing.T) {
	t.Parallel()
	own := &switchroom{place: func(int, pipeline.Order) (pipeline.PlacedState, error) {
		return pipeline.PlacedRinging, errors.New("connection reset")
	}}
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) {
		o.Carrier, o.Accounts = nil, &books{chosen: "own", rooms: map[string]*switchroom{"own": own}}
	})
	dial := d.placed(d.task("+12125550001"))
	if dial.CarrierID != "CA1" || own.rang()["+12125550001"] != 1 {
		t.Errorf("found %+v, rang %v", dial, own.rang())
	}
}

// TestAccountsThatCannotBeHad: a call waits for an account that may come back, and fails without one that is gone. It never rings twice,
// nor by another account.
func TestAccountsThatCannotBeHad(t *testing.T) {
	t.Parallel()
	own := &switchroom{}
	b := &books{chosen: "own", rooms: map[string]*switchroom{"own": own}, away: fmt.Errorf("not known yet: %w", store.ErrUnavailable)}
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) {
		o.Accounts, o.Timing.Backoff, o.Timing.Wait = b, 5*time.Millisecond, time.Hour
	})
	waits := d.task("+12125550001")
	d.until("begun", waits, func(t store.Task) bool { return t.Call != "" })
	b.set(func() { b.away = nil })
	d.placed(waits)
	b.set(func() { b.chosen = "gone" })
	if _, call := d.ended(d.task("+12125550002")); call.Cause != store.CauseUnplaced || !strings.Contains(call.Error, "account gone") {
		t.Errorf("of an account that is gone: %+v", call)
	}
	b.set(func() { b.reason = errors.New("the number is reached by SIP") })
	if _, call := d.ended(d.task("+12125550003")); call.Cause != store.CauseUnplaced || !strings.Contains(call.Error, "reached by SIP") {
		t.Errorf("of a number that has none: %+v", call)
	}
	if got := own.to(); len(got) != 1 || len(d.carrier.to()) != 0 {
		t.Errorf("its own account was asked for %v, the server's for %v", got, d.carrier.to())
	}
}

// TestNoAccountAtAll: where neither the organisation nor the server has an account, who executes a task is told so, and what is due waits.
func TestNoAccountAtAll(t *testing.T) {
	t.Parallel()
	own := &switchroom{}
	b := &books{rooms: map[string]*switchroom{"own": own}}
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) { o.Carrier, o.Accounts = nil, b })
	due := d.task("+12125550001")
	now := d.until("put off", due, func(t store.Task) bool { return t.Due.After(time.Now().Add(30 * time.Second)) })
	if now.Status != store.Pending || now.Attempts != 0 {
		t.Errorf("a task that nobody can place: %+v", now)
	}
	manual := d.task("+12125550002", byHand)
	if _, err := d.Execute(t.Context(), d.org, manual.ID); !errors.Is(err, dialer.ErrNoCarrier) {
		t.Errorf("executed: %v", err)
	}
	b.set(func() { b.chosen = "own" })
	if _, err := d.Execute(t.Context(), d.org, manual.ID); err != nil {
		t.Fatal(err)
	}
	d.placed(manual)

	b.set(func() { b.away = store.ErrUnavailable })
	later := d.task("+12125550003", byHand)
	if _, err := d.Execute(t.Context(), d.org, later.ID); err != nil {
		t.Fatal(err)
	}
	b.set(func() { b.chosen, b.away = "", nil }) // what was chosen stays
	if dial := d.placed(later); dial.Account != "own" {
		t.Errorf("placed by %q", dial.Account)
	}
}

// TestTrunkAccount: a call by a trunk is one by SIP from the beginning, and only the node that has placed it can hang it up: it is told.
func TestTrunkAccount(t *testing.T) {
	t.Parallel()
	const account = store.TrunkAccount + "trunk"
	var mu sync.Mutex
	var ended []store.Call
	b := &books{chosen: account, rooms: map[string]*switchroom{account: {}}}
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) {
		o.Accounts = b
		o.HangUp = func(_ context.Context, c store.Call) { mu.Lock(); ended = append(ended, c); mu.Unlock() }
	})
	dial := d.placed(d.task("+12125550001"))
	must(t, d.Cancel(t.Context(), dial.Call))
	mu.Lock()
	defer mu.Unlock()
	if len(ended) != 1 || ended[0].ID != dial.Call || ended[0].Boot != "node" || ended[0].Leg != "sip" {
		t.Errorf("ended %+v", ended)
	}
}

// TestTrunksOfOthers: a node without SIP leaves calls by trunks to those that have it, for as long as a call may wait for its account. It can have
// them hung up on, and settles what a node has placed that is gone.
func TestTrunksOfOthers(t *testing.T) {
	t.Parallel()
	const account, other = store.TrunkAccount + "trunk", "other"
	var mu sync.Mutex
	var told []string
	b := &books{chosen: account, rooms: map[string]*switchroom{"own": {}}}
	d := newDesk(t, dialer.Rules{}, func(o *dialer.Options) {
		o.Accounts, o.Trunkless, o.Timing.Wait = b, true, time.Hour
		o.HangUp = func(_ context.Context, c store.Call) { mu.Lock(); told = append(told, c.Boot); mu.Unlock() }
	})
	_, err := d.db.Beat(t.Context(), store.Node{Boot: other, Node: other}, store.Vigil{Gap: time.Hour})
	must(t, err)
	left := func(to string) store.Task {
		t.Helper()
		return d.until("queued", d.task(to), func(t store.Task) bool { return t.Call != "" })
	}
	taken := func(task store.Task, look time.Time) {
		t.Helper()
		all, err := d.db.TakeDials(t.Context(), store.Taking{Org: d.org, Node: other, Now: time.Now(), Look: time.Hour, Most: 1})
		must(t, err)
		if len(all) != 1 || all[0].Call != task.Call {
			t.Fatalf("the other node takes %+v", all)
		}
		_, err = d.db.PlaceDial(t.Context(), task.Call, "at the other node", look)
		must(t, err)
	}
	one := left("+12125550001")
	b.set(func() { b.chosen = "own" })
	d.placed(d.task("+12125550002")) // by then the first was seen
	b.set(func() { b.chosen = account })
	taken(one, time.Now().Add(time.Hour))
	must(t, d.Cancel(t.Context(), one.Call))
	if _, call := d.ended(one); call.Cause != store.CauseCancelled || !slices.Equal(told, []string{other}) {
		t.Errorf("%+v ended; told: %v", call, told)
	}

	two := left("+12125550003")
	taken(two, time.Now())
	must(t, d.db.Leave(t.Context(), other))
	if _, call := d.ended(two); call.Cause != "carrier" || !strings.Contains(call.Error, "node") {
		t.Errorf("of a node that is gone: %+v", call)
	}
}
