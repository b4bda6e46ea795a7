package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"parley/media"
)

// CommandKind says what a Command does.
type CommandKind string

// The commands. An agent itself (Delta.Do, a Tool) may Say, HangUp, Change, Press, Transfer, Bridge, Wait and Collect; whoever is outside may give all of
// them, at any time.
const (
	// Say speaks Text when the floor is free.
	Say CommandKind = "say"
	// HangUp ends the call, after what is being said now has been heard; it speaks Text first if set. The caller may talk an agent out
	// of its own HangUp by interrupting, but nobody else.
	HangUp CommandKind = "hang_up"
	// Identify says who has answered an outbound call, as its carrier has found: Text is a Party.
	Identify CommandKind = "identify"
	// Beep sounds the tone after which a message is left.
	Beep CommandKind = "beep"
	// Inject tells the responder Text, as a Narrator, with what it is asked next; with Ask it is asked when the floor is free.
	Inject CommandKind = "inject"
	// Ask asks the responder, who has something to say of its own accord, when the floor is free; with Now what the agent is saying is cut.
	Ask CommandKind = "ask"
	// Write is what the caller has typed instead of saying it: Text cuts the agent as their words would, and is answered as these are. On hold
	// it fails.
	Write CommandKind = "write"
	// Mute keeps the caller from being heard by the agent: not by ear, recogniser or keypad. It is recorded all the same, and silence is not counted.
	Mute CommandKind = "mute"
	// Unmute ends Mute.
	Unmute CommandKind = "unmute"
	// Hold stops the agent, in mid-sentence if need be, until Unhold: nobody is answered and silence is not counted. Text is said, Every so often.
	Hold CommandKind = "hold"
	// Unhold ends Hold; Text is said, or with Ask the responder is asked to go on.
	Unhold CommandKind = "unhold"
	// Change lets Agent take over when the floor is free, by Parts.Change. The history is kept. The new one says Text, or with Ask is
	// asked to speak, or else listens.
	Change CommandKind = "change"
	// Press presses Keys towards the far end, in their turn: after what is said before has been heard, before what is said after. They do
	// not wait for the far end to be silent. Nothing that it says or presses cuts them, nor drops them while they wait; only Hold does
	// both, and the end of the call. Where the leg is no media.Keypad they are heard as tones.
	Press CommandKind = "press"
	// Transfer lets the carrier connect the caller to To, by Parts.Transfer, when Text and what was said before has been heard; a caller who
	// interrupts that stays. The call ends with cause transfer. If it cannot be done, the responder is told why and goes on; a
	// carrier that connects nobody (media.ErrNoTransfer) makes it a Bridge with the zero Join, where Parts.Dial can call.
	Transfer CommandKind = "transfer"
	// Bridge joins the caller with somebody who is called at To by Parts.Dial, as Join says, when Text and what was said before has been
	// heard; a caller who interrupts that stays. They wait with music. If nobody takes the call, the responder is told why and goes on. With Join.Attended the carrier connects
	// the two in the end, and the call ends with cause transfer.
	Bridge CommandKind = "bridge"
	// Unbridge gives the caller back to the agent: whoever is called, or has been joined with them, is hung up on; a Supervisor listens again. Text is said, or with Ask
	// the responder is asked to go on.
	Unbridge CommandKind = "unbridge"
	// TakeOver gives the caller to a Supervisor who listens to the call (Call.Attend), on the leg To: the agent stops, even in mid-sentence, and is silent
	// until Unbridge; what the caller says meanwhile is written down, and it knows of that. By is who they are. If they hang up, the agent goes on.
	TakeOver CommandKind = "take_over"
	// Collect adds Slots to what the call has collected, at once and for its record; an empty value takes away what an earlier Collect
	// brought. A Tool's is never too late: it counts also when the caller has interrupted meanwhile.
	Collect CommandKind = "collect"
	// Wait leaves the caller alone: nobody asks them again until they speak, press a key, or For has passed in silence. Sound without
	// words does not count.
	Wait CommandKind = "wait"
)

// moves says whether the command takes the caller to somebody else.
func (k CommandKind) moves() bool { return k == Transfer || k == Bridge }

// mostKeys is how many Keys a Press may have, its pauses included.
const mostKeys = 64

