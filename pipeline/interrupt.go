package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Interrupt says which speech of the caller interrupts the agent. The zero of a field means its default.
//
//	speech ─▶ hold ─▶ the agent's echo? ─▶ Never? ─▶ Always? ─▶ a scrap? ─▶ Arbiter ─▶ cut: the caller has the floor
//	                        └────────────────┴─────┬──────────────┘            └─────▶ wait for more, a while
//	                                               └─▶ carry on from the exact sample
//
// Phrases are compared by words: case and punctuation do not matter, and a hum is a hum however it is spelt. A scrap is a sound so short
// that its one word is the recogniser's guess: under 250 ms by the ear, or under 400 ms if it is no word that is said so curtly in English,
// such as "no" or "two", none that the response expects, and none in answer to a question.
type Interrupt struct {
	// Never are utterances that do not interrupt an agent who is speaking and are not answered, such as "mhm" and "okay": when they, or no
	// more than the beginning of one, are all that the caller says. Right after a question they are its answer. Nil: Backchannels; empty,
	// not nil: none.
	Never []string
	// Always are phrases that interrupt as soon as they are recognised anywhere in what the caller says, such as "stop", whatever the
	// bars ask for. Nil: Stops; empty, not nil: none.
	Always []string

	Greeting Bar // while the greeting sounds; default: as while speaking, BargeInWords and BargeIn
	Reading  Bar // while the agent reads digits out; default: 2 words, and never by speech without words
	Tool     Bar // while a tool runs and nothing sounds; default: never, so that words are kept and answered together with its result

	// NoEcho says that no leg sends the agent's own voice back. Else a call is on its guard until it has spoken for 1.5 s without hearing
	// itself: meanwhile, and on a leg that does echo, it is not held at the first sound, and it takes three words that are not its own to interrupt.
	NoEcho bool

	// Arbiter decides what the phrases leave open; nil: Reflex.
	Arbiter Arbiter
}

// A Bar is what speech has to reach in order to interrupt. The zero of a field means its default; Never, that no amount does.
type Bar struct {
	Words  int           // recognised words; up to 20
	Speech time.Duration // clear speech, even without words; 20 ms to 5 s
}

// Never is the bar that nothing reaches.
const Never = -1

// AgentState is what the agent does while the caller speaks.
type AgentState string

// The states of an agent whose turn it is. While a response is Protected, nothing interrupts it, and nobody is asked.
const (
	AgentThinking AgentState = "thinking" // nothing of its answer has sounded: the caller goes on with their own turn
	AgentGreeting AgentState = "greeting"
	AgentSpeaking AgentState = "speaking"
	AgentReading  AgentState = "reading" // digits are being read out
	AgentTool     AgentState = "tool"    // a tool runs, and nothing sounds
)

// An Overlap is speech of the caller that falls into the agent's turn, as far as it is known.
type Overlap struct {
	State  AgentState
	Bar    Bar           // for this state; higher as long as the leg may echo
	Speech time.Duration // how long the caller has spoken
	Sure   bool          // the ear is sure that it is speech
	Paused bool          // a short silence has followed
	Over   bool          // Text is final: no more words will come of it
	Soon   bool          // words may be expected while speech goes on, or at the first silence: the recogniser has not shown otherwise
	Text   string        // what was recognised of it, without what is the agent's own echo
	Heard  string        // what the caller has heard of the agent's turn
	Left   string        // what they have not heard, as far as it is written
	Sound  Contour       // how it sounds
}

// Verdict is what an Arbiter makes of an Overlap.
type Verdict uint8

// The verdicts. While it is Undecided an agent who was speaking is silent; when that has lasted too long, it carries on.
const (
	Undecided Verdict = iota
	Meant             // it interrupts
	NotMeant          // a backchannel, a cough, noise: the agent carries on where it was held
)

// An Arbiter tells interruptions from what only sounds like one. It is asked again whenever more is known, and every 100 ms from the
// time at which the Bar's Speech may have been reached. Judge is called by the actors of all calls of an agent, at once: it keeps nothing
// and returns within a millisecond. What is Over and Undecided is NotMeant.
type Arbiter interface {
	Judge(Overlap) Verdict
}

// Reflex is the Arbiter that needs no model: enough words, or enough clear speech, interrupt. Where words may be expected soon they are
// waited for, for nothing is lost: the agent is silent already; a little less where there are many syllables, for what has so many is
// no backchannel. A sound without the rise and fall of syllables has to last longer.
type Reflex struct{}

// patienceForWords is how many times longer speech has to last where its words can be expected soon, or where it has one syllable;
// patienceForMany, where it has manySyllables. A backchannel said twice, as in "uh-huh, uh-huh", has four within 900 ms.
const patienceForWords, patienceForMany, manySyllables = 4, 3, 5

// Judge implements [Arbiter].
func (Reflex) Judge(o Overlap) Verdict {
	if o.Bar.Words > 0 && words(o.Text) >= o.Bar.Words {
		return Meant
	}
	if o.Over {
		return NotMeant
	}
	need := o.Bar.Speech
	if o.State == AgentThinking { // nothing sounds, and the caller may be about to add something
		return o.lasted(need)
	}
	switch {
	case o.Sound.Known && o.Sound.Syllables < 2, o.Soon && o.Sound.Syllables < manySyllables:
		need *= patienceForWords
	case o.Soon:
		need *= patienceForMany
	}
	return o.lasted(need)
}

