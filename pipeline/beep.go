package pipeline

import (
	"context"
	"iter"
	"math"
	"time"
)

// beepLength is how long the tone lasts after which a message is left.
const beepLength = 400 * time.Millisecond

// A beeper is a voice that knows one sound: the tone after which a message is left. It reads its text and does not say it.
type beeper struct{}

// Speak implements [Synthesizer].
func (beeper) Speak(_ context.Context, text iter.Seq2[string, error], v Voice) iter.Seq2[Speech, error] {
	return func(yield func(Speech, error) bool) {
		for _, err := range text {
			if err != nil {
				yield(Speech{}, err)
				return
			}
		}
		yield(Speech{PCM: beep(v.Rate)}, nil)
	}
}

// beep is the tone: 1,000 Hz at -12 dBFS, with 10 ms to swell and to fade, so that it does not click.
func beep(rate int) []int16 {
	pcm := make([]int16, rate*int(beepLength/time.Millisecond)/1000)
	edge := float64(rate) / 100
	for i := range pcm {
		loud := min(1, float64(i)/edge, float64(len(pcm)-1-i)/edge)
		pcm[i] = int16(8192 * loud * math.Sin(2*math.Pi*1000*float64(i)/float64(rate)))
	}
	return pcm
}
