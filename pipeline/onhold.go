package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/media"
)

// OnHold is what an agent does when it is the one who waits: the far end has put it on hold, or there is only music, a recording, a
// television. What is heard then is neither speech to be answered nor silence to be asked about: after Noticed without a word the
// caller is asked once more, and then the agent is quiet until there are words or keys, or until Longest has passed.
type OnHold struct {
	Noticed time.Duration // speech-like sound without a word, pauses left out; default 30 s, 5 s to 5 min
	Longest time.Duration // of waiting, or of being held; then the call ends with cause silence; default 5 min, 10 s to 4 h
	Goodbye string        // said before that, unless the far end holds; default: nothing
}

func (m *Manners) fillOnHold() {
	if m.OnHold.Noticed == 0 {
		m.OnHold.Noticed = 30 * time.Second
	}
	if m.OnHold.Longest == 0 {
		m.OnHold.Longest = 5 * time.Minute
	}
}

// checkOnHold is for m with its defaults.
func (m *Manners) checkOnHold() error {
	noticed := limit[time.Duration]{"OnHold.Noticed", &m.OnHold.Noticed, 5 * time.Second, 5 * time.Minute, 0}
	longest := limit[time.Duration]{"OnHold.Longest", &m.OnHold.Longest, 10 * time.Second, 4 * time.Hour, 0}
	bad := []error{noticed.check(), longest.check()}
	if s := m.OnHold.Goodbye; s != "" && !speakable(s) {
		bad = append(bad, fmt.Errorf("OnHold.Goodbye is %q: want words, or nothing", s))
	}
	return errors.Join(bad...)
}

// babbles makes the alarm of sound without words go off when there has been too much of it.
func (d *dialog) babbles() {
	d.set(babbleAlarm, d.now+max(d.manners.OnHold.Noticed-d.caller.wordless, time.Second))
}

// understood: there was a word, or a key. Somebody is there.
func (d *dialog) understood() {
	d.caller.wordless = 0
	if d.caller.floor == speaking {
		d.babbles()
	}
	if d.adrift {
		d.adrift = false
		d.clear(onHoldAlarm)
	}
}

// drift: there is sound, but nobody speaks. The caller is asked once, and then waited for.
func (d *dialog) drift() {
	d.babbles()
	if d.turn != nil || d.adrift || d.parked || d.lingers || d.holds() {
		return
	}
	d.adrift = true
	d.set(onHoldAlarm, d.now+d.manners.OnHold.Longest)
	d.tell(Event{Kind: Drifted})
	d.silences++
	d.begin(&turn{why: ForSilence})
}

// waited: the agent has been on hold for too long.
func (d *dialog) waited() {
	d.finish(order{command: Command{Kind: HangUp, Text: d.manners.OnHold.Goodbye}, why: ForSilence, cause: media.CauseSilence, firm: true})
}

// park: the far end holds us, or has come back. What is being said stops, and goes on from there; what is heard meanwhile is not the
// caller. A stretch of speech that was going on ends here. The record and whoever is asked next are told of both.
func (d *dialog) park(held bool) {
	if held == d.parked {
		return
	}
	d.parked = held
	d.clear(silenceAlarm)
	t := d.turn
	if !held {
		d.note("The caller is back.")
		if !d.adrift {
			d.clear(onHoldAlarm)
		}
		if t != nil && t.held && !t.cut {
			t.held = false
			d.do(carryOn{t.n})
		}
		return
	}
	d.note("The caller has put the call on hold.")
	d.dropGuess()
	d.set(onHoldAlarm, d.now+d.manners.OnHold.Longest)
	d.hearNoMore()
	switch {
	case d.closing():
		d.end(d.lastCause(), nil)
	case t != nil && !t.cut:
		t.held = true
		d.do(hold{t.n})
	}
}

// moved: somebody else is there from now on, which the record and whoever is asked next are told.
func (d *dialog) moved(n moved) {
	d.note("The other side has handed the call to " + cmp.Or(n.to, "somebody else") + ".")
}

// hearNoMore ends a stretch of speech that is going on: what comes of it is not heard.
func (d *dialog) hearNoMore() {
	c := &d.caller
	if c.floor == speaking {
		if c.partial != "" {
			c.said, c.partial = append(c.said, c.partial), ""
		}
		c.floor, c.ignored, c.complete = quiet, c.edge, len(c.said) > 0
	}
	for _, a := range []alarm{bargeInAlarm, falseAlarm, babbleAlarm, monologueAlarm} {
		d.clear(a)
	}
}

// lastCause is why the call ends whose last words are being said, or are to be said next.
func (d *dialog) lastCause() media.Cause {
	if i := slices.IndexFunc(d.orders, func(o order) bool { return o.firm }); i >= 0 {
		return d.orders[i].cause
	}
	if t := d.turn; t != nil && t.cause != "" {
		return t.cause
	}
	return media.CauseAgent
}

// offEar says whether an edge, or a transcript, is of what was heard on hold.
func (d *dialog) offEar(n news) bool {
	c, away := &d.caller, d.parked || d.onHold != nil
	switch n := n.(type) {
	case edged:
		if away {
			c.ignored = max(c.ignored, n.edge.N)
		}
		return away || n.edge.N <= c.ignored
	case worded:
		t := n.transcript
		if t.Kind == Final && t.Edge != 0 {
			return t.Edge <= c.ignored && (t.Edge != c.edge || c.floor != awaiting)
		}
		return away || c.edge <= c.ignored && c.floor != awaiting && c.ignored > 0
	}
	return false
}
