package local

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"parley/media"
	"parley/media/resample"
	"parley/media/vad"
)

// Silence around a short turn makes the recogniser deaf: half a second of it took single words from 85 % to 30-69 % right. What is
// left around it is varied when nothing was understood, or nothing that was expected.
const (
	shortTurn = 1500 * time.Millisecond
	asItIs    = time.Second // more than there ever is
)

var (
	shortSlacks = []time.Duration{100 * time.Millisecond, 160 * time.Millisecond, 20 * time.Millisecond}
	longSlacks  = []time.Duration{asItIs, 20 * time.Millisecond}
)

// errStopped says that a recogniser gave up because it was told to.
var errStopped = errors.New("given up")

// sttRate is what the recogniser hears, samples a second.
const sttRate = 16000

// hear recognises a stretch of telephone speech. Of several attempts it returns the first that suits, else the first that is not
// empty. It runs on a worker.
func hear(r recogniser, pcm []int16, rate int, suits func(string) bool, stop func() bool) (string, error) {
	first, last := bounds(pcm, rate)
	slacks := longSlacks
	if media.Samples(last-first, rate) < shortTurn {
		slacks = shortSlacks
	}
	var some string
	for _, slack := range slacks {
		if stop() {
			return "", errStopped
		}
		text, err := hearPart(r, pcm, first, last, slack, rate, stop)
		if err != nil || text != "" && (suits(text) || slack == asItIs) {
			return text, err
		}
		some = cmp.Or(some, text)
	}
	return some, nil
}

func hearPart(r recogniser, pcm []int16, first, last int, slack time.Duration, rate int, stop func() bool) (string, error) {
	room := samples(slack, rate)
	wide, err := widen(pcm[max(0, first-room):min(len(pcm), last+room)], rate)
	if err != nil {
		return "", err
	}
	return r.recognise(wide, stop)
}

// bounds finds where the sound in pcm begins and ends, in samples: within 30 dB of its loud parts, and above what lies under it.
func bounds(pcm []int16, rate int) (first, last int) {
	hop := rate / 100
	var levels []float64
	for i := 0; i+hop <= len(pcm); i += hop {
		levels = append(levels, vad.Level(pcm[i:i+hop]))
	}
	if len(levels) == 0 {
		return 0, len(pcm)
	}
	sorted := slices.Sorted(slices.Values(levels))
	loud, floor := sorted[len(sorted)*9/10], sorted[len(sorted)/20]
	bar := loud - 30
	if !math.IsInf(floor, -1) {
		bar = max(bar, min(floor+6, loud-12))
	}
	above := func(l float64) bool { return l >= bar }
	i := slices.IndexFunc(levels, above)
	if i < 0 {
		return 0, len(pcm)
	}
	j := len(levels)
	for j > i+1 && !above(levels[j-1]) {
		j--
	}
	return i * hop, j * hop
}

// widen makes of pcm what the recogniser hears.
func widen(pcm []int16, rate int) ([]float32, error) {
	if rate != sttRate {
		r, err := resample.New(rate, sttRate)
		if err != nil {
			return nil, fmt.Errorf("hear: %w", err)
		}
		pcm = r.Flush(r.Append(make([]int16, 0, (len(pcm)+rate/50)*sttRate/rate), pcm))
	}
	wide := make([]float32, len(pcm))
	for i, v := range pcm {
		wide[i] = float32(v) / 32768
	}
	return wide, nil
}
