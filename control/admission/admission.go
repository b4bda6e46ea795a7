// Package admission says whether a node takes one more call.
//
//	every 250 ms:  processor, frames' lateness, local speech ──▶ observe ──▶ shares: used, and what a call costs
//	                                                                    └──▶ brakes: late, for how long, since when
//	webhook, stream, dialer ──▶ Admit ──▶ judge ──▶ a place, or a Reason
//	                                        ▲
//	                  places: calls that are coming, calls that are live, whose
//
// Two kinds of signal count. Of a share (processor, speech workers) it is known what each call costs, so it is judged before it is used up: what
// is used now, what the calls that have been admitted and do not show yet will use, and what one more would. A brake (lateness, waiting for
// speech) is only seen when it is too late: it stops everything until it has been calm for a while, and then lets calls in by and by.
//
// A Gate never asks anybody for anything in Admit: it answers from memory, within microseconds.
package admission

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/media"
)

// A Reason says in one word why a call is refused; empty: it is not.
type Reason string

// The reasons, in the order in which they are looked for.
const (
	Draining Reason = "draining"  // the node is going down
	MaxCalls Reason = "max_calls" // the node has as many calls as it may
	OrgCalls Reason = "org_calls" // the call's organisation has as many as it may
	Late     Reason = "lateness"  // frames leave too late
	CPU      Reason = "cpu"       // the processors are used up, or would be
	Speech   Reason = "speech"    // the call would wait too long for local speech
)

// reasons is how many there are.
const reasons = 6

// Reasons are all of them.
func Reasons() []Reason { return []Reason{Draining, MaxCalls, OrgCalls, Late, CPU, Speech} }

// Limits are the bars. Zeros mean that there is none.
type Limits struct {
	Calls    int           // at once, on this node
	OrgCalls int           // at once, of one organisation on this node
	CPU      float64       // the most of the processors that may be used, as a share; up to 1
	Lateness time.Duration // the most by which 99 of 100 frames of the last seconds may be late
	Wait     time.Duration // the most that 9 of 10 pieces of work that callers wait for may wait for a worker of local speech
}

// Signals are where a Gate learns how its node fares. Nil ones are not asked.
type Signals struct {
	Processor func() Processor
	Late      func() media.TimesCounts // since the process began, as Wait
	Speech    func() Work
}

// A Processor is what the process has used of the machine, and what it may.
type Processor struct {
	Used    time.Duration // since the process began, without what gives way to calls
	Allowed float64       // processors
}

// Work is what local speech has done and what it has to do.
type Work struct {
	Workers int
	Busy    time.Duration     // of all workers, since they began, with what callers wait for
	Waits   media.TimesCounts // of what callers wait for, for a worker
	Oldest  time.Duration     // how long the oldest that still waits has waited
}

// A Request is a call that wants to come in.
type Request struct {
	Key    string // names it until it begins: the carrier's id, or the token of a call that was placed
	Org    string // whose it is; empty: nobody's
	Speech bool   // its agent hears or speaks by local speech
	// Answered: somebody has picked up. Such a call, which was placed, is refused only where there is no place for it at all: it was judged
	// when it was dialled.
	Answered bool
	Wait     time.Duration // how long it may take to come, and counts as if it had; 0: 5 s
}

// A Gate is a node's. Fill in the fields, which are not changed afterwards, and have Run run: without it the signals are not known, and
// limits of calls alone hold. Its methods may be called by any goroutine.
type Gate struct {
	Limits   Limits
	Signals  Signals
	Draining func() bool  // nil: never
	Log      *slog.Logger // nil: silent

	refused [reasons]atomic.Uint64

	mu     sync.Mutex
	state  state
	silent [reasons]quiet
}

// place is the number of a reason among Reasons.
func (r Reason) place() int { return slices.Index(Reasons(), r) }

// quiet is what has not been said of a reason.
type quiet struct {
	said   time.Time
	unsaid int
}

const (
	every  = 250 * time.Millisecond // between two looks at the signals
	comes  = 5 * time.Second        // how long a call counts that was admitted and has not come
	keeps  = time.Minute            // how long it has its place all the same: as long as a stream's token lasts
	saying = time.Second            // between two lines of the log about one reason
)

