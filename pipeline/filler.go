package pipeline

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"parley/media"
)

// Filler is what is heard when the agent keeps the caller waiting: a few words, and where there are none to be had, a soft tone that
// needs no voice. It is not part of the answer, nor of what the model is told; it is recorded, and told as an event (Filled). The
// answer cuts it short at the end of a word.
//
//	caller's turn ends ──After──▶ filler ──After──▶ filler ── ... ──▶ answer, apology, or the end
type Filler struct {
	After time.Duration // silence in the agent's turn before a filler, and before the next; default 1.5 s, 500 ms to 3 s; -1: never
	Say   []string      // what is said, in turn, shuffled; default in English for an agent that speaks it or no named language, else only the tone
	Most  int           // spoken fillers in one turn, before it is the tone; default 3, up to 20; -1: only the tone
}

// Faults are how long the agent puts up with its own failures.
type Faults struct {
	Most int    // turns in a row in which a provider failed, before the call ends with cause provider; default 3, up to 20
	Say  string // the last words then; default in English
}

const (
	// voiceWait is how long the voice may take for a filler, before it is the tone instead.
	voiceWait = 500 * time.Millisecond
	// aMoment is how long a reply may take that has just been asked for, even if the caller has waited for long.
	aMoment = 400 * time.Millisecond
	// mostFillers is how many texts there may be.
	mostFillers = 50
)

func (m *Manners) fillFiller() {
	if m.Filler.After == 0 {
		m.Filler.After = 1500 * time.Millisecond
	}
	if m.Filler.Most == 0 {
		m.Filler.Most = 3
	}
	if m.Faults.Most == 0 {
		m.Faults.Most = 3
	}
	if m.Faults.Say == "" {
		m.Faults.Say = "I am sorry, there is a technical problem on my side. Please call again later. Goodbye."
	}
}

// checkFiller is for m with its defaults.
func (m *Manners) checkFiller() error {
	var bad []error
	if f := m.Filler; f.After != never {
		after := limit[time.Duration]{"Filler.After", &f.After, 500 * time.Millisecond, 3 * time.Second, 0}
		bad = append(bad, after.check())
	}
	most := limit[int]{"Filler.Most", &m.Filler.Most, -1, 20, 0}
	faults := limit[int]{"Faults.Most", &m.Faults.Most, 1, 20, 0}
	bad = append(bad, most.check(), faults.check())
	if len(m.Filler.Say) > mostFillers {
		bad = append(bad, fmt.Errorf("Filler.Say has %d texts: want at most %d", len(m.Filler.Say), mostFillers))
	}
	for i, s := range m.Filler.Say {
		if !speakable(s) {
			bad = append(bad, fmt.Errorf("Filler.Say[%d] is %q: want words", i, s))
		}
	}
	if !speakable(m.Faults.Say) {
		bad = append(bad, fmt.Errorf("Faults.Say is %q: want words", m.Faults.Say))
	}
	return errors.Join(bad...)
}

// fillers is what a of its manners m says while it keeps the caller waiting.
func fillers(a *Agent, m *Manners) []string {
	switch {
	case len(m.Filler.Say) > 0:
		return m.Filler.Say
	case a.speaksEnglish():
		return []string{"One moment.", "Just a second.", "Bear with me.", "Still with you."}
	}
	return nil
}

// waiting is how the dialog sees to it that there is no dead air.
type waiting struct {
	mute   bool // it is the agent's turn, and nothing sounds
	n      int  // the last filler's number
	on     bool // it is made, or sounds
	sounds bool
	hoarse bool // the voice does not bring fillers
	spoken int  // fillers in this turn
	deck   []string
	last   string
	random *rand.Rand
}

// newWaiting shuffles as the call's id says: a call that is played again is the same.
func newWaiting(id string) waiting {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id))
	return waiting{random: rand.New(rand.NewPCG(h.Sum64(), 0))}
}

// wait: it is the agent's turn, and nothing sounds from now on.
func (d *dialog) wait() {
	d.waiting.mute = true
	if after := d.manners.Filler.After; after != never {
		d.set(fillerAlarm, d.now+after)
	}
}

// heed: something sounds, or nothing is waited for any more. A filler gives way: at once, or at the end of a word.
func (d *dialog) heed(atOnce bool) {
	w := &d.waiting
	w.mute = false
	d.clear(fillerAlarm)
	d.hush(atOnce || !w.sounds)
}

// hush ends the filler that sounds, if one does.
func (d *dialog) hush(atOnce bool) {
	if w := &d.waiting; w.on {
		w.on = !atOnce
		d.do(hush{w.n, atOnce})
	}
}