// lasted is the verdict on clear speech by its length alone.
func (o *Overlap) lasted(need time.Duration) Verdict {
	if o.Sure && need > 0 && o.Speech >= need {
		return Meant
	}
	return Undecided
}

// Backchannels are what listeners say in English to show that they listen: the default of Interrupt.Never.
func Backchannels() []string {
	return []string{
		"mhm", "uh huh", "uhhuh", "uhhu", "uh", "um", "er", "ah", "aha", "huh", "oh", "ooh", "wow", "mkay",
		"okay", "ok", "yeah", "yep", "yup", "yes", "ya", "right", "all right", "alright", "sure", "correct", "true", "exactly", "absolutely", "definitely",
		"good", "very good", "great", "nice", "very nice", "cool", "fine", "perfect", "excellent", "wonderful", "lovely", "awesome", "amazing",
		"i see", "i know", "i understand", "understood", "got it", "gotcha", "of course", "that's right", "that's true", "that's good", "makes sense",
		"sounds good", "fair enough", "really", "interesting",
	}
}

// Stops are what callers say in English to be let in: the default of Interrupt.Always.
func Stops() []string {
	return []string{
		"stop", "wait", "hold on", "hang on", "one moment", "one second", "just a moment", "just a second", "excuse me", "sorry", "shut up", "be quiet",
		"never mind", "nevermind", "cancel that", "cancel it", "i have a question", "let me speak", "let me talk", "listen to me",
	}
}

// withDefaults is i with every zero filled in.
func (i Interrupt) withDefaults(m *Manners) Interrupt {
	if i.Never == nil {
		i.Never = Backchannels()
	}
	if i.Always == nil {
		i.Always = Stops()
	}
	i.Greeting = i.Greeting.or(Bar{m.BargeInWords, m.BargeIn})
	i.Reading = i.Reading.or(Bar{max(2, m.BargeInWords), Never})
	i.Tool = i.Tool.or(Bar{Never, Never})
	if i.Arbiter == nil {
		i.Arbiter = Reflex{}
	}
	return i
}

func (b Bar) or(def Bar) Bar {
	if b.Words == 0 {
		b.Words = def.Words
	}
	if b.Speech == 0 {
		b.Speech = def.Speech
	}
	return b
}

// check names every field that is out of its range.
func (i Interrupt) check() error {
	var bad []error
	for _, b := range []struct {
		name string
		bar  Bar
	}{{"Interrupt.Greeting", i.Greeting}, {"Interrupt.Reading", i.Reading}, {"Interrupt.Tool", i.Tool}} {
		if w := b.bar.Words; w != Never && (w < 1 || w > 20) {
			bad = append(bad, fmt.Errorf("%s.Words is %d: want 1 to 20, or -1", b.name, w))
		}
		if s := b.bar.Speech; s != Never && (s < 20*time.Millisecond || s > 5*time.Second) {
			bad = append(bad, fmt.Errorf("%s.Speech is %v: want 20ms to 5s, or -1ns", b.name, s))
		}
	}
	for _, l := range []struct {
		name    string
		phrases []string
	}{{"Interrupt.Never", i.Never}, {"Interrupt.Always", i.Always}} {
		for n, p := range l.phrases {
			if strings.TrimSpace(plain(p)) == "" {
				bad = append(bad, fmt.Errorf("%s[%d] is %q: want a word", l.name, n, p))
			}
		}
	}
	return errors.Join(bad...)
}

// phrases are utterances as plain words.
type phrases [][]string

func newPhrases(list []string) phrases {
	p := make(phrases, len(list))
	for i, s := range list {
		p[i] = utterance(s)
	}
	return p
}

// utterance is text as phrases are compared: in plain words, all hums alike.
func utterance(text string) []string {
	said := strings.Fields(plain(text))
	for i, w := range said {
		if len(w) > 1 && strings.Trim(w, "hm") == "" { // recognisers spell one as they please: mm-h, hmm, mhm
			said[i] = "mhm"
		}
	}
	return said
}

// heardAs says whether said, as long as phrase, may be it. Of several words each may be misheard, as in "make sense".
func heardAs(phrase, said []string) bool {
	if len(phrase) == 1 {
		return phrase[0] == said[0]
	}
	return slices.EqualFunc(phrase, said, alike)
}

// in says whether one of the phrases is somewhere in said.
func (p phrases) in(said []string) bool {
	for i := range said {
		for _, f := range p {
			if len(f) > 0 && len(f) <= len(said)-i && slices.Equal(f, said[i:i+len(f)]) {
				return true
			}
		}
	}
	return false
}

// all says whether said is nothing but phrases, one or more. With more to come, its last may be the beginning of one.
func (p phrases) all(said []string, more bool) bool {
	if len(said) == 0 {
		return false
	}
	for _, f := range p {
		n := min(len(f), len(said))
		switch {
		case n == 0 || !heardAs(f[:n], said[:n]) || n < len(f) && !more:
		case n == len(said), p.all(said[n:], more):
			return true
		}
	}
	return false
}
