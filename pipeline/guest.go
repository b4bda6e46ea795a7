package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"parley/media"
	"parley/media/dtmf"
	"parley/media/relay"
)

// visit is a guest's leg, as the call has it. There is one at a time; its goroutine (attendGuest) dials it, reads it and lets go of it.
//
//	caller's leg ──listen──▶ outward ──▶ visit.playout ──▶ guest's leg
//	caller's leg ◀── playout ◀── inward ◀──attendGuest──── guest's leg
type visit struct {
	n       int
	cancel  context.CancelCauseFunc
	spawn   func(what string, f func(context.Context)) // on a goroutine of the call, with the visit's context
	aside   *media.Utterance                           // what they are told alone; nil: nothing
	leg     media.Leg                                  // like playout and relays, before came is posted
	playout *media.Playout                             // towards the guest
	outward *relay.Relay                               // the caller's sound
	inward  *relay.Relay
	joined  atomic.Bool
	desist  context.CancelFunc // ends handOver; nil: it was never asked for
	parted  chan struct{}      // of a supervisor: closed when they have the call no longer
}

var errParted = errors.New("no longer wanted")

// invite has somebody called, and lets the caller hear music meanwhile.
func (c *Call) invite(ctx context.Context, a invite) {
	going, cancel := context.WithCancelCause(ctx)
	v := &visit{n: a.n, cancel: cancel, spawn: func(what string, f func(context.Context)) {
		c.spawn(what, func() { f(going) })
	}}
	c.visit = v
	c.playout.Patch(c.music())
	v.spawn("guest", func(going context.Context) {
		defer cancel(errParted)
		c.post(ctx, went{v.n, c.attendGuest(going, v, a.to)})
	})
}

// music is what a caller on hold hears.
func (c *Call) music() media.Source {
	rate := c.Leg.Info().Rate
	if c.parts.Music != nil {
		if s := c.parts.Music(rate); s != nil {
			return s
		}
	}
	return NewChime(rate)
}

// attendGuest is a guest's whole visit. Nil: they have hung up.
func (c *Call) attendGuest(ctx context.Context, v *visit, to string) error {
	if c.parts.Dial == nil {
		return errNoBridge
	}
	if err := c.may(ctx, to); err != nil {
		return err
	}
	leg, err := c.parts.Dial(ctx, to)
	if err != nil {
		return err
	}
	hangUp := func() {
		if err := leg.Hangup(media.CauseTransfer); err != nil {
			c.log.Debug("hang up on the guest", "err", err)
		}
	}
	released := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(released); hangUp() }) // unblocks Receive
	defer func() {
		if stop() {
			hangUp()
		} else {
			<-released
		}
	}()
	if err := v.open(c, leg, nil); err != nil {
		return err
	}
	defer func() {
		if err := v.playout.Close(); err != nil {
			c.log.Debug("close the guest's playout", "err", err)
		}
	}()
	c.post(ctx, came{v.n})
	return c.hearGuest(v)
}

// open makes what a guest's leg needs, but for a playout that it has already.
func (v *visit) open(c *Call, leg media.Leg, playout *media.Playout) (err error) {
	ours, theirs := c.Leg.Info().Rate, leg.Info().Rate
	if v.outward, err = relay.New(ours, theirs); err != nil {
		return err
	}
	if v.inward, err = relay.New(theirs, ours); err != nil {
		return err
	}
	if playout == nil {
		playout = media.NewPlayout(leg, c.Pacer, nil)
	}
	v.leg, v.playout = leg, playout
	return nil
}

// hearGuest reads a guest's leg until it ends. A frame takes no allocation.
func (c *Call) hearGuest(v *visit) error {
	var ear *dtmf.Detector
	if c.Tones {
		ear = dtmf.NewDetector(v.leg.Info().Rate)
	}
	for {
		p, err := v.leg.Receive()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errHungUpOn // in whatever order
		case p.Frame.PCM != nil:
			if v.joined.Load() {
				v.inward.Hear(p.Frame)
			}
			if ear != nil {
				if k, ok := ear.Hear(p.Frame.PCM); ok {
					c.notify(beckoned{v.n, k.Key, true})
				}
			}
		case p.Digit != 0:
			c.notify(beckoned{v.n, p.Digit, p.Sounded})
		case p.Note.Kind == media.Played:
			v.playout.Played(p.Note)
		case p.Note.Kind == media.Lost:
			return media.ErrSilent
		}
	}
}

