package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// never, of a time in Manners, switches off what would happen then.
const never time.Duration = -1

// Notice is a word of warning before the longest call ends.
type Notice struct {
	Before time.Duration // so long before MaxLength, or when the floor is next free; default 30 s where MaxLength is 5 min or more, else none; -1: none
	Say    string        // default in English
}

// Monologue is when and how the agent cuts in on a caller who does not stop. It waits for a pause of Guess, but not for ever; its
// answer is to the words so far, and what the caller says meanwhile does not interrupt it. Without partial transcripts nobody is cut in on.
type Monologue struct {
	After time.Duration // speech without an end; default 60 s, 5 s to 10 min; -1: never
	Words int           // or so many words; default 200, 20 to 5,000
	Say   string        // said in place of an answer; empty: the responder is asked for one, and a Narrator tells it why
}

const (
	// noticed is the shortest MaxLength that has a Notice by default.
	noticed = 5 * time.Minute
	// pauseless is how long the agent waits for a pause to cut in at.
	pauseless = 10 * time.Second
)

func (m *Manners) fillLength() {
	if m.Notice.Before == 0 {
		m.Notice.Before = never
		if m.MaxLength >= noticed {
			m.Notice.Before = 30 * time.Second
		}
	}
	if m.Notice.Say == "" {
		m.Notice.Say = "We will have to end this call soon."
	}
	if m.Monologue.After == 0 {
		m.Monologue.After = time.Minute
	}
	if m.Monologue.Words == 0 {
		m.Monologue.Words = 200
	}
}

// checkLength is for m with its defaults.
func (m *Manners) checkLength() error {
	var bad []error
	if n := m.Notice; n.Before != never {
		l := limit[time.Duration]{"Notice.Before", &n.Before, time.Second, m.MaxLength, 0}
		bad = append(bad, l.check())
	}
	if !speakable(m.Notice.Say) {
		bad = append(bad, fmt.Errorf("Notice.Say is %q: want words", m.Notice.Say))
	}
	if l := m.Monologue; l.After != never {
		after := limit[time.Duration]{"Monologue.After", &l.After, 5 * time.Second, 10 * time.Minute, 0}
		words := limit[int]{"Monologue.Words", &l.Words, 20, 5000, 0}
		bad = append(bad, after.check(), words.check())
	}
	if s := m.Monologue.Say; s != "" && !speakable(s) {
		bad = append(bad, fmt.Errorf("Monologue.Say is %q: want words, or nothing", s))
	}
	return errors.Join(bad...)
}

// monologue is how far a caller has got who does not stop, and what the agent has cut in on.
type monologue struct {
	enough bool // the agent cuts in at the next pause
	edge   int  // the stretch of speech that it cut in on
	taken  int  // how many of its words have had their answer
	cutIn  bool // said is what it cut in on
}

// listenLong begins to measure how long the caller speaks.
func (d *dialog) listenLong() {
	d.caller.monologue = monologue{}
	if after := d.manners.Monologue.After; after != never {
		d.set(monologueAlarm, d.now+after)
	}
}

// untaken is text, of the stretch of speech that is going on, without the words that have had their answer.
func (c *caller) untaken(text string) string {
	if c.edge != c.monologue.edge || c.monologue.taken == 0 {
		return text
	}
	f := strings.Fields(text)
	return strings.Join(f[min(c.monologue.taken, len(f)):], " ")
}

// longer takes note of the words so far.
func (d *dialog) longer(text string) {
	if m := d.manners.Monologue; m.After != never && !d.caller.monologue.enough && words(d.words(text)) >= m.Words {
		d.tooLong()
	}
}

// tooLong: the caller has spoken for long enough. A pause is waited for, for a while.
func (d *dialog) tooLong() {
	if d.holds() {
		return
	}
	if m := &d.caller.monologue; m.enough {
		d.cutIn(0)
	} else {
		m.enough = true
	}
	d.set(monologueAlarm, d.now+pauseless)
}

// cutIn makes what the caller has said so far their turn. spoke is when they paused; 0: they did not.
func (d *dialog) cutIn(spoke time.Duration) {
	c := &d.caller
	said := d.words(c.partial)
	if !c.monologue.enough || c.floor != speaking || d.turn != nil || d.ending != nil || d.closing() || !speakable(said) {
		return
	}
	d.dropGuess()
	taken := words(c.partial)
	if c.monologue.edge == c.edge {
		taken += c.monologue.taken
	}
	c.monologue = monologue{edge: c.edge, taken: taken, cutIn: true}
	c.said, c.complete, c.partial = []string{said}, true, ""
	c.spoke, c.judged, c.final = spoke, d.now, d.now
}

// cutsIn begins the turn that cuts in.
func (d *dialog) cutsIn(t *turn) {
	if after := d.manners.Monologue.After; after != never {
		d.set(monologueAlarm, d.now+after)
	}
	if say := d.manners.Monologue.Say; say != "" {
		d.open(t)
		d.utter(t, say)
		return
	}
	d.begin(t)
}

// talksOn says whether the agent cut in on the stretch of speech that still goes on: that does not interrupt it.
func (d *dialog) talksOn() bool {
	return d.turn != nil && d.turn.cutsIn && d.caller.edge == d.caller.monologue.edge
}

// trail takes the last words of a stretch that the agent cut in on: they are kept for the caller's next turn.
func (d *dialog) trail(t Transcript) bool {
	c := &d.caller
	if t.Kind != Final && t.Kind != EndOfTurn || c.monologue.edge != c.edge || t.Edge != 0 && t.Edge != c.edge {
		return false
	}
	c.monologue.taken = 0 // whatever follows has not had its answer
	if t.Kind != Final || !d.talksOn() {
		return false
	}
	c.partial = ""
	if t.Text != "" {
		d.tell(Event{Kind: Transcribed, Text: d.shown(t.Text), Final: true})
		c.said = append(c.said, t.Text)
	}
	if t.Edge != 0 && c.floor == awaiting {
		c.floor = quiet
		d.clear(transcriptAlarm)
	}
	return true
}
