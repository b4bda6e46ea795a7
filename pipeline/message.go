package pipeline

import (
	"cmp"

	"parley/media"
	"parley/media/tones"
)

// beeped: a message may be left now.
func (d *dialog) beeped(t, before tones.Tone) {
	c := &d.callee
	switch c.phase {
	case biding:
	case leaving:
		if d.now-c.since < beepAgain || before.Beep() && t.From-before.To < beepAgain {
			d.awaitAgain()
		}
	default:
		d.identify(Answer{Machine, CueBeep})
	}
}

// awaitAgain takes the message back, to leave it when the machine is ready; but not often. It says whether it has.
func (d *dialog) awaitAgain() bool {
	c := &d.callee
	if c.restarts >= mostRestarts {
		return false
	}
	c.restarts++
	c.enter(biding, d.now)
	if d.turn != nil && !d.turn.cut {
		d.cutTurn()
	}
	return true
}

// machine: a message is to be left, or not.
func (d *dialog) machine(a Answer) {
	o := &d.callee
	if a.Cue != CueFull && d.manners.Answering.Message != "" {
		o.enter(biding, d.now)
		if d.turn != nil && !d.turn.cut {
			d.cutTurn()
		}
		return
	}
	d.leave(media.CauseMachine)
}

// leave ends the call, with what was said to us in its record.
func (d *dialog) leave(cause media.Cause) {
	d.callee.phase = off
	d.do(heedTones{false})
	d.dropOpening()
	if d.turn != nil {
		d.finish(order{command: Command{Kind: HangUp}, why: ForCommand, cause: cause, firm: true})
		return
	}
	if p := d.caller.partial; p != "" {
		d.caller.said, d.caller.partial = append(d.caller.said, p), ""
	}
	d.part(cause, "")
}

// part opens the call's last turn.
func (d *dialog) part(cause media.Cause, text string) {
	said := d.taken()
	t := &turn{why: ForCommand, said: said, from: d.callee.from, spoke: d.callee.voiced, then: []Command{{Kind: HangUp, Text: text}}, cause: cause}
	d.callee.from = 0
	d.open(t)
	d.proceed(t)
}

// awaitBeep lets the machine speak, and leaves the message when it has beeped, or when it has been silent for long enough.
func (d *dialog) awaitBeep() {
	o, c := &d.callee, &d.caller
	if d.turn != nil { // it is being cut
		return
	}
	r := o.known.judge(d.words(c.partial))
	switch {
	case o.known.judge(d.allSaid()).full:
		d.identify(Answer{Machine, CueFull})
		return
	case r.party == Screening:
		d.identify(Answer{Screening, CueWords})
		return
	}
	if other := r.party != "" && r.party != Machine || r.person && c.complete; other && o.answer.Cue == CueLong { // that was not sure
		d.identify(Answer{cmp.Or(r.party, Human), CueWords})
		return
	}
	if c.complete {
		if o.known.judge(c.said[len(c.said)-1]).pickup { // they may have spoken right behind the greeting
			d.notes = append(d.notes, "An answering machine answered first; now a person has picked up.")
			d.identify(Answer{Human, CuePickedUp})
			return
		}
		d.keep()
	}
	speaks := c.floor == speaking && !c.paused
	beeped := o.beep.Beep() && o.beep.To >= o.voiced-afterBeep
	due := max(o.voiced, o.since) + d.manners.Answering.BeepWait
	if beeped {
		due = o.beep.To + afterBeep
	}
	switch {
	case d.now > o.since+longestGreeting:
		d.leave(media.CauseMachine)
	case d.now < due:
		d.askAgain(due)
	case speaks && beeped: // it is no end of a beep any more
		o.voiced = d.now
		d.askAgain(d.now + d.manners.Guess)
	case speaks:
		d.askAgain(o.since + longestGreeting + 1)
	default:
		d.leaveMessage()
	}
}

// leaveMessage begins the message. What an ear may have made of the beep is not listened to.
func (d *dialog) leaveMessage() {
	c := &d.caller
	if c.floor != quiet {
		c.floor, c.forgot, c.partial = quiet, c.edge, ""
		d.clear(transcriptAlarm)
	}
	d.dropOpening()
	d.callee.enter(leaving, d.now)
	d.part(media.CauseMachine, d.manners.Answering.Message)
}

// messageMet looks at what is said while the message is being left: by a person who has picked up, or by the machine.
func (d *dialog) messageMet() {
	o, c := &d.callee, &d.caller
	r := o.known.judge(d.words(c.partial))
	switch {
	case r.party != "" && d.awaitAgain():
	case c.complete && r.party != "":
		d.leave(media.CauseMachine)
	case c.complete && d.turn == nil:
		d.notes = append(d.notes, "A person has picked up while you were leaving a message on their answering machine.")
		d.identify(Answer{Human, CuePickedUp})
	case d.turn == nil && c.floor == quiet && !c.pause.pending && !d.awaitAgain(): // it was nothing
		d.leave(media.CauseMachine)
	}
}
