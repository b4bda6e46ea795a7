package local

import (
	"context"
	"fmt"
	"time"

	"parley/media"
	"parley/media/resample"
	"parley/media/vad"
	"parley/pipeline"
)

// Silero's hops: 32 ms, which it hears with the last eighth of the hop before.
const (
	hop8k  = 256
	hop16k = 512
)

// memory is what a neural ear carries from hop to hop. Its zero value has heard nothing.
type memory struct {
	state   [256]float32
	context [hop16k / 8]float32
}

// The bars, measured on noisy telephone speech: two hops above 0.5 begin a stretch with few false starts, two above 0.7 are sure
// enough to interrupt the agent.
const (
	hopsToBegin = 2
	beginAt     = 0.5
	hopsToSure  = 2
	sureAt      = 0.7
)

// Listen waits for the model and makes an Ear for one call. Frames at 8 and 16 kHz are judged as they are, others at 8 kHz.
func (e *Engine) Listen(ctx context.Context, o pipeline.EarOptions) (pipeline.Ear, error) {
	m, err := e.wait(ctx)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	switch o.Rate {
	case 8000, 16000, 24000, 48000:
	default:
		return nil, fmt.Errorf("listen: Rate is %d: say 8000, 16000, 24000 or 48000", o.Rate)
	}
	turns := vad.Turns{MaybeAfter: o.MaybeAfter, EndAfter: o.EndAfter}
	if m.ear == nil {
		return newPlainEar(o.Rate, turns, m.report.Ear.Level)
	}
	turns.Open, turns.OpenAt = hopsToBegin, beginAt
	turns.Sure, turns.SureAt = hopsToSure, sureAt
	return newEar(m.ear, o, turns)
}

// edge is v in the pipeline's words; the kinds have the same numbers.
func edge(v vad.Edge) pipeline.Edge {
	return pipeline.Edge{Kind: pipeline.EdgeKind(v.Kind), N: v.N, At: v.At, Sure: v.Sure}
}

// ear is a neural Ear. It judges on the caller's goroutine.
type ear struct {
	model earModel
	gate  vad.Gate
	turns vad.Turns
	m     memory
	deaf  bool // the gate has been shut: the memory is of another time

	rate int                 // of the frames
	down *resample.Resampler // to 8 kHz; nil when hops are judged at the frames' own rate
	low  []int16             // what comes of down
	hop  []int16             // being filled
	n    int                 // samples in it
	open bool                // the gate was open during it
	span time.Duration       // of a hop
	from time.Duration       // when the hop being filled began
	next time.Duration       // when the next frame should begin
	late []pipeline.Edge     // edges of a frame that had more than one: longer than a hop
}

func newEar(model earModel, o pipeline.EarOptions, turns vad.Turns) (*ear, error) {
	e := &ear{model: model, turns: turns, rate: o.Rate, hop: make([]int16, hop8k), deaf: true, span: hop8k * time.Second / 8000}
	if o.EndAfter > 0 {
		e.gate.Hangover = o.EndAfter
	}
	switch o.Rate {
	case 8000:
	case 16000:
		e.hop = make([]int16, hop16k)
	default:
		down, err := resample.New(o.Rate, 8000)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		e.down, e.low = down, make([]int16, 0, 8000/50+1)
	}
	return e, nil
}

// Hear takes 1 us when the hop goes on and 80 us when it is full; see BenchmarkEar.
func (e *ear) Hear(f media.Frame) (pipeline.Edge, bool) {
	if gap := f.At - e.next; gap > media.FrameTime/2 || gap < -media.FrameTime/2 { // frames were lost, or these are the first
		e.n, e.from = 0, f.At
	} else if e.n == 0 {
		e.from = f.At
	}
	e.next = f.At + f.Duration()
	open := e.gate.Open(f)
	e.open = e.open || open
	pcm := f.PCM
	if e.down != nil {
		e.low = e.down.Append(e.low[:0], pcm)
		pcm = e.low
	}
	for len(pcm) > 0 {
		n := copy(e.hop[e.n:], pcm)
		pcm = pcm[n:]
		if e.n += n; e.n < len(e.hop) {
			break
		}
		e.judge()
		e.open = open
	}
	if len(e.late) == 0 {
		return pipeline.Edge{}, false
	}
	first := e.late[0]
	e.late = e.late[:copy(e.late, e.late[1:])]
	return first, true
}

// judge takes the full hop to the model, or calls it silence if the gate was shut all along.
func (e *ear) judge() {
	var p float32
	switch {
	case !e.open:
		e.deaf = true
	case e.deaf:
		e.m, e.deaf = memory{}, false
		fallthrough
	default:
		p = e.model.judge(&e.m, e.hop)
	}
	to := e.from + e.span
	if v, ok := e.turns.Next(p, e.from, to); ok {
		e.late = append(e.late, edge(v))
	}
	e.n, e.from = 0, to
}

// Close has nothing to free: the sessions are everybody's.
func (e *ear) Close() error { return nil }
