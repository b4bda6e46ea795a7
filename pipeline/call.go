package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"parley/media"
	"parley/media/dtmf"
	"parley/media/relay"
	"parley/media/tones"
)

// ErrEnded says that a Call is over.
var ErrEnded = errors.New("the call has ended")

// A Cast finds who is to speak with the caller of an answered leg: the agent, its providers for this call, and a tap on the call, or
// nil. call is the Call's id. It may wait for models to be loaded, as long as ctx lasts; ctx ends when the caller hangs up.
type Cast func(ctx context.Context, call string, info media.Info) (Agent, Parts, Tap, error)

// inboxSize is how many events may wait for the actor. A handful come in a second, and it does no I/O: more is a fault.
const inboxSize = 64

// letGo is how long a finished call waits for providers that do not heed their context, before it leaves them behind.
const letGo = 10 * time.Second

// A Call is one conversation over one answered leg. Its fields are set before Run and not changed after.
//
// Run is the actor: it alone holds the dialog and performs its acts. The goroutines of a call are Run, listen (reads the leg), results
// (reads the recogniser), two for a reply or a filler, one for a tool that runs, one that looks for another agent, one that
// attends a guest and one that speaks to them.
type Call struct {
	ID    string // names the call in events and logs; empty: the leg's
	Leg   media.Leg
	Pacer media.Pacer
	Cast  Cast
	Log   *slog.Logger // nil: no log
	// Tones lets keys be heard as sound, for legs that tell of them in no other way; a key of a leg that does would count twice.
	Tones bool
	// Watch is given every event, on the actor's goroutine; it must not block. May be nil.
	Watch func(Event)
	// Punctuality counts how well the playout keeps time; nil: nobody asks.
	Punctuality *media.Punctuality
	// Past is what the call was on another leg, which was lost; nil: it is a new one.
	Past *Past

	once     sync.Once
	inbox    chan event
	partial  latest
	halted   chan left     // the first reason to stop that does not come by the inbox
	over     chan struct{} // closed when Run returns
	feed     feed
	follow   follow
	work     sync.WaitGroup
	log      *slog.Logger
	answered time.Time
	ready    atomic.Bool  // parts may be used by listen
	zero     atomic.Int64 // when media time began, since the answer: a time.Duration
	heard    atomic.Int64 // frames of the caller, as drops of listen alone
	drops    atomic.Int64
	meter    meter
	expected atomic.Pointer[[]string]       // words that listen is to pass to the recogniser
	signals  atomic.Pointer[tones.Detector] // nil: they do not matter
	hearer   atomic.Pointer[Hearer]         // nil: there is none
	watcher  Watcher                        // of the actor alone; nil: there is none

	agent      Agent
	parts      Parts
	tap        Tap
	dialog     *dialog
	playout    *media.Playout
	pad        media.Keypad                // nil: keys are pressed as tones
	bridge     *bridge                     // the last filler
	visit      *visit                      // the guest's, also a supervisor's who has the call; nil: there is none
	beyond     atomic.Pointer[relay.Relay] // who else hears the caller; nil: nobody
	seats      seats                       // who listens in
	inside     inside
	muted      atomic.Bool    // the caller, towards ear and recogniser
	tones      *dtmf.Detector // nil: keys are not heard as sound
	silence    []int16        // of listen alone, as is tail
	veiled     atomic.Bool    // the caller, towards the tap
	tail       time.Duration  // for which they still are
	masked     atomic.Int64   // for how long they were, in all
	toldMasked time.Duration  // of that, in turns that have been told
	live       map[int]*live  // turns that have replies or tools
	thinking   chan struct{}  // holds something while the responder is asked
	pace       time.Duration  // of a syllable of this voice
	paces      int            // replies that it was learned from
	waits      []time.Duration
	told       int // of the drops
	ended      *hangUp
}

// latest is a slot for the newest partial transcript.
type latest struct {
	slot  atomic.Pointer[Transcript]
	fresh chan struct{}
}

func (c *Call) open() {
	c.once.Do(func() {
		c.inbox = make(chan event, inboxSize)
		c.partial.fresh = make(chan struct{}, 1)
		c.halted = make(chan left, 1)
		c.over = make(chan struct{})
		c.follow.changed = make(chan struct{}, 1)
		c.live = make(map[int]*live)
		c.thinking = make(chan struct{}, 1)
		if c.ID == "" {
			c.ID = c.Leg.Info().ID
		}
		c.log = c.Log
		if c.log == nil {
			c.log = slog.New(slog.DiscardHandler)
		}
		c.log = c.log.With("call", c.ID, "leg", c.Leg.Info().Kind)
		if id := c.Leg.Info().ID; id != c.ID {
			c.log = c.log.With("carrier_id", id)
		}
	})
}

