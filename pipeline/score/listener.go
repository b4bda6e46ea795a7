package score

import (
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"parley/media"
	"parley/media/vad"
	"parley/pipeline"
)

// An Ear is the scripted ear: it hears exactly what is written, and has the manners' patience.
type Ear struct {
	PanicsAt float64 // media time; 0: never
	HangsAt  float64 // the same, for 20 s
	DeafAt   float64 // the same: from then on it hears nothing
}

type ear struct {
	Ear
	cues  func() []Cue
	turns vad.Turns
}

func newEar(e Ear, cues func() []Cue, m pipeline.Manners) *ear {
	return &ear{Ear: e, cues: cues, turns: vad.Turns{MaybeAfter: m.Guess, EndAfter: m.Hangover}}
}

func (e *ear) Hear(f media.Frame) (pipeline.Edge, bool) {
	if e.PanicsAt > 0 && f.At >= seconds(e.PanicsAt) {
		panic("scripted panic")
	}
	if e.HangsAt > 0 && f.At >= seconds(e.HangsAt) {
		e.HangsAt = 0
		time.Sleep(ignored)
	}
	if silenced(f) {
		edge, ok := e.turns.Next(0, f.At, f.At+f.Duration())
		return pipeline.Edge{Kind: pipeline.EdgeKind(edge.Kind), N: edge.N, At: edge.At, Sure: edge.Sure}, ok
	}
	var p float32
	for _, c := range e.cues() {
		if middle := f.At + media.FrameTime/2; (e.DeafAt == 0 || f.At < seconds(e.DeafAt)) && c.from <= middle && middle < c.to {
			p = max(p, 0.6)
			if c.sure {
				p = 0.99
			}
		}
	}
	edge, ok := e.turns.Next(p, f.At, f.At+f.Duration())
	return pipeline.Edge{Kind: pipeline.EdgeKind(edge.Kind), N: edge.N, At: edge.At, Sure: edge.Sure}, ok
}

func (*ear) Close() error { return nil }

// A Recogniser is the scripted recogniser: it understands exactly what is written.
type Recogniser struct {
	Delay    float64 // from an edge to the words; default 0.1
	Lag      float64 // from a word's end to the partial that has it; default 0.2
	Mute     bool    // gives no partials
	Eager    bool    // gives an EagerEnd at MaybeEnded
	Finished float64 // what it says of every pause: how likely the caller has finished; 0: nothing
	Late     float64 // added to Delay once, at the first final
	Deaf     bool    // understands nothing
	Behind   int     // frames for which it says that it is behind
	Finals   Fault   // counts finals
	WritesAt float64 // media time at which Write fails; 0: never
	BlocksAt float64 // the same for a Write that hangs, for 20 s
	PanicsAt float64 // the same for a panic
	ClosesIn float64 // how long Close takes to flush
}

type recogniser struct {
	Recogniser
	cues   func() []Cue
	rate   int
	out    chan result
	closed chan struct{}
	gone   sync.Once

	now     time.Duration // media time
	begin   time.Duration // of the stretch; -1: none
	partial string
	finals  int
	behind  int
	muted   []time.Duration // frames that were kept from it
}

// silenced says whether the line's hum was taken out of a frame: the call does not want it to be heard.
func silenced(f media.Frame) bool { return f.PCM[0] == 0 }

// missed says whether what was said at media time t was kept from the recogniser.
func (r *recogniser) missed(t time.Duration) bool {
	return slices.ContainsFunc(r.muted, func(at time.Duration) bool { return at < t && t <= at+media.FrameTime })
}

// result is a transcript and when it comes.
type result struct {
	at         time.Time
	transcript pipeline.Transcript
	nth        int // final; 0: it is none
}

func newRecogniser(r Recogniser, cues func() []Cue, rate int) *recogniser {
	if r.Delay == 0 {
		r.Delay = 0.1031
	}
	if r.Lag == 0 {
		r.Lag = 0.2
	}
	return &recogniser{Recogniser: r, cues: cues, rate: rate, out: make(chan result, 1024), closed: make(chan struct{}), begin: -1}
}

// words are those of the stretch that have been said at media time t.
func (r *recogniser) words(t time.Duration) string {
	var said []string
	if r.Deaf {
		return ""
	}
	for _, c := range r.cues() {
		for i := range c.words {
			if w, end := c.word(i); end > r.begin && end <= t && !r.missed(end) {
				said = append(said, w)
			}
		}
	}
	return strings.Join(said, " ")
}

func (r *recogniser) Write(f media.Frame) error {
	r.now = f.At + f.Duration()
	if silenced(f) {
		r.muted = append(r.muted, f.At)
	}
	switch {
	case r.PanicsAt > 0 && r.now >= seconds(r.PanicsAt):
		panic("scripted panic")
	case r.BlocksAt > 0 && r.now >= seconds(r.BlocksAt):
		r.BlocksAt = 0
		time.Sleep(ignored)
	case r.WritesAt > 0 && r.now >= seconds(r.WritesAt):
		return errFault
	case r.behind < r.Behind:
		r.behind++
		return pipeline.ErrBehind
	}
	if r.begin < 0 || r.Mute {
		return nil
	}
	if text := r.words(r.now - seconds(r.Lag)); text != r.partial {
		r.partial = text
		r.give(pipeline.Transcript{Kind: pipeline.Partial, Text: text}, time.Millisecond, 0)
	}
	return nil
}

func (r *recogniser) Mark(e pipeline.Edge) error {
	switch e.Kind {
	case pipeline.Began:
		r.begin, r.partial = e.At-media.FrameTime, ""
	case pipeline.MaybeEnded:
		if text := r.words(r.now); r.Eager && text != "" {
			r.give(pipeline.Transcript{Kind: pipeline.EagerEnd, Text: text, Finished: r.Finished}, seconds(r.Delay), 0)
		}
	case pipeline.Ended:
		r.finals++
		delay := r.Delay
		if r.finals == 1 {
			delay += r.Late
		}
		r.give(pipeline.Transcript{Kind: pipeline.Final, Text: r.words(r.now), Edge: e.N, Finished: r.Finished}, seconds(delay), r.finals)
		r.begin = -1
	}
	return nil
}

func (r *recogniser) give(t pipeline.Transcript, in time.Duration, nth int) {
	r.out <- result{time.Now().Add(in), t, nth}
}

func (*recogniser) Expect([]string) {}

func (r *recogniser) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for {
			var next result
			select {
			case next = <-r.out:
			case <-r.closed:
				return
			}
			select {
			case <-time.After(time.Until(next.at)):
			case <-r.closed:
				return
			}
			if f := r.Finals; next.nth > 0 && f.Kind != None && (f.On == 0 || f.On == next.nth) {
				switch f.Kind {
				case Panics:
					panic("scripted panic")
				case Fails:
					yield(pipeline.Transcript{}, errFault)
					return
				case StopsDry:
					return
				default:
					continue // it hangs
				}
			}
			if !yield(next.transcript, nil) {
				return
			}
		}
	}
}

func (r *recogniser) Close() error {
	time.Sleep(seconds(r.ClosesIn))
	r.gone.Do(func() { close(r.closed) })
	return nil
}
