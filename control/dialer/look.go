package dialer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// An end is how a call ended that its leg does not end.
type end struct {
	cause, text string
	again       time.Time // when its number is to be tried again, whatever the rules say; zero: as they say
}

// lookAll looks into the dials of which nothing was heard in time, as many as there are hands.
func (d *Dialer) lookAll(ctx context.Context) error {
	free := cap(d.hands) - len(d.hands)
	if free == 0 {
		return nil
	}
	now := time.Now()
	overdue, err := d.o.Store.OverdueDials(ctx, d.o.Node, now, now.Add(d.t.Again), free)
	if err != nil {
		return fmt.Errorf("look for overdue calls: %w", err)
	}
	for _, dial := range overdue {
		d.hands <- struct{}{}
		d.work.Go(func() {
			defer func() { <-d.hands }()
			defer d.caught(dial)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.t.Ask+writing)
			defer cancel()
			if err := d.look(ctx, dial); err != nil {
				d.o.Log.Warn("a call is not known", "call", dial.Call, "task", dial.Task, "carrier_id", dial.CarrierID, "error", err)
			}
		})
	}
	return nil
}

// look asks the carrier what has become of a call.
func (d *Dialer) look(ctx context.Context, dial store.Dial) error {
	asked, cancel := context.WithTimeout(ctx, d.t.Ask)
	defer cancel()
	if d.o.Trunkless && byTrunk(dial.Account) {
		return d.settle(ctx, dial, end{cause: string(media.CauseCarrier), text: "the node that has placed the call is gone"})
	}
	carrier, err := d.carrier(dial.Org, dial.Account)
	if err != nil && time.Since(dial.Asked) > forgotten {
		return d.settle(ctx, dial, end{cause: string(media.CauseCarrier), text: "the account that the call was placed by can no longer be asked"})
	}
	if err != nil {
		return err
	}
	if dial.State == store.DialAsking {
		return d.find(ctx, asked, carrier, dial)
	}
	p, err := carrier.Look(asked, dial.CarrierID)
	d.at("looked")
	if errors.Is(err, pipeline.ErrNoCall) {
		return d.settle(ctx, dial, end{cause: string(media.CauseCarrier), text: "the carrier knows no such call any more"})
	}
	if err != nil {
		return fmt.Errorf("ask for call: %w", err)
	}
	return d.apply(ctx, dial, p)
}

// find looks for a call whose carrier's id is not known. A call that another dial has is not it.
func (d *Dialer) find(ctx, asked context.Context, carrier pipeline.Carrier, dial store.Dial) error {
	calls, err := carrier.Find(asked, order(dial, 0))
	d.at("found")
	if err != nil {
		return fmt.Errorf("list calls: %w", err)
	}
	ids := make([]string, len(calls))
	for i, c := range calls {
		ids[i] = c.ID
	}
	known, err := d.o.Store.KnownCalls(ctx, ids)
	if err != nil {
		return err
	}
	for _, c := range calls {
		if of, ok := known[c.ID]; !ok || of == dial.Call {
			d.o.Log.Info("a call is found at the carrier", "call", dial.Call, "task", dial.Task, "carrier_id", c.ID)
			return d.placed(ctx, dial, c)
		}
	}
	if time.Since(dial.Asked) < d.t.Ask+d.t.Settle {
		return nil // it may be on its way: look again
	}
	return d.settle(ctx, dial, end{cause: store.CauseUnplaced, text: "the carrier has no such call: it was not placed"})
}

// apply draws the conclusions of how a call stands at the carrier.
func (d *Dialer) apply(ctx context.Context, dial store.Dial, p pipeline.Placed) error {
	switch p.State {
	case pipeline.PlacedRinging, pipeline.PlacedAnswered:
		return nil
	case pipeline.PlacedBusy:
		return d.settle(ctx, dial, end{cause: store.CauseBusy})
	case pipeline.PlacedNoAnswer:
		return d.settle(ctx, dial, end{cause: store.CauseNoAnswer})
	case pipeline.PlacedCancelled:
		return d.settle(ctx, dial, end{cause: store.CauseCancelled})
	case pipeline.PlacedHungUp:
		return d.gone(ctx, dial)
	default:
		e := end{cause: string(media.CauseCarrier), text: "the carrier could not connect the call"}
		if p.Code > 0 {
			e.text += fmt.Sprintf(" (SIP %d)", p.Code)
		}
		if p.Reason != "" {
			e.text += ": " + p.Reason
		}
		return d.settle(ctx, dial, e)
	}
}

// gone waits a while for a call's leg to write down its end, and then does.
func (d *Dialer) gone(ctx context.Context, dial store.Dial) error {
	now := time.Now()
	if dial.State == store.DialOver {
		return nil
	}
	if dial.Gone.IsZero() {
		return d.o.Store.GoneDial(ctx, dial.Call, now, now.Add(d.t.Grace))
	}
	if now.Sub(dial.Gone) < d.t.Grace {
		return nil
	}
	call, err := d.o.Store.Call(ctx, dial.Org, dial.Call)
	if err != nil {
		return fmt.Errorf("read call: %w", err)
	}
	if call.Status == store.Initiated {
		return d.settle(ctx, dial, end{cause: string(media.CauseCarrier), text: "the call was answered, but its sound never came"})
	}
	return d.settle(ctx, dial, end{cause: store.CauseCrash, text: "the node that had the call has not written its end"})
}

// settle ends a call that its leg does not end, and with it the task, unless its number is to be tried again.
func (d *Dialer) settle(ctx context.Context, dial store.Dial, e end) error {
	now := time.Now().UTC()
	again := e.again
	if e.cause == store.CauseBusy || e.cause == store.CauseNoAnswer {
		rules, err := d.rules(ctx, dial.Org)
		if err != nil {
			return err
		}
		t, err := d.o.Store.Task(ctx, dial.Org, dial.Task)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("read task: %w", err)
		}
		again = rules.Retry.again(e.cause, t.Retries, now)
	}
	d.at("settling")
	done, err := d.o.Store.SettleDial(ctx, store.Ended{Call: dial.Call, Status: store.Failed, End: store.End{Ended: now, Cause: e.cause, Error: e.text}}, again)
	if err != nil {
		return fmt.Errorf("settle: %w", err)
	}
	d.at("settled")
	d.forget(dial.Call)
	if done {
		d.o.Observe.settled(e.cause)
		d.o.Log.Info("a call did not come about", "call", dial.Call, "task", dial.Task, "cause", e.cause, "error", e.text, "again", again)
	}
	return nil
}
