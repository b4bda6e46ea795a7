package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"parley/bench/corpus"
	"parley/bench/stage"
	"parley/media"
	canceller "parley/media/echo"
	"parley/pipeline"
)

// An arm is one way to take turns, tried on the same items as the others.
type arm struct {
	name    string
	manners pipeline.Manners
	cancel  bool // the echo is taken out of the line before the call hears it
}

// play holds one call, in which the caller does what the item says.
func play(ctx context.Context, i *item, a arm, s stage.Stage, v *voices) result {
	r := blank(i, a)
	p := dial(i)
	leg := p.leg()
	if a.cancel {
		var err error
		if leg, err = canceller.Wrap(leg, 0); err != nil {
			r.Failure = err.Error()
			return r
		}
	}
	w := &witness{events: make(chan pipeline.Event, 1024)}
	call := &pipeline.Call{ID: i.name, Leg: leg, Pacer: s.Pacer, Watch: w.watch}
	call.Cast = func(ctx context.Context, _ string, info media.Info) (pipeline.Agent, pipeline.Parts, pipeline.Tap, error) {
		agent := pipeline.Agent{Name: "bench", Lang: "en-US", Manners: a.manners}
		parts, err := s.Cast(ctx, &agent, info)
		parts.Responder, parts.Synthesizer = script{i}, mouth{v, i.kind == heardWhat && !i.timed}
		return agent, parts, nil, err
	}
	ended := make(chan pipeline.Ending, 1)
	go func() { ended <- call.Run(ctx) }()
	scene := scene{i, p, w, v, &r}
	var err error
	if i.kind == endOfTurn {
		err = scene.endOfTurn(ctx)
	} else {
		err = scene.over(ctx)
	}
	select {
	case e := <-ended:
		err = fmt.Errorf("the call ended early, with %s: %w", e.Cause, errors.Join(err, e.Err))
	default:
		_ = p.carrier.Stop()
		<-ended
	}
	r.events(w.seen)
	if err != nil {
		r.Failure = err.Error()
	}
	p.mu.Lock()
	r.LateMS = corpus.Millis(p.late)
	p.mu.Unlock()
	return r
}

// witness sees a call's events.
type witness struct {
	events chan pipeline.Event
	seen   []pipeline.Event
}

func (w *witness) watch(e pipeline.Event) { w.events <- e }

// until waits for an event, for at most limit; it says whether it came.
func (w *witness) until(ctx context.Context, limit time.Duration, wanted func(pipeline.Event) bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		select {
		case e := <-w.events:
			w.seen = append(w.seen, e)
			if wanted(e) {
				return true
			}
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// pass lets d go by.
func (w *witness) pass(ctx context.Context, d time.Duration) {
	w.until(ctx, d, func(pipeline.Event) bool { return false })
}
