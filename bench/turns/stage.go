package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"parley/media"
	"parley/media/pace"
	"parley/pipeline"
	"parley/providers/local"
)

// A stage is where calls are played: the ear and recogniser of one engine, and a pacing wheel.
type stage struct {
	engine *local.Engine
	pacer  media.Pacer
	voices *voices
}

// cast gives a call the ear and the recogniser, as cmd/parley does.
func (s stage) cast(ctx context.Context, agent *pipeline.Agent, info media.Info) (pipeline.Parts, error) {
	manners := agent.Manners.WithDefaults()
	ear, err := s.engine.Listen(ctx, pipeline.EarOptions{Rate: info.Rate, MaybeAfter: manners.Guess, EndAfter: manners.Hangover})
	if err != nil {
		return pipeline.Parts{}, fmt.Errorf("open ear: %w", err)
	}
	stt, err := s.engine.Transcribe(ctx, pipeline.Listening{Rate: info.Rate, Lang: agent.Lang})
	if err != nil {
		return pipeline.Parts{}, errors.Join(fmt.Errorf("open transcription: %w", err), ear.Close())
	}
	return pipeline.Parts{Ear: ear, Transcription: stt}, nil
}

// A task is one item in one arm.
type task struct {
	item *item
	arm  arm
}

// queue hands out tasks to players in any bubble: it holds nothing that a bubble's clock would wait for.
type queue struct {
	speech  string // where the models are
	tasks   []task
	results []result
	next    atomic.Int64
	done    func(n int, r result) // may be called by several at once
}

// play plays what is left in the queue, one call at a time, unless outer has ended; ctx is the bubble's own.
func (q *queue) play(outer, ctx context.Context, s stage) {
	for outer.Err() == nil {
		n := int(q.next.Add(1)) - 1
		if n >= len(q.tasks) {
			return
		}
		q.results[n] = play(ctx, q.tasks[n].item, q.tasks[n].arm, s)
		q.done(n, q.results[n])
	}
}

// virtual plays the queue in as many bubbles as wanted, each with a clock, an engine with one worker and one call at a time of its
// own. In a bubble nothing takes time but waiting; the recogniser is charged the processor time that it uses (local.Options.Virtual).
// So every call finds a machine that does nothing else, however busy this one is.
func virtual(ctx context.Context, q *queue, v *voices, bubbles int) error {
	return earsOnly(q.speech, func(dir string) error {
		failures := make([]error, bubbles)
		var all sync.WaitGroup
		for n := range bubbles {
			all.Go(func() {
				bubble(func() { failures[n] = perform(ctx, q, v, local.Options{Dir: dir, Workers: 1, Virtual: true}, 1) })
			})
		}
		all.Wait()
		return errors.Join(failures...)
	})
}

// bubble runs f by a virtual clock of its own. The standard library gives one only to tests; an empty one will do.
func bubble(f func()) {
	synctest.Test(new(testing.T), func(*testing.T) { f() })
}

// live plays the queue by the real clock, so many calls at once on one engine.
func live(ctx context.Context, q *queue, v *voices, calls int) error {
	return earsOnly(q.speech, func(dir string) error { return perform(ctx, q, v, local.Options{Dir: dir}, calls) })
}

// perform sets up a stage and plays the queue on it.
func perform(outer context.Context, q *queue, v *voices, o local.Options, calls int) error {
	ctx, stop := context.WithCancel(context.Background()) // one of this bubble
	defer stop()
	engine, wheel := local.New(o), &pace.Wheel{}
	var running sync.WaitGroup
	var failed error
	running.Go(func() { failed = engine.Run(ctx) })
	running.Go(func() { _ = wheel.Run(ctx) }) // with a Timer it cannot fail
	<-engine.Ready()
	if r := engine.Status(); r.Ear.Level != local.EarSilero || r.Recogniser.Level != local.RecogniserTiny || r.Endpoint.Level != local.EndpointSound {
		failed = fmt.Errorf("offline hearing is not whole: run \"make setup\": ear %s, recogniser %s, end of turn by %s", r.Ear.Level, r.Recogniser.Level, r.Endpoint.Level)
	} else {
		var players sync.WaitGroup
		for range calls {
			players.Go(func() { q.play(outer, ctx, stage{engine, wheel, v}) })
		}
		players.Wait()
	}
	stop()
	running.Wait()
	return failed
}

// earsOnly calls use with a directory of the models in from without the voice's, and removes it: what is said has been rehearsed, and espeak-ng
// keeps no clock but the real one.
func earsOnly(from string, use func(dir string) error) (err error) {
	dir, err := os.MkdirTemp("", "parley-turns-")
	if err != nil {
		return fmt.Errorf("make a directory of models: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	for _, name := range []string{"libonnxruntime.so", "moonshine-tiny-encoder.onnx", "moonshine-tiny-decoder.onnx", "smart-turn.onnx"} {
		if err := os.Symlink(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("make a directory of models: %w", err)
		}
	}
	return use(dir)
}
