package pipeline

import (
	"cmp"
	"time"

	"parley/media"
	"parley/media/tones"
)

// callee is what the dialog knows of whoever answers an outbound call.
//
//	listening ──silence──▶ opened ──▶ met                      a person, a menu, or not known: the conversation goes on
//	    ├──────────────────────────────▲ ▲
//	    ├──machine──▶ biding ──beep──▶ leaving ──heard──▶ end
//	    │                 └─picks up──▶ met ◀──picks up─┘
//	    └──screening──▶ screened ──person──▶ met
//
// While it listens, waits or leaves a message, nobody is answered and no silence is counted. In opened and met words and tones may still
// show that it is somebody else, until Longest has passed; once the agent was answered, only a machine's.
type callee struct {
	phase   phase
	answer  Answer
	known   *announcements
	opening *turn // made, and held

	onset, voiced time.Duration // of the first of their speech, and of the last so far, since the answer; onset 0: none
	quiet         time.Duration // since when there was no sound of them
	rang          time.Duration // when it last rang; 0: never
	noise         time.Duration // since when there was no sound at all
	calling       time.Duration // when a tone ended that a calling fax may have made; 0: none
	said          []string      // what was said before what the caller's turn holds: a greeting
	from          time.Duration // when it began

	beep     tones.Tone    // the last in time, since the answer
	since    time.Duration // when the phase began
	limit    time.Duration // until when who it is matters
	away     bool          // we are on hold, or they are
	restarts int           // of the message
	heard    bool          // in this phase a turn of the agent was heard to its end
	talked   bool          // they have answered it: a person, or a good machine
	asked    bool          // the screening has had its answer
	signal   int           // a stretch of speech whose words were not waited for
}

// phase is where an outbound call is.
type phase uint8

const (
	off       phase = iota // who it is does not matter, or not any more
	listening              // and the opening is held
	opened                 // it sounds, or has, and it is still not known who is there
	met                    // the conversation goes on with whom it was thought to be
	biding                 // its time: for the beep
	leaving                // the message
	screened               // the person is waited for
)

// holds says whether what is said to us is not to be answered.
func (d *dialog) holds() bool {
	switch d.callee.phase {
	case listening, biding, leaving, screened:
		return true
	}
	return false
}

// How long after a beep the message begins; longer where no greeting came before it, for that may be music. What follows the beginning of
// the message so soon begins the recording anew, but not often.
const (
	afterBeep    = 300 * time.Millisecond
	afterLone    = 700 * time.Millisecond
	beepAgain    = 4 * time.Second
	mostRestarts = 2
	// faxPause is how long after a tone that a calling fax may have made it has made another.
	faxPause = 4 * time.Second
	// ringPause is how long after a ringback there has been another, mostRinging how long a call that has been answered may ring.
	ringPause   = 7 * time.Second
	mostRinging = time.Minute
	// longestGreeting is how long a machine may speak before its beep.
	longestGreeting = 90 * time.Second
	// wordsWait is how long the words of somebody who has stopped speaking are waited for: they wait for us.
	wordsWait = 400 * time.Millisecond
	// toneWait is how long after its words a screening's tone is waited for.
	toneWait = 2 * time.Second
)

// enter begins a phase.
func (c *callee) enter(p phase, now time.Duration) {
	c.phase, c.since, c.heard, c.talked = p, now, false, false
}

// attend follows an outbound call, after each event.
func (d *dialog) attend() {
	if d.callee.phase == off || d.over || d.ending != nil || d.closing() {
		return
	}
	d.clear(calleeAlarm)
	d.follows()
	away := d.parked || d.onHold != nil || d.muted // nobody is heard
	if away || d.callee.away {
		d.callee.away, d.callee.quiet, d.callee.limit = away, d.now, d.now+d.manners.Answering.Longest
	}
	if away {
		return
	}
	for before := off; d.callee.phase != before; {
		switch before = d.callee.phase; before {
		case listening, opened:
			d.wonder()
		case met:
			d.doubtful()
		case biding:
			d.awaitBeep()
		case leaving:
			d.messageMet()
		case screened:
			d.awaitPerson()
		}
	}
}

