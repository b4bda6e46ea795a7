package pipeline

import (
	"slices"
	"strings"
	"time"
)

// mouth is what the caller hears of the agent: of the turn in progress, or of the last one that sounded.
type mouth struct {
	text   []string      // all that it means to say, as far as it is written
	heard  int           // how many of these words were heard
	sounds bool          // it is not finished
	since  time.Duration // when it began to sound, or went on after it had been held
	filler []string      // what sounded in its place, last
	filled time.Duration // when it was last known to, since the answer
	until  time.Duration // when it was last known to sound, since the answer; 0: it never did
}

// reached takes note of how far the agent was heard, right before the news that have to be judged by it.
func (d *dialog) reached(n reached) {
	d.caller.sound = n.sound
	m := &d.mouth
	if n.filler != "" {
		m.filler, m.filled = strings.Fields(n.filler), d.now
	}
	if !d.turn.sounding {
		return
	}
	m.text, m.heard, m.sounds = strings.Fields(n.text), len(strings.Fields(n.heard)), n.sounds
	if n.sounds {
		m.until = d.now
	}
}

// spoke takes note of what a turn that has ended has said.
func (d *dialog) spoken(t *turn) {
	_, keys := t.pressed()
	if heard, _, length := t.heard(); length > keys {
		said := strings.Fields(heard)
		m := &d.mouth
		m.text, m.heard, m.sounds = said, len(said), false
		d.echo.spokeFor(length - keys)
		if t.why != ForSilence {
			d.asked = question(heard)
		}
	}
	d.echo.disturbed = false
}

// state is what the agent does in the turn in progress.
func (d *dialog) state() AgentState {
	t := d.turn
	tools := slices.ContainsFunc(t.steps, func(s *step) bool { return s.toolsOut() && !s.followed })
	sounds := slices.ContainsFunc(t.steps, func(s *step) bool { return !s.voiced && (t.sounding || !s.toolsOut()) })
	switch {
	case tools && !sounds:
		return AgentTool
	case !t.sounding:
		return AgentThinking
	case d.mouth.reads():
		return AgentReading
	case t.why == ForGreeting:
		return AgentGreeting
	}
	return AgentSpeaking
}

// bar is what speech has to reach in that state.
func (d *dialog) bar(s AgentState) Bar {
	if d.callee.phase == leaving { // a machine's noises are no speech
		return Bar{1, Never}
	}
	switch m := &d.manners; s {
	case AgentTool:
		return m.Interrupt.Tool
	case AgentReading:
		return m.Interrupt.Reading
	case AgentGreeting:
		return m.Interrupt.Greeting
	case AgentThinking:
		return Bar{1, m.BargeIn}
	default:
		return Bar{m.BargeInWords, m.BargeIn}
	}
}

// echoBar is b, higher as long as the leg may echo: then sound proves nothing, and a word or two may be garbled.
func (d *dialog) echoBar(b Bar) Bar {
	if d.mayEcho() {
		b.Speech = Never
		if b.Words != Never {
			b.Words = max(b.Words, 3)
		}
	}
	return b
}

// readingDigits within readingWindow words make a passage in which digits are read out.
const readingDigits, readingWindow = 4, 8

// reads says whether digits are being read out about where the caller hears the agent.
func (m *mouth) reads() bool {
	from := max(0, m.heard-readingWindow/2)
	n := 0
	for _, w := range m.text[from:min(len(m.text), from+readingWindow)] {
		n += digits(w)
	}
	return n >= readingDigits
}

// digits counts the digits that a written word stands for.
func digits(word string) int {
	n := figures(word)
	if n == 0 && inEnglish.units.has(strings.TrimSpace(plain(word))) {
		n = 1
	}
	return n
}

// nearQuestion is how many words from its end a question is answered by what would be a backchannel elsewhere: about a second.
const nearQuestion = 3

// asked says whether speech that began when the caller had heard so many words is an answer to a question of the agent's, and
// whether that question is the end of what it says, and not yet heard.
func (m *mouth) asked(onset int) (answer, open bool) {
	for i := max(0, onset-nearQuestion); i < min(len(m.text), onset+nearQuestion); i++ {
		if strings.HasSuffix(strings.TrimRight(m.text[i], `"')]”’`), "?") {
			return true, i == len(m.text)-1 && i >= m.heard
		}
	}
	return false, false
}

// weight is what words of the caller are worth in the agent's turn.
type weight uint8

const (
	unclear     weight = iota
	interrupts         // the turn is cut
	kept               // they do not interrupt, and are answered after the turn
	backchannel        // they are not for us
	echoed             // they are the agent's own
)