// Run holds the conversation until either side ends it or ctx is done (cause shutdown). The leg must have been answered. When it
// returns, the leg is hung up, the parts are closed and every goroutine of the call is gone; only a provider that ignores its
// context for 10 s is left behind, and logged. Run may be called once.
func (c *Call) Run(ctx context.Context) Ending {
	c.open()
	c.answered = time.Now().Add(-c.Past.since())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(errHungUp)
	if c.Tones {
		c.tones = dtmf.NewDetector(c.Leg.Info().Rate)
	}
	c.spawn("listen", c.listen)
	if err := c.cast(ctx); err == nil {
		c.converse(ctx)
	} else if c.ended == nil {
		c.ended = &hangUp{media.CauseRejected, fmt.Errorf("cast: %w", err)}
	}
	cancel(errHungUp)
	c.close()
	e := c.ending()
	c.publish(Event{Kind: CallEnded, At: e.Length, Ending: &e, Err: e.Err})
	c.feed.close()
	close(c.over)
	c.report(ctx, e)
	return e
}

// Do gives the call a command. It returns when the command has been taken, not when it has been carried out: ErrEnded if the call
// is over, and what is wrong with the command if it cannot be carried out (Command.Check). It may be called by any goroutine but those of Watch and of the providers.
func (c *Call) Do(ctx context.Context, cmd Command) error {
	c.open()
	if err := cmd.Check(); err != nil {
		return err
	}
	if err := c.able(cmd.Kind); err != nil {
		return fmt.Errorf("%s: %w", cmd.Kind, err)
	}
	select {
	case <-c.over:
		return ErrEnded
	default:
	}
	select {
	case c.inbox <- event{time.Since(c.answered), ordered{cmd}}:
		return nil
	case <-c.over:
		return ErrEnded
	case <-ctx.Done():
		return fmt.Errorf("command: %w", context.Cause(ctx))
	}
}

// able says why this call can never carry out a command of a kind; nil if it may.
func (c *Call) able(kind CommandKind) error {
	switch ready := c.ready.Load(); {
	case kind == Change && ready && c.parts.Change == nil:
		return errNoChange
	case kind == Transfer && ready && c.transferrer() == nil:
		return errNoTransfer
	case kind == Bridge && ready && c.parts.Dial == nil:
		return errNoBridge
	}
	return nil
}

// Stop ends the call at once, for a cause of the caller's; the first one counts. It does not wait for Run.
func (c *Call) Stop(cause media.Cause) {
	c.open()
	c.halt(cause, nil)
}

// Quality is how the call's sound travels, from its beginning to now; false: its leg does not say.
func (c *Call) Quality() (media.Quality, bool) { return media.QualityOf(c.Leg) }

// Subscribe returns a subscription to the call's events from now on.
func (c *Call) Subscribe() *Subscription {
	c.open()
	return c.feed.subscribe()
}

// cast waits for the parts, and meanwhile for the caller to change their mind.
func (c *Call) cast(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	c.spawn("cast", func() {
		var err error
		c.agent, c.parts, c.tap, err = c.Cast(ctx, c.ID, c.Leg.Info())
		done <- err
	})
	var early []event
	for {
		select {
		case err := <-done:
			if err == nil {
				err = c.parts.check()
			}
			for _, e := range early {
				e.at = time.Since(c.answered) // it is taken now
				c.inbox <- e
			}
			return err
		case e := <-c.inbox:
			switch n := e.news.(type) {
			case left:
				c.ended = &hangUp{n.cause, n.err}
			case ordered:
				if early = append(early, e); len(early) > inboxSize/2 {
					c.ended = &hangUp{media.CauseOverrun, nil}
				}
			}
		case l := <-c.halted:
			c.ended = &hangUp{l.cause, l.err}
		case <-ctx.Done():
			c.ended = &hangUp{media.CauseShutdown, context.Cause(ctx)}
		}
		if c.ended != nil {
			cancel()
			return c.uncast(done)
		}
	}
}

// uncast waits for a cast that was cancelled: what it found all the same must be closed.
func (c *Call) uncast(done <-chan error) error {
	select {
	case err := <-done:
		return errors.Join(ErrEnded, err)
	case <-time.After(letGo):
		return ErrEnded
	}
}

func (p Parts) check() error {
	for name, missing := range map[string]bool{
		"ear": p.Ear == nil, "transcription": p.Transcription == nil,
		"responder": p.Responder == nil, "synthesizer": p.Synthesizer == nil,
	} {
		if missing {
			return fmt.Errorf("no %s", name)
		}
	}
	return nil
}

