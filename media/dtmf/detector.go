package dtmf

import (
	"math"
	"time"
)

// How a Detector judges. A window is as long as it takes to tell two neighbours of the keypad apart, and short enough for several of
// them to fit into 40 ms, the shortest tone that Q.24 has a receiver take for a key.
const (
	window = 102 // samples at 8 kHz: 12.75 ms
	hop    = 51  // from one window to the next

	onset = 4 // windows in a row that make a key: 32 ms
	rest  = 4 // windows without it that end it: 32 ms, so that a break of 10 ms does not press it twice (Q.24)

	quietest = -32.0 // dBm0 of either tone
	pure     = 0.70  // of a window's power are the two tones: 0.7 leaves room for tones 1.5 % off and noise 15 dB below (Q.24)
	twist    = 10.0  // how much more power either tone may seem to have: 8 dB, and what a window blurs
	apart    = 4.0   // how much more power a tone must have than its neighbours: 6 dB
)

// A Press is a key that was heard.
type Press struct {
	Key rune
	At  time.Duration // when its tone began, from the first sample heard, to 7 ms
}

// A Detector hears keys in one direction of a call. It is for one goroutine; Hear does not allocate.
//
// It takes a pair of tones for a key that lasts 40 ms or more, is no quieter than -30 dBm0 a tone and no more than 8 dB apart, and makes
// up most of what is heard: so it does not take speech for a key, and does not hear a key that is spoken over.
type Detector struct {
	rate      int
	size      int // samples of a window
	step      int // samples of a hop
	coef      [8]float64
	least     float64 // power of either tone
	past      []int16 // the last window's samples, a ring
	heard     int64   // samples
	due       int     // samples until the next window is judged
	run       int     // windows in a row that have candidate
	absent    int     // windows in a row that do not have current
	candidate byte
	held      byte // the key that sounds; 0: none
}

// NewDetector is a Detector of sound at rate samples a second, 8,000 or more.
func NewDetector(rate int) *Detector {
	d := &Detector{rate: rate, size: window * rate / 8000, step: hop * rate / 8000}
	for i, hz := range append(rows[:], columns[:]...) {
		d.coef[i] = 2 * math.Cos(2*math.Pi*hz/float64(rate))
	}
	peak := full * gain(quietest)
	d.least = peak * peak / 2
	d.past, d.due = make([]int16, d.size), d.size
	return d
}

// Hear takes the next samples and says which key begins in them. There may be one every 40 ms at most: of a longer piece the last counts.
func (d *Detector) Hear(pcm []int16) (p Press, ok bool) {
	for len(pcm) > 0 {
		n := min(len(pcm), d.due)
		for _, s := range pcm[:n] {
			d.past[int(d.heard)%d.size] = s
			d.heard++
		}
		pcm = pcm[n:]
		if d.due -= n; d.due > 0 {
			break
		}
		d.due = d.step
		if d.next(d.judge()) {
			began := d.heard - int64(d.size+(onset-1)*d.step)
			p, ok = Press{rune(d.held), time.Duration(began) * time.Second / time.Duration(d.rate)}, true
		}
	}
	return p, ok
}

// Sounds says whether the key that was heard last still sounds.
func (d *Detector) Sounds() bool { return d.held != 0 }

// next takes what a window has, 0 for no key, and says whether a key has begun.
func (d *Detector) next(key byte) (began bool) {
	if key != d.candidate {
		d.candidate, d.run = key, 0
	}
	d.run++
	if d.held != 0 {
		if key == d.held {
			d.absent = 0
		} else {
			d.absent++
		}
		if d.absent >= rest {
			d.held, d.absent = 0, 0
		}
	}
	if key == 0 || d.run < onset || key == d.held {
		return false
	}
	d.held, d.absent = key, 0
	return true
}

// judge is the key that the window has; 0: none.
func (d *Detector) judge() byte {
	var total float64
	var one, two [8]float64 // of Goertzel's recurrence
	from := int(d.heard) % d.size
	for i := range d.size {
		at := from + i
		if at >= d.size {
			at -= d.size
		}
		x := float64(d.past[at])
		total += x * x
		for k := range d.coef {
			one[k], two[k] = x+d.coef[k]*one[k]-two[k], one[k]
		}
	}
	n := float64(d.size)
	if total < 2*d.least*n {
		return 0
	}
	var power [8]float64 // mean squares
	for k := range d.coef {
		power[k] = 2 * (one[k]*one[k] + two[k]*two[k] - d.coef[k]*one[k]*two[k]) / (n * n)
	}
	row, low := loudest(power[:4])
	column, high := loudest(power[4:])
	switch {
	case row < 0, column < 0, low < d.least, high < d.least:
	case low > twist*high, high > twist*low:
	case low+high < pure*total/n:
	default:
		return Keys[4*row+column]
	}
	return 0
}

// loudest is the tone of one side of the keypad that stands out; -1: none does.
func loudest(power []float64) (which int, of float64) {
	for k, p := range power {
		if p > of {
			which, of = k, p
		}
	}
	for k, p := range power {
		if k != which && p*apart > of {
			return -1, of
		}
	}
	return which, of
}
