package local

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"parley/media"
	"parley/media/resample"
	"parley/media/vad"
)

// Silence around a short turn makes the recogniser deaf: half a second of it took single words from 85 % to 30-69 % right.
const (
	shortTurn  = 1500 * time.Millisecond
	shortSlack = 100 * time.Millisecond // left on each side of a short turn
	tightSlack = 20 * time.Millisecond  // left when nothing was understood
)

// errStopped says that a recogniser gave up because it was told to.
var errStopped = errors.New("given up")

// sttRate is what the recogniser hears, samples a second.
const sttRate = 16000

// hear recognises a stretch of telephone speech. It runs on a worker.
func hear(r recogniser, pcm []int16, rate int, stop func() bool) (string, error) {
	if stop() {
		return "", errStopped
	}
	first, last := bounds(pcm, rate)
	slack := shortSlack
	if media.Samples(last-first, rate) >= shortTurn {
		slack = time.Second // more than there is: harmless around a sentence
	}
	text, err := hearPart(r, pcm, first, last, slack, rate, stop)
	if err == nil && text == "" && last > first {
		text, err = hearPart(r, pcm, first, last, tightSlack, rate, stop)
	}
	return text, err
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
