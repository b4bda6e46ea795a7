// Package vad tells speech from silence: cheap detectors, and the bookkeeping that turns their verdicts into turns.
//
//	media.Frame ──▶ Gate (is there any sound at all?) ──▶ a neural detector, elsewhere ──▶ p ─┐
//	media.Frame ──▶ Energy or WebRTC ──▶ speech, yes or no ──▶ Likely ──▶ p ──────────────────┴▶ Turns ──▶ Edge
//
// Nothing here starts a goroutine, allocates per frame, or is safe for use by several goroutines at once: each call has its own,
// on the goroutine that reads its leg. Neural detection lives in providers/local, which uses Gate and Turns.
package vad

import (
	"math"

	"parley/media"
)

// A Detector judges frame by frame whether it hears speech. Energy and WebRTC are Detectors.
type Detector interface {
	// Hear is given every 20 ms frame in order.
	Hear(media.Frame) (speech bool)
}

// Likely is a yes-or-no verdict as the probability that Turns takes: 1 or 0.
func Likely(speech bool) float32 {
	if speech {
		return 1
	}
	return 0
}

// Level is the loudness of pcm in dBFS, without its DC part: 0 is a full-scale square wave, -3 a full-scale sine; silence and an
// empty slice are -Inf.
func Level(pcm []int16) float64 {
	if len(pcm) == 0 {
		return math.Inf(-1)
	}
	var sum, squares int64
	for _, s := range pcm {
		v := int64(s)
		sum += v
		squares += v * v
	}
	n := float64(len(pcm))
	mean := float64(sum) / n
	power := float64(squares)/n - mean*mean
	return 10 * math.Log10(max(power, 0)/(32768*32768))
}
