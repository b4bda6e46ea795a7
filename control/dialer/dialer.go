// Package dialer carries out tasks: it places their calls, each once, and sees to it that every task comes to an end.
//
//	due tasks ──▶ judge: agent, places, windows, do-not-call ──▶ store: execution, call, Dial queued   (one transaction)
//	Execute ─────▶                                                    │ pace, limits
//	                                                                  ▼
//	                 Heard ◀── status ◀── carrier ◀── Place ◀── Dial asking    (written before the carrier is asked)
//	                   │                     ▲                        │ no answer in time, crash, lost reply
//	                   ▼                     └──── Find, Look ◀───────┘ never Place again
//	   Dial placed ──▶ Expected, Answered ──▶ the call's leg ──▶ records ──▶ the call's end ends Dial and task
//
// Whatever breaks, a number rings at most once per execution: only who has moved the Dial from queued to asking may ask the carrier, and
// asks once. From then on the carrier is only asked what it has: by the call's token, which comes back with every status and answer, and,
// where no news came, by number and time. What it does not have after a while was not placed, and the task fails; it is not placed again.
//
// A campaign's tasks are due only while it runs. What it has queued already is not asked for while it is paused: the carrier is asked, and
// a task is begun, only by who holds the campaign's row meanwhile.
//
// Any number of nodes dial from one database. They agree by its rows alone: limits and pace are kept over all of them.
package dialer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"parley/pipeline"
	"parley/store"
)

// A Store is what the dialer needs of the database.
type Store interface {
	store.Tasks
	store.Dials
	store.DialRules
	store.DoNotCall
	store.Campaigns
	store.CampaignDials
	Agent(ctx context.Context, org, id string) (store.Agent, error)
	AgentVersion(ctx context.Context, org, id string, version int) (store.Agent, error)
	Call(ctx context.Context, org, id string) (store.Call, error)
}

// Options are what a Dialer stands on. Store and Node must be set.
type Options struct {
	Store   Store
	Node    string           // names this process in the rows
	Carrier pipeline.Carrier // the server's own account; nil: it has none
	// Accounts are those of organisations; nil: all calls are placed by Carrier. With neither this server places no calls, and says so to
	// whoever executes a task.
	Accounts Accounts
	// Trunkless: this node places no calls by trunks. Such are left to other nodes, for Timing.Wait.
	Trunkless bool
	Leg       string // the kind of leg that the carrier's calls come in by, for their record; those by trunks come by SIP
	// LegOf is the same of an organisation's own account, empty if it is not known; nil: theirs come in as the carrier's.
	LegOf func(org, account string) string
	// Caller is the number from which an agent of an organisation calls; empty: it has none.
	Caller func(org, agent string) string
	// Chat is the number from which a bot calls on its messaging channel, where the task names a bot: an *Unfit says why there is none; nil: no
	// such calls are placed.
	Chat func(ctx context.Context, org, bot string) (number string, err error)
	// HangUp ends a call on whichever node it lives, or is being placed by a trunk or on a channel, if it can be asked; may be nil.
	HangUp func(ctx context.Context, c store.Call)
	// Accepting says whether this node has room for calls at all; nil: always.
	Accepting func() bool
	// Admit keeps a place for a call that is about to be placed and may ring so long, or says that this node has none: then it waits. Release
	// gives back that of a call that will not be answered. Either may be nil.
	Admit   func(call string, agent store.Agent, ring time.Duration) bool
	Release func(call string)

	Observe Observe

	Rules  Rules // of organisations that have none of their own; fields that are zero have the package's defaults
	Timing Timing
	Log    *slog.Logger // nil: none

	// Point is called at each place where a crash would matter, by its name, for tests that crash there; may be nil.
	Point func(name string)
}

// Accounts are what organisations have of their own to place calls by. Any goroutine may ask; nothing is waited for.
type Accounts interface {
	// Account names the account by which an organisation's calls from a number are placed; empty: the server's own. An error says, to the
	// organisation, why there is none.
	Account(org, from string) (account string, err error)
	// Carrier is an organisation's account, by its name. store.ErrUnavailable if it may be had later, store.ErrNotFound if it is gone.
	Carrier(org, account string) (pipeline.Carrier, error)
}

