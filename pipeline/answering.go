package pipeline

import (
	"errors"
	"fmt"
	"time"
)

// Answering is what an agent does about who answers an outbound call (media.Info.Outbound): it listens first and speaks when it knows.
// The zero of a field means its default.
//
//	            ┌─ human, unknown ─▶ the opening
//	            ├─ machine ────────▶ Message after the beep, or after BeepWait without one; then, or if there is none, hang up
//	answer ─▶ ? ├─ ivr ────────────▶ the agent goes on, and may press keys; or hang up
//	            ├─ screening ──────▶ Screening is said; then the person is waited for
//	            └─ fax, nobody ────▶ hang up
//
// The opening is made meanwhile and held, so that a person hears it at once. A person who picks up while a greeting plays or a message
// is being left gets the agent, who is told what has been said already.
type Answering struct {
	On bool // find out who answers; else the agent opens at once, whoever it is

	Wait     time.Duration // nobody has made a sound: the agent opens all the same, and goes on listening for who it is; default 4 s, 1 s to 15 s
	Nobody   time.Duration // nobody has made a sound: nobody is there; default 12 s, Wait to 1 min
	Longest  time.Duration // until it is known who answers; then it is unknown, and taken for a person; default 20 s, 5 s to 2 min
	Greeting time.Duration // how long a person's greeting may be, where its words do not tell; default 2.5 s, 500 ms to 10 s

	Message  string        // left on a machine; empty: the call ends at once
	BeepWait time.Duration // silence after a machine's greeting before the message is left without a beep; default 3 s, 500 ms to 15 s

	HangUpMenu bool // the call ends when a phone menu (IVR) or a queue answers; else the agent goes on

	Screening     string        // said to call screening: who calls, and why; empty: the responder is asked
	ScreeningWait time.Duration // for the person, from the last sound of the screening; default 45 s, 5 s to 3 min
}

func (a Answering) withDefaults() Answering {
	for _, l := range a.times() {
		l.fill()
	}
	return a
}

// times lists the durations of a with their ranges.
func (a *Answering) times() []limit[time.Duration] {
	const ms, s = time.Millisecond, time.Second
	return []limit[time.Duration]{
		{"Answering.Wait", &a.Wait, s, 15 * s, 4 * s},
		{"Answering.Nobody", &a.Nobody, s, 60 * s, 12 * s},
		{"Answering.Longest", &a.Longest, 5 * s, 120 * s, 20 * s},
		{"Answering.Greeting", &a.Greeting, 500 * ms, 10 * s, 2500 * ms},
		{"Answering.BeepWait", &a.BeepWait, 500 * ms, 15 * s, 3 * s},
		{"Answering.ScreeningWait", &a.ScreeningWait, 5 * s, 180 * s, 45 * s},
	}
}

// check names every field that is out of its range; a has its defaults.
func (a Answering) check() error {
	var bad []error
	for _, l := range a.times() {
		bad = append(bad, l.check())
	}
	if a.Nobody < a.Wait {
		bad = append(bad, fmt.Errorf("Answering.Nobody is %v: want Answering.Wait, %v, or more", a.Nobody, a.Wait))
	}
	for _, t := range []struct{ name, text string }{{"Answering.Message", a.Message}, {"Answering.Screening", a.Screening}} {
		if t.text != "" && !speakable(t.text) {
			bad = append(bad, fmt.Errorf("%s is %q: want words, or nothing", t.name, t.text))
		}
	}
	return errors.Join(bad...)
}
