package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"parley/media"
)

// Join is how a Bridge joins the caller with somebody else: by us, on whatever legs the two are. The zero Join waits for 30 s, joins them as
// soon as there is an answer, and ends the call with their talk.
//
//	on hold, music ──Dial──▶ an answer ──Brief──▶ 1 pressed ──▶ joined ──┬── they hang up ──▶ the call ends, or After
//	      │                     │                    │                   └── Unbridge, ** ──▶ the agent is back
//	      │                     │                    └── Attended ──▶ the carrier connects them: the call ends; or else: joined
//	      └───── busy, nobody, no, Ring has passed ──┴──▶ the agent is back, and told why
type Join struct {
	Ring    time.Duration // until they have been joined; default 30 s, 5 s to 3 min
	Brief   string        // said to whoever answers, before the caller is there: a warm transfer; empty: they are joined at once
	Confirm bool          // who answers must press 1 to be joined; any other key is a no
	Stay    Stay
	After   After
	// Attended: when they take the call, the carrier is asked to connect the two without us, by the caller's leg (media.Connector) or
	// Parts.Connect; the call ends with that, with cause transfer. Where it does not, they are joined by us all the same, if they are still there.
	Attended bool
}

// Stay is what the agent does while the two talk.
type Stay string

// What an agent may do.
const (
	Leave  Stay = ""       // it hears nothing any more
	Silent Stay = "silent" // the caller's words are written down
	Listen Stay = "listen" // and it can be called back: ** on either telephone
)

// After is what follows when the other one hangs up. When the caller does, the call ends.
type After string

// What may follow.
const (
	AsStay After = ""       // Return where the agent listens, else End
	End    After = "end"    // the call ends with cause transfer
	Return After = "return" // the agent goes on with the caller
)

// fill puts in what is not set.
func (j *Join) fill() {
	if j.Ring == 0 {
		j.Ring = 30 * time.Second
	}
	if j.After == AsStay {
		j.After = End
		if j.Stay == Listen {
			j.After = Return
		}
	}
}

// check says what is wrong with j; nil if nothing is.
func (j *Join) check() error {
	switch {
	case j.Ring != 0 && (j.Ring < 5*time.Second || j.Ring > 3*time.Minute):
		return fmt.Errorf("ring is %v: want 5s to 3m0s", j.Ring)
	case j.Brief != "" && !speakable(j.Brief):
		return fmt.Errorf("brief is %q: want words, or nothing", j.Brief)
	case j.Confirm && j.Brief == "":
		return errors.New("confirm is set without brief: nobody would know what to press")
	case !slices.Contains([]Stay{Leave, Silent, Listen}, j.Stay):
		return fmt.Errorf("stay is %q: want silent, listen, or nothing", j.Stay)
	case !slices.Contains([]After{AsStay, End, Return}, j.After):
		return fmt.Errorf("after is %q: want end, return, or nothing", j.After)
	}
	return nil
}

// stage is how far a guest has come.
type stage uint8

const (
	ringing  stage = iota // it rings
	briefing              // they have answered, and are told what it is about
	handing               // the carrier is asked to connect the two; the caller still hears music
	talking               // they talk with the caller
)

// guest is, for the dialog, somebody whom the caller is to be joined with.
type guest struct {
	n       int // news of an earlier one is late
	command Command
	stage   stage
	told    bool // what it is about, to the end
	agreed  bool // they have pressed 1
	asked   bool // the carrier has been, to connect them with the caller
	gone    bool // they have left while it was
	star    bool // the last key was *: another one calls the agent back
}

var (
	errNobody   = errors.New("nobody has answered in time")
	errRefused  = errors.New("they cannot take the call now")
	errHungUpOn = errors.New("they have hung up")
	errNoBridge = errors.New("nobody can be called on this call")
	errNoGuest  = errors.New("nobody else is on the call")
	errGuest    = errors.New("the caller is with somebody else, or waits for them")
)