// soon: a reply has just been asked for, so that a filler that is due waits a moment longer.
func (d *dialog) soon() {
	if due := d.alarms[fillerAlarm]; due != 0 && !d.waiting.on {
		d.set(fillerAlarm, max(due, d.now+aMoment))
	}
}

// owes says whether the caller waits for the agent.
func (d *dialog) owes() bool {
	return d.turn != nil && !d.turn.cut || d.turn == nil && d.onHold == nil && d.caller.floor == awaiting
}

// fill says a filler, because it has been silent for too long.
func (d *dialog) fill() {
	w := &d.waiting
	switch {
	case !d.owes():
		w.mute = false
		return
	case d.caller.floor == speaking, d.parked, d.held(), d.callee.phase == leaving:
		d.wait()
		return
	case w.on && w.sounds:
		return
	case w.on: // its voice is late, too
		w.hoarse = true
		d.hush(true)
	}
	text := d.nextFiller()
	w.n++
	w.on, w.sounds = true, text == ""
	if text != "" {
		d.set(fillerAlarm, d.now+voiceWait)
	}
	d.do(fill{w.n, text})
}

// nextFiller is what a tool has to say while it keeps the caller waiting, and then one of the agent's own fillers; empty: the tone.
func (d *dialog) nextFiller() string {
	w, most := &d.waiting, d.manners.Filler.Most
	if !w.hoarse && w.spoken < most {
		if text := d.turn.toolFiller(); text != "" {
			w.spoken++
			w.last = text
			return text
		}
	}
	return w.next(fillers(d.agent, &d.manners), most)
}

// next is the next filler of texts; empty: the tone.
func (w *waiting) next(texts []string, most int) string {
	if w.hoarse || w.spoken >= most || len(texts) == 0 {
		return ""
	}
	if len(w.deck) == 0 {
		w.deck = slices.Clone(texts)
		w.random.Shuffle(len(w.deck), func(i, j int) { w.deck[i], w.deck[j] = w.deck[j], w.deck[i] })
		if n := len(w.deck); n > 1 && w.deck[0] == w.last {
			w.deck[0], w.deck[n-1] = w.deck[n-1], w.deck[0]
		}
	}
	w.spoken++
	w.last, w.deck = w.deck[0], w.deck[1:]
	return w.last
}

// filling: the filler began to sound.
func (d *dialog) filling(n filling) {
	if w := &d.waiting; n.n == w.n && w.on {
		w.sounds = true
		d.clear(fillerAlarm)
		if !w.mute { // the answer was faster
			d.heed(false)
		}
	}
}

// filled: the filler is over.
func (d *dialog) filled(n filled) {
	w := &d.waiting
	if n.sounded {
		d.tell(Event{Kind: Filled, Text: n.heard})
		if d.turn != nil {
			d.turn.counts.Fillers++
		}
	}
	if n.n != w.n || !w.on {
		return
	}
	w.on = false
	switch {
	case !w.mute:
	case n.sounded, n.refused:
		d.wait()
	default: // the voice failed
		w.hoarse = true
		d.fill()
	}
}

// arrived: there is sound for a step.
func (d *dialog) arrived(n arrived) {
	d.turn.steps[n.step].arrived = true
	d.waiting.hoarse = false
	d.heed(false)
}

// stalled: what there was of a step has sounded for a while, and nothing followed.
func (d *dialog) stalled(n stalled) {
	if s := d.turn.steps[n.step]; !s.voiced && s == d.turn.last() && !d.turn.cut {
		s.arrived, d.waiting.mute = false, true
		d.set(fillerAlarm, d.now)
		d.fill()
	}
}

// faulty counts the turns in a row in which a provider failed, and gives up after too many.
func (d *dialog) faulty(t *turn) {
	switch _, _, length := t.heard(); {
	case t.err != "":
		d.faults++
	case length > 0:
		d.faults = 0
	}
	if d.faults >= d.manners.Faults.Most && d.ending == nil && !t.leaves() {
		d.finish(order{command: Command{Kind: HangUp, Text: d.manners.Faults.Say}, why: ForCommand, cause: media.CauseProvider, firm: true})
	}
}

// tone is what is heard where no words are to be had: two soft pips, 220 ms at rate samples a second.
func tone(rate int) []int16 {
	pcm := make([]int16, rate*220/1000)
	pip := rate * 90 / 1000
	for _, from := range []int{0, len(pcm) - pip} {
		for i := range pip {
			at := float64(i) / float64(rate)
			swell := math.Sin(math.Pi * float64(i) / float64(pip)) // no clicks
			pcm[from+i] = int16(1800 * swell * math.Sin(2*math.Pi*425*at))
		}
	}
	return pcm
}
