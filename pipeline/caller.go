package pipeline

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode"

	"parley/media"
)

// caller is what the dialog knows of the caller.
type caller struct {
	floor    floor
	edge     int           // the stretch of speech that floor is about
	ignored  int           // stretches up to here were heard on hold
	overdue  int           // the stretch whose words did not come in time
	forgot   int           // stretches up to here are not waited for and not answered any more
	onset    time.Duration // media time at which the stretch began
	from     time.Duration // the same since the answer
	sure     bool          // it was clear speech
	since    time.Duration // it, or its part after a pause, began to be doubted, since the answer
	met      overlap       // of it with the agent's
	sound    Contour       // of it
	length   time.Duration // from onset to the last voiced frame, as far as known
	partial  string        // its words so far
	paused   bool          // after MaybeEnded
	said     []string      // the finals of this turn of the caller
	began    time.Duration // when the first of them began to be said, since the answer
	complete bool          // said is to be answered

	pause  pausing
	lively bool // the recogniser gives words before the speech is over
	mute   bool // it does not: it has let a long stretch of speech pass without

	spoke  time.Duration // the last voiced frame, since the answer
	judged time.Duration // when that was known to be the last
	final  time.Duration // when its words were there

	timed     []Word        // that the recogniser was sure of, with their times since the answer: the last of the call
	wordless  time.Duration // speech since the last word
	monologue monologue

	keys    string // pressed so far
	entry   string // a finished entry of keys
	counted counted

	secret    bool          // what waits was given as a secret, in part at least
	overtyped time.Duration // keys until then may belong to it, since the answer
	ahead     []rune        // keys that wait for the response to say what it expects
	flushing  bool          // they do not any more
}

type floor uint8

const (
	quiet floor = iota
	speaking
	awaiting // words
)

// hear follows the ear.
func (d *dialog) hear(n edged) {
	c, e := &d.caller, n.edge
	if e.Kind == Began && e.N > c.edge {
		d.afresh()
		d.again(e.At)
		fresh := c.floor == quiet && len(c.said) == 0
		c.floor, c.edge, c.onset, c.from = speaking, e.N, e.At, n.spoke
		c.sure, c.length, c.partial, c.paused, c.pause.likely = false, 0, "", false, 0
		d.meet()
		if fresh {
			c.began, c.pause.wentOn = n.spoke, 0
			d.listenLong()
		}
		d.clear(transcriptAlarm)
		d.hush(true)
		d.babbles()
		d.tell(Event{Kind: SpeechBegan})
	}
	if e.N != c.edge || c.floor != speaking {
		return
	}
	switch e.Kind {
	case Began:
		c.sure = c.sure || e.Sure
		d.doubt(c.from)
	case MaybeEnded:
		c.length, c.paused = max(c.length, e.At-c.onset), true
		d.clear(bargeInAlarm)
		d.consider(c.partial, n.spoke-c.since, true)
		d.cutIn(n.spoke)
		c.pause.at, c.pause.spoke = e.At, n.spoke
		d.pauses()
	case Resumed:
		d.resumed(n)
	case Ended:
		d.fellQuiet(n)
	}
}

// doubt holds the agent while it is not clear whether the speech that began at from is meant to interrupt. The verdict comes
// Guess later than BargeIn, for only then is it known that the speech had not already ended.
func (d *dialog) doubt(from time.Duration) {
	t := d.turn
	if t == nil || !t.yields() || d.talksOn() || d.mayEcho() {
		return
	}
	if !t.held {
		t.held = true
		t.counts.Held++
		d.do(duck{t.n})
	}
	c, speech := &d.caller, d.bar(d.state()).Speech
	c.since = from
	verdict := from + max(speech, d.manners.BargeIn) + d.manners.Guess
	patience := d.manners.FalseAlarm
	if c.sure && speech != Never {
		patience *= doubtMost
		d.set(bargeInAlarm, verdict)
	}
	d.set(falseAlarm, verdict+patience)
}