// minds says whether a command must wait until the caller is alone with the agent again. It fails then.
func (d *dialog) minds(c Command) bool {
	if d.guest == nil || slices.Contains([]CommandKind{Unbridge, HangUp, Say, Collect}, c.Kind) || c.Kind == Inject && !c.Ask {
		return false
	}
	d.denies(c, errGuest)
	return true
}

// bridge has somebody called. Meanwhile the caller is on hold.
func (d *dialog) bridge(c Command) {
	if d.ending != nil || d.closing() {
		return
	}
	if d.onward != nil || d.guest != nil {
		d.tell(Event{Kind: CommandFailed, Text: string(c.Kind), Err: errMoving})
		return
	}
	c.Join.fill()
	d.hold(Command{Kind: Hold})
	d.guests++
	d.guest = &guest{n: d.guests, command: c}
	d.set(guestAlarm, d.now+c.Join.Ring)
	d.do(invite{n: d.guests, to: c.To})
}

// attends says whether news is of the guest there is.
func (d *dialog) attends(n int) bool { return d.guest != nil && d.guest.n == n && d.ending == nil }

// came: somebody has answered.
func (d *dialog) came(n came) {
	if !d.attends(n.n) {
		return
	}
	if g := d.guest; g.command.Join.Brief != "" {
		g.stage = briefing
		d.do(whisper{g.n, g.command.Join.Brief})
		return
	}
	d.join()
}

// whispered: they know what it is about, or err says why not.
func (d *dialog) whispered(n whispered) {
	if !d.attends(n.n) {
		return
	}
	if n.err != nil {
		d.tell(Event{Kind: ProviderFail, Text: "voice", Err: n.err})
	}
	g := d.guest
	g.told = true
	if g.stage == briefing && (g.agreed || !g.command.Join.Confirm) {
		d.join()
	}
}

// beckoned: a key was pressed on the other telephone.
func (d *dialog) beckoned(n beckoned) {
	if !d.attends(n.n) {
		return
	}
	switch g := d.guest; {
	case g.stage == talking:
		d.passes(pass{g.n, n.key, true}, n.sounded)
	case g.stage == briefing && g.command.Join.Confirm && n.key == '1':
		g.agreed = true // also in the midst of the brief: they have heard enough
		d.join()
	case g.stage == briefing && g.command.Join.Confirm:
		d.dismissGuest(errRefused)
	}
}

// passes: a key while they talk. It is for the other one, who has heard it already where it came as sound; but two stars call an agent back
// who listens.
func (d *dialog) passes(a pass, sounded bool) {
	g := d.guest
	again := g.star && a.key == '*'
	g.star = a.key == '*'
	switch {
	case again && g.command.Join.Stay == Listen:
		d.takeBack(Command{Kind: Unbridge, Ask: true}, "They have called you back.")
	case !sounded:
		d.do(a)
	}
}

// join lets the two talk: without us, where that is wanted and can be.
func (d *dialog) join() {
	g := d.guest
	d.clear(guestAlarm)
	if g.command.Join.Attended && !g.asked {
		g.stage, g.asked = handing, true
		d.do(handOver{g.n})
		return
	}
	g.stage = talking
	d.clear(silenceAlarm)
	d.do(join{g.n, g.command.Join.Stay != Leave})
	if g.command.Kind == TakeOver {
		d.note(g.who() + " has taken over the call.")
		d.writeTalk() // whoever watches sees it at once
	} else {
		d.note("The caller has been connected to " + g.who() + ".")
	}
	d.tell(Event{Kind: Bridged, Text: g.who()})
}

// who is what a guest is called.
func (g *guest) who() string { return cmp.Or(g.command.By, g.command.To) }

// handed: the carrier has connected the two, or err says why not. Then those who are still there are joined by us; a guest may be lost of whom it has
// not been told yet that they have gone.
func (d *dialog) handed(n handed) {
	if !d.attends(n.n) || d.guest.stage != handing {
		return
	}
	d.clear(awayAlarm)
	switch g := d.guest; {
	case n.err == nil:
		d.tell(Event{Kind: Transferred, Text: g.command.To})
		d.guest = nil
		d.end(media.CauseTransfer, nil)
	case d.away != nil:
		d.tell(Event{Kind: CommandFailed, Text: string(Bridge), Err: n.err})
		d.end(d.away.cause, d.away.err)
	case errors.Is(n.err, media.ErrOtherGone):
		d.dismissGuest(n.err)
	case g.gone:
		d.dismissGuest(errHungUpOn)
	default:
		d.join()
	}
}

