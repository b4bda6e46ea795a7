package dialer

import (
	"cmp"
	"context"
	"errors"
	"runtime/debug"
	"time"

	"parley/pipeline"
	"parley/store"
)

// ask asks the carrier for a call, once. The dial has just been moved to asking, by this node: nobody else will ask.
func (d *Dialer) ask(ctx context.Context, dial store.Dial) {
	defer d.caught(dial)
	wait := time.NewTimer(time.Until(dial.Asked))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done(): // another node may
		d.unask(ctx, dial, time.Time{})
		return
	}
	ctx = context.WithoutCancel(ctx) // what is asked is heard to its end, and that is bounded
	t, v, err := d.reconsider(ctx, dial)
	var unfit *Unfit
	switch {
	case errors.Is(err, errHeld):
		d.unask(ctx, dial, time.Time{})
		return
	case errors.As(err, &unfit) && !unfit.Open.IsZero():
		d.unask(ctx, dial, unfit.Open)
		return
	case errors.As(err, &unfit):
		d.put(ctx, dial, func(ctx context.Context) error {
			return d.settle(ctx, dial, end{cause: store.CauseUnplaced, text: unfit.Error()})
		})
		return
	case err != nil:
		d.o.Log.Warn("call waits", "call", dial.Call, "task", dial.Task, "error", err)
		d.unask(ctx, dial, time.Now().Add(d.t.Backoff))
		return
	case time.Until(dial.Look) < d.t.Ask: // others might be looking by the time that the carrier is asked
		d.o.Log.Warn("call waits: everything takes too long", "call", dial.Call, "task", dial.Task)
		d.unask(ctx, dial, time.Now().Add(d.t.Backoff))
		return
	}
	carrier, ok := d.carrierOf(ctx, dial)
	if !ok {
		return
	}
	ring := d.ring(ctx, dial.Org)
	if d.o.Admit != nil && !d.o.Admit(dial.Call, v.agent, ring) { // who says so has told the log
		d.unask(ctx, dial, time.Now().Add(d.t.Backoff))
		return
	}
	d.plans.add(Plan{Dial: dial, Task: t, Agent: v.agent})
	d.at("asking")
	asked, cancel := context.WithTimeout(ctx, d.t.Ask)
	o := order(dial, ring)
	if t.Retries == 0 { // nobody is asked twice
		o.Permission = t.Permission
	}
	placed, err := carrier.Place(asked, o)
	cancel()
	d.at("answered")
	d.o.Observe.asked(err)
	d.answered(ctx, dial, placed, err)
}

// carrierOf is who is to be asked for a call. If there is nobody the call waits, or fails when it has waited for long enough.
func (d *Dialer) carrierOf(ctx context.Context, dial store.Dial) (pipeline.Carrier, bool) {
	c, err := d.carrier(dial.Org, dial.Account)
	switch later := errors.Is(err, store.ErrUnavailable) || errors.Is(err, ErrNoCarrier); {
	case err == nil:
		return c, true
	case later && time.Since(dial.Created) < d.t.Wait:
		d.o.Log.Warn("call waits for its account", "call", dial.Call, "task", dial.Task, "account", dial.Account, "error", err)
		d.unask(ctx, dial, time.Now().Add(d.t.Backoff))
	default:
		d.put(ctx, dial, func(ctx context.Context) error {
			return d.settle(ctx, dial, end{cause: store.CauseUnplaced, text: err.Error()})
		})
	}
	return nil, false
}

// unask queues a dial again of which the carrier surely has nothing. If another node has begun to look into it, it stays that node's.
func (d *Dialer) unask(ctx context.Context, dial store.Dial, due time.Time) {
	d.put(ctx, dial, func(ctx context.Context) error { return d.o.Store.UnaskDial(ctx, dial.Call, dial.Node, due) })
}

// errHeld says that a campaign has been paused, or cancelled, since its call was taken.
var errHeld = errors.New("the campaign does not run")

// reconsider judges a task once more, now that its call is to be placed.
func (d *Dialer) reconsider(ctx context.Context, dial store.Dial) (store.Task, verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, writing)
	defer cancel()
	t, err := d.o.Store.Task(ctx, dial.Org, dial.Task)
	if errors.Is(err, store.ErrNotFound) || err == nil && t.Call != dial.Call {
		return t, verdict{}, &Unfit{Message: "the task has been reset"}
	}
	if err != nil {
		return t, verdict{}, err
	}
	rules, err := d.rules(ctx, dial.Org)
	if err != nil {
		return t, verdict{}, err
	}
	t.To = dial.To
	v, err := d.judge(ctx, t, rules, time.Now())
	if err != nil {
		return t, v, err
	}
	if held, err := d.held(ctx, t); err != nil || held {
		return t, v, cmp.Or(err, errHeld)
	}
	return t, v, nil
}