// converse is the actor's loop.
func (c *Call) converse(ctx context.Context) {
	defer c.caught("actor")
	c.playout = media.NewMeasuredPlayout(c.Leg, c.Pacer, c.sounded, c.Punctuality)
	c.pad, _ = c.Leg.(media.Keypad)
	c.dialog = newDialog(&c.agent, c.Leg.Info())
	if c.Past != nil {
		c.dialog.recall(c.Past)
	}
	c.hires(c.parts.Hearer)
	c.attends(c.parts.Watcher)
	c.ready.Store(true)
	c.spawn("results", func() { c.results(ctx) })
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	watch := time.NewTicker(stuckAfter / 2)
	defer watch.Stop()
	telling := time.NewTicker(tellEvery)
	telling.Stop() // until somebody follows
	defer telling.Stop()
	failed := c.playout.Failed()
	c.take(ctx, answered{})
	for c.ended == nil {
		if at, ok := c.dialog.next(); ok {
			timer.Reset(time.Until(c.answered.Add(at)))
		} else {
			timer.Stop()
		}
		select {
		case l := <-c.halted: // before all that waits
			c.take(ctx, l)
			continue
		default:
		}
		select {
		case e := <-c.inbox:
			c.handle(ctx, e)
		case <-c.partial.fresh:
			c.newest(ctx)
		case <-c.follow.changed:
			c.refollow(telling)
		case <-telling.C:
			c.tellTurn()
		case <-timer.C:
			c.take(ctx, ticked{})
		case <-watch.C:
			if part := c.inside.stuck(time.Since(c.answered)); part != "" {
				watch.Stop()
				c.take(ctx, deafened{part, errStuck})
			}
		case <-failed:
			failed = nil
			c.take(ctx, left{media.CauseCarrier, c.playout.Err()})
		case l := <-c.halted:
			c.take(ctx, l)
		case <-ctx.Done():
			c.take(ctx, left{media.CauseShutdown, context.Cause(ctx)})
		}
	}
}

// newest takes the newest partial transcript, after everything that came before it.
func (c *Call) newest(ctx context.Context) {
	t := c.partial.slot.Swap(nil)
	for range len(c.inbox) {
		if c.ended == nil {
			c.handle(ctx, <-c.inbox)
		}
	}
	if t != nil && c.ended == nil {
		c.take(ctx, worded{*t})
	}
}

func (c *Call) take(ctx context.Context, n news) { c.handle(ctx, event{time.Since(c.answered), n}) }

func (c *Call) handle(ctx context.Context, e event) {
	switch e.news.(type) {
	case edged, worded, ticked:
		c.reach(ctx, e.at)
	}
	n, ok := e.news.(filled)
	if ok && !c.fresh(n) {
		return
	}
	for _, a := range c.dialog.on(e) {
		c.perform(ctx, a)
	}
	if ok {
		c.announceAll(ctx)
	}
	c.tellNewTurn()
}

// post puts news into the inbox and waits for room, as long as ctx lasts: for those who may be made to wait.
func (c *Call) post(ctx context.Context, n news) {
	if ctx.Err() != nil {
		return
	}
	select {
	case c.inbox <- event{time.Since(c.answered), n}:
	case <-ctx.Done():
	}
}

// notify puts news into the inbox without waiting: for the ear. If there is no room the call ends.
func (c *Call) notify(n news) {
	select {
	case c.inbox <- event{time.Since(c.answered), n}:
	default:
		c.halt(media.CauseOverrun, fmt.Errorf("%d events are waiting", inboxSize))
	}
}

func (c *Call) halt(cause media.Cause, err error) {
	select {
	case c.halted <- left{cause, err}:
	default:
	}
}

// spawn runs f on a goroutine of the call, and survives its panic.
func (c *Call) spawn(what string, f func()) {
	c.work.Go(func() {
		defer c.caught(what)
		f()
	})
}

// caught, deferred, makes a panic the end of this call, and of no other.
func (c *Call) caught(what string) {
	v := recover()
	if v == nil {
		return
	}
	err := fmt.Errorf("panic in %s: %v", what, v)
	c.log.Error("panic", "in", what, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	c.halt(media.CausePanic, err)
	if what == "actor" {
		c.ended = &hangUp{media.CausePanic, err}
	}
}

// close ends everything that Run began.
func (c *Call) close() {
	for n := range c.live {
		c.dismiss(n, errHungUp)
	}
	if c.bridge != nil {
		c.bridge.cancel(errHungUp)
	}
	if c.playout != nil {
		if err := c.playout.Close(); err != nil {
			c.log.Debug("close playout", "err", err)
		}
	}
	if c.visit != nil {
		c.visit.cancel(errParted)
	}
	if err := c.Leg.Hangup(c.ended.cause); err != nil {
		c.log.Debug("hang up", "err", err)
	}
	if t := c.parts.Transcription; t != nil {
		c.spawn("transcription", func() {
			if err := t.Close(); err != nil {
				c.log.Debug("close transcription", "err", err)
			}
		})
	}
	c.hires(nil)
	c.attends(nil)
	gone := make(chan struct{})
	go func() {
		c.work.Wait()
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(letGo):
		c.log.Error("a provider does not let go", "after", letGo)
		return // the ear may still be in use
	}
	if c.parts.Ear != nil {
		if err := c.parts.Ear.Close(); err != nil {
			c.log.Debug("close ear", "err", err)
		}
	}
	if tap, ok := c.tap.(io.Closer); ok {
		if err := tap.Close(); err != nil {
			c.log.Error("close tap", "err", err)
		}
	}
}
