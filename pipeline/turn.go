package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/media"
)

// turn is one exchange while it is in progress. It has a step for each thing said in it: the first response, one more after each
// round of tools, the house's own words such as Sorry.
type turn struct {
	n    int
	why  Reason
	said string // by the caller: words or keys
	// secret: said is not for others.
	secret bool
	mark   int // length of the history before it

	steps      []*step
	rounds     int         // of tools
	exhausted  bool        // it wanted one round too many
	asks       bool        // the responder is, or was, asked
	told       bool        // and something of its response is there
	expects    bool        // which says what it waits for
	goesOn     bool        // the responder is to be told the results of its tools
	then       []Command   // what follows its last step
	cause      media.Cause // with which the call ends after it; empty: the call goes on
	usage      Usage
	lookup     *Lookup // what was looked up, the last time
	remembered []string
	counts     Counts
	notes      []string // that its history has
	onward     *Command // the Transfer or Bridge that follows when it has been heard
	err        string   // the provider that failed
	sounding   bool
	held       bool // the caller may be interrupting
	protected  bool // speech does not interrupt
	keysWait   bool // keys do not
	firm       bool // nothing does
	cut        bool // it was interrupted; silenced is on its way
	cutsIn     bool // the caller had not finished, and may still talk

	guessed  bool   // prepared, unheard, not yet wanted
	deferred []news // of a guess

	opened                     time.Duration // since the answer
	from, spoke, judged, final time.Duration // of the caller's words: began, and as in caller
}

// step is one reply of a turn.
type step struct {
	account   account
	message   int           // its place in the history; -1: none yet
	responded bool          // its text is complete
	arrived   bool          // there is sound for it
	voiced    bool          // and heard, as far as it ever will be
	told      bool          // it brought something besides text
	followed  bool          // its tools' results are in the history
	keys      string        // to be pressed, in place of words
	asked     bool          // of the responder
	asking    time.Duration // when that was, also if it was for a guess; 0: it was not
	calls     []ToolCall
	terms     []terms           // of calls
	results   map[string]string // by ToolCall.ID
}

func (s *step) toolsOut() bool { return len(s.results) < len(s.calls) }

// yields says whether the caller's speech may interrupt the turn.
func (t *turn) yields() bool { return !t.firm && !t.protected && !t.cut && !t.pressing() }

func (t *turn) last() *step {
	if len(t.steps) == 0 {
		return nil
	}
	return t.steps[len(t.steps)-1]
}

// leaves says whether the call ends after the turn, as far as it is up to us.
func (t *turn) leaves() bool {
	return t.cause != "" || t.onward != nil || slices.ContainsFunc(t.then, func(c Command) bool { return c.Kind == HangUp || c.Kind.moves() })
}

// heard is what the caller heard of the turn; text is all of it.
func (t *turn) heard() (heard, text string, length time.Duration) {
	var hs, ts []string
	for _, s := range t.steps {
		hs, ts = append(hs, s.account.heard), append(ts, s.account.text)
		length += s.account.length
	}
	return joined(hs), joined(ts), length
}

