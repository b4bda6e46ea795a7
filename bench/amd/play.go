package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/bench/corpus"
	"parley/bench/stage"
	"parley/media"
	"parley/media/legtest"
	"parley/media/tones"
	"parley/pipeline"
)

// A result is what became of an item.
type result struct {
	Set    string `json:"set"`
	Name   string `json:"name"`
	Origin string `json:"origin"`
	Half   string `json:"half"`
	Truth  string `json:"truth"`
	Last   string `json:"last,omitempty"` // who is there in the end

	Failure string    `json:"failure,omitempty"`
	By      string    `json:"by"`             // the verdict as it stands at the end, or when another party comes
	Cue     string    `json:"cue,omitempty"`  // of it
	First   string    `json:"first"`          // the first verdict
	At      corpus.MS `json:"at_ms"`          // answer -> By
	Spoke   corpus.MS `json:"greeting_ms"`    // how long a person's first words take
	After   corpus.MS `json:"after_ms"`       // a person's first words are over -> By
	Open    corpus.MS `json:"opening_ms"`     // answer -> the opening's first frame on the wire
	In      string    `json:"in_the_end"`     // the last verdict
	Message corpus.MS `json:"message_ms"`     // the last beep is over, or where there is none the greeting -> the message's first frame
	Cause   string    `json:"cause"`          // of the call's end
	Beeps   int       `json:"beeps"`          // that there are
	Found   int       `json:"beeps_found"`    // by the detector
	Late    corpus.MS `json:"beep_late_ms"`   // end of a beep -> the detector tells, at most
	False   int       `json:"beeps_imagined"` // told where there is none
	Events  []string  `json:"events"`
}

// queue hands out items to players in any bubble: it holds nothing that a bubble's clock would wait for.
type queue struct {
	voices  *voices
	items   []item
	results []result
	next    atomic.Int64
	done    func() // may be called by several at once
}

// play is a stage.Play of what is left in the queue.
func (q *queue) play(outer, ctx context.Context, s stage.Stage) {
	for outer.Err() == nil {
		n := int(q.next.Add(1)) - 1
		if n >= len(q.items) {
			return
		}
		q.results[n] = play(ctx, &q.items[n], s, q.voices)
		q.done()
	}
}

// manners are the defaults, with something to say.
func manners() pipeline.Manners {
	return pipeline.Manners{Answering: pipeline.Answering{On: true, Message: message, Screening: introduce}}
}

// play holds one call, in which we hear what the item says.
func play(ctx context.Context, i *item, s stage.Stage, v *voices) result {
	r := result{
		Set: i.set, Name: i.name, Origin: i.origin(), Half: i.half(), Truth: string(i.truth), Last: string(i.last), Beeps: len(i.beeps),
		At: corpus.None, Spoke: corpus.None, After: corpus.None, Open: corpus.None, Message: corpus.None, Late: corpus.None,
	}
	if i.spoke > 0 {
		r.Spoke = corpus.Millis(i.spoke - i.began)
	}
	r.detect(i)
	leg, carrier := legtest.New(legtest.Line{Open: true, Info: media.Info{Kind: "bench", ID: i.name, Rate: corpus.Rate, Outbound: true}})
	began := time.Now()
	_ = carrier.Say(i.pcm)
	var mu sync.Mutex
	var seen []pipeline.Event
	call := &pipeline.Call{ID: i.name, Leg: leg, Pacer: s.Pacer, Watch: func(e pipeline.Event) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, e)
	}}
	call.Cast = func(ctx context.Context, _ string, info media.Info) (pipeline.Agent, pipeline.Parts, pipeline.Tap, error) {
		agent := pipeline.Agent{Name: "bench", Lang: "en-US", Manners: manners()}
		parts, err := s.Cast(ctx, &agent, info)
		parts.Responder, parts.Synthesizer = script{}, v
		return agent, parts, nil, err
	}
	hangUp := time.AfterFunc(corpus.Length(i.pcm), func() { _ = carrier.Stop() })
	defer hangUp.Stop()
	ending := call.Run(ctx)
	r.Cause = string(ending.Cause)
	if ending.Err != nil {
		r.Failure = ending.Err.Error()
	}
	mu.Lock()
	defer mu.Unlock()
	r.read(i, seen, ending.Answered.Sub(began))
	return r
}

// read takes from a call's events what was made of the item; offset is how much later than the item the call's clock began.
func (r *result) read(i *item, seen []pipeline.Event, offset time.Duration) {
	for _, e := range seen {
		at := e.At + offset
		text := e.Text
		if t := e.Turn; t != nil {
			text = fmt.Sprintf("%d for %s, cut %t: %q", t.N, t.Why, t.Cut, t.Heard)
			if t.Why == pipeline.ForGreeting && t.At > 0 && r.Open.Missing() {
				r.Open = corpus.Millis(t.At + offset)
			}
			if t.Text == message && !t.Cut && t.At > 0 {
				r.Message = corpus.Millis(t.At + offset - i.ready())
			}
		}
		if a := e.Answer; a != nil {
			text = fmt.Sprintf("%s by %s", a.By, a.Cue)
			r.In = string(a.By)
			if r.First == "" {
				r.First = r.In
			}
			if i.until == 0 || at < i.until {
				r.By, r.Cue, r.At = string(a.By), string(a.Cue), corpus.Millis(at)
				if i.spoke > 0 {
					r.After = corpus.Millis(at - i.spoke)
				}
			}
		}
		r.Events = append(r.Events, strings.TrimSpace(fmt.Sprintf("%v %s %s", corpus.Millis(at), e.Kind, text)))
	}
}

// ready is from when on a message can be left: a beep is over or, where there is none, the greeting.
func (i *item) ready() time.Duration {
	if n := len(i.beeps); n > 0 {
		return i.beeps[n-1].To
	}
	return i.spoken
}

// detect asks the detector of tones alone.
func (r *result) detect(i *item) {
	var d tones.Detector
	found := make([]bool, len(i.beeps))
	const frame = corpus.Rate / 50
	for k := 0; k+frame <= len(i.pcm); k += frame {
		at := corpus.Length(i.pcm[:k])
		t, ok := d.Hear(media.Frame{PCM: i.pcm[k : k+frame], Rate: corpus.Rate, At: at})
		if !ok || !t.Beep() {
			continue
		}
		meets := func(s corpus.Span) bool { return t.From < s.To && s.From < t.To }
		real := false
		for n, b := range i.beeps {
			if meets(b) {
				real, found[n] = true, true
				late := corpus.Millis(at + media.FrameTime - b.To)
				r.Late = corpus.MS(max(float64(late), float64(orZero(r.Late))))
			}
		}
		for _, s := range i.tones {
			real = real || meets(s)
		}
		if !real {
			r.False++
		}
	}
	for _, f := range found {
		if f {
			r.Found++
		}
	}
}

func orZero(m corpus.MS) corpus.MS {
	if m.Missing() {
		return 0
	}
	return m
}
