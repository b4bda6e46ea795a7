package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Carrier places telephone calls over its own API. It is told by a token which call an answered stream, or a status, belongs to.
// Its methods may be called by any goroutine; they ask once, and try nothing again by themselves.
type Carrier interface {
	// Place asks for a call. An error that is ErrUntaken, a *Refusal or an *Unpermitted says that there surely is none; after any other, there may be.
	Place(ctx context.Context, o Order) (Placed, error)
	// Find lists the calls to o.To from o.From that were made at o.Asked or later, by the carrier's clock less a little, oldest first: to
	// find out what came of a Place whose answer was lost.
	Find(ctx context.Context, o Order) ([]Placed, error)
	// Look asks how a call stands; ErrNoCall if the carrier knows none.
	Look(ctx context.Context, id string) (Placed, error)
	// HangUp ends a call, whatever it does. A call that is over already, or unknown, is no error.
	HangUp(ctx context.Context, id string) error
}

// TokenParam is the query parameter that carries an order's token in the URLs that a carrier asks and tells about a call.
const TokenParam = "parley_call"

// An Onward is where a live call is to go on.
type Onward struct {
	To       string        // a number in E.164, or a sip: or sips: address
	CallerID string        // shown there, in E.164; empty: the caller's own number, which carriers take of calls that came in
	Ring     time.Duration // how long it may ring; 0: as long as the carrier has it
}

// An Order is a call to be placed.
type Order struct {
	Token    string        // names the call in all that the carrier sends about it
	From, To string        // E.164
	Ring     time.Duration // how long it may ring
	Asked    time.Time     // when Place was to be called
	Who      bool          // it is of interest who, or what, answers: the carrier may find out, and tell
	// Permission says how somebody is asked whether they may be called, where a carrier needs that, in the carrier's own words; empty: they are not.
	Permission string
}

// Placed is a call as a carrier has it.
type Placed struct {
	ID       string // the carrier's
	From, To string
	State    PlacedState
	Made     time.Time // zero: the carrier does not say
	Code     int       // the SIP status that ended it; 0: not known
	Reason   string    // why it has failed, for people; empty: not known
}

// PlacedState is how a placed call stands.
type PlacedState string

// The states of a placed call.
const (
	PlacedRinging   PlacedState = "ringing" // or still on its way
	PlacedAnswered  PlacedState = "answered"
	PlacedHungUp    PlacedState = "hung_up" // it was answered, and is over
	PlacedBusy      PlacedState = "busy"
	PlacedNoAnswer  PlacedState = "no_answer"
	PlacedFailed    PlacedState = "failed" // the network could not reach the number
	PlacedCancelled PlacedState = "cancelled"
)

// Over says that the call has ended, or never began.
func (s PlacedState) Over() bool { return s != PlacedRinging && s != PlacedAnswered }

// What a Carrier says, besides its own errors.
var (
	ErrUntaken = errors.New("the carrier has not taken the request") // it was not reached, or is too busy: later it may
	ErrNoCall  = errors.New("the carrier knows no such call")
)

// A Refusal is a carrier's no to a call. Asking again would be of no use.
type Refusal struct {
	Code    int // the carrier's own
	Message string
}

func (r *Refusal) Error() string {
	if r.Code == 0 {
		return "the carrier refuses: " + r.Message
	}
	return fmt.Sprintf("the carrier refuses: %s (%d)", r.Message, r.Code)
}

// An Unpermitted is the no of a carrier that calls nobody who has not allowed it.
type Unpermitted struct {
	Message string
	Until   time.Time // somebody has been asked, and is waited for so long; zero: waiting is of no use
}

func (u *Unpermitted) Error() string { return u.Message }