// askAgain asks for a tick, if the time is to come.
func (d *dialog) askAgain(at time.Duration) {
	if at > d.now && (d.alarms[calleeAlarm] == 0 || at < d.alarms[calleeAlarm]) {
		d.set(calleeAlarm, at)
	}
}

// follows takes note of how far their speech has come.
func (d *dialog) follows() {
	c, o := &d.caller, &d.callee
	switch {
	case c.floor == speaking && !c.paused:
		o.voiced = d.now
	case c.floor == speaking:
		o.voiced = c.pause.spoke
	case c.floor == awaiting, c.spoke > o.voiced:
		o.voiced = c.spoke
	}
	if o.onset == 0 && c.floor != quiet && !o.isTone(c.from) {
		o.onset = max(c.from, 1)
	}
	if o.onset > 0 {
		o.quiet = max(o.quiet, o.voiced)
	}
}

// identify acts on who it is.
func (d *dialog) identify(a Answer) {
	o := &d.callee
	if a.By == o.answer.By && a.Cue != CueFull {
		return
	}
	before := o.phase
	o.answer = a
	d.tell(Event{Kind: Answered, Text: string(a.By), Answer: &a})
	switch a.By {
	case Human, Unknown:
		d.greet(before)
	case Machine:
		d.machine(a)
	case Menu:
		d.dropOpening()
		if d.manners.Answering.HangUpMenu {
			d.leave(media.CauseMachine)
			return
		}
		d.notes = append(d.notes, "An automatic phone menu or a queue has answered your call, not a person. Choose by pressing keys, or wait.")
		o.enter(met, d.now)
	case Screening:
		d.dropOpening()
		o.enter(screened, d.now)
		o.asked = false
	case Fax:
		d.leave(media.CauseFax)
	case Nobody:
		d.leave(media.CauseNobody)
	}
}

// learnWho takes the carrier's word for who it is, where that is not known yet. An agent that does not care is not led by it; the record has it.
func (d *dialog) learnWho(p Party) {
	o := &d.callee
	a := Answer{By: p, Cue: CueCarrier}
	switch machine := p == Machine || p == Fax; {
	case !d.info.Outbound, d.ending != nil:
	case !d.manners.Answering.On && o.answer.By == "":
		o.answer = a
		d.tell(Event{Kind: Answered, Text: string(p), Answer: &a})
	case o.phase == listening, o.phase == opened && (machine || p == Human), o.phase == met && machine && !o.talked:
		d.identify(a)
	}
}

// greet: a person is there.
func (d *dialog) greet(before phase) {
	o, c := &d.callee, &d.caller
	o.enter(met, d.now)
	switch {
	case before == opened, before == leaving, d.turn != nil: // what they say is answered
	case o.opening.silent() && len(c.said) > 0: // they speak first, the agent answers
		d.dropOpening()
		c.complete, c.pause.pending = true, false
	default:
		if c.floor == awaiting {
			o.signal, c.forgot, c.floor, c.partial = c.edge, c.edge, quiet, ""
			d.clear(transcriptAlarm)
		}
		d.openUp(d.taken())
	}
}

// allSaid is all that was said so far.
func (d *dialog) allSaid() string {
	return joined(append(append([]string{}, d.callee.said...), d.words(d.caller.partial)))
}

// taken takes what was said out of the caller's turn, with what was said before it.
func (d *dialog) taken() string {
	o, c := &d.callee, &d.caller
	text := joined(append(o.said, d.words("")))
	o.from = cmp.Or(o.from, o.onset)
	o.said, c.said, c.complete, c.pause.pending = nil, nil, false, false
	d.clear(patienceAlarm)
	return text
}

// keep puts what was said behind what was said before it: it is a part of a greeting. It returns it.
func (d *dialog) keep() string {
	o := &d.callee
	text := d.words("")
	before := o.said
	if d.taken(); text != "" {
		before = append(before, text)
	}
	o.said = before
	return text
}