// Timing is how patient a Dialer is. Zeros mean the value given here.
type Timing struct {
	Every   time.Duration // between two looks at the database for work: 250 ms
	Ask     time.Duration // for the carrier to answer a request: 10 s
	Look    time.Duration // a carrier that was asked for a call and of which nothing was heard is looked into after: 20 s
	Again   time.Duration // and then again after: 10 s
	Settle  time.Duration // a call that the carrier has not, so long after it was asked for, was not placed: 1 min
	Grace   time.Duration // a call that the carrier says is over may take so long to be written down by its leg: 30 s
	Backoff time.Duration // before a carrier that has not taken a request is asked again: 5 s
	Wait    time.Duration // so long a call may wait for such a carrier: 5 min
}

func (t Timing) orDefaults() Timing {
	return Timing{
		Every: cmp.Or(t.Every, 250*time.Millisecond), Ask: cmp.Or(t.Ask, 10*time.Second), Look: cmp.Or(t.Look, 20*time.Second),
		Again: cmp.Or(t.Again, 10*time.Second), Settle: cmp.Or(t.Settle, time.Minute), Grace: cmp.Or(t.Grace, 30*time.Second),
		Backoff: cmp.Or(t.Backoff, 5*time.Second), Wait: cmp.Or(t.Wait, 5*time.Minute),
	}
}

const (
	ahead   = time.Second // how far ahead of their moment dials are taken
	most    = 64          // dials that a node has in hand at once
	batch   = 50          // due tasks that are looked at together
	writing = 5 * time.Second

	accountless = time.Minute    // before a due task is looked at again that nobody can place
	forgotten   = 24 * time.Hour // after which a call is over whose account can no longer be asked
)

// A Dialer places calls. Its methods may be called by any goroutine; Run must run for anything to be dialled.
type Dialer struct {
	o     Options
	t     Timing
	plans plans
	wake  chan struct{} // 1: there may be something to do
	hands chan struct{} // one for each dial in hand
	work  sync.WaitGroup
}

// New makes a Dialer.
func New(o Options) *Dialer {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Caller == nil {
		o.Caller = func(string, string) string { return "" }
	}
	o.Rules = o.Rules.orDefaults()
	return &Dialer{o: o, t: o.Timing.orDefaults(), wake: make(chan struct{}, 1), hands: make(chan struct{}, most)}
}

