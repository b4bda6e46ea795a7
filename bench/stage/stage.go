// Package stage is where benchmarks play calls: with the real ear and recogniser of providers/local, by virtual clocks or by the real one.
//
//	Virtual ──▶ a bubble for each clock ──▶ Stage: an engine with one worker, a pacing wheel ──▶ play, one call at a time
//	Live ─────────────────────────────────▶ Stage: one engine ─────────────────────────────────▶ play, several at once
//
// In a bubble nothing takes time but waiting; the recogniser is charged the processor time that it uses (local.Options.Virtual). So
// every call finds a machine that does nothing else, however busy this one is.
package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"parley/media"
	"parley/media/pace"
	"parley/pipeline"
	"parley/providers/local"
)

// A Stage is the ear and the recogniser of one engine, and a pacing wheel.
type Stage struct {
	engine *local.Engine
	Pacer  media.Pacer
}

// Cast gives a call the ear and the recogniser, as cmd/parley does; the rest of Parts is the caller's.
func (s Stage) Cast(ctx context.Context, agent *pipeline.Agent, info media.Info) (pipeline.Parts, error) {
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

// A Play plays calls, one after the other, as long as outer lasts; ctx is the stage's own. It is called by several goroutines, in bubbles
// of their own: what it shares with others must hold nothing that a bubble's clock would wait for.
type Play func(outer, ctx context.Context, s Stage)

// Virtual plays on as many stages as there are to be clocks. The models are in dir.
func Virtual(ctx context.Context, dir string, clocks int, play Play) error {
	return earsOnly(dir, func(dir string) error {
		failures := make([]error, clocks)
		var all sync.WaitGroup
		for n := range clocks {
			all.Go(func() {
				Bubble(func() { failures[n] = perform(ctx, local.Options{Dir: dir, Workers: 1, Virtual: true}, 1, play) })
			})
		}
		all.Wait()
		return errors.Join(failures...)
	})
}

// Live plays by the real clock, so many calls at once on one engine.
func Live(ctx context.Context, dir string, calls int, play Play) error {
	return earsOnly(dir, func(dir string) error { return perform(ctx, local.Options{Dir: dir}, calls, play) })
}

// Bubble runs f by a virtual clock of its own. The standard library gives one only to tests; an empty one will do.
func Bubble(f func()) {
	synctest.Test(new(testing.T), func(*testing.T) { f() })
}

// perform sets up a stage and plays on it.
func perform(outer context.Context, o local.Options, calls int, play Play) error {
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
			players.Go(func() { play(outer, ctx, Stage{engine, wheel}) })
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
	dir, err := os.MkdirTemp("", "parley-stage-")
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

// A Speak speaks a text with a voice of the engine's, at rate samples a second.
type Speak func(voice, text string, rate int) ([]pipeline.Speech, error)

// Rehearse has lines spoken before a play, by an engine with the models in dir: what is known by heart sounds as soon as it is wanted.
func Rehearse(ctx context.Context, dir string, lines func(Speak) error) (err error) {
	engine := local.New(local.Options{Dir: dir})
	ctx, stop := context.WithCancel(ctx)
	running := make(chan error, 1)
	go func() { running <- engine.Run(ctx) }()
	defer func() {
		stop()
		err = errors.Join(err, <-running)
	}()
	select {
	case <-engine.Ready():
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if s := engine.Status(); s.Degraded() {
		return fmt.Errorf("offline speech is not whole: run \"make setup\"\n%s", strings.Join(s.Lines(), "\n"))
	}
	return lines(func(voice, text string, rate int) (all []pipeline.Speech, err error) {
		said := func(yield func(string, error) bool) { yield(text, nil) }
		for s, err := range engine.Speak(ctx, said, pipeline.Voice{Name: voice, Lang: "en-US", Rate: rate}) {
			if err != nil {
				return nil, fmt.Errorf("rehearse %q: %w", text, err)
			}
			all = append(all, pipeline.Speech{PCM: slices.Clone(s.PCM), Words: slices.Clone(s.Words)})
		}
		return all, nil
	})
}