// unwritten is what no turn's record has of the history yet, and where it begins: mostly what the turn itself has added, but also what was
// said while the caller talked with a guest.
func (d *dialog) unwritten() (first int, messages []Message) {
	first = d.written
	d.written = len(d.history)
	return first, slices.Clone(d.history[first:])
}

// writeTalk makes a turn's record of what was said while the caller talked with a guest, so that it is kept at once.
func (d *dialog) writeTalk() {
	if d.written == len(d.history) {
		return
	}
	d.turns++
	d.ended++
	for i := range d.history[d.written:] {
		d.history[d.written+i].Turn = d.turns
	}
	r := &Turn{N: d.turns, Why: ForCommand, Times: Times{Opened: d.history[d.written].At, Closed: d.now}}
	r.First, r.Messages = d.unwritten()
	d.tell(Event{Kind: TurnEnded, Turn: r})
}

// note puts what has happened into the history, without asking anybody.
func (d *dialog) note(text string) {
	d.history = append(d.history, Message{Role: Narrator, Text: text, Turn: d.turns, At: d.now})
}

// went: the guest is gone, or never came.
func (d *dialog) went(n went) {
	if !d.attends(n.n) {
		return
	}
	g := d.guest
	switch {
	case g.stage == handing: // mostly because they have the caller: what comes of it is told
		g.gone = true
	case g.stage != talking:
		why := n.err
		if why == nil {
			why = errHungUpOn
		}
		d.dismissGuest(why)
	case g.command.Join.After == End:
		d.tell(Event{Kind: Unbridged, Text: g.who()})
		d.guest = nil
		d.end(media.CauseTransfer, nil)
	default:
		d.takeBack(Command{Kind: Unbridge, Ask: true}, "They have hung up.")
	}
}

// dismissGuest gives up on somebody who does not come, and lets the responder say so.
func (d *dialog) dismissGuest(why error) {
	c := d.guest.command
	d.alone()
	if c.Kind == TakeOver {
		d.denies(c, why)
		d.unhold(Command{Kind: Unhold, Ask: true})
		return
	}
	d.stays(c, why)
}

// unbridge is the command.
func (d *dialog) unbridge(c Command) {
	if d.guest == nil {
		d.tell(Event{Kind: CommandFailed, Text: string(c.Kind), Err: errNoGuest})
		return
	}
	d.takeBack(c, "")
}

// takeBack gives the caller back to the agent.
func (d *dialog) takeBack(c Command, why string) {
	g := d.guest
	d.alone()
	if g.stage == talking {
		d.tell(Event{Kind: Unbridged, Text: g.who()})
	}
	if why != "" {
		why = " " + why
	}
	d.notes = append(d.notes, "The caller is with you again, no longer with "+g.who()+"."+why)
	d.unhold(Command{Kind: Unhold, Text: c.Text, Ask: c.Ask})
}

// alone ends whatever there is with the guest.
func (d *dialog) alone() {
	d.clear(guestAlarm)
	d.writeTalk()
	d.do(part{d.guest.n})
	d.guest = nil
	d.hearNoMore()
	if n := d.unheard; n != nil { // what nobody needed meanwhile
		d.unheard = nil
		d.deaf(*n)
	}
}

// together says whether the caller talks with the guest.
func (d *dialog) together() bool { return d.guest != nil && d.guest.stage == talking }

// overhear writes down what the caller says to the guest.
func (d *dialog) overhear(n worded) {
	if t := n.transcript; d.guest.command.Join.Stay != Leave && (t.Kind == Final || t.Kind == EndOfTurn) && t.Text != "" {
		text := d.shown(t.Text)
		d.tell(Event{Kind: Transcribed, Text: text, Final: true})
		d.history = append(d.history, Message{Role: Caller, Text: text, Turn: d.turns, At: d.now})
	}
}
