package pipeline

import (
	"time"

	"parley/media/tones"
)

// toned takes a tone.
func (d *dialog) toned(n toned) {
	c, t := &d.callee, n.tone
	if t.Kind == tones.Sound {
		c.noise = t.To
	}
	if c.phase == off || t.Kind == tones.Sound {
		return
	}
	before := c.beep
	c.beep, c.quiet = t, max(c.quiet, t.To)
	if c.isTone(c.onset) {
		c.onset = 0
	}
	first := c.onset == 0 && len(c.said) == 0
	switch {
	case t.Kind == tones.Called, first && t.Kind == tones.Calling && c.calling > 0 && t.From-c.calling < faxPause:
		d.identify(Answer{Fax, CueFax})
	case t.Kind == tones.Busy, t.Kind == tones.Special, t.Kind == tones.Endless && first:
		d.identify(Answer{Nobody, CueBusy})
	case first && t.Kind == tones.Calling:
		c.calling = t.To
	case t.Kind == tones.Ringback && first:
		c.rang = t.To
	case !t.Beep(), first && c.phase != biding, c.phase == screened: // what there is to it shows by what follows
	default:
		d.beeped(t, before)
	}
}

// isTone says whether a stretch of speech that began then was the last tone, which an ear may take for a voice.
func (o *callee) isTone(from time.Duration) bool {
	return o.beep.To > 0 && from >= o.beep.From-250*time.Millisecond && from <= o.beep.To
}

// rings says whether it may be between two rings.
func (o *callee) rings(now time.Duration) bool { return o.rang > 0 && now < o.rang+ringPause }

// settledDown says whether they have stopped, and their words are known or have been waited for.
func (d *dialog) settledDown() bool {
	c := &d.caller
	switch {
	case c.floor == speaking && !c.paused:
		return false
	case c.complete || c.floor == quiet:
		return true
	case c.floor == awaiting:
		d.askAgain(c.judged + wordsWait)
		return d.now >= c.judged+wordsWait
	}
	return false
}

// wonder tells who it is, while that is not known.
func (d *dialog) wonder() {
	o := &d.callee
	limits := &d.manners.Answering
	d.pausesEarly()
	e := evidence{now: d.now, onset: o.onset, voiced: o.voiced, settled: d.settledDown(), text: d.words(d.caller.partial), limits: limits}
	a, again := e.judge(o.known.judge(e.text))
	if a.By == "" && e.settled && again == 0 {
		if o.onset > 0 { // a cough, a click, music
			o.onset = 0
		}
		a, again = d.silent()
	}
	switch {
	case a.By != "":
		d.identify(a)
	case d.now >= o.limit && !o.rings(d.now):
		d.identify(Answer{Unknown, CueLimit})
	default:
		d.askAgain(again)
		d.askAgain(o.limit)
		d.askAgain(o.quiet + ringPause)
	}
}

// pausesEarly ends the turn of somebody who says what people say when they answer, or who sounds as if they had finished: they wait for us.
func (d *dialog) pausesEarly() {
	c := &d.caller
	if !c.paused || c.floor != speaking || c.pause.eager == "" || c.pause.boss || d.manners.Patience.Fixed {
		return
	}
	if r := d.callee.known.judge(d.words(c.pause.eager)); !r.pickup && !r.person && cadenceOf(c.pause.likely) < finished {
		return
	}
	if due := c.pause.spoke + d.manners.Patience.Least; d.now < due {
		d.askAgain(due)
		return
	}
	d.patienceOver()
}

// silent tells who it is by what was not heard. The opening is not held for ever.
func (d *dialog) silent() (a Answer, again time.Duration) {
	o := &d.callee
	if b := o.beep; b.To > 0 && b.Beep() && !b.Network() { // and nothing followed it
		due := b.To + afterLone
		if b.Kind == tones.Calling {
			due = b.To + faxPause
		}
		if d.now < due {
			return Answer{}, due
		}
		return Answer{Machine, CueBeep}, 0
	}
	wait := d.manners.Answering.Wait
	if o.rings(d.now) || o.calling > 0 {
		wait = max(wait, ringPause)
	}
	switch due := o.quiet + wait; {
	case o.phase == opened:
		return d.unanswering()
	case o.rings(d.now) && d.now >= mostRinging:
		return Answer{Nobody, CueRinging}, 0
	case d.now < due && o.rings(d.now):
		return Answer{}, min(due, mostRinging)
	case d.now < due:
		return Answer{}, due
	}
	o.enter(opened, d.now)
	d.openUp("")
	return Answer{}, 0
}

// unanswering tells whether nobody is there who would answer the opening.
func (d *dialog) unanswering() (a Answer, again time.Duration) {
	if d.turn != nil {
		return Answer{}, 0
	}
	o := &d.callee
	due := max(max(o.quiet, o.noise)+d.manners.Answering.Nobody, d.mouth.until+d.manners.Silence)
	if d.now < due {
		return Answer{}, due
	}
	return Answer{Nobody, CueSilence}, 0
}

// doubtful: it was thought to be known who it is. Words that no person says, or a beep, show that it is somebody else.
func (d *dialog) doubtful() {
	o, c := &d.callee, &d.caller
	r := o.known.judge(d.words(c.partial))
	switch {
	case r.party != "" && r.party != o.answer.By && (!o.talked || r.party == Machine) && (o.answer.By != Menu || r.party == Machine || r.party == Nobody):
		if d.turn != nil && !d.turn.cut {
			d.cutTurn()
		}
		d.identify(Answer{r.party, CueWords})
	case d.recites():
		d.identify(Answer{Machine, CueLong})
	case d.now > max(o.since, o.limit):
		d.know()
	default:
		o.talked = o.talked || c.complete && o.heard && d.turn == nil
		d.askAgain(max(o.since, o.limit) + 1)
	}
}

// recites says whether somebody who was taken for a person by the shortness of what they said has gone on right away, and for long, as if
// they had not heard the agent begin to speak.
func (d *dialog) recites() bool {
	const atOnce, long = 800 * time.Millisecond, 3 * time.Second
	o, c := &d.callee, &d.caller
	if o.answer != (Answer{Human, CueShort}) || c.floor != speaking || c.from < o.since || c.from > o.since+atOnce || o.known.judge(d.words(c.partial)).person {
		return false
	}
	d.askAgain(c.from + long)
	return d.now >= c.from+long
}

// know ends all doubt.
func (d *dialog) know() {
	d.callee.phase = off
	d.do(heedTones{false})
}

// keyPressed: only people press keys.
func (d *dialog) keyPressed() {
	switch d.callee.phase {
	case listening, opened, biding, leaving, screened:
		d.identify(Answer{Human, CueKey})
	}
}
