package providers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// What zero fields of a Guard mean.
const (
	DefaultTrip    = 5
	DefaultCooling = 10 * time.Second
	DefaultWait    = 500 * time.Millisecond
	DefaultRetries = 0.1
)

const (
	mostCooling = 2 * time.Minute
	mostRetries = 10 // beyond their share
)

// What a Guard tells.
const (
	BreakerOpened = "opened" // nothing reaches the vendor for a while
	BreakerTries  = "tries"  // one request does, to see how it is
	BreakerClosed = "closed" // all do
	Broken        = "broken" // a request was turned away by the breaker
	Full          = "full"   // a request was turned away, since no more may be made at once
	Retried       = "retried"
)

// A Guard stands before one account of a vendor's, for one kind of work, and is shared by all calls. It turns away what would not be served:
// requests beyond a limit that find no room in time, and all for a while when so many in a row have failed. What is turned away costs
// no time, so that a fallback is as quick as it can be. A voice or a recogniser that fails at once, before it did anything, is asked a
// second time, as long as few are: a vendor in trouble is not asked twice as often. (Clients of models do that themselves.)
//
//	          ┌──fails Trip times in a row──▶ open ──Cooling──▶ one request tries
//	closed ◀──┴───────────────it was answered──────────────────┤
//	                          open, for twice as long ◀──it failed
//
// Its fields are set before the first use and not changed after. Its methods may be called by any goroutine.
type Guard struct {
	Provider, Kind string

	Limit   int               // requests at once: answers, utterances, transcriptions; 0: any number
	Wait    time.Duration     // how long a request waits for room; 0: DefaultWait
	Trip    int               // failures in a row that open the breaker; 0: DefaultTrip; negative: it never opens
	Cooling time.Duration     // how long it is open at first; 0: DefaultCooling
	Retries float64           // second tries for each request, in the long run; 0: DefaultRetries; negative: none
	Told    func(news string) // called by any goroutine; it returns at once. nil: nobody is told

	once  sync.Once
	rooms chan struct{}

	mu     sync.Mutex
	failed int       // requests in a row
	opened int       // times in a row
	till   time.Time // the breaker is open until then, when one request tries; zero: it is closed
	spent  float64   // second tries that others have to make up for
}

// A TurnedAway error says that a request did not reach the vendor.
type TurnedAway struct {
	Provider, Kind string
	Full           bool // there was no room; else the breaker is open
}

// Error says why.
func (e *TurnedAway) Error() string {
	if e.Full {
		return fmt.Sprintf("%s: no more %s requests may be made at once", e.Provider, e.Kind)
	}
	return fmt.Sprintf("%s: %s has failed too often, and is given a rest", e.Provider, e.Kind)
}

// Overloaded says whether there was no room.
func (e *TurnedAway) Overloaded() bool { return e.Full }

// StatusCode is what the vendor would have said.
func (e *TurnedAway) StatusCode() int {
	if e.Full {
		return 0
	}
	return 503
}

// blames says whether an error is a reason not to ask who it is of for a while.
func blames(err error) bool {
	_, turned := errors.AsType[*TurnedAway](err)
	return !turned && Class(err) != Refused && !errors.Is(err, errEmpty)
}

func (g *Guard) tell(news string) {
	if g.Told != nil {
		g.Told(news)
	}
}

// A pass is that of a request that was let in.
type pass struct {
	guard *Guard
	tries atomic.Bool // it is the one by which the vendor is tried
}

// enter lets a request in, or turns it away. None waits for room at a vendor who would not be asked anyway.
func (g *Guard) enter(ctx context.Context) (*pass, error) {
	if g.open() {
		return nil, g.broken()
	}
	if err := g.room(ctx); err != nil {
		return nil, err
	}
	tries, ok := g.closed()
	switch {
	case !ok:
		g.leave()
		return nil, g.broken()
	case tries:
		g.tell(BreakerTries)
	}
	p := &pass{guard: g}
	p.tries.Store(tries)
	return p, nil
}

// done is the end of a request.
func (p *pass) done(outcome string) {
	p.guard.leave()
	p.judge(outcome)
}

// judge notes how the request does: its outcome, or how it is before that.
func (p *pass) judge(outcome string) {
	if news := p.guard.judge(outcome, p.tries.Swap(false)); news != "" {
		p.guard.tell(news)
	}
}

// room waits for room, if there is a limit.
func (g *Guard) room(ctx context.Context) error {
	if g.Limit <= 0 {
		return nil
	}
	g.once.Do(func() { g.rooms = make(chan struct{}, g.Limit) })
	select {
	case g.rooms <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(cmp.Or(g.Wait, DefaultWait))
	defer timer.Stop()
	select {
	case g.rooms <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		g.tell(Full)
		return &TurnedAway{Provider: g.Provider, Kind: g.Kind, Full: true}
	}
}

func (g *Guard) leave() {
	if g.Limit > 0 {
		<-g.rooms
	}
}

// broken is what a request is told that the breaker turns away.
func (g *Guard) broken() error {
	g.tell(Broken)
	return &TurnedAway{Provider: g.Provider, Kind: g.Kind}
}

// open says whether the breaker lets nothing pass now.
func (g *Guard) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Now().Before(g.till)
}

// closed says whether a request may pass the breaker, and whether it is the one that tries.
func (g *Guard) closed() (tries, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.spent = max(0, g.spent-g.retries())
	switch {
	case g.till.IsZero():
		return false, true
	case time.Now().Before(g.till):
		return false, false
	}
	g.till = time.Now().Add(g.cooling()) // a call's transcription may have nothing to tell for long: another tries then
	return true, true
}

func (g *Guard) cooling() time.Duration { return cmp.Or(g.Cooling, DefaultCooling) }

func (g *Guard) retries() float64 {
	if g.Retries < 0 {
		return 0
	}
	return cmp.Or(g.Retries, DefaultRetries)
}

// judge notes how a request ended, and says what is to be told. One that was cut, or refused for what it asked, says nothing of the vendor.
func (g *Guard) judge(outcome string, tried bool) (news string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	tried = tried && !g.till.IsZero() // else another one has, meanwhile
	switch outcome {
	case Cut, Refused:
		if tried {
			g.till = time.Now() // the next one tries
		}
		return ""
	case OK:
		if g.failed = 0; !tried {
			return ""
		}
		g.opened, g.till = 0, time.Time{}
		return BreakerClosed
	}
	g.failed++
	if trip := cmp.Or(g.Trip, DefaultTrip); tried || trip > 0 && g.failed >= trip && g.till.IsZero() {
		g.till = time.Now().Add(min(g.cooling()<<min(g.opened, 10), mostCooling))
		g.opened++
		g.failed = 0
		return BreakerOpened
	}
	return ""
}

// spend says whether a request may be made a second time.
func (g *Guard) spend(err error) bool {
	if class := Class(err); class != Connection && class != Unavailable {
		return false
	}
	g.mu.Lock()
	may := g.retries() > 0 && g.spent+1 <= mostRetries && g.till.IsZero()
	if may {
		g.spent++
	}
	g.mu.Unlock()
	if may {
		g.tell(Retried)
	}
	return may
}
