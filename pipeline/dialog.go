package pipeline

import (
	"errors"
	"math"
	"slices"
	"time"

	"parley/media"
)

// dialog decides what a call does: events in, acts out. It is a plain value: no goroutine, no clock, no I/O. Time is what the
// events say; next tells when it wants to be ticked.
//
//	caller:  quiet ──Began──▶ speaking ──Ended──▶ awaiting words ──Final──▶ quiet
//	agent:   listening ──words, keys, silence──▶ turn (asked ▶ sounding ⇄ held) ──heard out, or cut──▶ listening
//
// The two go on side by side. Everything that the caller brings (words, a key entry, a command) waits in a field of its own until
// advance finds that no turn is in progress and answers it; what may interrupt, cuts the turn first.
// A turn's number is an epoch: news of a turn that is over finds no turn, and is dropped.
type dialog struct {
	agent   *Agent
	info    media.Info
	manners Manners

	now    time.Duration
	acts   []act
	alarms [alarmCount]time.Duration // 0: not set

	caller  caller
	history []Message
	written int   // of the history: so many are in turns' records
	turns   int   // the last turn's number
	ended   int   // turns that came to an end
	onceCut bool  // the call goes on after its line was lost
	turn    *turn // in progress
	guess   *turn // prepared unheard, while the caller may still go on
	expect  Expect
	asked   string // the agent's last question
	mouth   mouth
	echo    echo
	orders  []order // what the house wants said or done when the floor is free

	collected collection

	never, always phrases // of Manners.Interrupt

	silences  int // how often in a row the caller was asked again
	waiting   waiting
	faults    int       // turns in a row in which a provider failed
	voiceless int       // failures of the voice in a row
	parked    bool      // the far end holds us
	lingers   bool      // the caller has asked for a moment, of expect.Patience
	adrift    bool      // there is sound, but nobody speaks
	muted     bool      // the caller is not to be heard
	callee    callee    // of an outbound call
	onHold    *Command  // the agent is to be silent
	notes     []string  // for the Narrator to say when the responder is asked next
	errands   []errand  // tools that outlive their turn
	onward    *Command  // the Transfer of which it is not known yet what comes of it
	guest     *guest    // whom the caller is joined with, or is to be; nil: nobody
	guests    int       // the last one's number
	unheard   *deafened // the recogniser failed while nobody needed it
	away      *left     // meanwhile the caller has gone, and how
	ending    *hangUp   // what is to follow the cut that was asked for
	veiled    bool      // the caller, towards the recording
	estranged bool      // a secret that was asked for may still come, and whoever has asked is gone
	over      bool
}

// order is what the house wants, outside of any exchange with the responder.
type order struct {
	command Command
	why     Reason
	cause   media.Cause // of a HangUp
	firm    bool        // nobody interrupts it
	// successor is who takes over with it.
	successor *recasted
}

// alarm is something that has its time.
type alarm int

const (
	maxLengthAlarm  alarm = iota // the call has lasted long enough
	bargeInAlarm                 // speech may have gone on long enough to interrupt
	falseAlarm                   // whatever held the agent was not meant for it
	transcriptAlarm              // the recogniser has had its time
	keyAlarm                     // no further key came
	toolAlarm                    // a tool has had its time
	silenceAlarm                 // nobody has spoken for too long
	patienceAlarm                // what the caller has said may be all
	babbleAlarm                  // there is speech, but never a word of it
	noticeAlarm                  // the call will have lasted long enough soon
	monologueAlarm               // the caller has spoken long enough
	fillerAlarm                  // the caller waits
	holdAlarm                    // the text of a hold is due again
	onHoldAlarm                  // the agent has waited long enough
	calleeAlarm                  // more may be known of who has answered
	aheadAlarm                   // keys have waited long enough
	guestAlarm                   // somebody else has been waited for long enough
	awayAlarm                    // what comes of a transfer has been waited for long enough
	alarmCount
)

// wordsBy is a stretch of speech in which a recogniser that gives words early would have given some.
const wordsBy = time.Second

// unheard is the shortest speech that deserves to be asked about when nothing of it was understood.
const unheard = 400 * time.Millisecond

// voiceFailures in a row end a call: a mute agent cannot even apologise.
const voiceFailures = 2

var (
	errNoTranscript = errors.New("no transcript in time")
	errEmptyReply   = errors.New("empty reply")
	errToolSteps    = errors.New("too many tool rounds in one turn")
	errToolLate     = errors.New("the tool did not answer in time")
)

