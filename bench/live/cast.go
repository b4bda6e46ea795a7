package main

import (
	"context"
	"fmt"
	"iter"
	"math"
	"strings"
	"sync"
	"time"

	"parley/control/live"
	"parley/media"
	"parley/pipeline"
	"parley/store"
)

const org = "bench"

// The rhythm of a call, in media time: every cycle, the caller speaks for a while, and is answered.
const (
	cycle    = 10 * time.Second
	speaks   = 1600 * time.Millisecond
	wordEach = 200 * time.Millisecond // of the caller's, and of the agent's
	replies  = 30                     // words: six seconds
)

// cast gives a call its providers, which take no time, and opens it for those who watch.
func cast(desk *live.Desk) pipeline.Cast {
	return func(_ context.Context, call string, info media.Info) (pipeline.Agent, pipeline.Parts, pipeline.Tap, error) {
		now := time.Now()
		desk.Begin(store.Call{ID: call, Org: org, Created: now, Answered: now})
		r := &recogniser{wake: make(chan struct{}, 1), over: make(chan struct{})}
		return pipeline.Agent{Name: "bench", Lang: "en-US"}, pipeline.Parts{Ear: &ear{rate: info.Rate}, Transcription: r, Responder: responder{}, Synthesizer: synthesizer{}}, nil, nil
	}
}

// ear hears by the clock.
type ear struct {
	rate  int
	heard time.Duration
	n     int
	on    bool
}

// Hear implements pipeline.Ear.
func (e *ear) Hear(f media.Frame) (pipeline.Edge, bool) {
	e.heard += media.Samples(len(f.PCM), e.rate)
	now := e.heard % cycle
	switch {
	case !e.on && now < speaks && e.heard > cycle:
		e.on = true
		e.n++
		return pipeline.Edge{Kind: pipeline.Began, N: e.n, At: f.At, Sure: true}, true
	case e.on && now >= speaks:
		e.on = false
		return pipeline.Edge{Kind: pipeline.Ended, N: e.n, At: f.At}, true
	}
	return pipeline.Edge{}, false
}

// Close implements pipeline.Ear.
func (*ear) Close() error { return nil }

// recogniser understands a word every so often while the caller speaks.
type recogniser struct {
	mu   sync.Mutex
	edge pipeline.Edge // the last
	wake chan struct{}
	over chan struct{}
	once sync.Once
}

func (r *recogniser) Write(media.Frame) error { return nil }
func (r *recogniser) Expect([]string)         {}

// Mark implements pipeline.Transcription.
func (r *recogniser) Mark(e pipeline.Edge) error {
	r.mu.Lock()
	r.edge = e
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return nil
}

// Results implements pipeline.Transcription.
func (r *recogniser) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		tick := time.NewTicker(wordEach)
		defer tick.Stop()
		var words []string
		for done := 0; ; {
			select {
			case <-r.wake:
			case <-tick.C:
			case <-r.over:
				return
			}
			r.mu.Lock()
			e := r.edge
			r.mu.Unlock()
			t := pipeline.Transcript{}
			switch {
			case e.N == done || e.N == 0:
				continue
			case e.Kind == pipeline.Ended:
				t.Kind, t.Edge, done = pipeline.Final, e.N, e.N
			default:
				words = append(words, fmt.Sprintf("word%d", len(words)))
			}
			if t.Text = strings.Join(words, " "); t.Kind == pipeline.Final {
				words = nil
			}
			if !yield(t, nil) {
				return
			}
		}
	}
}

// Close implements pipeline.Transcription.
func (r *recogniser) Close() error {
	r.once.Do(func() { close(r.over) })
	return nil
}

// responder answers with as many words each time.
type responder struct{}

// Respond implements pipeline.Responder.
func (responder) Respond(_ context.Context, k pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if k.Why == pipeline.ForSilence {
			return
		}
		for i := range replies {
			if !yield(pipeline.Delta{Text: fmt.Sprintf("answer%d ", i)}, nil) {
				return
			}
		}
	}
}

// synthesizer makes a tone of each word, at once, and tells its times.
type synthesizer struct{}

// Speak implements pipeline.Synthesizer.
func (synthesizer) Speak(_ context.Context, text iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		tone := make([]int16, int(wordEach*time.Duration(v.Rate)/time.Second))
		for i := range tone {
			tone[i] = int16(9000 * math.Sin(2*math.Pi*440*float64(i)/float64(v.Rate)))
		}
		at := time.Duration(0)
		for word, err := range text {
			if err != nil {
				yield(pipeline.Speech{}, err)
				return
			}
			w := pipeline.Word{Text: strings.TrimSpace(word), Start: at, End: at + wordEach}
			if at += wordEach; !yield(pipeline.Speech{PCM: tone, Words: []pipeline.Word{w}}, nil) {
				return
			}
		}
	}
}