func (d *dialog) fellQuiet(n edged) {
	c := &d.caller
	c.length = max(c.length, n.edge.At-c.onset)
	c.spoke, c.judged = n.spoke, d.now
	d.goesOn()
	d.clear(bargeInAlarm)
	c.wordless += c.length
	d.clear(babbleAlarm)
	d.tell(Event{Kind: SpeechEnded})
	if c.edge <= c.forgot {
		c.floor = quiet
		d.resume()
		return
	}
	c.floor = awaiting
	if c.length >= unheard && d.turn == nil && !d.holds() {
		d.wait()
	}
	d.set(transcriptAlarm, d.now+d.manners.TranscriptLimit)
	if d.held() {
		d.set(falseAlarm, d.now+d.manners.FalseAlarm)
	}
}

// understand follows the recogniser.
func (d *dialog) understand(t Transcript) {
	c := &d.caller
	t.Text = c.untaken(strings.TrimSpace(t.Text))
	if d.trail(t) {
		return
	}
	edge := t.Edge
	if edge == 0 {
		edge = c.edge
	}
	c.pause.boss = c.pause.boss || t.Kind == EndOfTurn // also when its words were taken before it
	if rest := c.pause.early.beyond(t.Text, edge); rest != t.Text {
		if t.Text = rest; rest == "" && t.Edge == 0 {
			return
		}
	}
	d.times(t)
	switch t.Kind {
	case Partial:
		d.partly(t.Text)
	case EagerEnd:
		d.partly(t.Text)
		d.prepare(t.Text)
		c.pause.eager, c.pause.known, c.pause.likely = t.Text, d.now, t.Finished
		d.pauses()
	case TurnResumed:
		c.pause.boss = true
		c.forgot = min(c.forgot, c.edge-1)
		d.withdraw()
	case EndOfTurn:
		if c.floor != quiet {
			c.forgot = c.edge
		}
		if c.floor == speaking && c.paused { // it is quicker than the ear
			c.spoke = c.pause.spoke
		}
		if c.floor == awaiting {
			c.floor = quiet
			d.clear(transcriptAlarm)
		}
		c.judged = d.now
		d.settled(t.Text, true, true)
	case Final:
		if t.Edge != 0 && t.Edge <= c.forgot && !d.more(t) {
			d.late(t)
			return
		}
		if t.Finished != 0 && (t.Edge == 0 || t.Edge == c.edge) {
			c.pause.likely = t.Finished
		}
		last := c.floor == quiet
		if t.Edge != 0 && t.Edge == c.edge && c.floor == awaiting {
			c.floor, last = quiet, true
			d.clear(transcriptAlarm)
			d.clear(falseAlarm)
		}
		d.settled(t.Text, last, c.pause.boss)
	}
}

// partly takes the words so far of the current stretch. They interrupt; and they spoil a guess that was made of others.
func (d *dialog) partly(text string) {
	c := &d.caller
	c.lively = c.lively || text != ""
	if c.floor == quiet || text == "" || text == c.partial {
		return
	}
	c.partial = text
	if c.pause.eager != "" && !sameWords(text, c.pause.eager) {
		d.goesOn()
	}
	d.understood()
	if !d.secret() {
		d.tell(Event{Kind: Transcribed, Text: text})
	}
	d.longer(text)
	if d.guess != nil && !sameWords(d.guess.said, d.words(text)) {
		d.dropGuess()
	}
	d.consider(text, d.now-d.manners.Guess-c.since, c.paused)
	if d.held() && !d.turn.cut { // the next word may be the one that decides
		d.set(falseAlarm, max(d.alarms[falseAlarm], d.now+d.manners.FalseAlarm))
	}
}

// settled takes words that will not change; last, if none are to be expected after them; surely, if they are known to end the turn.
func (d *dialog) settled(text string, last, surely bool) {
	c := &d.caller
	c.partial, c.final = "", d.now
	c.mute = !c.lively && (c.mute || text != "" && c.length >= wordsBy)
	if text != "" {
		d.understood()
		d.tell(Event{Kind: Transcribed, Text: d.shown(text), Final: true})
	}
	text, part := d.overheard(text, last)
	if !part {
		if last {
			d.conclude(surely)
		}
		return
	}
	if text != "" {
		c.said = append(c.said, text)
		d.silences = 0
	}
	switch {
	case !last:
	case len(c.said) > 0:
		d.conclude(surely)
	case d.turn == nil:
		d.mumbled()
	}
}