// A Command is an order to a live call, from the agent itself (Delta.Do) or from outside (Call.Do).
type Command struct {
	Kind  CommandKind
	Text  string
	Ask   bool              // of Inject, Unhold, Change: the responder is asked to speak
	Now   bool              // of Ask
	Every time.Duration     // of Hold: how long after its end Text is said again; 0: never, 5 s to 10 min
	Agent string            // of Change: who takes over
	Keys  string            // of Press: 0-9 * # A-D, and the pauses w (500 ms), W and p (1 s)
	Join  Join              // of Bridge
	To    string            // of Transfer, Bridge: a number in E.164, or an address such as sip:desk@example.com; of TakeOver the id of a Supervisor's leg
	By    string            // of TakeOver: who takes over, as the agent and the record are told
	For   time.Duration     // of Wait: 1 s to 30 min
	Slots map[string]string // of Collect: values by name
	Cause media.Cause       // of HangUp: why the call ends, in small letters and _; empty: agent
}

// Check says what is wrong with c, naming the field; nil if it can be carried out.
func (c Command) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%s: %w", c.Kind, fmt.Errorf(format, args...))
	}
	takes := map[CommandKind]string{
		Say: "text", Beep: "", HangUp: "text cause", Inject: "text ask", Ask: "now", Write: "text", Mute: "", Unmute: "", Hold: "text every", Unhold: "text ask", Change: "text ask agent",
		Press: "keys", Transfer: "text to", Bridge: "text to join", Unbridge: "text ask", TakeOver: "to by", Wait: "for", Collect: "slots",
		Identify: "text",
	}
	fields, known := takes[c.Kind]
	if !known {
		return fmt.Errorf("unknown command %q", c.Kind)
	}
	for field, set := range map[string]bool{"text": c.Text != "", "ask": c.Ask, "now": c.Now, "every": c.Every != 0, "agent": c.Agent != "", "cause": c.Cause != "",
		"keys": c.Keys != "", "join": c.Join != Join{}, "to": c.To != "", "by": c.By != "", "for": c.For != 0, "slots": len(c.Slots) > 0} {
		if set && !slices.Contains(strings.Fields(fields), field) {
			return bad("%s is set: it takes none", field)
		}
	}
	switch c.Kind {
	case Say, Inject, Write:
		if !speakable(c.Text) {
			return bad("no text")
		}
	case HangUp:
		if strings.ContainsFunc(string(c.Cause), func(r rune) bool { return r != '_' && !unicode.IsLower(r) }) {
			return bad("cause is %q: want small letters and _", c.Cause)
		}
	case Hold:
		if c.Every != 0 && (c.Every < 5*time.Second || c.Every > 10*time.Minute) {
			return bad("every is %v: want 5s to 10m0s", c.Every)
		}
		if c.Every != 0 && !speakable(c.Text) {
			return bad("no text to be said every %v", c.Every)
		}
	case Change:
		if c.Agent == "" {
			return bad("no agent")
		}
	case Press:
		if err := CheckKeys(c.Keys); err != nil {
			return bad("%w", err)
		}
	case Transfer, Bridge:
		if c.To == "" || strings.ContainsFunc(c.To, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
			return bad("to is %q: want a number such as +15550100, or an address", c.To)
		}
		if err := c.Join.check(); err != nil {
			return bad("%w", err)
		}
	case TakeOver:
		if c.To == "" || !speakable(c.By) {
			return bad("to is %q and by is %q: want the leg of somebody who listens, and who they are", c.To, c.By)
		}
	case Collect:
		if _, nameless := c.Slots[""]; nameless || len(c.Slots) == 0 {
			return bad("slots are %v: want values by name", c.Slots)
		}
	case Identify:
		if p := Party(c.Text); p != Human && p != Machine && p != Fax && p != Unknown {
			return bad("text is %q: want human, machine, fax or unknown", c.Text)
		}
	case Wait:
		if c.For < time.Second || c.For > 30*time.Minute {
			return bad("for is %v: want 1s to 30m0s", c.For)
		}
	}
	if c.Ask && c.Text != "" && c.Kind != Inject {
		return bad("text and ask are set: want one of them")
	}
	return nil
}

