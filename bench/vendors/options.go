package vendors

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"parley/providers/providertest"
)

// Environ names the variable by which Start tells a program that it is to be the vendors: its value is Options as JSON.
const Environ = "PARLEY_BENCH_VENDORS"

// Options say how the vendors behave. The zero value: whole, at once, and content with any key. Durations are written to JSON in
// nanoseconds, Delays as texts.
type Options struct {
	Key string `json:"key,omitempty"` // wanted of everyone; empty: any

	Transcripts []string      `json:"transcripts,omitempty"` // what callers say, over and over; default providertest.DefaultTranscript
	Final       time.Duration `json:"final,omitempty"`       // from Finalize, or from a turn's end of Flux, to its answer
	Hangover    time.Duration `json:"hangover,omitempty"`    // silence after which Flux ends a turn; default 300 ms

	Answer     string        `json:"answer,omitempty"`      // what the model says; default providertest.DefaultAnswer
	Words      int           `json:"words,omitempty"`       // of the answer, which is repeated or cut to that; 0: as it is; at most 2000
	FirstToken time.Duration `json:"first_token,omitempty"` // from a request to its first word
	TokenGap   time.Duration `json:"token_gap,omitempty"`   // between words

	FirstAudio time.Duration `json:"first_audio,omitempty"` // from text that is to be spoken to its first sound
	Pace       float64       `json:"pace,omitempty"`        // of the voice, as a multiple of real time; 0: at once
	Piece      time.Duration `json:"piece,omitempty"`       // of the voice in one message, 20 ms to 1 s; default 100 ms
	Speech     bool          `json:"speech,omitempty"`      // the voice is recorded speech, 60 ms a letter of it, instead of tones; of 8 kHz

	Delays Delays `json:"delays,omitzero"` // those that vary; each takes the place of its fixed one above
	Seed   uint64 `json:"seed,omitempty"`  // of what varies: the same seed draws the same times, in the order in which they are asked for

	// Stamps has the recogniser look for stamps in what it hears, and the voice begin what is heard at once with one (package stamp).
	// Whoever reads the voice's must know that a server may say from memory what it knows ahead, such as a greeting, with the stamp
	// that it had when it was made: a stamp that was seen before, or is older than the turn, says nothing of the way.
	Stamps bool `json:"stamps,omitempty"`
}

// Delays are the times of the stages that vary. The zero Delay is the stage's fixed one.
type Delays struct {
	Final      Delay `json:"final,omitzero"`
	FirstToken Delay `json:"first_token,omitzero"`
	TokenGap   Delay `json:"token_gap,omitzero"`
	FirstAudio Delay `json:"first_audio,omitzero"`
}

// Bounds of Options.
const (
	wordsMost  = 2000
	pieceLeast = 20 * time.Millisecond
	pieceMost  = time.Second
	delayMost  = time.Minute
)

// Check names the field that cannot be used.
func (o *Options) Check() error {
	for _, d := range []struct {
		field string
		v     time.Duration
	}{{"final", o.Final}, {"hangover", o.Hangover}, {"first_token", o.FirstToken}, {"token_gap", o.TokenGap}, {"first_audio", o.FirstAudio}} {
		if d.v < 0 || d.v > delayMost {
			return fmt.Errorf("vendors: %s is %v, want 0 to %v", d.field, d.v, delayMost)
		}
	}
	switch {
	case o.Words < 0 || o.Words > wordsMost:
		return fmt.Errorf("vendors: words is %d, want 0 to %d", o.Words, wordsMost)
	case !(o.Pace >= 0) || math.IsInf(o.Pace, 0):
		return fmt.Errorf("vendors: pace is %v, want 0 or more", o.Pace)
	case o.Piece != 0 && (o.Piece < pieceLeast || o.Piece > pieceMost):
		return fmt.Errorf("vendors: piece is %v, want %v to %v", o.Piece, pieceLeast, pieceMost)
	}
	return nil
}

// read reads options from JSON, and checks them.
func read(s string) (o Options, err error) {
	in := json.NewDecoder(strings.NewReader(s))
	in.DisallowUnknownFields()
	if err := in.Decode(&o); err != nil {
		return o, fmt.Errorf("read %s: %w", Environ, err)
	}
	return o, o.Check()
}

