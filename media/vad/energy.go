package vad

import (
	"cmp"

	"parley/media"
)

// Energy is a Detector that takes for speech what stands out of the background: a frame that is Above the noise floor, which it
// learns. It knows loudness, not voices: music and other people's talk are speech to it. It costs 0.1 us a frame and is for places
// where nothing better is to be had. The zero value is ready for use.
//
// The floor is what the quietest frames of the last 2 s had (minimum statistics, after Martin, "Noise power spectral density
// estimation", 2001): speech has gaps and does not raise it; a noise that begins and stays is background 2 s later.
type Energy struct {
	Above float64 // dB over the noise floor; default 9
	Least float64 // dBFS below which nothing is speech, as of Level; default -55

	minima [10]float64 // the quietest frame of each tenth of the last 2 s, in dBFS; a ring
	tenth  int         // the one that is being filled
	frames int         // that it has had; 0: nothing was heard yet
}

const (
	framesATenth = 10  // 200 ms
	unheard      = -45 // dBFS that is taken for the background until more is known: a caller may begin with speech
	noSound      = -90 // dBFS that stands for digital silence
)

// Hear says whether f stands out. Frames are of 20 ms.
func (e *Energy) Hear(f media.Frame) bool {
	level := max(Level(f.PCM), noSound)
	e.learn(level)
	return level > max(e.floor()+cmp.Or(e.Above, 9), cmp.Or(e.Least, -55))
}

func (e *Energy) learn(level float64) {
	switch e.frames {
	case 0:
		for i := range e.minima {
			e.minima[i] = unheard
		}
	case framesATenth:
		e.tenth = (e.tenth + 1) % len(e.minima)
		e.frames = 0
	}
	if e.frames == 0 || level < e.minima[e.tenth] {
		e.minima[e.tenth] = level
	}
	e.frames++
}

// floor is the second lowest of the minima, so that a frame that was lost and filled with zeros does not pass for the background.
func (e *Energy) floor() float64 {
	first, second := 0., 0.
	for _, m := range e.minima {
		if m < first {
			first, second = m, first
		} else if m < second {
			second = m
		}
	}
	return second
}