// Run dials until ctx is done; then it waits for the carrier's answers to what it has asked. What it has not asked yet it leaves to others.
func (d *Dialer) Run(ctx context.Context) error {
	defer d.work.Wait()
	if d.o.Carrier == nil && d.o.Accounts == nil {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(d.t.Every)
	defer tick.Stop()
	for away := false; ; {
		err := d.round(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !away:
			d.o.Log.Warn("dialling waits: the database refuses", "error", err)
			away = true
		case err == nil && away:
			d.o.Log.Info("dialling goes on")
			away = false
		}
		select {
		case <-tick.C:
		case <-d.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// round does what there is to do now.
func (d *Dialer) round(ctx context.Context) error {
	d.plans.sweep(time.Now())
	if err := d.lookAll(ctx); err != nil {
		return err
	}
	if d.o.Accepting != nil && !d.o.Accepting() {
		return nil
	}
	orgs, err := d.o.Store.DialWork(ctx, time.Now())
	if err != nil {
		return fmt.Errorf("look for work: %w", err)
	}
	var bad []error
	for _, org := range orgs {
		bad = append(bad, d.dial(ctx, org))
	}
	return errors.Join(bad...)
}

// dial begins an organisation's due tasks, as far as there is room, and takes what is queued.
func (d *Dialer) dial(ctx context.Context, org string) error {
	rules, err := d.rules(ctx, org)
	if err != nil {
		return err
	}
	if err := d.beginDue(ctx, org, rules); err != nil {
		return err
	}
	free := cap(d.hands) - len(d.hands)
	if free == 0 {
		return nil
	}
	taken, err := d.o.Store.TakeDials(ctx, store.Taking{
		Org: org, Node: d.o.Node, Now: time.Now(), Open: rules.MaxCalls, Every: rules.every(), Ahead: ahead, Look: d.t.Ask + d.t.Look, Others: d.others(), Most: free,
	})
	if err != nil {
		return fmt.Errorf("take dials: %w", err)
	}
	if len(taken) > 0 {
		d.at("taken")
	}
	for _, dial := range taken {
		d.hands <- struct{}{}
		d.work.Go(func() {
			defer func() { <-d.hands }()
			d.ask(ctx, dial)
		})
	}
	return nil
}

// others is for how long calls by trunks are left to other nodes.
func (d *Dialer) others() time.Duration {
	if d.o.Trunkless {
		return d.t.Wait
	}
	return 0
}

// beginDue makes calls of the tasks whose time has come. Tasks stay pending until there is room for their calls.
func (d *Dialer) beginDue(ctx context.Context, org string, rules Rules) error {
	now := time.Now()
	running, err := d.tend(ctx, org, now)
	if err != nil {
		return err
	}
	room, err := d.o.Store.DialRoom(ctx, org, rules.MaxCalls)
	if err != nil || room == 0 {
		return err
	}
	due, err := d.due(ctx, org, running, now, room)
	if err != nil {
		return err
	}
	if len(due) > 0 {
		d.at("due")
	}
	for _, t := range due {
		if err := d.begin(ctx, t, rules, now); err != nil {
			return err
		}
	}
	return nil
}

// begin executes a task that is due, puts it off to when its number may be called, or fails it.
func (d *Dialer) begin(ctx context.Context, t store.Task, rules Rules, now time.Time) error {
	v, err := d.choose(ctx, t, rules, now)
	var unfit *Unfit
	switch {
	case errors.As(err, &unfit) && !unfit.Open.IsZero():
		return d.o.Store.PutOffTask(ctx, t.Org, t.ID, t.Updated, unfit.Open)
	case errors.As(err, &unfit): // its call is made all the same, to fail
	case errors.Is(err, ErrNoCarrier):
		return d.o.Store.PutOffTask(ctx, t.Org, t.ID, t.Updated, now.Add(accountless))
	case err != nil:
		return err
	}
	dial, err := d.execute(ctx, t, v, now)
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return nil // somebody else was faster
	}
	if err != nil {
		return err
	}
	d.o.Observe.begun(now.Sub(t.Due))
	if unfit != nil {
		return d.settle(ctx, dial, end{cause: store.CauseUnplaced, text: unfit.Error()})
	}
	return nil
}

// execute writes down that a task is being carried out. now is not zero if it is to be so because its time has come.
func (d *Dialer) execute(ctx context.Context, t store.Task, v verdict, now time.Time) (store.Dial, error) {
	x := store.Execution{Org: t.Org, Task: t.ID, Seen: t.Updated, Now: now, Ahead: ahead, Account: v.account, Call: store.Call{
		ID: store.NewID(), Agent: t.Agent, AgentVersion: v.agent.Version, Bot: t.Bot, Leg: d.leg(t.Org, v.account), From: v.from, To: t.To, Created: time.Now().UTC(),
	}}
	dial, err := d.o.Store.ExecuteTask(ctx, x)
	if err != nil {
		return dial, fmt.Errorf("execute task: %w", err)
	}
	d.at("executed")
	return dial, nil
}

// leg is the kind of leg that calls by an account come in by.
func (d *Dialer) leg(org, account string) string {
	own := ""
	if account != "" && d.o.LegOf != nil {
		own = d.o.LegOf(org, account)
	}
	switch {
	case byTrunk(account):
		return "sip"
	case byChat(account):
		return "whatsapp"
	}
	return cmp.Or(own, d.o.Leg)
}

// byTrunk says whether an account is a SIP trunk, whose calls are the business of the node that has placed them.
func byTrunk(account string) bool { return strings.HasPrefix(account, store.TrunkAccount) }

// byChat says whether an account is a bot's messaging channel, whose calls are their node's too.
func byChat(account string) bool { return strings.HasPrefix(account, store.ChatAccount) }

// Execute begins a pending task's call now, and returns before it is placed. *Unfit says why it cannot be called, ErrNoCarrier that this
// server places no calls; store.ErrNotFound and store.ErrConflict are the task's.
func (d *Dialer) Execute(ctx context.Context, org, id string) (store.Dial, error) {
	t, err := d.o.Store.Task(ctx, org, id)
	if err != nil {
		return store.Dial{}, err
	}
	if t.Status != store.Pending {
		return store.Dial{}, fmt.Errorf("%w: it is %s", store.ErrConflict, t.Status)
	}
	rules, err := d.rules(ctx, org)
	if err != nil {
		return store.Dial{}, err
	}
	v, err := d.choose(ctx, t, rules, time.Now())
	if err != nil {
		return store.Dial{}, err
	}
	dial, err := d.execute(ctx, t, v, time.Time{})
	if err != nil {
		return store.Dial{}, err
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return dial, nil
}

// ErrNoCarrier says that this server has nobody to place calls.
var ErrNoCarrier = errors.New("this server places no calls: it has no carrier's account, or no public URL")

// Reset makes a task pending again. A call that is under way is ended first, wherever it lives.
func (d *Dialer) Reset(ctx context.Context, org, id string) (store.Task, error) {
	t, err := d.o.Store.Task(ctx, org, id)
	if err != nil {
		return t, err
	}
	if t.Status == store.InProgress {
		if err := d.hangUp(ctx, org, t.Call); err != nil {
			return t, err
		}
	}
	t, dial, err := d.o.Store.ResetTask(ctx, org, id, time.Now().UTC())
	if err != nil {
		return t, err
	}
	if dial.Call != "" {
		d.forget(dial.Call)
	}
	return t, nil
}

// Cancel ends the call of a task, wherever it lives. One that was not answered ends with cause cancelled, and the task fails; another is
// ended by its leg. It returns store.ErrNotFound if no such call is being placed.
func (d *Dialer) Cancel(ctx context.Context, id string) error {
	dial, err := d.o.Store.Dial(ctx, id)
	if err != nil {
		return err
	}
	if dial.State == store.DialOver {
		return store.ErrNotFound
	}
	if err := d.hangUp(ctx, dial.Org, id); err != nil {
		return err
	}
	call, err := d.o.Store.Call(ctx, dial.Org, id)
	if err != nil || call.Status != store.Initiated {
		return err
	}
	return d.settle(ctx, dial, end{cause: store.CauseCancelled})
}

// hangUp ends what there is of a call, on its node and at the carrier. A call that the carrier is just being asked for is ended when it is
// answered, or when its asker learns that it is over.
func (d *Dialer) hangUp(ctx context.Context, org, call string) error {
	dial, err := d.o.Store.Dial(ctx, call)
	if err != nil {
		return err
	}
	if d.o.HangUp != nil {
		c, err := d.o.Store.Call(ctx, org, call)
		if err != nil {
			return fmt.Errorf("read call: %w", err)
		}
		if c.Boot == "" && (byTrunk(dial.Account) || byChat(dial.Account)) {
			c.Boot = dial.Node // no other can be asked
		}
		d.o.HangUp(ctx, c)
		if dial, err = d.o.Store.Dial(ctx, call); err != nil {
			return err
		}
	}
	if dial.CarrierID == "" || dial.State == store.DialOver || d.o.Trunkless && byTrunk(dial.Account) {
		return nil
	}
	carrier, err := d.carrier(dial.Org, dial.Account)
	if errors.Is(err, ErrNoCarrier) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCarrier, err)
	}
	ctx, cancel := context.WithTimeout(ctx, d.t.Ask)
	defer cancel()
	if err := carrier.HangUp(ctx, dial.CarrierID); err != nil {
		return fmt.Errorf("%w: hang up: %w", ErrCarrier, err)
	}
	return nil
}

// account names the account that an organisation's calls from a number are placed by. Its error is an *Unfit, or ErrNoCarrier.
func (d *Dialer) account(org, from string) (account string, err error) {
	if d.o.Accounts != nil {
		if account, err = d.o.Accounts.Account(org, from); err != nil {
			return "", &Unfit{Message: err.Error()}
		}
	}
	if account == "" && d.o.Carrier == nil {
		return "", ErrNoCarrier
	}
	return account, nil
}

// carrier is who places calls by an account.
func (d *Dialer) carrier(org, account string) (pipeline.Carrier, error) {
	switch {
	case account == "" && d.o.Carrier == nil, account != "" && d.o.Accounts == nil:
		return nil, ErrNoCarrier
	case account == "":
		return d.o.Carrier, nil
	}
	c, err := d.o.Accounts.Carrier(org, account)
	if err != nil {
		return nil, fmt.Errorf("find account: %w", err)
	}
	return c, nil
}

// ErrCarrier says that a carrier could not be asked.
var ErrCarrier = errors.New("the carrier cannot be reached")

// forget lets go of what is known here of a call that is over.
func (d *Dialer) forget(call string) {
	d.plans.forget(call)
	if d.o.Release != nil {
		d.o.Release(call)
	}
}

// at tells a test where we are.
func (d *Dialer) at(point string) {
	if d.o.Point != nil {
		d.o.Point(point)
	}
}
