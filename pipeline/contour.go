package pipeline

import (
	"math"
	"sync/atomic"

	"parley/media"
)

// Contour is how a stretch of speech has sounded so far, by the course of its energy.
type Contour struct {
	Known     bool // false where there was no sound to measure
	Syllables int  // rises and falls of at least 4 dB: about one a syllable of speech, one in all of a cough, none of a hum
}

// meter follows the energy of a stretch of speech from the edge that began it. It costs one pass over the frame's samples, and only
// while there is speech. One goroutine measures; any may read the contour.
type meter struct {
	on       bool
	rising   bool
	level    float64 // dB, smoothed
	turn     float64 // the extreme since the level last turned
	loudest  float64
	contours atomic.Int32 // syllables + 1; 0: not known
}

// swing is how far the energy has to rise and fall, in dB; depth, how far below the loudest a syllable can be.
const swing, depth = 4, 18

// edge begins or ends a measurement.
func (m *meter) edge(k EdgeKind) {
	switch {
	case k == Ended:
		m.on = false
	case k == Began && !m.on:
		m.on, m.rising, m.level, m.turn, m.loudest = true, true, 0, 0, 0
		m.contours.Store(0)
	}
}

// hear takes a frame.
func (m *meter) hear(f media.Frame) {
	if !m.on {
		return
	}
	sum := 0.0
	for _, s := range f.PCM {
		sum += float64(s) * float64(s)
	}
	if sum == 0 {
		return
	}
	db := 10 * math.Log10(sum/float64(len(f.PCM)))
	if m.contours.CompareAndSwap(0, 1) {
		m.level, m.turn = db, db
	}
	m.level += (db - m.level) / 2
	m.loudest = max(m.loudest, m.level)
	switch {
	case m.rising && m.level > m.turn, !m.rising && m.level < m.turn:
		m.turn = m.level
	case m.rising && m.level < m.turn-swing:
		if m.turn > m.loudest-depth {
			m.contours.Add(1)
		}
		m.rising, m.turn = false, m.level
	case !m.rising && m.level > m.turn+swing:
		m.rising, m.turn = true, m.level
	}
}

// contour is that of the stretch going on, or of the last one.
func (m *meter) contour() Contour {
	n := m.contours.Load()
	return Contour{n > 0, int(max(n-1, 0))}
}