// ring is how long numbers of an organisation are rung.
func (d *Dialer) ring(ctx context.Context, org string) time.Duration {
	rules, err := d.rules(ctx, org)
	if err != nil {
		rules = d.o.Rules
	}
	return time.Duration(rules.RingSeconds) * time.Second
}

// order is what the carrier is asked for.
func order(dial store.Dial, ring time.Duration) pipeline.Order {
	return pipeline.Order{Token: dial.Call, From: dial.From, To: dial.To, Ring: ring, Asked: dial.Asked, Who: true}
}

// answered writes down what the carrier has answered. What it has not answered is looked into.
func (d *Dialer) answered(ctx context.Context, dial store.Dial, placed pipeline.Placed, err error) {
	log := d.o.Log.With("call", dial.Call, "task", dial.Task)
	var refusal *pipeline.Refusal
	var unpermitted *pipeline.Unpermitted
	switch {
	case err == nil:
		d.put(ctx, dial, func(ctx context.Context) error { return d.placed(ctx, dial, placed) })
		d.at("placed")
	case errors.As(err, &refusal):
		log.Warn("the carrier refuses a call", "code", refusal.Code, "reason", refusal.Message)
		d.put(ctx, dial, func(ctx context.Context) error {
			return d.settle(ctx, dial, end{cause: store.CauseUnplaced, text: refusal.Error()})
		})
	case errors.As(err, &unpermitted):
		d.put(ctx, dial, func(ctx context.Context) error {
			return d.settle(ctx, dial, end{cause: store.CausePermission, text: unpermitted.Message, again: unpermitted.Until})
		})
	case errors.Is(err, pipeline.ErrUntaken) && time.Since(dial.Created) < d.t.Wait:
		log.Warn("the carrier is asked again later", "error", err)
		d.unask(ctx, dial, time.Now().Add(d.t.Backoff))
	case errors.Is(err, pipeline.ErrUntaken):
		d.put(ctx, dial, func(ctx context.Context) error {
			return d.settle(ctx, dial, end{cause: store.CauseUnplaced, text: err.Error()})
		})
	default:
		log.Warn("the carrier's answer is lost: it will be asked what it has", "error", err)
		d.put(ctx, dial, func(ctx context.Context) error { return d.look(ctx, dial) })
	}
}

// placed notes that the carrier has a call. If nobody wants it any more, it is hung up.
func (d *Dialer) placed(ctx context.Context, dial store.Dial, p pipeline.Placed) error {
	now, err := d.o.Store.PlaceDial(ctx, dial.Call, p.ID, time.Now().Add(d.ring(ctx, dial.Org)+d.t.Look))
	if err != nil {
		return err
	}
	if now.State == store.DialOver && !p.State.Over() {
		carrier, err := d.carrier(dial.Org, dial.Account)
		if err != nil {
			return err
		}
		return carrier.HangUp(ctx, p.ID)
	}
	return d.apply(ctx, now, p)
}

// put tries to write something down, some times: what cannot be written now is looked into later.
func (d *Dialer) put(ctx context.Context, dial store.Dial, write func(context.Context) error) {
	ctx = context.WithoutCancel(ctx)
	pause := 50 * time.Millisecond
	for try := 0; ; try++ {
		own, cancel := context.WithTimeout(ctx, writing)
		err := write(own)
		cancel()
		if err == nil {
			return
		}
		if try == 3 || !errors.Is(err, store.ErrUnavailable) {
			d.o.Log.Warn("what is known of a call is not written down: it will be looked into", "call", dial.Call, "task", dial.Task, "error", err)
			return
		}
		time.Sleep(pause)
		pause *= 3
	}
}

// caught keeps a panic to its own call.
func (d *Dialer) caught(dial store.Dial) {
	if p := recover(); p != nil {
		d.o.Log.Error("dialling panicked", "call", dial.Call, "task", dial.Task, "panic", p, "stack", string(debug.Stack()))
	}
}