// whisper says something to the guest alone.
func (c *Call) whisper(ctx context.Context, a whisper) {
	v, voice := c.visit, c.parts.Synthesizer
	how := c.dialog.agent.VoiceAt(v.leg.Info().Rate)
	u := v.playout.Begin()
	v.playout.Release(u)
	v.aside = u
	v.spawn("whisper", func(going context.Context) {
		c.post(ctx, whispered{v.n, say(going, u, voice, a.text, how)})
	})
}

// say has a text spoken as u, and returns when it has been heard, or cut.
func say(ctx context.Context, u *media.Utterance, voice Synthesizer, text string, how Voice) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	words := func(yield func(string, error) bool) { yield(text, nil) }
	for speech, err := range voice.Speak(ctx, words, how) {
		if err != nil {
			u.Cut()
			return fmt.Errorf("speak to the guest: %w", err)
		}
		if u.Write(ctx, speech.PCM) != nil {
			return nil // they are gone, or have heard enough: whoever knows tells
		}
	}
	u.CloseWrite()
	select {
	case <-u.Done():
	case <-ctx.Done():
	}
	return nil
}

// joins patches the two legs together. What the guest is still being told ends.
func (c *Call) joins(a join) {
	v := c.visit
	if v.aside != nil {
		v.aside.Cut()
	}
	v.joined.Store(true)
	v.playout.Patch(v.outward)
	c.playout.Patch(v.inward)
	c.beyond.Store(v.outward)
	c.muted.Store(!a.heard)
}

// passKey presses a key towards the guest, or the caller, if their leg can. Meanwhile they do not hear the other one.
func (c *Call) passKey(a pass) {
	v := c.visit
	pad, _ := v.leg.(media.Keypad)
	playout, rate := v.playout, v.leg.Info().Rate
	if a.toCaller {
		pad, playout, rate = c.pad, c.playout, c.Leg.Info().Rate
	}
	if pad == nil {
		return
	}
	u := playout.Begin() // keys are heard in the order in which these begin
	playout.Release(u)
	v.spawn("key", func(going context.Context) {
		if err := pressKey(going, u, pad, a.key, rate); err != nil {
			c.log.Debug("a key is not passed on", "err", err)
			u.Cut()
		}
		u.CloseWrite()
	})
}

// connector is who can connect the caller with somebody on another leg: the leg itself, or else who knows its carrier; nil: nobody.
func (c *Call) connector() func(ctx context.Context, other media.Leg) error {
	if t := media.ConnectorOf(c.Leg); t != nil {
		return t.TransferTo
	}
	return c.parts.Connect
}

// handOver lets the carrier connect the caller and the guest. Both may leave before it says that it has.
func (c *Call) handOver(ctx context.Context) {
	v := c.visit
	if v.aside != nil {
		v.aside.Cut()
	}
	going, cancel := context.WithTimeout(ctx, transferLimit)
	v.desist = cancel
	c.spawn("hand over", func() {
		defer cancel()
		err := media.ErrNoTransfer
		if connect := c.connector(); connect != nil {
			err = connect(going, v.leg)
		}
		if errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, media.ErrOtherGone) {
			err = errTransferLate
		}
		if err != nil {
			c.log.Info("the carrier does not connect the two", "err", err)
		}
		c.post(ctx, handed{v.n, err})
	})
}

// partsWith lets guest n go.
func (c *Call) partsWith(n int) {
	v := c.visit
	if v == nil || v.n != n {
		return
	}
	c.visit = nil
	c.beyond.Store(nil)
	c.playout.Patch(nil)
	c.muted.Store(c.dialog.muted)
	if v.desist != nil {
		v.desist() // the agent has the caller again
	}
	v.cancel(errParted)
}