// answer is what the model says.
func (o *Options) answer() string {
	text := o.Answer
	if text == "" {
		text = providertest.DefaultAnswer
	}
	said := strings.Fields(text)
	if o.Words == 0 || len(said) == 0 {
		return text
	}
	words := make([]string, o.Words)
	for i := range words {
		words[i] = said[i%len(said)]
	}
	return strings.Join(words, " ")
}

// A Delay is how long something takes: always the same, evenly spread, or as real services have it, lognormal. Its text is what it is
// made of: "90ms", "50ms..120ms", or "90ms/250ms" for p50 and p99.
type Delay struct {
	least, most time.Duration // of one that is fixed (both the same) or evenly spread
	p50, p99    time.Duration // of a lognormal one
}

// Fixed is a delay that is always d.
func Fixed(d time.Duration) Delay { return Delay{least: d, most: d} }

// Evenly is a delay that is anything from least to most.
func Evenly(least, most time.Duration) Delay { return Delay{least: least, most: most} }

// Lognormal is a delay of which half are at most p50 and all but one in a hundred at most p99. None is more than ten times p99.
func Lognormal(p50, p99 time.Duration) Delay { return Delay{p50: p50, p99: p99} }

// String is the delay's text; of the zero value "0s".
func (d Delay) String() string {
	switch {
	case d.p50 != 0:
		return d.p50.String() + "/" + d.p99.String()
	case d.least != d.most:
		return d.least.String() + ".." + d.most.String()
	}
	return d.least.String()
}

// MarshalText is String.
func (d Delay) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads a delay's text.
func (d *Delay) UnmarshalText(text []byte) error {
	s := string(text)
	if p50, p99, ok := strings.Cut(s, "/"); ok {
		return d.parse(s, &d.p50, &d.p99, p50, p99)
	}
	if least, most, ok := strings.Cut(s, ".."); ok {
		return d.parse(s, &d.least, &d.most, least, most)
	}
	return d.parse(s, &d.least, &d.most, s, s)
}

// parse reads the two times of a delay into its fields.
func (d *Delay) parse(s string, low, high *time.Duration, lowText, highText string) error {
	*d = Delay{}
	var err error
	if *low, err = time.ParseDuration(lowText); err == nil {
		*high, err = time.ParseDuration(highText)
	}
	switch {
	case err != nil:
		return fmt.Errorf("delay %q: %w: want one such as 90ms, 50ms..120ms, or 90ms/250ms for p50 and p99", s, err)
	case *low < 0 || *high < *low || *high > delayMost:
		return fmt.Errorf("delay %q: want times from 0 to %v, the shorter one first", s, delayMost)
	case low == &d.p50 && *low == 0:
		return fmt.Errorf("delay %q: the p50 of a delay that varies is more than 0", s)
	}
	return nil
}

// z99 is how many standard deviations of a normal distribution p99 lies above p50.
const z99 = 2.3263478740408408

// draw is one time.
func (d Delay) draw(dice *rand.Rand) time.Duration {
	switch {
	case d.p50 > 0:
		sigma := math.Log(float64(d.p99)/float64(d.p50)) / z99
		return min(time.Duration(float64(d.p50)*math.Exp(sigma*dice.NormFloat64())), 10*d.p99)
	case d.most > d.least:
		return d.least + time.Duration(dice.Int64N(int64(d.most-d.least)+1))
	}
	return d.least
}

// A drawer draws the times of all sockets. It is safe for concurrent use.
type drawer struct {
	mu   sync.Mutex
	dice *rand.Rand
}

func newDrawer(seed uint64) *drawer {
	return &drawer{dice: rand.New(rand.NewPCG(seed, 0x7061726c6579))}
}

// of draws the times of one stage: those of varying, or else fixed.
func (d *drawer) of(varying Delay, fixed time.Duration) func() time.Duration {
	if varying == (Delay{}) {
		return func() time.Duration { return fixed }
	}
	return func() time.Duration {
		d.mu.Lock()
		defer d.mu.Unlock()
		return varying.draw(d.dice)
	}
}
