package pipeline

import (
	"cmp"
	"strings"
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
// show that it is somebody else, until the first exchange is over or Longest has passed.
type callee struct {
	phase   phase
	answer  Answer
	known   *announcements
	opening *turn // made, and held

	onset, voiced time.Duration // of the first of their speech, and of the last so far, since the answer; onset 0: none
	quiet         time.Duration // since when there was no sound of them
	rang          bool
	noise         time.Duration // since when there was no sound at all
	calling       time.Duration // when a tone ended that a calling fax may have made; 0: none
	said          []string      // what was said before what the caller's turn holds: a greeting
	from          time.Duration // when it began

	beep     tones.Tone    // the last in time, since the answer
	since    time.Duration // when the phase began
	restarts int           // of the message
	heard    bool          // in this phase a turn of the agent was heard to its end
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
	// longestGreeting is how long a machine may speak before its beep.
	longestGreeting = 90 * time.Second
	// wordsWait is how long the words of somebody who has stopped speaking are waited for: they wait for us.
	wordsWait = 400 * time.Millisecond
	// toneWait is how long after its words a screening's tone is waited for.
	toneWait = 2 * time.Second
)

// listenFirst holds the opening until it is known who has answered.
func (d *dialog) listenFirst() {
	d.turns++
	o := &turn{n: d.turns, why: ForGreeting, guessed: true, steps: []*step{{message: -1}}}
	d.callee = callee{phase: listening, opening: o, known: announcementsIn(d.agent)}
	d.do(heedTones{true}, ask{talk: d.talk(o), held: true})
}

// enter begins a phase.
func (c *callee) enter(p phase, now time.Duration) { c.phase, c.since, c.heard = p, now, false }

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
		c.rang = true
	case !t.Beep(), first && c.phase != biding, c.phase == screened: // what there is to it shows by what follows
	default:
		d.beeped(t, before)
	}
}

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