// CheckKeys says what is wrong with the Keys of a Press; nil if they can be pressed.
func CheckKeys(keys string) error {
	if i := strings.IndexFunc(keys, func(r rune) bool { return !strings.ContainsRune("0123456789*#ABCDwWp", r) }); i >= 0 {
		r, _ := utf8.DecodeRuneInString(keys[i:])
		return fmt.Errorf("%q is no key: want 0-9 * # A-D, or w, W, p for a pause", r)
	}
	switch {
	case strings.Trim(keys, "wWp") == "":
		return errors.New("no keys")
	case len(keys) > mostKeys:
		return fmt.Errorf("%d keys: want at most %d", len(keys), mostKeys)
	}
	return nil
}

var (
	errNoChange     = errors.New("this call has no other agents")
	errTransferLate = errors.New("it could not be done in time")
	errNoTransfer   = errors.New("this call cannot be transferred")
	errNotForAgents = errors.New("not for an agent to command")
	errMoving       = errors.New("the caller is being transferred already")
	errClosing      = errors.New("the call is ending")
	errOnHold       = errors.New("the call is on hold")
)

// order takes a command from outside.
func (d *dialog) order(c Command) {
	if c.Kind != Ask { // it comes from the responder
		d.tell(Event{Kind: Commanded, Text: string(c.Kind)})
	}
	if d.minds(c) {
		return
	}
	switch c.Kind {
	case Unbridge:
		d.unbridge(c)
	case TakeOver:
		d.takeOver(c)
	case HangUp:
		d.orderHangUp(c)
	case Inject:
		d.dropGuess()
		d.notes = append(d.notes, c.Text)
		if c.Ask {
			d.queue(Command{Kind: Inject, Ask: true})
		}
	case Ask:
		d.askAnew(c)
	case Write:
		d.typed(c)
	case Mute, Unmute:
		d.mute(c.Kind == Mute)
	case Hold:
		d.hold(c)
	case Unhold:
		d.unhold(c)
	case Change:
		d.do(recast{c})
	case Collect:
		d.collect(c.Slots)
	case Identify:
		d.learnWho(Party(c.Text))
	default:
		d.queue(c)
	}
}

// askAnew lets the responder say what it has to say.
func (d *dialog) askAnew(c Command) {
	if t := d.turn; c.Now && t != nil && !t.firm && !t.cut && !t.pressing() {
		d.cutTurn()
	}
	d.queue(c)
}

// queue lets a command wait for the floor.
func (d *dialog) queue(c Command) {
	d.orders = append(d.orders, order{command: c, why: ForCommand})
}

// orderHangUp cannot be talked out of, but lets what is being said now be heard.
func (d *dialog) orderHangUp(c Command) {
	o := order{command: c, why: ForCommand, cause: c.Cause, firm: true}
	if o.cause == "" {
		o.cause = media.CauseAgent
	}
	if d.parked {
		d.end(o.cause, nil)
		return
	}
	d.orders = append(d.orders, o)
	if d.turn != nil {
		d.turn.firm = true
		d.resume()
	}
}

// typed takes typed words. Like keys, they interrupt; like spoken ones, they are shown at once.
func (d *dialog) typed(c Command) {
	if d.onHold != nil || d.closing() {
		err := errOnHold
		if d.closing() {
			err = errClosing
		}
		d.tell(Event{Kind: CommandFailed, Text: string(c.Kind), Err: err})
		return
	}
	d.dropGuess()
	d.silences = 0
	d.tell(Event{Kind: Transcribed, Text: d.shown(c.Text), Final: true})
	d.interrupt()
	d.queue(c)
}

// mute: the caller is not heard, or is heard again.
func (d *dialog) mute(muted bool) {
	if d.muted != muted {
		d.muted = muted
		d.clear(silenceAlarm)
		d.do(mute{muted})
	}
}

// hold stops the agent.
func (d *dialog) hold(c Command) {
	if d.closing() {
		d.tell(Event{Kind: CommandFailed, Text: string(c.Kind), Err: errClosing})
		return
	}
	d.dropGuess()
	d.clear(silenceAlarm)
	d.clear(holdAlarm)
	d.onHold = &c
	d.hearNoMore()
	d.heed(true)
	if d.turn != nil && !d.turn.cut {
		d.cutTurn()
	}
	if speakable(c.Text) {
		d.queue(Command{Kind: Say, Text: c.Text})
	}
}