// Run looks at the signals until ctx is done.
func (g *Gate) Run(ctx context.Context) error {
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		g.look(time.Now())
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look takes a sample.
func (g *Gate) look(now time.Time) {
	var s sample
	if g.Signals.Processor != nil {
		s.processor = g.Signals.Processor()
	}
	if g.Signals.Late != nil {
		s.late = g.Signals.Late()
	}
	if g.Signals.Speech != nil {
		s.speech = g.Signals.Speech()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.observe(now, s, g.Limits)
}

// Admit gives a call a place, or says why it has none. A call that has one keeps it: a carrier may ask twice.
func (g *Gate) Admit(r Request) Reason {
	why, said := g.admit(r, time.Now())
	g.say(said)
	return why
}

func (g *Gate) admit(r Request, now time.Time) (Reason, *notice) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.state.calls.expects(r.Key, now) {
		if why := g.judge(r, now); why != "" {
			return why, g.refuse(r, why, now)
		}
	}
	g.state.calls.expect(r, now)
	return "", nil
}

// Begin makes a call live, under its carrier's id, which no other live call has. If it has no place yet, because another node has admitted
// it or it took too long, it is judged now. End gives the place back; a call that was refused has none.
func (g *Gate) Begin(id string, r Request) Reason {
	why, said := g.begin(id, r, time.Now())
	g.say(said)
	return why
}

func (g *Gate) begin(id string, r Request, now time.Time) (Reason, *notice) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if was, ok := g.state.calls.take(r.Key, now); ok {
		r = was
	} else if why := g.state.judge(r, now, g.Limits); why != "" { // whether the node drains is no matter: a drain waits for those who come
		return why, g.refuse(r, why, now)
	}
	g.state.calls.begin(id, r)
	return "", nil
}

// End lets go of a live call, by its carrier's id.
func (g *Gate) End(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.calls.end(id)
}

// Forget lets go of a call that will not come, by its key.
func (g *Gate) Forget(key string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.state.calls.forget(key)
}

// Refusing says why a call of no organisation would be refused now; empty: it would not.
func (g *Gate) Refusing(speech bool) Reason {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.judge(Request{Speech: speech}, now)
}

// judge is the decision. mu is held.
func (g *Gate) judge(r Request, now time.Time) Reason {
	if g.Draining != nil && g.Draining() {
		return Draining
	}
	return g.state.judge(r, now, g.Limits)
}

// A notice is what the log says of refusals for one reason.
type notice struct {
	why     Reason
	refused int
	last    Request
	numbers
	Load
}

// refuse counts a refusal and, once a second, makes a notice. mu is held.
func (g *Gate) refuse(r Request, why Reason, now time.Time) *notice {
	i := why.place()
	g.refused[i].Add(1)
	q := &g.silent[i]
	if q.unsaid++; now.Sub(q.said) < saying {
		return nil
	}
	n := g.state.calls.number("", now)
	said := &notice{why, q.unsaid, r, n, g.state.load(n, g.Limits)}
	*q = quiet{said: now}
	return said
}

// say logs a notice, if there is one.
func (g *Gate) say(n *notice) {
	if n == nil || g.Log == nil {
		return
	}
	g.Log.Warn("calls are refused", "reason", string(n.why), "refused", n.refused, "last", n.last.Key, "org", n.last.Org,
		"live", n.all-n.coming, "coming", n.coming, "cpu", hundredths(n.CPU), "lateness", hundredths(n.Late), "speech", hundredths(n.Speech))
}

// hundredths rounds for people.
func hundredths(x float64) float64 { return float64(int(x*100+0.5)) / 100 }

// Refused is how many calls were refused for a reason.
func (g *Gate) Refused(r Reason) uint64 { return g.refused[r.place()].Load() }

// Load is how far each signal is; 1 is its bar, and what has none is 0.
type Load struct {
	Calls, CPU, Late, Speech float64
}

// Standing is how a Gate stands.
type Standing struct {
	Load
	Live, Coming int
	Cost         float64 // processors that a call is taken to use
	SpeechCost   float64 // workers of local speech that a call with local speech is taken to use
	Allowed      float64 // processors that there are
}

// Standing is for those who watch.
func (g *Gate) Standing() Standing {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &g.state
	n := s.calls.number("", now)
	return Standing{
		Load: s.load(n, g.Limits), Live: s.calls.live, Coming: n.coming,
		Cost: s.cpu.cost(), SpeechCost: s.speech.cost(), Allowed: s.cpu.there,
	}
}
