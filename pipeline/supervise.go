package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/media"
	"parley/media/relay"
)

// A Supervisor is somebody who listens to a call, on a leg of their own. The caller and the agent do not hear them, until they take the call
// over: then the caller talks with them, and the agent is silent until they give it back.
//
//	caller's leg ───listen────▶┐
//	                           ├▶ relay.Mix ──▶ playout ──▶ supervisor's leg
//	agent's playout ──heard───▶┘
//	TakeOver ──▶ they are the call's guest, as if they had been called and had answered: see visit
//	Unbridge, or they hang up ──▶ the agent has the caller back
type Supervisor struct {
	Name string    // as the record and the agent are told
	Leg  media.Leg // answered; its id tells supervisors apart
	// Changed is told when they have the call, when they have it no longer, and why they cannot have it. It must not block.
	Changed func(has bool, err error)
}

// mostSupervisors is how many may listen to one call.
const mostSupervisors = 16

// Why somebody cannot listen.
var (
	ErrSupervised = errors.New("as many listen to the call as may")
	errListens    = errors.New("they listen already")
	errNotThere   = errors.New("they do not listen any more")
)

// How late supervisors hear what is said: legs with a lead tell of what was heard in pieces, each half a second, when they have been played.
const (
	lateLive = 120 * time.Millisecond
	lateLead = 900 * time.Millisecond
)

// attendance is a supervisor's leg, as the call has it. Its goroutine is Attend's.
type attendance struct {
	Supervisor
	playout *media.Playout
	mix     *relay.Mix
	caller  *relay.Voice
	agent   *relay.Voice
	visit   atomic.Pointer[visit] // while they have the call; nil: they do not
}

// seats are those who listen to a call.
type seats struct {
	mu  sync.Mutex
	all atomic.Pointer[[]*attendance] // replaced, never changed; nil: nobody
}

// Attend lets a supervisor listen until they hang up, the call ends or ctx is done; then their leg is hung up. If they have the call, the
// agent gets it back. ErrEnded if the call is over, ErrSupervised if nobody else may listen.
func (c *Call) Attend(ctx context.Context, s Supervisor) error {
	c.open()
	a, err := c.sit(s)
	if err != nil {
		return errors.Join(err, s.Leg.Hangup(media.CauseRejected))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-c.over:
			cancel(ErrEnded)
		case <-ctx.Done():
		}
		if err := s.Leg.Hangup(media.CauseAgent); err != nil { // unblocks Receive
			c.log.Debug("hang up on a supervisor", "err", err)
		}
	}()
	defer func() { cancel(ErrEnded); <-gone }()
	defer func() {
		if err := a.playout.Close(); err != nil {
			c.log.Debug("close a supervisor's playout", "err", err)
		}
	}()
	defer c.excuse(a)
	c.log.Info("a supervisor listens", "supervisor", s.Name, "supervisor_leg", s.Leg.Info().ID)
	c.hearSupervisor(a)
	return nil
}

// excuse lets a supervisor go, and waits until the call has done so who had it: then nobody uses their leg any more.
func (c *Call) excuse(a *attendance) {
	c.seats.leave(a)
	c.log.Info("a supervisor has left", "supervisor", a.Name, "supervisor_leg", a.Leg.Info().ID)
	v := a.visit.Load()
	if v == nil {
		return
	}
	select {
	case c.inbox <- event{time.Since(c.answered), went{v.n, nil}}:
	case <-c.over:
	}
	select {
	case <-v.parted:
	case <-c.over:
	}
}

// sit makes what a supervisor's leg needs, and lets them hear.
func (c *Call) sit(s Supervisor) (*attendance, error) {
	select {
	case <-c.over:
		return nil, ErrEnded
	default:
	}
	ours, theirs := c.Leg.Info(), s.Leg.Info().Rate
	late := lateLive
	if ours.Lead > 0 {
		late = lateLead
	}
	a := &attendance{Supervisor: s, mix: relay.NewMix(theirs, late)}
	var err error
	if a.caller, err = a.mix.Voice(ours.Rate); err == nil {
		a.agent, err = a.mix.Voice(ours.Rate)
	}
	if err != nil {
		return nil, fmt.Errorf("listen in: %w", err)
	}
	a.playout = media.NewPlayout(s.Leg, c.Pacer, nil)
	a.playout.Patch(a.mix)
	if err := c.seats.enter(a); err != nil {
		return nil, errors.Join(err, a.playout.Close())
	}
	return a, nil
}

