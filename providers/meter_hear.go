package providers

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/media"
	"parley/pipeline"
)

// Transcriber decorates a recogniser.
func (m Meter) Transcriber(t pipeline.Transcriber) pipeline.Transcriber {
	if m.Told == nil || t == nil {
		return t
	}
	return meteredTranscriber{m, t}
}

type meteredTranscriber struct {
	meter      Meter
	recogniser pipeline.Transcriber
}

// Transcribe implements [pipeline.Transcriber].
func (t meteredTranscriber) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	open, err := t.recogniser.Transcribe(ctx, o)
	if err != nil {
		t.meter.tell(ownOf(ctx), Use{Kind: STT, Outcome: outcome(ctx, "transcriber", err, false)})
		return nil, err
	}
	return &meteredTranscription{Transcription: open, meter: t.meter, own: ownOf(ctx)}, nil
}

// meteredTranscription is one call's.
type meteredTranscription struct {
	pipeline.Transcription
	meter Meter
	own   func(Use)    // of its call; nil: it does not want to know
	sound atomic.Int64 // ns that were heard, and not told of yet

	closing, ended atomic.Bool // ended: its outcome has been told

	mu    sync.Mutex
	asked []asked
}

// asked is an Ended that waits for its words.
type asked struct {
	edge int
	at   time.Time
}

// Write implements [pipeline.Transcription]. Nothing is told with a frame.
func (t *meteredTranscription) Write(f media.Frame) error {
	err := t.Transcription.Write(f)
	if err == nil {
		t.sound.Add(int64(f.Duration()))
	} else if !errors.Is(err, pipeline.ErrBehind) && !t.closing.Load() {
		t.end(Class(err))
	}
	return err
}

// Mark implements [pipeline.Transcription].
func (t *meteredTranscription) Mark(e pipeline.Edge) error {
	if e.Kind == pipeline.Ended {
		t.mu.Lock()
		t.asked = append(t.asked, asked{e.N, time.Now()})
		t.mu.Unlock()
	}
	return t.Transcription.Mark(e)
}

// Results implements [pipeline.Transcription].
func (t *meteredTranscription) Results() iter.Seq2[pipeline.Transcript, error] {
	return func(yield func(pipeline.Transcript, error) bool) {
		for r, err := range t.Transcription.Results() {
			if err != nil {
				t.end(Class(err))
			} else {
				t.answered(r)
			}
			if !yield(r, err) {
				return
			}
		}
		t.end(OK)
	}
}

// answered tells how long an Ended has waited for its words, and what has been heard since.
func (t *meteredTranscription) answered(r pipeline.Transcript) {
	if r.Kind != pipeline.Final || r.Edge == 0 {
		return
	}
	t.mu.Lock()
	i := slices.IndexFunc(t.asked, func(a asked) bool { return a.edge == r.Edge })
	var at time.Time
	if i >= 0 {
		at = t.asked[i].at
		t.asked = slices.Delete(t.asked, 0, i+1) // what came before it is answered by it
	}
	t.mu.Unlock()
	if i >= 0 {
		t.meter.tell(t.own, Use{Kind: STT, First: max(time.Since(at), 1), Sound: time.Duration(t.sound.Swap(0))})
	}
}

// Close implements [pipeline.Transcription].
func (t *meteredTranscription) Close() error {
	t.closing.Store(true)
	err := t.Transcription.Close()
	if err != nil {
		t.end(Class(err))
	}
	t.end(OK)
	return err
}

// end tells of the end, once.
func (t *meteredTranscription) end(outcome string) {
	if !t.ended.Swap(true) {
		t.meter.tell(t.own, Use{Kind: STT, Outcome: outcome, Sound: time.Duration(t.sound.Swap(0))})
	}
}
