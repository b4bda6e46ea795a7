package pipeline

import (
	"math"

	"parley/media"
)

// A Chime is what callers on hold hear where an agent has nothing better: two soft notes, every four seconds, that tell them that somebody is
// still there. It implements media.Source.
type Chime struct {
	rate int
	at   int // samples since the last pattern began
}

// NewChime is a Chime at a leg's rate, in samples a second.
func NewChime(rate int) *Chime { return &Chime{rate: rate} }

// The notes: how high, when from the pattern's beginning, and how loud at first; they fade.
const (
	chimeEvery = 4   // seconds
	chimeNote  = 0.9 // seconds
	chimeLevel = 2200
)

// Next implements media.Source.
func (c *Chime) Next(pcm []int16) bool {
	for i := range pcm {
		t := float64(c.at) / float64(c.rate)
		pcm[i] = int16(note(t, 523.25) + note(t-0.35, 659.26))
		if c.at++; c.at == chimeEvery*c.rate {
			c.at = 0
		}
	}
	return true
}

// note is a sample of a note at t seconds from its beginning.
func note(t, hz float64) float64 {
	if t < 0 || t > chimeNote {
		return 0
	}
	attack, left := math.Min(1, t/0.02), 1-t/chimeNote
	return chimeLevel * attack * left * left * math.Sin(2*math.Pi*hz*t)
}

// Loop is a recording that begins anew when it ends: a media.Source at the recording's own rate.
type Loop struct {
	PCM []int16 // shared by all who hear it, and not changed
	at  int
}

var _ media.Source = (*Loop)(nil)

// Next implements media.Source.
func (l *Loop) Next(pcm []int16) bool {
	for n := 0; n < len(pcm); {
		if len(l.PCM) == 0 {
			return false
		}
		copied := copy(pcm[n:], l.PCM[l.at:])
		n += copied
		l.at = (l.at + copied) % len(l.PCM)
	}
	return true
}