func joined(parts []string) string {
	for i, s := range parts {
		parts[i] = strings.TrimSpace(s)
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
}

// turnOf is the turn that n is about; 0: none.
func turnOf(n news) int {
	switch n := n.(type) {
	case told:
		return n.turn
	case responded:
		return n.turn
	case reached:
		return n.turn
	case sounded:
		return n.turn
	case voiced:
		return n.account.turn
	case silenced:
		return n.turn
	case arrived:
		return n.turn
	case stalled:
		return n.turn
	case failed:
		return n.turn
	case tooled:
		return n.turn
	}
	return 0
}

// open makes t the turn in progress.
func (d *dialog) open(t *turn) {
	d.dropGuess()
	d.turns++
	t.n = d.turns
	d.start(t)
}

// start gives t the floor, and the history what it is about.
func (d *dialog) start(t *turn) {
	d.turn, t.mark, t.opened = t, len(d.history), d.now
	t.held = t.held || d.parked
	if len(t.then) == 0 {
		d.brief(t)
	}
	if d.waiting.spoken = 0; !d.waiting.mute {
		d.wait()
	}
	if t.cutsIn {
		d.history = append(d.history, Message{Role: Narrator, Turn: t.n, At: d.now, Text: "The caller has not finished, but has spoken for long: you are cutting in. Be brief."})
	}
	d.expectAnew(t)
	d.preface(t)
	m := Message{Role: Narrator, Turn: t.n, At: d.now}
	switch {
	case t.why != ForKeys && t.said != "":
		m.Role, m.Text, m.Words = Caller, t.shown(), d.timesOf(t)
		if t.spoke > t.from {
			m.At, m.Length = t.from, t.spoke-t.from
		}
	case t.why == ForKeys:
		m.Text = "The caller pressed " + t.shown() + "."
	case t.why == ForSilence:
		m.Text = "The caller is silent."
	default:
		return
	}
	d.history = append(d.history, m)
}

// expectAnew ends what the last response waited for. That a secret may come is true until the next response is there, and in a turn
// in which there is none the whole of it.
func (d *dialog) expectAnew(t *turn) {
	next := Expect{Masked: d.expect.Masked}
	if next.Masked && !t.asks {
		next = d.expect
		next.Patience, next.Protected = 0, false
	}
	if d.expect.Words != nil && next.Words == nil {
		d.do(expect{nil})
	}
	d.expect, d.lingers = next, false
}

// begin opens t and asks the responder for it.
func (d *dialog) begin(t *turn) {
	t.asks = true
	d.open(t)
	d.ask(t)
}

// ask the responder for the next step of t.
func (d *dialog) ask(t *turn) {
	t.steps = append(t.steps, &step{message: -1, asked: true, asking: max(d.now, 1)})
	d.brief(t)
	d.soon()
	d.do(ask{talk: d.talk(t), step: len(t.steps) - 1, held: t.held || t.guessed})
}

func (d *dialog) talk(t *turn) Talk {
	talk := Talk{
		Turn: t.n, Why: t.why, Step: t.rounds, Agent: d.agent, Info: d.info,
		History: slices.Clone(d.history),
	}
	switch t.why {
	case ForWords:
		talk.Text = d.toldOf(t)
	case ForKeys:
		talk.Keys = d.toldOf(t)
	case ForSilence:
		talk.Silence = d.silences
	}
	if t.rounds > 0 {
		talk.Why = ForToolResult
	}
	return talk
}

// utter adds a step in the house's own words to t.
func (d *dialog) utter(t *turn, text string) {
	s := &step{message: -1, responded: true, account: account{text: text}}
	t.steps = append(t.steps, s)
	d.write(t, s)
	d.soon()
	d.do(utter{turn: t.n, step: len(t.steps) - 1, text: text, held: t.held})
}

// beep adds a tone to t.
func (d *dialog) beep(t *turn) {
	t.steps = append(t.steps, &step{message: -1, responded: true})
	d.soon()
	d.do(utter{turn: t.n, step: len(t.steps) - 1, tone: true, held: t.held})
}

// told takes what a response brings besides text.
func (d *dialog) told(n told) {
	t, delta := d.turn, n.delta
	s := t.steps[n.step]
	if t.cut || s.responded {
		return
	}
	t.told = t.told || delta.Lookup == nil && delta.Remembered == nil // what a model is told of says nothing of what it waits for
	switch {
	case delta.Call != nil && t.rounds >= d.manners.ToolSteps:
		s.told, t.exhausted = true, true
	case delta.Call != nil:
		call := *delta.Call
		if call.ID == "" {
			call.ID = fmt.Sprintf("call_%d_%d_%d", t.n, n.step, len(s.calls))
		}
		s.told = true
		d.use(t, s, call)
	case delta.Expect != nil:
		s.told, t.expects = true, true
		d.mask(*delta.Expect)
		t.keysWait = d.expect.KeysWait
		if t.protected = d.expect.Protected; t.protected {
			d.resume()
		}
		d.do(expect{d.expect.Words})
	case delta.Do != nil:
		s.told, t.then = true, append(t.then, *delta.Do)
	case delta.Slots != nil:
		s.told = true
		d.learn(delta.Slots)
	case delta.Lookup != nil:
		t.lookup = delta.Lookup
	case delta.Remembered != nil:
		t.remembered = delta.Remembered
	case delta.Usage != nil:
		t.usage.Input += delta.Usage.Input
		t.usage.Output += delta.Usage.Output
		t.usage.Cached += delta.Usage.Cached
	}
}

// responded: the text of a step is complete.
func (d *dialog) responded(n responded) {
	t := d.turn
	s := t.steps[n.step]
	if t.cut || s.responded {
		return
	}
	s.responded, s.account.text, t.told = true, n.text, true
	if s.told || n.text != "" { // who says nothing has not changed its mind
		d.unmask()
	}
	d.write(t, s)
	switch {
	case t.exhausted:
		d.fail(t, s, "responder", errToolSteps)
	case !speakable(n.text) && !s.told && d.wanted(t):
		d.fail(t, s, "responder", errEmptyReply)
	default:
		d.proceed(t)
	}
}

// wanted says whether t still owes the caller an answer. A greeting may be left to the caller, a silence may be kept, and who presses
// keys waits for what comes of it.
func (d *dialog) wanted(t *turn) bool {
	_, text, _ := t.heard()
	return t.why != ForGreeting && t.why != ForSilence && !speakable(text) && !t.presses()
}

// proceed does what is next in t: the answer to its tools, its commands, and its end when all has been heard.
func (d *dialog) proceed(t *turn) {
	s := t.last()
	if t.cut || s != nil && (!s.responded || s.toolsOut() && !s.followed) {
		return
	}
	if s != nil && len(s.calls) > 0 && !s.followed {
		d.follow(t, s, "")
		t.goesOn = !t.leaves() && !d.caller.complete // what the caller has said meanwhile is answered together with the results
	}
	sounds := func(s *step) bool { return !s.voiced }
	for len(t.then) > 0 && (!t.goesOn || t.then[0].Kind == Press) {
		c := t.then[0]
		if c.Kind == Press && slices.ContainsFunc(t.steps, sounds) {
			return // until the words before the keys have been heard
		}
		t.then = t.then[1:]
		if d.obey(t, c) {
			t.then = nil
		}
	}
	if t.goesOn {
		t.goesOn = false
		t.rounds++
		d.ask(t)
		return
	}
	if slices.ContainsFunc(t.steps, sounds) {
		return
	}
	d.close(t)
	switch {
	case t.cause != "":
		d.end(t.cause, nil)
	case t.onward != nil:
		d.moveOn(*t.onward)
	}
}

// close ends t and tells its record.
func (d *dialog) close(t *turn) {
	d.unopened(t)
	d.callee.heard = d.callee.heard || !t.cut && t.sounding
	d.turn = nil
	d.heed(true)
	d.ended++
	d.spoken(t)
	d.forget(t)
	d.clear(bargeInAlarm)
	d.clear(falseAlarm)
	d.clear(toolAlarm)
	r := t.record()
	r.Slots, r.Times = d.unrecorded(), t.times(d.now)
	r.Cut = r.Cut && d.ending == nil
	r.First, r.Messages = d.unwritten()
	d.tell(Event{Kind: TurnEnded, Turn: r})
	d.faulty(t)
}

// sounded: the first frame of a step went out.
func (d *dialog) sounded(n sounded) {
	if d.turn.steps[n.step].asked {
		d.turn.told = true
		d.unmask()
	}
	if t := d.turn; !t.sounding {
		t.sounding, d.mouth.since = true, d.now
		d.tell(Event{Kind: ReplyBegan})
	}
}

// voiced: a step has been heard to its end.
func (d *dialog) voiced(a account) {
	t := d.turn
	s := t.steps[a.step]
	if t.cut || s.voiced {
		return
	}
	s.voiced, s.account = true, a
	if a.length > 0 {
		d.voiceless, d.mouth.until = 0, d.now
	}
	d.write(t, s)
	d.proceed(t)
	if d.turn == t && !t.cut && !slices.ContainsFunc(t.steps, func(s *step) bool { return s.arrived && !s.voiced }) {
		d.wait()
	}
}

// failed: a provider failed at a step of the turn. The caller hears an apology, unless more is to come anyway.
func (d *dialog) failed(n failed) {
	t := d.turn
	s := t.steps[n.step]
	t.told = true
	if t.cut {
		return
	}
	if !s.responded {
		d.outlive(t, s)
		s.account.text, s.calls, s.terms, s.results = n.text, nil, nil, nil
		d.write(t, s)
		s.responded = true
	}
	d.fail(t, s, n.part, n.err)
}

func (d *dialog) fail(t *turn, s *step, part string, err error) {
	t.err = part
	d.tell(Event{Kind: ProviderFail, Text: part, Err: err})
	if part == "voice" {
		if d.voiceless++; d.voiceless >= voiceFailures {
			d.end(media.CauseProvider, fmt.Errorf("voice: %w", err))
			return
		}
	}
	if s == t.last() && (s == nil || !s.toolsOut()) && !t.leaves() {
		d.utter(t, d.manners.Sorry)
	}
	d.proceed(t)
}

// interrupt cuts the turn in progress, if it may be. What has been heard comes back as silenced.
func (d *dialog) interrupt() {
	if d.turn != nil && d.turn.yields() {
		d.cutTurn()
	}
}

func (d *dialog) cutTurn() {
	d.turn.cut = true
	d.heed(true)
	d.clear(bargeInAlarm)
	d.clear(falseAlarm)
	d.do(cut{d.turn.n})
}

// resume lets a held turn sound again.
func (d *dialog) resume() {
	d.clear(bargeInAlarm)
	d.clear(falseAlarm)
	if !d.held() || d.turn.cut || d.parked {
		return
	}
	d.turn.held, d.mouth.since = false, d.now
	d.do(carryOn{d.turn.n})
	d.turn.counts.FalseAlarms++
	d.tell(Event{Kind: FalseAlarm})
}

func (d *dialog) held() bool { return d.turn != nil && d.turn.held }

// withdraw takes back an answer of which nothing has sounded yet.
func (d *dialog) withdraw() {
	if t := d.turn; t != nil && t.why == ForWords && !t.sounding {
		d.interrupt()
	}
}

// silenced closes a turn that was cut. An answer of which nothing was heard, because the caller had not finished, is withdrawn: its
// question becomes the beginning of what the caller is saying now.
func (d *dialog) silenced(n silenced) {
	t := d.turn
	for _, a := range n.accounts {
		t.steps[a.step].account = a
	}
	heard, _, length := t.heard()
	c := &d.caller
	switch {
	case d.ending != nil:
		d.settle(t)
	case t.why == ForWords && t.said != "" && length == 0 && !t.usedTools() && (c.floor != quiet || c.complete):
		d.history = slices.Delete(d.history, t.mark, len(d.history))
		d.notes = append(t.notes, d.notes...)
		c.said, c.began = slices.Insert(c.said, 0, t.said), t.from
		c.secret = c.secret || t.secret
		c.pause.wentOn = max(c.pause.wentOn, 1)
	default:
		d.settle(t)
		d.tell(Event{Kind: Interrupted, Text: heard})
		d.keepKeys(t)
	}
	d.close(t)
	if d.ending != nil {
		d.stop()
	}
}

// settle brings a cut turn's history in order.
func (d *dialog) settle(t *turn) {
	for _, s := range t.steps {
		if !s.voiced || !s.responded || s.toolsOut() && !s.followed {
			s.voiced = true
			d.write(t, s)
			d.outlive(t, s)
			d.follow(t, s, "cancelled")
		}
	}
}
