package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"parley/media"
)

// listen reads the leg until it ends. A frame goes the whole way on this goroutine, without an allocation: to the recogniser, to the
// ear, to the tap. Only edges and keys reach the actor.
func (c *Call) listen() {
	for deaf := false; ; {
		p, err := c.Leg.Receive()
		switch {
		case errors.Is(err, io.EOF):
			c.notify(left{media.CauseCaller, nil})
			return
		case err != nil:
			c.notify(lost(fmt.Errorf("receive: %w", err)))
			return
		case !c.ready.Load(): // nobody is there to hear it
			if p.Note.Kind == media.Lost {
				c.notify(lost(media.ErrSilent))
			}
		case p.Frame.PCM != nil:
			if c.tones != nil {
				if k, ok := c.tones.Hear(p.Frame.PCM); ok {
					c.notify(keyed{k.Key, true})
				}
			}
			if err := c.hear(p.Frame, deaf); err != nil && !deaf {
				deaf = true
				c.notify(deafened{err: fmt.Errorf("transcription: %w", err)})
			}
		case p.Digit != 0:
			c.notify(keyed{p.Digit, p.Sounded})
		default:
			c.note(p.Note)
		}
	}
}

// lost is a leg that went without a goodbye.
func lost(err error) left {
	if errors.Is(err, media.ErrSilent) {
		return left{media.CauseMedia, err}
	}
	return left{media.CauseCarrier, err}
}

var errStuck = errors.New("a frame was not taken in time")

func (c *Call) note(n media.Note) {
	switch n.Kind {
	case media.Played:
		c.playout.Played(n)
	case media.Held, media.Resumed:
		c.notify(parked{n.Kind == media.Held})
	case media.Moved:
		c.notify(moved{n.To})
	case media.Lost:
		c.notify(lost(media.ErrSilent))
	}
}

// stuckAfter is how long ear, recogniser or tap may take for a frame, which they should take at once, before they count as failed.
const stuckAfter = 2 * time.Second

// inside says whom the goroutine that reads the leg has called with a frame, and when it came: an ear that does not return stops it.
type inside struct {
	part  atomic.Int32
	since atomic.Int64 // since the answer
}

// The parts that are given frames.
const (
	inNobody int32 = iota
	inTranscriber
	inEar
	inHearer
	inTap
)

// stuck is who has not returned for too long; empty: nobody.
func (i *inside) stuck(now time.Duration) string {
	part := i.part.Load()
	if now-time.Duration(i.since.Load()) <= stuckAfter {
		return ""
	}
	return [...]string{inNobody: "", inTranscriber: "transcriber", inEar: "ear", inHearer: "model", inTap: "tap"}[part]
}

// hires makes h the one who hears the caller beside the recogniser; nil: nobody does. Whoever did has their leave.
func (c *Call) hires(h Hearer) {
	var next *Hearer
	if h != nil {
		next = &h
	}
	if last := c.hearer.Swap(next); last != nil {
		c.spawn("hearer", func() {
			if err := (*last).Close(); err != nil {
				c.log.Debug("close hearer", "err", err)
			}
		})
	}
}

// hear takes a frame. An error means that the recogniser has failed; once deaf, it is left alone.
func (c *Call) hear(f media.Frame, deaf bool) (failure error) {
	t := c.parts.Transcription
	if c.heard.Add(1) == 1 {
		c.zero.Store(int64(time.Since(c.answered) - f.At - f.Duration()))
	}
	c.inside.since.Store(int64(time.Since(c.answered)))
	defer c.inside.part.Store(inNobody)
	c.inside.part.Store(inTranscriber)
	heard := f
	if c.muted.Load() {
		heard.PCM = c.blank(len(f.PCM))
	}
	if !deaf {
		if c.expected.Load() != nil {
			t.Expect(*c.expected.Swap(nil))
		}
		switch err := t.Write(heard); {
		case errors.Is(err, ErrBehind):
			c.drops.Add(1)
		case err != nil:
			failure = err
		}
	}
	c.meter.hear(heard)
	if d := c.signals.Load(); d != nil {
		if t, ok := d.Hear(heard); ok {
			began := time.Since(c.answered) - f.At - f.Duration() // of media time
			t.From, t.To = max(began+t.From, 0), max(began+t.To, 0)
			c.notify(toned{t})
		}
	}
	c.inside.part.Store(inEar)
	e, ok := c.parts.Ear.Hear(heard)
	if ok {
		c.meter.edge(e.Kind)
		now := time.Since(c.answered)
		if !deaf && failure == nil {
			failure = t.Mark(e)
		}
		// When the frame has come, its end was just spoken.
		c.notify(edged{edge: e, spoke: max(now-max(f.At+f.Duration()-e.At, 0), 0)})
	}
	if r := c.beyond.Load(); r != nil {
		r.Hear(f)
	}
	listened, model := c.seats.all.Load() != nil, c.hearer.Load()
	if c.tap == nil && !listened && model == nil {
		return failure
	}
	f = c.unveiled(f)
	if model != nil && (c.beyond.Load() == nil || e.Kind == Ended) { // what is said to somebody else is not for a model
		c.inside.part.Store(inHearer)
		if heard.PCM = f.PCM; c.muted.Load() {
			heard.PCM = c.blank(len(f.PCM))
		}
		(*model).Hear(time.Since(c.answered)-f.Duration(), heard, e)
	}
	if listened {
		c.overheard(time.Now().Add(-f.Duration()), f)
	}
	if c.tap != nil {
		c.inside.part.Store(inTap)
		c.tap.Caller(f)
	}
	return failure
}

// unveiled is what others may hear of a frame: silence, while the caller gives a secret and a little longer.
func (c *Call) unveiled(f media.Frame) media.Frame {
	if c.veiled.Load() {
		c.tail = veilTail
	} else if c.tail <= 0 {
		return f
	}
	c.tail -= f.Duration()
	c.masked.Add(int64(f.Duration()))
	f.PCM = c.blank(len(f.PCM))
	return f
}

// blank is n samples of silence.
func (c *Call) blank(n int) []int16 {
	if len(c.silence) != n {
		c.silence = make([]int16, n)
	}
	return c.silence
}

// sounded is told by the playout what has been heard of the agent, or of a guest.
func (c *Call) sounded(began time.Time, pcm []int16) {
	defer c.caught("tap") // this is the pacer's goroutine, which is all calls'
	if c.tap != nil {
		c.tap.Agent(began.Sub(c.answered), pcm)
	}
	for _, a := range c.seats.present() {
		a.agent.Hear(began, pcm)
	}
}

// results reads the recogniser until it ends. A partial replaces the one before it; all else waits for the actor.
func (c *Call) results(ctx context.Context) {
	for t, err := range c.parts.Transcription.Results() {
		switch {
		case err != nil:
			c.post(ctx, deafened{err: fmt.Errorf("transcription: %w", err)})
			return
		case t.Kind == Partial:
			c.partial.slot.Store(&t)
			select {
			case c.partial.fresh <- struct{}{}:
			default:
			}
		default:
			c.partial.slot.Store(nil)
			t.Words = later(t.Words, time.Duration(c.zero.Load()))
			c.post(ctx, worded{t})
		}
	}
	c.post(ctx, deafened{err: errors.New("transcription ended")})
}
