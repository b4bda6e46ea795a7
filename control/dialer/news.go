package dialer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/pipeline"
	"parley/store"
)

// Heard takes news that the carrier sends about a call, by its token; any node may get it. News of calls that nobody dialled is ignored.
// An error means that it could not be written down, and will be found out by asking.
func (d *Dialer) Heard(ctx context.Context, token string, p pipeline.Placed) error {
	d.at("heard")
	dial, err := d.o.Store.Dial(ctx, token)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read dial: %w", err)
	}
	switch {
	case dial.CarrierID != "" && dial.CarrierID != p.ID:
		d.o.Log.Error("the carrier has two calls for one", "call", dial.Call, "task", dial.Task, "carrier_id", dial.CarrierID, "other", p.ID)
		return nil
	case dial.State == store.DialOver && dial.CarrierID != "":
		return nil
	case dial.State == store.DialPlaced && !p.State.Over():
		return nil
	case dial.State == store.DialPlaced:
		err = d.apply(ctx, dial, p)
	default:
		err = d.placed(ctx, dial, p)
	}
	d.at("noted")
	return err
}

// Org is whose call a token names: store.ErrNotFound if nobody dialled it. The node that dialled knows it without asking the database.
func (d *Dialer) Org(ctx context.Context, token string) (string, error) {
	if p, ok := d.plans.find(token); ok {
		return p.Dial.Org, nil
	}
	dial, err := d.o.Store.Dial(ctx, token)
	if err != nil {
		return "", fmt.Errorf("read dial: %w", err)
	}
	return dial.Org, nil
}

// Dialled is the dial of a call by its token, or, where that is not told or not known, by the carrier's id; store.ErrNotFound: nobody dialled it, or
// the carrier has not answered for it yet.
func (d *Dialer) Dialled(ctx context.Context, token, carrierID string) (store.Dial, error) {
	if token != "" {
		dial, err := d.o.Store.Dial(ctx, token)
		if !errors.Is(err, store.ErrNotFound) {
			return dial, err
		}
	}
	known, err := d.o.Store.KnownCalls(ctx, []string{carrierID})
	if err != nil {
		return store.Dial{}, fmt.Errorf("find dial: %w", err)
	}
	if known[carrierID] == "" {
		return store.Dial{}, store.ErrNotFound
	}
	return d.o.Store.Dial(ctx, known[carrierID])
}

// ErrOver says that nobody waits for a call any more.
var ErrOver = errors.New("the call is over")

// Expected says whether an answered call is still wanted, by its token: ErrOver if not. It is asked before the carrier is told to connect
// the call's sound.
func (d *Dialer) Expected(ctx context.Context, token, carrierID string) error {
	dial, err := d.o.Store.Dial(ctx, token)
	if _, planned := d.plans.find(token); planned && err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil // the database does not answer, and the call is this node's
	}
	if errors.Is(err, store.ErrNotFound) {
		return ErrOver
	}
	if err != nil {
		return fmt.Errorf("read dial: %w", err)
	}
	if dial.State == store.DialOver {
		return ErrOver
	}
	if dial.CarrierID == "" {
		err = d.placed(ctx, dial, pipeline.Placed{ID: carrierID, State: pipeline.PlacedAnswered})
	}
	d.at("expected")
	return err
}

// A Plan is what is to be said on a call.
type Plan struct {
	Dial  store.Dial
	Task  store.Task
	Agent store.Agent // as it was when the task was executed
	made  time.Time
}

// Slots fill the places of the plan's words.
func (p Plan) Slots() map[string]string { return Slots(p.Task, p.Dial.From) }

// Opening is what the call begins with, before its places are filled; empty: the model decides.
func (p Plan) Opening() string { return opening(p.Task, p.Agent) }

// Answered is the plan of a call whose sound has come, by its token; ErrOver if nobody wants it any more. The node that dialled knows it
// without asking the database.
func (d *Dialer) Answered(ctx context.Context, token string) (Plan, error) {
	defer d.at("picked up")
	if p, ok := d.plans.find(token); ok {
		return p, nil
	}
	dial, err := d.o.Store.Dial(ctx, token)
	if errors.Is(err, store.ErrNotFound) || err == nil && dial.State == store.DialOver {
		return Plan{}, ErrOver
	}
	if err != nil {
		return Plan{}, fmt.Errorf("read dial: %w", err)
	}
	p := Plan{Dial: dial}
	if p.Task, err = d.o.Store.Task(ctx, dial.Org, dial.Task); err != nil {
		return p, fmt.Errorf("read task: %w", err)
	}
	call, err := d.o.Store.Call(ctx, dial.Org, token)
	if err != nil {
		return p, fmt.Errorf("read call: %w", err)
	}
	if p.Agent, err = d.o.Store.AgentVersion(ctx, dial.Org, call.Agent, call.AgentVersion); err != nil {
		return p, fmt.Errorf("read agent: %w", err)
	}
	return p, nil
}

// plans are those of the calls that this node has asked for and that have not been answered yet.
type plans struct {
	mu   sync.Mutex
	all  map[string]Plan // by call
	next time.Time       // sweep
}

// planned is how long a plan is kept: longer than any number rings.
const planned = 15 * time.Minute

func (p *plans) add(plan Plan) {
	plan.made = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[string]Plan{}
	}
	p.all[plan.Dial.Call] = plan
}

func (p *plans) find(call string) (Plan, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	plan, ok := p.all[call]
	return plan, ok
}

func (p *plans) forget(call string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, call)
}

// sweep forgets, once a minute, what is too old.
func (p *plans) sweep(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.next) {
		return
	}
	p.next = now.Add(time.Minute)
	for call, plan := range p.all {
		if now.Sub(plan.made) > planned {
			delete(p.all, call)
		}
	}
}
