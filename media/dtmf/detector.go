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
	size      int        // samples of a window
	step      int        // samples of a hop
	low, high [4]float64 // coefficients of the rows and the columns
	least     float64    // power of either tone
	past      []int16    // the last onset windows' samples, a ring
	at        int        // of past: the oldest
	heard     int64      // samples
	due       int        // samples until the next window is judged
	passed    int        // windows that were not judged, since nothing sounds
	run       int        // windows in a row that have candidate
	absent    int        // windows in a row that do not have current
	candidate byte
	held      byte // the key that sounds; 0: none
}

// NewDetector is a Detector of sound at rate samples a second, 8,000 or more.
func NewDetector(rate int) *Detector {
	d := &Detector{rate: rate, size: window * rate / 8000, step: hop * rate / 8000}
	for i := range rows {
		d.low[i] = 2 * math.Cos(2*math.Pi*rows[i]/float64(rate))
		d.high[i] = 2 * math.Cos(2*math.Pi*columns[i]/float64(rate))
	}
	peak := full * gain(quietest)
	d.least = peak * peak / 2
	d.past, d.due = make([]int16, d.size+(onset-1)*d.step), d.size
	return d
}

// Hear takes the next samples and says which key begins in them. There may be one every 40 ms at most: of a longer piece the last counts.
func (d *Detector) Hear(pcm []int16) (p Press, ok bool) {
	for len(pcm) > 0 {
		n := copy(d.past[d.at:], pcm[:min(len(pcm), d.due)])
		d.at, d.heard = (d.at+n)%len(d.past), d.heard+int64(n)
		pcm = pcm[n:]
		if d.due -= n; d.due > 0 {
			continue
		}
		d.due = d.step
		if d.look() {
			began := d.heard - int64(d.size+(onset-1)*d.step)
			p, ok = Press{rune(d.held), time.Duration(began) * time.Second / time.Duration(d.rate)}, true
		}
	}
	return p, ok
}

// Sounds says whether the key that was heard last still sounds.
func (d *Detector) Sounds() bool { return d.held != 0 }

// look is called at a window's end, and says whether a key has begun. While nothing sounds only every fourth window is judged: a key is in four in
// a row, so it is in one of those, and then the three before it, which are still there, are judged as well.
func (d *Detector) look() (began bool) {
	if d.held != 0 || d.candidate != 0 {
		return d.next(d.judge(0))
	}
	if d.passed++; d.passed < onset {
		return false
	}
	d.passed = 0
	key := d.judge(0)
	if key == 0 {
		return false
	}
	for back := onset - 1; back > 0; back-- {
		d.next(d.judge(back))
	}
	return d.next(key)
}

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

// judge is the key that the window has which ended so many hops back; 0: none. Most windows of speech are told by the rows alone: it costs half as much.
func (d *Detector) judge(back int) byte {
	n := float64(d.size)
	from := (d.at + (onset-1-back)*d.step) % len(d.past)
	first := d.past[from:min(from+d.size, len(d.past))]
	rest := d.past[:d.size-len(first)]
	power, total := tones(first, rest, &d.low)
	if total < 2*d.least*n {
		return 0
	}
	row, low := loudest(power[:])
	if row < 0 || low < d.least || (1+twist)*low < pure*total/n { // the column may have twist times as much, and the two are not enough
		return 0
	}
	power, _ = tones(first, rest, &d.high)
	column, high := loudest(power[:])
	switch {
	case column < 0, high < d.least:
	case low > twist*high, high > twist*low:
	case low+high < pure*total/n:
	default:
		return Keys[4*row+column]
	}
	return 0
}

// tones are the powers of four tones in a window of two parts, as mean squares, and the sum of all squares. It is Goertzel's recurrence, four times beside
// each other in registers.
func tones(first, rest []int16, coef *[4]float64) (power [4]float64, total float64) {
	var a, b, c, e, a2, b2, c2, e2 float64
	k0, k1, k2, k3 := coef[0], coef[1], coef[2], coef[3]
	for _, part := range [2][]int16{first, rest} {
		for _, s := range part {
			x := float64(s)
			total += x * x
			a, a2 = x+k0*a-a2, a
			b, b2 = x+k1*b-b2, b
			c, c2 = x+k2*c-c2, c
			e, e2 = x+k3*e-e2, e
		}
	}
	n := float64(len(first) + len(rest))
	for i, v := range [4][2]float64{{a, a2}, {b, b2}, {c, c2}, {e, e2}} {
		power[i] = 2 * (v[0]*v[0] + v[1]*v[1] - coef[i]*v[0]*v[1]) / (n * n)
	}
	return power, total
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