func newDialog(a *Agent, info media.Info) *dialog {
	d := &dialog{agent: a, info: info, manners: a.Manners.WithDefaults(), waiting: newWaiting(info.ID)}
	d.never, d.always = newPhrases(d.manners.Interrupt.Never), newPhrases(d.manners.Interrupt.Always)
	return d
}

// on takes the next event and returns what is to be done about it.
func (d *dialog) on(e event) []act {
	d.now, d.acts = e.at, nil
	if d.over {
		if n, ok := e.news.(filled); ok && n.sounded { // the last that was heard
			d.tell(Event{Kind: Filled, Text: n.heard})
		}
		return d.acts
	}
	d.take(e.news)
	if len(d.caller.ahead) > 0 && (d.turn == nil || d.turn.told) {
		d.catchUp()
	}
	d.advance()
	d.veil()
	return d.acts
}

// take sorts the news. What is told of a turn that is neither in progress nor prepared comes too late.
func (d *dialog) take(n news) {
	if t, ok := n.(tooled); ok {
		if do := t.do; do != nil && do.Kind == Collect { // whatever has become of its turn: the caller has agreed
			d.collect(do.Slots)
			t.do = nil
		}
		if d.ran(t) {
			return
		}
		n = t
	}
	if n, about := n, turnOf(n); about != 0 {
		if d.guess != nil && about == d.guess.n {
			d.postpone(n)
			return
		}
		if o := d.callee.opening; o != nil && about == o.n {
			d.postponeOpening(n)
			return
		}
		if d.turn == nil || about != d.turn.n {
			return
		}
	}
	switch n := n.(type) {
	case answered:
		d.answer()
	case edged:
		if !d.offEar(n) {
			d.hear(n)
		}
	case reached:
		d.reached(n)
	case worded:
		if d.together() {
			d.overhear(n)
		} else if !d.offEar(n) {
			d.understand(n.transcript)
		}
	case deafened:
		if d.guest != nil {
			d.unheard = &n
			return
		}
		d.deaf(n)
	case keyed:
		if d.together() {
			d.passes(pass{d.guest.n, n.key, false}, n.sounded)
			return
		}
		d.key(n.key)
	case came:
		d.came(n)
	case whispered:
		d.whispered(n)
	case handed:
		d.handed(n)
	case beckoned:
		d.beckoned(n)
	case went:
		d.went(n)
	case parked:
		d.park(n.held)
	case moved:
		d.moved(n)
	case toned:
		d.toned(n)
	case ticked:
		d.tick()
	case told:
		d.told(n)
	case responded:
		d.responded(n)
	case sounded:
		d.sounded(n)
	case arrived:
		d.arrived(n)
	case stalled:
		d.stalled(n)
	case filling:
		d.filling(n)
	case filled:
		d.filled(n)
	case voiced:
		d.voiced(n.account)
	case silenced:
		d.silenced(n)
	case failed:
		d.failed(n)
	case tooled:
		d.tooled(n)
	case ordered:
		d.order(n.command)
	case recasted:
		d.recasted(n)
	case transferred:
		d.transferred(n)
	case left:
		d.left(n)
	}
}

func (d *dialog) do(a ...act) { d.acts = append(d.acts, a...) }

func (d *dialog) tell(e Event) {
	e.At = d.now
	d.do(tell{e})
}

// set makes an alarm go off at t.
func (d *dialog) set(a alarm, t time.Duration) { d.alarms[a] = max(t, 1) }

func (d *dialog) clear(a alarm) { d.alarms[a] = 0 }

// next is the time at which the dialog wants to be ticked; false: never.
func (d *dialog) next() (time.Duration, bool) {
	first := time.Duration(math.MaxInt64)
	for _, t := range d.alarms {
		if t != 0 {
			first = min(first, t)
		}
	}
	return first, first != math.MaxInt64 && !d.over
}

