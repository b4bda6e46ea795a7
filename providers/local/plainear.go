package local

import (
	"fmt"
	"io"
	"time"

	"parley/media"
	"parley/media/resample"
	"parley/media/vad"
	"parley/pipeline"
)

// plainEar is the Ear where there is no neural one. Its detectors say yes or no, and are asked to be of one mind for a while.
type plainEar struct {
	detector vad.Detector
	turns    vad.Turns
	down     *resample.Resampler // to 8 kHz; nil at that rate
	low      []int16
}

// Frames in a row that begin a stretch, and that make it sure.
const (
	plainToBegin = 3
	plainToSure  = 6
)

func newPlainEar(rate int, turns vad.Turns, level string) (*plainEar, error) {
	turns.Open, turns.Sure = plainToBegin, plainToSure
	turns.OpenAt, turns.SureAt = 0.5, 0.5
	e := &plainEar{turns: turns}
	if level == EarWebRTC {
		d, err := vad.NewWebRTC(8000)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		e.detector = d
	} else {
		e.detector = &vad.Energy{}
	}
	if rate != 8000 {
		down, err := resample.New(rate, 8000)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		e.down, e.low = down, make([]int16, 0, 8000/50+1)
	}
	return e, nil
}

// Hear judges each frame.
func (e *plainEar) Hear(f media.Frame) (pipeline.Edge, bool) {
	from, to := f.At, f.At+max(f.Duration(), time.Millisecond)
	if e.down != nil {
		e.low = e.down.Append(e.low[:0], f.PCM)
		f.PCM, f.Rate = e.low, 8000
	}
	v, ok := e.turns.Next(vad.Likely(e.detector.Hear(f)), from, to)
	return edge(v), ok
}

// Close frees the detector.
func (e *plainEar) Close() error {
	if c, ok := e.detector.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