// mumbled asks again after speech of which nothing was understood, if it was speech, and not too often: a noisy line is not a
// reason to hang up.
func (d *dialog) mumbled() {
	d.dropGuess()
	if d.caller.length < unheard || d.rung().HangUp || d.adrift || d.lingers || d.holds() {
		return
	}
	d.climb()
}

// unanswered gives up on the recogniser for this stretch of speech. Words that it found before have to do.
func (d *dialog) unanswered() {
	c := &d.caller
	if c.floor != awaiting {
		return
	}
	c.floor, c.forgot, c.final = quiet, c.edge, d.now
	switch {
	case c.monologue.edge == c.edge: // its words have had their answer
	case d.turn != nil:
		d.resume()
	case d.holds() && len(c.said) == 0 && c.partial == "":
	case len(c.said) > 0:
		c.complete = true
	case c.partial != "":
		c.said, c.partial, c.complete = []string{c.partial}, "", true
	default:
		c.overdue = c.edge
		t := &turn{why: ForWords}
		d.open(t)
		d.fail(t, nil, "transcriber", errNoTranscript)
	}
}

// late takes the words of a stretch of speech that was given up on. They are answered, unless the caller has spoken again meanwhile.
func (d *dialog) late(t Transcript) {
	c := &d.caller
	if d.hadSaid(t) {
		return
	}
	if t.Text == "" || t.Edge != c.overdue || t.Edge != c.edge || c.floor != quiet || d.closing() {
		return
	}
	c.overdue = 0
	d.settled(t.Text, true, true)
}

// deaf gives up: without a recogniser it is true that the caller cannot be heard, and that is what Goodbye says.
func (d *dialog) deaf(n deafened) {
	part := n.part
	if part == "" {
		part = "transcriber"
	}
	d.tell(Event{Kind: ProviderFail, Text: part, Err: n.err})
	d.finish(order{command: Command{Kind: HangUp, Text: d.manners.Goodbye}, why: ForCommand, cause: media.CauseProvider, firm: true})
}

// reply answers what the caller has said, with the prepared answer if it was prepared for these words.
func (d *dialog) reply() {
	c := &d.caller
	t := &turn{why: ForWords, said: d.words(""), secret: d.secret(), from: c.began, spoke: c.spoke, judged: c.judged, final: c.final, cutsIn: c.monologue.cutIn}
	c.said, c.complete, c.spoke, c.began = nil, false, 0, c.from
	if d.clear(monologueAlarm); t.cutsIn {
		c.monologue.cutIn, c.began = false, d.now
		d.cutsIn(t)
		return
	}
	g := d.guess
	if g == nil || !sameWords(g.said, t.said) {
		d.begin(t)
		return
	}
	d.guess, g.guessed = nil, false
	g.said, g.secret = t.said, t.secret
	g.from, g.spoke, g.judged, g.final = t.from, t.spoke, t.judged, t.final
	d.start(g)
	d.do(carryOn{g.n})
	for _, n := range g.deferred {
		d.take(n)
	}
}

// prepare begins an answer to a likely end of the caller's turn. It is asked for and spoken unheard.
func (d *dialog) prepare(text string) {
	if d.agent.Settled || d.turn != nil || d.ending != nil || len(d.orders) > 0 || d.caller.floor == quiet || text == "" || d.holds() {
		return
	}
	said := d.words(text)
	if d.guess != nil {
		if sameWords(d.guess.said, said) {
			return
		}
		d.dropGuess()
	}
	d.turns++
	d.guess = &turn{n: d.turns, why: ForWords, said: said, secret: d.secret(), asks: true, guessed: true, steps: []*step{{message: -1, asking: max(d.now, 1)}}}
	talk := d.talk(d.guess)
	for _, text := range d.notes {
		talk.History = append(talk.History, Message{Role: Narrator, Text: text, Turn: d.guess.n, At: d.now})
	}
	c := &d.caller
	until := max(c.spoke, c.pause.spoke)
	talk.History = append(talk.History, Message{Role: Caller, Text: d.guess.shown(), Turn: d.guess.n, At: c.began, Length: max(until-c.began, 0)})
	d.do(ask{talk: talk, held: true})
}