// weigh judges the caller's speech in the agent's turn by what is known of it; over, if text is final.
func (d *dialog) weigh(text string, speech time.Duration, paused, over bool) weight {
	c, t := &d.caller, d.turn
	if t.cut {
		return kept
	}
	state := d.state()
	said := utterance(text)
	answer, open := d.mouth.asked(c.met.words)
	if state != AgentThinking && d.never.all(said, true) {
		switch {
		case !over && (!paused || !d.never.all(said, false)): // it may go on, or be a beginning
			return unclear
		case !answer:
			return backchannel
		case open || !t.yields():
			return kept
		}
		return interrupts
	}
	switch {
	case !t.yields() || d.talksOn():
		return kept
	case d.always.in(said):
		return interrupts
	case state != AgentThinking && state != AgentTool && !answer && d.scrap(said):
		if over {
			return backchannel
		}
		return unclear
	}
	o := Overlap{
		State: state, Bar: d.echoBar(d.bar(state)), Speech: speech, Sure: c.sure, Paused: paused, Over: over, Soon: !c.mute, Text: d.judged(text), Sound: c.sound,
		Heard: strings.Join(d.mouth.text[:d.mouth.heard], " "), Left: strings.Join(d.mouth.text[d.mouth.heard:], " "),
	}
	switch verdict := d.manners.Interrupt.Arbiter.Judge(o); {
	case verdict == Meant:
		return interrupts
	case over && text != "" && (state == AgentTool || d.mayEcho() && !d.echo.echoing()):
		return kept
	case verdict == NotMeant || over:
		return backchannel
	}
	return unclear
}

// A sound shorter than wordLeast, as the ear measures it, has no room for a word: what lasts 150 ms is 230 ms to the ear. In less than
// plainLeast there is room for a curt one.
const wordLeast, plainLeast = 250 * time.Millisecond, 400 * time.Millisecond

// curt are words that are said alone, and shortly, to somebody who speaks.
var curt = lex("but,no,nope,nah,help,hey,hello,hi,bye,what,why,who,where,when,how,which,more,less,next,back,skip,end,quit,done,please,again,menu,agent")

// scrap says whether what was said is one word in a sound that is too short for it, so that the recogniser has made it up of a breath, a slip
// or half a word.
func (d *dialog) scrap(said []string) bool {
	c := &d.caller
	length := c.length
	if c.floor == speaking && !c.paused {
		length = d.now - c.from
	}
	switch {
	case len(said) != 1 || length == 0 || slices.ContainsFunc(d.expect.Words, func(w string) bool { return sameWords(w, said[0]) }):
		return false
	case length < wordLeast:
		return true
	}
	return length < plainLeast && d.agent.speaksEnglish() && !curt.has(said[0]) && !inEnglish.number(said[0])
}

// consider acts on speech in the agent's turn that is not over yet.
func (d *dialog) consider(text string, speech time.Duration, paused bool) {
	if d.turn == nil || !d.turn.yields() || d.talksOn() {
		return
	}
	if !d.held() { // what began before the agent spoke, or was let pass, interrupts by words alone
		speech = 0
	}
	text, echoes := d.heardBack(text, false)
	if echoes > 0 && text == "" {
		d.resume()
		return
	}
	switch d.weigh(text, speech, paused, false) {
	case interrupts:
		d.interrupt()
	case kept, backchannel:
		d.resume()
	}
}

// doubtAgain is how often the arbiter is asked while speech lasts and nothing else happens; doubtMost, in FalseAlarms, how long.
const doubtAgain, doubtMost = 100 * time.Millisecond, 4

// lasted: the speech may have lasted long enough to interrupt.
func (d *dialog) lasted() {
	d.set(bargeInAlarm, d.now+doubtAgain)
	c := &d.caller
	d.consider(c.partial, d.now-d.manners.Guess-c.since, false)
	if !d.held() || d.turn.cut {
		d.clear(bargeInAlarm)
	}
}

// overheard takes from words that will not change what is not meant to be answered, and cuts the agent's turn if it is meant to be.
// It says whether the words are a part of the conversation at all; an empty text is.
func (d *dialog) overheard(text string, last bool) (own string, part bool) {
	own, echoes := d.heardBack(text, true)
	switch {
	case echoes > 0:
		d.tell(Event{Kind: Echo, Text: d.shown(text)})
	case text == "" && last && d.turn != nil && d.caller.met.soon && d.caller.length <= echoBlip:
		d.echo.found(2)
	}
	switch w := d.weight(own, echoes); w {
	case interrupts:
		d.interrupt()
		return own, true
	case backchannel, echoed:
		if last {
			d.resume()
		}
		if w == backchannel && own != "" {
			d.tell(Event{Kind: Backchannel, Text: d.shown(own)})
		}
		return "", false
	}
	if last {
		d.resume()
	}
	return own, true
}

// weight is that of words that will not change, of which some were the agent's own.
func (d *dialog) weight(own string, echoes int) weight {
	switch {
	case echoes > 0 && own == "":
		return echoed
	case d.turn == nil:
		return kept
	}
	return d.weigh(own, d.caller.length, true, true)
}
