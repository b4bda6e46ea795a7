package sip

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/media"
)

// ErrNoPhone says that no softphone is registered with a line here.
var ErrNoPhone = errors.New("nobody is registered there")

// Phones is how many softphones are registered with a line.
func (a *Agent) Phones(line string) int { return len(a.phones.of(line, time.Now())) }

// Registered is how many softphones are registered, with all lines.
func (a *Agent) Registered() int { return a.phones.sweep(time.Now()) }

// rung is what came of one softphone.
type rung struct {
	leg *Leg
	err error
}

// Ring calls all softphones of a line at once. It returns the leg of the one that answers first, which who asks holds and hangs up: the
// others stop ringing. Of o, From, Ring and Params count. The error is ErrNoPhone, or a *Failure: of whoever was there rather than of who was not.
func (a *Agent) Ring(ctx context.Context, line string, o Order) (*Leg, error) {
	there := a.phones.of(line, time.Now())
	if len(there) == 0 {
		return nil, fmt.Errorf("ring: %w", ErrNoPhone)
	}
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	came := make(chan rung, len(there))
	for _, b := range there {
		go func() { // it is waited for below
			l, err := a.dial(ctx, b.order(o), func(c *call) { c.bound = b })
			came <- rung{l, err}
		}()
	}
	var first *Leg
	var why error
	for range there {
		r := <-came
		var f *Failure
		switch {
		case r.err == nil && first == nil:
			first = r.leg
			enough()
		case r.err == nil: // two have answered at once
			_ = r.leg.Hangup(media.CauseCancelled)
		case errors.As(r.err, &f) && f.Code >= 600: // nobody is to be rung any more (RFC 3261, section 16.7)
			why = r.err
			enough()
		case why == nil || errors.As(r.err, &f) && (f.Outcome == Busy || f.Outcome == Declined):
			why = r.err
		}
	}
	if first == nil {
		return nil, why
	}
	return first, nil
}

// order is what a call to a softphone is placed with.
func (b *binding) order(o Order) Order {
	o.To = b.user
	o.Trunk = Trunk{Org: b.org, Name: b.user, Host: b.source.Addr().String(), Transport: b.transport}
	return o
}