// tick lets every alarm go off whose time has come, in their order.
func (d *dialog) tick() {
	for a := range alarmCount {
		if d.alarms[a] == 0 || d.alarms[a] > d.now {
			continue
		}
		if d.ending != nil || d.turn == nil && d.closing() {
			return
		}
		d.clear(a)
		switch a {
		case maxLengthAlarm:
			d.finish(order{command: Command{Kind: HangUp, Text: d.manners.TooLong}, why: ForCommand, cause: media.CauseMaxLength, firm: true})
		case bargeInAlarm:
			d.lasted()
		case falseAlarm:
			d.resume()
		case transcriptAlarm:
			d.unanswered()
		case keyAlarm:
			d.enter()
		case toolAlarm:
			d.toolsLate()
		case patienceAlarm:
			d.patienceOver()
		case silenceAlarm:
			d.silence()
		case babbleAlarm:
			d.drift()
		case noticeAlarm:
			d.orders = append(d.orders, order{command: Command{Kind: Say, Text: d.manners.Notice.Say}, why: ForCommand})
		case monologueAlarm:
			d.tooLong()
		case holdAlarm:
			d.holdOn()
		case fillerAlarm:
			d.fill()
		case onHoldAlarm:
			d.waited()
		case aheadAlarm:
			d.catchUp()
		case guestAlarm:
			d.dismissGuest(errNobody)
		case awayAlarm:
			d.end(d.away.cause, d.away.err)
		}
	}
}

func (d *dialog) answer() {
	d.set(maxLengthAlarm, d.manners.MaxLength)
	if before := d.manners.Notice.Before; before != never {
		d.set(noticeAlarm, d.manners.MaxLength-before)
	}
	d.tell(Event{Kind: CallStarted})
	if d.info.Outbound && d.manners.Answering.On && !d.onceCut {
		d.listenFirst()
		return
	}
	d.begin(&turn{why: ForGreeting})
}

// advance answers what is waiting, if the floor is free; otherwise, or if nothing is, it lets the silence be counted.
func (d *dialog) advance() {
	d.attend()
	for d.turn == nil && !d.over && d.ending == nil && !d.parked {
		firm := slices.IndexFunc(d.orders, func(o order) bool { return o.firm })
		switch c := &d.caller; {
		case firm >= 0:
			o := d.orders[firm]
			d.orders = nil
			d.carryOut(o)
		case d.holds(), d.onHold != nil && len(d.orders) == 0:
			d.count()
			return
		case len(d.orders) > 0 && d.orders[0].command.Kind == Press && d.onHold == nil: // whoever may be speaking
			o := d.orders[0]
			d.orders = d.orders[1:]
			d.carryOut(o)
		case c.entry != "" && d.onHold == nil:
			keys, secret := c.entry, d.secret()
			c.entry = ""
			d.begin(&turn{why: ForKeys, said: keys, secret: secret})
		case c.complete && c.keys == "" && d.onHold == nil: // keys that are being pressed come first
			d.reply()
		case len(d.orders) > 0 && c.floor == quiet && c.keys == "" && !c.pause.pending:
			o := d.orders[0]
			d.orders = d.orders[1:]
			d.carryOut(o)
		default:
			d.count()
			return
		}
	}
	d.clear(silenceAlarm)
}

// count starts the clock of silence, unless somebody is busy.
func (d *dialog) count() {
	if d.caller.floor != quiet || d.caller.keys != "" || d.parked || d.adrift || d.caller.pause.pending || d.muted || d.onHold != nil || d.holds() || d.callee.phase == opened {
		if h := d.onHold; h != nil && h.Every > 0 && d.alarms[holdAlarm] == 0 {
			d.set(holdAlarm, d.now+h.Every)
		}
		d.clear(silenceAlarm)
		return
	}
	if d.alarms[silenceAlarm] == 0 {
		d.set(silenceAlarm, d.now+d.patience())
	}
}

// silence takes the next rung of the ladder.
func (d *dialog) silence() {
	if d.turn != nil {
		return
	}
	if len(d.caller.said) > 0 { // what was kept for a turn that did not come
		d.caller.complete = true
		return
	}
	d.tell(Event{Kind: FellSilent})
	d.climb()
}

// finish breaks off what is going on for the call's last words, unless they are being said already.
func (d *dialog) finish(o order) {
	if d.closing() {
		return
	}
	if d.parked { // nobody would hear them
		d.end(o.cause, nil)
		return
	}
	d.orders = []order{o}
	if d.turn != nil && !d.turn.cut {
		d.cutTurn()
	}
}

// closing says whether the call's last words are being said, or are to be said next.
func (d *dialog) closing() bool {
	return d.turn != nil && d.turn.firm || slices.ContainsFunc(d.orders, func(o order) bool { return o.firm })
}

// end ends the call now. What a turn has said so far is settled first.
func (d *dialog) end(cause media.Cause, err error) {
	if d.ending != nil {
		return
	}
	d.ending = &hangUp{cause, err}
	d.dropGuess()
	if d.turn == nil {
		d.stop()
		return
	}
	if !d.turn.cut {
		d.cutTurn()
	}
}

func (d *dialog) stop() {
	d.writeTalk()
	d.over = true
	d.do(*d.ending)
}
