package pipeline

import (
	"errors"
	"fmt"
	"time"
)

// Manners is how an agent behaves in conversation. The zero of a field means its default (DefaultManners).
type Manners struct {
	Hangover        time.Duration // silence that ends the caller's turn; default 500 ms, 100 ms to 5 s
	Guess           time.Duration // silence after which an answer is prepared; default 150 ms, less than Hangover
	BargeIn         time.Duration // speech that interrupts the agent even without words; three to four times that where words may be expected soon; default 300 ms, up to 5 s
	BargeInWords    int           // recognised words that interrupt the agent; default 1, up to 20
	FalseAlarm      time.Duration // a held agent resumes when so long after the speech ended no words came; default 500 ms, up to 5 s
	KeyGap          time.Duration // an entry of keys ends when no key follows for so long, or for half of it where nobody asked for keys; default 3 s, 500 ms to 30 s
	Silence         time.Duration // silence before the caller is asked again; default 8 s, 1 s to 10 min
	Reprompts       int           // how often the caller is asked again before goodbye; default 2, up to 10; -1: never
	TranscriptLimit time.Duration // wait for the recogniser after the caller's turn; default 4 s, 500 ms to 1 min
	TokenLimit      time.Duration // wait for the model's first token, and for each next one; default 8 s, 500 ms to 2 min
	AudioLimit      time.Duration // wait for the voice's first audio after the first text, and for each next; default 5 s, 500 ms to 1 min
	ToolLimit       time.Duration // wait for a tool; then the model is told that it failed; default 15 s, 500 ms to 5 min
	MaxLength       time.Duration // longest call; default 1 h, 1 s to 24 h
	ToolSteps       int           // most tool rounds in one turn; default 5, up to 50

	Interrupt Interrupt // which speech interrupts the agent
	Patience  Patience  // which pause ends the caller's turn

	Sorry   string // said when a provider failed; then the call goes on
	Goodbye string // said before hanging up for silence
	TooLong string // said before hanging up at MaxLength
	CutOff  string // said first when the call goes on after its line was lost

	Notice    Notice    // a word of warning before MaxLength
	Monologue Monologue // cutting in on a caller who does not stop
	Filler    Filler    // what is heard when the agent keeps the caller waiting
	Faults    Faults    // putting up with failures
	OnHold    OnHold    // waiting for a caller who is not there

	Answering Answering // finding out who answers an outbound call

	Ladder []Rung // what is done about silence, step by step; none: the responder is asked Reprompts times, Silence apart, then Goodbye
}

// DefaultManners are what the zero of each field means.
func DefaultManners() Manners {
	m := Manners{
		Hangover:        500 * time.Millisecond,
		Guess:           150 * time.Millisecond,
		BargeIn:         300 * time.Millisecond,
		BargeInWords:    1,
		FalseAlarm:      500 * time.Millisecond,
		KeyGap:          3 * time.Second,
		Silence:         8 * time.Second,
		Reprompts:       2,
		TranscriptLimit: 4 * time.Second,
		TokenLimit:      8 * time.Second,
		AudioLimit:      5 * time.Second,
		ToolLimit:       15 * time.Second,
		MaxLength:       time.Hour,
		ToolSteps:       5,
		Sorry:           "Sorry, something went wrong on my side. Could you say that again?",
		Goodbye:         "I cannot hear you, so I will hang up now. Goodbye.",
		TooLong:         "We have reached the longest time that a call may take. Goodbye.",
		CutOff:          "Sorry, we were cut off for a moment. I am back. Where were we?",
	}
	m.fillLength()
	m.fillOnHold()
	m.fillFiller()
	m.Interrupt = m.Interrupt.withDefaults(&m)
	m.Patience = m.Patience.withDefaults(&m)
	m.Answering = m.Answering.withDefaults()
	return m
}

// limit is the range of one field of Manners; its zero means the default.
type limit[T int | time.Duration] struct {
	name             string
	field            *T
	least, most, def T
}