// enter makes somebody one of those who listen.
func (s *seats) enter(a *attendance) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.present()
	if len(was) >= mostSupervisors {
		return ErrSupervised
	}
	if slices.ContainsFunc(was, a.same) {
		return errListens
	}
	now := append(slices.Clone(was), a)
	s.all.Store(&now)
	return nil
}

// same says whether another attendance is on the same leg.
func (a *attendance) same(b *attendance) bool { return a.Leg.Info().ID == b.Leg.Info().ID }

func (s *seats) leave(a *attendance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := slices.DeleteFunc(slices.Clone(s.present()), func(b *attendance) bool { return a == b })
	if s.all.Store(&left); len(left) == 0 {
		s.all.Store(nil)
	}
}

// present are those who listen now.
func (s *seats) present() []*attendance {
	if all := s.all.Load(); all != nil {
		return *all
	}
	return nil
}

// of is the supervisor on a leg; nil: they do not listen.
func (s *seats) of(leg string) *attendance {
	for _, a := range s.present() {
		if a.Leg.Info().ID == leg {
			return a
		}
	}
	return nil
}

// begin makes v the visit of the supervisor on a leg, unless they have gone.
func (s *seats) begin(c *Call, v *visit, leg string) (*attendance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.of(leg)
	if a == nil {
		return nil, errNotThere
	}
	if err := v.open(c, a.Leg, a.playout); err != nil {
		return nil, err
	}
	a.visit.Store(v)
	return a, nil
}

// hearSupervisor reads a supervisor's leg until it ends. A frame takes no allocation.
func (c *Call) hearSupervisor(a *attendance) {
	for {
		p, err := a.Leg.Receive()
		switch v := a.visit.Load(); {
		case err != nil && !errors.Is(err, io.EOF):
			c.log.Debug("a supervisor's leg has failed", "err", err)
			return
		case err != nil, p.Note.Kind == media.Lost:
			return
		case p.Note.Kind == media.Played:
			a.playout.Played(p.Note)
		case v == nil || !v.joined.Load():
		case p.Frame.PCM != nil:
			v.inward.Hear(p.Frame)
		case p.Digit != 0:
			c.notify(beckoned{v.n, p.Digit, p.Sounded})
		}
	}
}

// overheard passes on what others may hear of the caller.
func (c *Call) overheard(at time.Time, f media.Frame) {
	for _, a := range c.seats.present() {
		a.caller.Hear(at, f.PCM)
	}
}

// admitted makes a supervisor the call's guest.
func (c *Call) admitted(ctx context.Context, n admit) {
	v := &visit{n: n.n, parted: make(chan struct{})}
	a, err := c.seats.begin(c, v, n.to)
	if err != nil {
		c.take(ctx, went{n.n, err})
		return
	}
	going, cancel := context.WithCancelCause(ctx)
	v.spawn = func(what string, f func(context.Context)) { c.spawn(what, func() { f(going) }) }
	v.cancel = func(why error) {
		cancel(why)
		a.visit.Store(nil)
		a.playout.Patch(a.mix)
		a.tell(false, nil)
		close(v.parted)
	}
	c.visit = v
	c.take(ctx, came{n.n})
	a.tell(true, nil)
}

// denied tells a supervisor why they cannot have the call.
func (c *Call) denied(n deny) {
	if a := c.seats.of(n.to); a != nil {
		a.tell(a.visit.Load() != nil, n.why)
	}
}

func (a *attendance) tell(has bool, err error) {
	if a.Changed != nil {
		a.Changed(has, err)
	}
}

// takeOver gives the caller to a supervisor. The agent stops, and has the caller's words written down.
func (d *dialog) takeOver(c Command) {
	switch {
	case d.ending != nil || d.closing():
		d.denies(c, errClosing)
		return
	case d.onward != nil:
		d.denies(c, errMoving)
		return
	}
	c.Join = Join{Stay: Silent, After: Return}
	d.hold(Command{Kind: Hold})
	d.guests++
	d.guest = &guest{n: d.guests, command: c}
	d.do(admit{d.guests, c.To})
}

// denies says that a command cannot be carried out, also to the supervisor who has given it.
func (d *dialog) denies(c Command, why error) {
	d.tell(Event{Kind: CommandFailed, Text: string(c.Kind), Err: why})
	if c.Kind == TakeOver {
		d.do(deny{c.To, why})
	}
}
