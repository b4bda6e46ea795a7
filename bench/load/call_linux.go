package load

import (
	"cmp"
	"errors"
	"time"

	"parley/bench/carrier"
	"parley/bench/engine"
	"parley/bench/wire"
)

// A call is one simulated caller and his carrier, once the stream is open. All of it is on the engine's thread.
type call struct {
	g      *generator
	stream interface { // an *engine.Stream
		Send(frames []byte)
		Leave(now time.Duration)
	}
	line  *wire.Line
	ear   ear
	until time.Duration // MaxLength
	place int           // in generator.calls

	// The caller's place in the script.
	round, at int  // of program.acts
	entered   bool // at
	began     time.Duration
	pos       int           // in the act's slots
	since     time.Duration // the end of what the caller last did or heard out: what the agent says from here on is an answer
	frames    int           // sent
	over      bool

	out  []byte   // media, keys and marks together
	name [96]byte // of a mark
}

// Joined takes the call in.
func (c *call) Joined(s *engine.Stream) {
	c.stream = s
	c.g.joined(c)
}

// Speak is 20 ms of the caller's.
func (c *call) Speak(now time.Duration) []byte {
	if c.ear.onset > 0 && now > c.ear.obey {
		c.g.patient(&c.ear)
	}
	next, leave := c.next(now)
	if leave || now >= c.until {
		c.hangUp(now)
		c.g.left(c, now, 0)
		return nil
	}
	var frame []byte
	if c.frames++; c.g.plan.Stamp > 0 && c.frames%c.g.plan.Stamp == 0 {
		frame = c.line.Stamped(next.sound, now)
	} else {
		frame = c.line.Media(next.sound)
	}
	c.g.said(next.spoken)
	name := c.ear.marks.Next(now, c.name[:0])
	if name == nil && next.key == 0 {
		return frame
	}
	c.out = append(c.out[:0], frame...)
	for ; name != nil; name = c.ear.marks.Next(now, c.name[:0]) {
		c.out = c.line.Mark(c.out, name)
	}
	if next.key != 0 {
		c.out = c.line.Press(c.out, next.key)
	}
	return c.out
}

// hangUp ends the call as a caller does.
func (c *call) hangUp(now time.Duration) {
	c.over = true
	c.stream.Send(c.line.Stop(c.out[:0]))
	c.stream.Leave(now)
}

// next is the caller's next 20 ms.
func (c *call) next(now time.Duration) (_ slot, leave bool) {
	acts := c.g.program.acts
	for range len(acts) + 1 { // who has nothing to wait for in all of the script says nothing now
		if c.at == len(acts) {
			c.at = 0
			if c.round++; c.g.plan.Repeat >= 0 && c.round >= c.g.plan.Repeat {
				return slot{}, true
			}
		}
		a := &acts[c.at]
		if !c.entered {
			c.entered, c.began, c.pos = true, now, 0
		}
		done := false
		switch a.Verb {
		case carrier.HangUp:
			return slot{}, true
		case carrier.Hear:
			done = c.heardOut(a, now)
		case carrier.Barge:
			if c.pos == 0 && !c.mayBarge(a, now) {
				return slot{sound: c.g.program.silence}, false
			}
			fallthrough
		default:
			if c.pos < len(a.slots) {
				s := a.slots[c.pos]
				c.say(a, now)
				return s, false
			}
			done = true
		}
		if !done {
			break
		}
		c.at++
		c.entered = false
	}
	return slot{sound: c.g.program.silence}, false
}

// say notes what the slot that is sent now means.
func (c *call) say(a *act, now time.Duration) {
	if a.Verb == carrier.Barge && c.pos == a.sure && c.g.sounds(&c.ear, now) {
		c.ear.onset, c.ear.obey = now, now+cmp.Or(a.Hush, patience)
	}
	if c.ear.speaking = c.pos < a.last; c.pos == a.last {
		c.since = now
		c.ear.acted(now, a.Verb == carrier.Say || a.Verb == carrier.Barge)
	}
	c.pos++
}

// answered says whether the agent has answered what the caller last did: with speech that began since, or that has outlasted it by so much
// that it cannot be the tail of what the caller interrupted.
func (c *call) answered() bool {
	const outlasts = 1500 * time.Millisecond
	e := &c.ear
	return e.spoken && (e.talk >= c.since || e.voiced >= c.since+outlasts)
}

// heardOut says whether the agent has spoken and fallen silent, or the caller's patience has come to its end.
func (c *call) heardOut(a *act, now time.Duration) bool {
	waited := now - c.began
	switch {
	case !c.answered():
		if waited <= a.Within {
			return false
		}
		c.g.unanswered(&c.ear)
	case now-c.ear.voiced < a.Quiet && waited <= a.Most:
		return false
	default:
		c.g.heard(&c.ear)
	}
	c.since = now
	return true
}

// mayBarge says whether the caller begins to speak over the agent; who has nobody to speak over speaks all the same, later.
func (c *call) mayBarge(a *act, now time.Duration) bool {
	const fellSilent = time.Second
	switch {
	case !c.answered():
		if now-c.began <= a.Within {
			return false
		}
		c.g.unanswered(&c.ear)
		return true
	case now-c.ear.voiced >= fellSilent:
		return true
	}
	return now-max(c.ear.talk, c.since) >= a.After && now < c.ear.voiced
}

// Hear takes a message of the server's.
func (c *call) Hear(m wire.Message, now time.Duration) error {
	c.line.Heard(&m)
	switch m.Kind {
	case wire.Leave:
		c.Gone(&engine.Closed{Code: m.Code, Reason: string(m.Reason)}, now)
		c.stream.Send(c.line.Stop(c.out[:0]))
		c.stream.Leave(now)
	case wire.Media:
		return c.g.media(&c.ear, &m, now)
	case wire.Mark:
		c.ear.mark(m.Name, now)
	case wire.Clear:
		c.g.cleared(&c.ear, now)
		if c.out = c.line.Cleared(c.out[:0]); len(c.out) > 0 {
			c.stream.Send(c.out)
		}
	}
	return nil
}

// Gone is told how the call has ended.
func (c *call) Gone(err error, now time.Duration) {
	if c.over {
		return
	}
	c.over = true
	if why := c.broken(err); why != "" {
		c.g.broke(why)
		c.g.left(c, now, again)
		return
	}
	c.g.left(c, now, 0)
}

// broken is what went wrong with a call that its caller has not ended; "": nothing did, the agent hung up when it might.
func (c *call) broken(err error) string {
	var closed *engine.Closed
	switch {
	case errors.Is(err, engine.ErrEnded):
		return ""
	case errors.As(err, &closed) && (closed.Code == 1000 || closed.Code == 1001 || closed.Code == 0):
		for i, a := range c.g.program.acts[min(c.at, len(c.g.program.acts)):] {
			if a.Verb != carrier.HangUp && (i > 0 || a.Verb != carrier.Hear || !c.answered()) {
				return "the agent hung up"
			}
		}
		return ""
	case errors.As(err, &closed):
		return short(closed.Error())
	case errors.Is(err, engine.ErrDropped):
		return "the server dropped the connection"
	case errors.Is(err, engine.ErrUnread):
		return "the server does not read"
	}
	return short(err.Error())
}

// short is a reason that can stand in a table.
func short(reason string) string {
	const most = 100
	if len(reason) > most {
		reason = reason[:most] + "..."
	}
	return reason
}
