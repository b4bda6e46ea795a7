package pipeline

import (
	"strings"
	"time"
)

// A secret, such as a card number or a PIN, is given while Expect.Masked says so. It is known to the dialog, to the recogniser that makes
// words of it, and to the Responder that has asked for it, in its next Talk.
//
//	Respond ──▶ Expect{Masked} ──▶ question ──▶ answer ──▶ Respond ──▶ sounds, or its text is complete
//	            ├─────────── words and keys are *** to all others ────────────────────┤
//	├────────────────── the recording of the caller is silent ────────────────────────┼── 0.5 s ──┤
//
// A turn in which the responder is not asked, such as a notice of the house, does not end it; nor does a response that is empty, or that
// failed or was cut before it said what it waits for. What is still being said or pressed when it ends is secret to its end. An agent
// that takes over in the middle is not told of it.

const (
	// overtyped is how long after the last key of a masked entry more keys are taken for a part of it that was too long.
	overtyped = time.Second
	// veilTail is how long the recording is silent after a secret: a key's tone may outlast the news of it.
	veilTail = 500 * time.Millisecond
	// typeAhead is how long keys wait for a response that was just asked for to say what it expects.
	typeAhead = 150 * time.Millisecond
)

// secret says whether what the caller says and presses now is not for others.
func (d *dialog) secret() bool { return d.expect.Masked || d.caller.secret }

// shown is what others are shown of the caller's words or keys.
func (d *dialog) shown(text string) string {
	if text != "" && d.secret() {
		return MaskedSlot
	}
	return text
}

// shown is what others are shown of what the caller has said or pressed.
func (t *turn) shown() string {
	if t.said != "" && t.secret {
		return MaskedSlot
	}
	return t.said
}

// judged is what an Arbiter is shown: as many words.
func (d *dialog) judged(text string) string {
	if d.secret() {
		return strings.TrimSpace(strings.Repeat(MaskedSlot+" ", words(text)))
	}
	return text
}

// waits says whether anything that the caller has said or pressed is not answered yet.
func (c *caller) waits() bool {
	return c.floor != quiet || len(c.said) > 0 || c.keys != "" || c.entry != ""
}

// mask takes what a response waits for.
func (d *dialog) mask(e Expect) {
	c := &d.caller
	switch {
	case e.Masked:
		d.estranged = false
	case d.expect.Masked:
		c.secret = c.waits()
	}
	d.expect = e
}

// toldOf is what the responder is told of what the caller has said or pressed: all of it, unless it is not the one that has asked.
func (d *dialog) toldOf(t *turn) string {
	if d.estranged {
		return t.shown()
	}
	return t.said
}

// unmask: a response is there, and has not said that it waits for a secret.
func (d *dialog) unmask() {
	if t := d.turn; d.expect.Masked && !t.expects {
		e := d.expect
		e.Masked = false
		d.mask(e)
	}
}

// afresh: the caller begins to say or press something. If nothing of theirs waits, it is not a part of what was secret.
func (d *dialog) afresh() {
	if c := &d.caller; !c.waits() {
		c.secret = d.now < c.overtyped
	}
}

// ahead keeps a key for the moment that a response takes to say what it expects: it may be the first of a secret.
func (d *dialog) ahead(k rune) bool {
	t, c := d.turn, &d.caller
	switch {
	case c.flushing:
		return false
	case t == nil || !t.asks || t.told || t.cut || d.now >= t.opened+typeAhead:
		d.catchUp() // they come first
		return false
	}
	c.ahead = append(c.ahead, k)
	d.set(aheadAlarm, t.opened+typeAhead)
	return true
}

// catchUp takes the keys that were kept.
func (d *dialog) catchUp() {
	c := &d.caller
	d.clear(aheadAlarm)
	keys := c.ahead
	c.ahead, c.flushing = nil, true
	for _, k := range keys {
		d.key(k)
	}
	c.flushing = false
}

// veil lets the recording of the caller be silent while they give a secret.
func (d *dialog) veil() {
	on := d.expect.Masked || d.caller.secret && d.caller.waits()
	if on == d.veiled {
		return
	}
	d.veiled = on
	since := d.now
	if t := d.turn; t != nil {
		since = t.opened // whoever did not wait for the question
	}
	d.do(veil{on, since})
}

// A Forgetter is a Tap that can make silence of what it was given of the caller: from since, a time since the answer, until now. It
// returns at once.
type Forgetter interface {
	Forget(since time.Duration)
}

// veil silences what the tap is given of the caller, also what it was given since the time that a says; or no longer.
func (c *Call) veil(a veil) {
	c.veiled.Store(a.on)
	if f, ok := c.tap.(Forgetter); ok && a.on {
		f.Forget(a.since)
		c.masked.Add(int64(time.Since(c.answered) - a.since))
	}
}