// holdOn says the text of a hold again.
func (d *dialog) holdOn() {
	if d.onHold != nil {
		d.queue(Command{Kind: Say, Text: d.onHold.Text})
	}
}

// unhold lets the agent go on.
func (d *dialog) unhold(c Command) {
	if d.onHold == nil {
		return
	}
	d.onHold = nil
	d.clear(holdAlarm)
	switch {
	case c.Ask:
		d.queue(Command{Kind: Unhold, Ask: true})
	case speakable(c.Text):
		d.queue(Command{Kind: Say, Text: c.Text})
	}
}

// recasted: there is another agent, or none.
func (d *dialog) recasted(n recasted) {
	if n.err != nil {
		d.tell(Event{Kind: CommandFailed, Text: string(Change), Err: n.err})
		return
	}
	d.orders = append(d.orders, order{command: n.command, why: ForCommand, successor: &n})
}

// succeed lets another agent take over. What the one before knew is in the history.
func (d *dialog) succeed(n *recasted) {
	d.dropGuess()
	d.estranged = d.estranged || d.secret()
	d.agent, d.manners = &n.agent, n.agent.Manners.WithDefaults()
	d.clear(silenceAlarm)
	d.do(swap{n.parts})
	d.tell(Event{Kind: AgentChanged, Text: n.agent.Name})
	d.notes = append(d.notes, "Another agent has led this call until now. You take over.")
}

// carryOut does what was ordered, now that the floor is free.
func (d *dialog) carryOut(o order) {
	c := o.command
	if d.minds(c) {
		return
	}
	if o.successor != nil {
		d.succeed(o.successor)
	}
	switch {
	case c.Kind == Inject && len(d.notes) == 0: // it was seen meanwhile
	case c.Ask, c.Kind == Ask:
		d.begin(&turn{why: o.why})
	case c.Kind == Write:
		d.begin(&turn{why: ForWords, said: c.Text, secret: d.secret()})
	case c.Kind == Wait:
		d.linger(c.For)
	case c.Kind == Say, c.Kind == HangUp, c.Kind == Beep, c.Kind == Press, c.Kind.moves(), speakable(c.Text):
		if c.Kind != HangUp && c.Kind != Beep && c.Kind != Press && !c.Kind.moves() {
			c = Command{Kind: Say, Text: c.Text}
		}
		t := &turn{why: o.why, firm: o.firm, then: []Command{c}, cause: o.cause}
		d.open(t)
		d.proceed(t)
	}
}

// obey does the next of the commands that the agent itself gave in t. It says whether that is the last of them.
func (d *dialog) obey(t *turn, c Command) (last bool) {
	switch c.Kind {
	case Say, HangUp:
	case Beep:
		d.beep(t)
		return false
	case Change, Press, Transfer, Bridge, Wait, Collect:
		if err := c.Check(); err != nil {
			d.tell(Event{Kind: CommandFailed, Text: string(c.Kind), Err: err})
			return false
		}
	default:
		d.tell(Event{Kind: CommandFailed, Text: string(c.Kind), Err: errNotForAgents})
		return false
	}
	switch c.Kind {
	case Change:
		d.do(recast{c})
		return false
	case Press:
		d.press(t, c.Keys)
		return false
	case Wait:
		d.linger(c.For)
		return false
	case Collect:
		d.collect(c.Slots)
		return false
	case Transfer, Bridge:
		t.onward = &c
	}
	if c.Kind == HangUp && t.cause == "" {
		t.cause = media.CauseAgent
	}
	if speakable(c.Text) {
		d.utter(t, c.Text)
	}
	return c.Kind == HangUp || c.Kind.moves()
}

// linger leaves the caller alone until they speak, or for so long.
func (d *dialog) linger(length time.Duration) {
	d.expect.Patience, d.lingers = length, true
	d.clear(silenceAlarm)
}

// brief puts what the responder is to be told into the history, before it is asked in t.
func (d *dialog) brief(t *turn) {
	for _, text := range d.notes {
		d.history = append(d.history, Message{Role: Narrator, Text: text, Turn: t.n, At: d.now})
	}
	t.notes, d.notes = append(t.notes, d.notes...), nil
}