func (l limit[T]) fill() {
	if *l.field == 0 {
		*l.field = l.def
	}
}

func (l limit[T]) check() error {
	if *l.field < l.least || *l.field > l.most {
		return fmt.Errorf("%s is %v: want %v to %v", l.name, *l.field, l.least, l.most)
	}
	return nil
}

// times lists the durations of m with their ranges; counts does the same for the numbers.
func (m *Manners) times() []limit[time.Duration] {
	const ms, s, min = time.Millisecond, time.Second, time.Minute
	d := DefaultManners()
	return []limit[time.Duration]{
		{"Hangover", &m.Hangover, 100 * ms, 5 * s, d.Hangover},
		{"Guess", &m.Guess, 20 * ms, 5 * s, d.Guess},
		{"BargeIn", &m.BargeIn, 20 * ms, 5 * s, d.BargeIn},
		{"FalseAlarm", &m.FalseAlarm, 20 * ms, 5 * s, d.FalseAlarm},
		{"KeyGap", &m.KeyGap, 500 * ms, 30 * s, d.KeyGap},
		{"Silence", &m.Silence, s, 10 * min, d.Silence},
		{"TranscriptLimit", &m.TranscriptLimit, 500 * ms, min, d.TranscriptLimit},
		{"TokenLimit", &m.TokenLimit, 500 * ms, 2 * min, d.TokenLimit},
		{"AudioLimit", &m.AudioLimit, 500 * ms, min, d.AudioLimit},
		{"ToolLimit", &m.ToolLimit, 500 * ms, 5 * min, d.ToolLimit},
		{"MaxLength", &m.MaxLength, s, 24 * time.Hour, d.MaxLength},
	}
}

func (m *Manners) counts() []limit[int] {
	d := DefaultManners()
	return []limit[int]{
		{"BargeInWords", &m.BargeInWords, 1, 20, d.BargeInWords},
		{"Reprompts", &m.Reprompts, -1, 10, d.Reprompts},
		{"ToolSteps", &m.ToolSteps, 1, 50, d.ToolSteps},
	}
}

// WithDefaults is m with every zero field filled in. A Hangover set below the default Guess brings the guess down to half of it.
func (m Manners) WithDefaults() Manners {
	guessed := m.Guess != 0
	for _, l := range m.times() {
		l.fill()
	}
	for _, l := range m.counts() {
		l.fill()
	}
	if !guessed && m.Guess >= m.Hangover {
		m.Guess = m.Hangover / 2
	}
	m.fillLength()
	m.fillOnHold()
	m.fillFiller()
	m.Interrupt = m.Interrupt.withDefaults(&m)
	m.Patience = m.Patience.withDefaults(&m)
	m.Answering = m.Answering.withDefaults()
	d := DefaultManners()
	for _, s := range []struct {
		field *string
		def   string
	}{{&m.Sorry, d.Sorry}, {&m.Goodbye, d.Goodbye}, {&m.TooLong, d.TooLong}, {&m.CutOff, d.CutOff}} {
		if *s.field == "" {
			*s.field = s.def
		}
	}
	return m
}

// Validate names every field that is out of its range, zero fields standing for their defaults; nil if there is none.
func (m Manners) Validate() error {
	m = m.WithDefaults()
	var bad []error
	for _, l := range m.times() {
		bad = append(bad, l.check())
	}
	for _, l := range m.counts() {
		bad = append(bad, l.check())
	}
	bad = append(bad, m.checkLadder(), m.checkLength(), m.checkOnHold(), m.checkFiller())
	if m.Guess >= m.Hangover {
		bad = append(bad, fmt.Errorf("%s is %v: want less than Hangover, %v", "Guess", m.Guess, m.Hangover))
	}
	return errors.Join(append(bad, m.Interrupt.check(), m.Patience.check(&m), m.Answering.check())...)
}