// attend follows an outbound call, after each event.
func (d *dialog) attend() {
	if d.callee.phase == off || d.over || d.ending != nil || d.closing() {
		return
	}
	d.clear(calleeAlarm)
	d.follows()
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

// isTone says whether a stretch of speech that began then was the last tone, which an ear may take for a voice.
func (o *callee) isTone(from time.Duration) bool {
	return o.beep.To > 0 && from >= o.beep.From-250*time.Millisecond && from <= o.beep.To
}

// settledDown says whether they have stopped, and their words are known or have been waited for.
func (d *dialog) settledDown() bool {
	c := &d.caller
	switch {
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
		a, again = d.silent(&e)
	}
	switch {
	case a.By != "":
		d.identify(a)
	case d.now >= limits.Longest && !o.rang:
		d.identify(Answer{Unknown, CueLimit})
	default:
		d.askAgain(again)
		if !o.rang {
			d.askAgain(limits.Longest)
		}
	}
}

// pausesEarly ends the turn of somebody who says what people say when they answer: they wait for us.
func (d *dialog) pausesEarly() {
	c := &d.caller
	if !c.paused || c.floor != speaking || c.pause.eager == "" || c.pause.boss || d.manners.Patience.Fixed {
		return
	}
	if r := d.callee.known.judge(d.words(c.pause.eager)); !r.pickup && !r.person {
		return
	}
	if due := c.pause.spoke + d.manners.Patience.Least; d.now < due {
		d.askAgain(due)
		return
	}
	d.patienceOver()
}

// silent tells who it is by what was not heard. The opening is not held for ever.
func (d *dialog) silent(e *evidence) (a Answer, again time.Duration) {
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
	since := o.quiet
	switch {
	case o.phase == opened && d.turn != nil:
		return Answer{}, 0
	case o.phase == opened: // it was they who were asked
		since = max(since, d.mouth.until+d.manners.Silence-d.manners.Answering.Nobody)
	case o.rang, o.calling > 0:
	case d.now >= since+d.manners.Answering.Wait:
		o.enter(opened, d.now)
		d.openUp("")
		return Answer{}, 0
	default:
		return Answer{}, since + d.manners.Answering.Wait
	}
	return e.quiet(max(since, o.noise), o.rang)
}

// identify acts on who it is.
func (d *dialog) identify(a Answer) {
	o := &d.callee
	if a.By == o.answer.By {
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

// greet: a person is there.
func (d *dialog) greet(before phase) {
	o, c := &d.callee, &d.caller
	o.enter(met, d.now)
	switch {
	case before == opened, before == leaving: // what they say is answered
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

// machine: a message is to be left, or not.
func (d *dialog) machine(a Answer) {
	o := &d.callee
	if a.Cue != CueFull && !o.known.judge(d.allSaid()).full && d.manners.Answering.Message != "" {
		o.enter(biding, d.now)
		if d.turn != nil && !d.turn.cut {
			d.cutTurn()
		}
		return
	}
	d.leave(media.CauseMachine)
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

// openUp lets the opening be heard, after what was said to us.
func (d *dialog) openUp(said string) {
	c := &d.callee
	t := c.opening
	c.opening = nil
	fresh := t == nil
	if fresh {
		t = &turn{why: ForGreeting}
	}
	t.said, t.from, t.spoke = said, c.from, c.voiced
	if c.from = 0; fresh {
		d.begin(t)
		return
	}
	t.guessed = false
	d.dropGuess()
	d.start(t)
	d.do(carryOn{t.n})
	for _, n := range t.deferred {
		d.take(n)
	}
}

func (d *dialog) dropOpening() {
	if o := d.callee.opening; o != nil {
		d.callee.opening = nil
		d.do(cut{o.n})
	}
}

// silent says whether the opening is known to have no words: the other side speaks first.
func (t *turn) silent() bool {
	if t == nil {
		return false
	}
	for _, n := range t.deferred {
		if r, ok := n.(responded); ok {
			return !speakable(r.text)
		}
	}
	return false
}

// unopened takes back an opening that had no words: what was said to us is answered instead.
func (d *dialog) unopened(t *turn) {
	if _, text, _ := t.heard(); t.why == ForGreeting && t.said != "" && text == "" && t.err == "" && !t.cut && d.ending == nil {
		d.history = d.history[:t.mark]
		d.caller.said, d.caller.complete = append([]string{t.said}, d.caller.said...), true
		d.caller.began, t.said = t.from, ""
	}
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

// doubtful: it was thought to be known who it is. Words that no person says, or a beep, show that it is somebody else.
func (d *dialog) doubtful() {
	o, c := &d.callee, &d.caller
	r := o.known.judge(d.words(c.partial))
	switch {
	case r.party != "" && r.party != o.answer.By && (o.answer.By != Menu || r.party == Machine || r.party == Nobody):
		if d.turn != nil && !d.turn.cut {
			d.cutTurn()
		}
		d.identify(Answer{r.party, CueWords})
	case d.recites():
		d.identify(Answer{Machine, CueLong})
	case d.now > max(o.since, d.manners.Answering.Longest), c.complete && o.heard && d.turn == nil:
		d.know()
	default:
		d.askAgain(max(o.since, d.manners.Answering.Longest) + 1)
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

// awaitBeep lets the machine speak, and leaves the message when it has beeped, or when it has been silent for long enough.
func (d *dialog) awaitBeep() {
	o, c := &d.callee, &d.caller
	if d.turn != nil { // it is being cut
		return
	}
	r := o.known.judge(d.words(c.partial))
	if all := o.known.judge(d.allSaid()); all.full || r.party == Screening {
		d.identify(map[bool]Answer{true: {Machine, CueFull}, false: {Screening, CueWords}}[all.full])
		if all.full {
			d.leave(media.CauseMachine)
		}
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

// awaitPerson says who calls, and then lets the screening do its work.
func (d *dialog) awaitPerson() {
	o, c := &d.callee, &d.caller
	r := o.known.judge(d.words(c.partial))
	switch {
	case d.turn != nil:
		o.quiet = d.now
	case !o.asked:
		d.introduce()
	case r.party == Machine, r.party == Nobody:
		d.identify(Answer{r.party, CueWords})
	case c.complete && (r.hold || r.party != ""):
		d.keep()
	case c.complete && r.likely != "":
		d.identify(Answer{r.likely, CueWords})
	case c.complete:
		o.said = nil
		d.identify(Answer{Human, CueWords})
	case d.now >= o.quiet+d.manners.Answering.ScreeningWait:
		d.identify(Answer{Nobody, CueSilence})
	default:
		d.askAgain(o.quiet + d.manners.Answering.ScreeningWait)
	}
}

// introduce says who calls, when the screening has asked.
func (d *dialog) introduce() {
	o, c := &d.callee, &d.caller
	if !c.complete && (c.floor != quiet || c.pause.pending) {
		return
	}
	if o.known.judge(d.allSaid()).tone {
		due := o.voiced + toneWait
		if o.beep.Beep() && o.beep.To >= o.voiced-afterBeep {
			due = o.beep.To + afterBeep
		}
		if d.now < due {
			d.askAgain(due)
			return
		}
	}
	o.asked = true
	if say := d.manners.Answering.Screening; say != "" {
		said := d.taken()
		t := &turn{why: ForCommand, said: said, from: o.from, spoke: o.voiced, then: []Command{{Kind: Say, Text: say}}}
		o.from = 0
		d.open(t)
		d.proceed(t)
		return
	}
	d.notes = append(d.notes, "A call screening service asks who is calling and why, before it connects you. Say it in one sentence.")
	said := d.taken()
	d.begin(&turn{why: ForWords, said: said, from: o.from})
	o.from = 0
}

// hadSaid notes the words of somebody who was spoken to before their words were known.
func (d *dialog) hadSaid(t Transcript) bool {
	if o := &d.callee; t.Edge == 0 || t.Edge != o.signal {
		return false
	}
	d.callee.signal = 0
	if text := strings.TrimSpace(t.Text); text != "" {
		d.tell(Event{Kind: Transcribed, Text: text, Final: true})
		d.notes = append(d.notes, "Before you spoke, they said: "+text)
	}
	return true
}

// postponeOpening keeps news of the opening until it is wanted. If it fails there is still time to ask again.
func (d *dialog) postponeOpening(n news) {
	if _, bad := n.(failed); bad {
		d.dropOpening()
		return
	}
	o := d.callee.opening
	o.deferred = append(o.deferred, n)
}

// keyPressed: only people press keys.
func (d *dialog) keyPressed() {
	switch d.callee.phase {
	case listening, opened, biding, screened:
		d.identify(Answer{Human, CueKey})
	}
}