// postpone keeps news of the prepared answer until it is wanted. If it fails there is still time to ask again.
func (d *dialog) postpone(n news) {
	if _, bad := n.(failed); bad {
		d.dropGuess()
		return
	}
	d.guess.deferred = append(d.guess.deferred, n)
}

func (d *dialog) dropGuess() {
	if g := d.guess; g != nil {
		d.guess = nil
		d.do(cut{g.n})
	}
}

// key takes a key. It always interrupts.
func (d *dialog) key(k rune) {
	c := &d.caller
	if d.turn != nil && d.turn.firm || d.muted || d.onHold != nil {
		return
	}
	if d.ahead(k) {
		return
	}
	d.afresh()
	d.tell(Event{Kind: KeyPressed, Text: d.shown(string(k))})
	d.keyPressed()
	if d.secret() {
		c.overtyped = d.now + overtyped
	}
	d.understood()
	d.silences = 0
	if c.counted.ends(k, d.now) {
		return
	}
	if t := d.turn; t != nil && !t.keysWait {
		t.protected = false
		d.interrupt()
	}
	var known Pressed
	if d.agent.Keys != nil {
		known = d.agent.Keys(c.keys+string(k), d.expect)
	}
	terminator := d.expect.Terminator
	if terminator == 0 && d.expect.Digits == 0 {
		terminator = '#'
	}
	if k == terminator && c.keys != "" && known == (Pressed{}) {
		d.enter()
		return
	}
	c.keys += string(k)
	full := d.expect.Digits > 0 && len(c.keys) >= d.expect.Digits
	switch {
	case known.Wait > 0:
		d.set(keyAlarm, d.now+known.Wait)
	case known.Whole, k == terminator:
		d.enter()
	case full:
		if d.expect.Digits > 1 {
			c.counted = counted{by: cmp.Or(terminator, '#'), until: d.now + habit}
		}
		d.enter()
	default:
		d.set(keyAlarm, d.now+d.keyGap())
	}
}

// counted is an entry that had all its keys: many a caller presses the hash key after it all the same, and means nothing more by that.
type counted struct {
	by    rune // the key that would have ended it
	until time.Duration
}

// habit is how soon after an entry a key that ends it belongs to it.
const habit = time.Second

// ends says whether k only ends what has ended already.
func (c *counted) ends(k rune, now time.Duration) bool {
	ends := k == c.by && now <= c.until
	*c = counted{}
	return ends
}

// keyGap is how long the next key is waited for. Where nobody asked for an entry, a single key is the likeliest one: half as long.
func (d *dialog) keyGap() time.Duration {
	switch e := d.expect; {
	case e.KeyGap > 0:
		return e.KeyGap
	case e.Digits == 0 && e.Terminator == 0:
		return d.manners.KeyGap / 2
	}
	return d.manners.KeyGap
}

// enter closes an entry of keys.
func (d *dialog) enter() {
	c := &d.caller
	d.clear(keyAlarm)
	c.entry, c.keys = c.entry+c.keys, ""
	if t := d.turn; t != nil && !t.keysWait {
		d.interrupt()
	}
}

// words is all that the caller has said in this turn, with text after it.
func (d *dialog) words(text string) string {
	said := d.caller.said
	if text != "" {
		said = append(slices.Clip(said), text)
	}
	return strings.Join(said, " ")
}

// words counts them.
func words(text string) int { return len(strings.Fields(text)) }

// sameWords says whether two texts differ in nothing but case, spaces and punctuation.
func sameWords(a, b string) bool { return plain(a) == plain(b) }

func plain(s string) string {
	var b strings.Builder
	for f := range strings.FieldsSeq(s) {
		before := b.Len()
		for _, r := range f {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				b.WriteRune(unicode.ToLower(r))
			}
		}
		if b.Len() > before {
			b.WriteByte(' ')
		}
	}
	return b.String()
}
