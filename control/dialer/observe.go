package dialer

import (
	"errors"
	"time"

	"parley/pipeline"
)

// Observe counts what a Dialer does. Its fields may be nil; they are called by any goroutine, and return at once.
type Observe struct {
	Begun   func(late time.Duration) // a task's call was begun, so long after it was due
	Asked   func(outcome string)     // the carrier was asked for a call: one of Outcomes
	Settled func(cause string)       // a call did not come about: store.CauseBusy and the like
}

// How a carrier that is asked for a call answers.
const (
	askedPlaced  = "placed"
	askedRefused = "refused" // it will not have this call
	askedUntaken = "untaken" // it surely did not take it, and may be asked again
	askedLost    = "lost"    // what it said is not known: it is looked into
)

// Outcomes are how a carrier that is asked for a call answers.
func Outcomes() []string { return []string{askedPlaced, askedRefused, askedUntaken, askedLost} }

func (o Observe) begun(late time.Duration) {
	if o.Begun != nil {
		o.Begun(max(late, 0))
	}
}

func (o Observe) asked(err error) {
	if o.Asked == nil {
		return
	}
	_, refused := errors.AsType[*pipeline.Refusal](err)
	_, unpermitted := errors.AsType[*pipeline.Unpermitted](err)
	switch {
	case err == nil:
		o.Asked(askedPlaced)
	case refused, unpermitted:
		o.Asked(askedRefused)
	case errors.Is(err, pipeline.ErrUntaken):
		o.Asked(askedUntaken)
	default:
		o.Asked(askedLost)
	}
}

func (o Observe) settled(cause string) {
	if o.Settled != nil {
		o.Settled(cause)
	}
}

// InHand is how many calls this node is asking its carriers for now, or will within a second.
func (d *Dialer) InHand() int { return len(d.hands) }
