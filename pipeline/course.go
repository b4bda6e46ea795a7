package pipeline

import (
	"math"
	"slices"
	"time"
)

// course is how loud a sound was, in hops of 10 ms. It costs one pass over the samples, and a byte a hop to keep.
type course struct {
	levels []uint8 // of each hop: dB over one unit of amplitude, in steps of half a dB
	sum    float64 // of squares, of the hop that is still incomplete
	n      int     // its samples
}

// hop is the step of a course.
const hop = 10 * time.Millisecond

// hear adds samples, rate of them a second.
func (c *course) hear(pcm []int16, rate int) {
	step := max(rate*int(hop)/int(time.Second), 1)
	for len(pcm) > 0 {
		k := min(step-c.n, len(pcm))
		for _, v := range pcm[:k] {
			c.sum += float64(v) * float64(v)
		}
		c.n, pcm = c.n+k, pcm[k:]
		if c.n == step {
			c.levels = append(c.levels, uint8(20*math.Log10(1+c.sum/float64(step))))
			c.sum, c.n = 0, 0
		}
	}
}

// A joint is where a word may end: a gap between two stretches of sound, a dip in one, or, as many words end in neither, nothing.
type joint struct {
	from, to int     // hops: what is before it ends, what is after it begins; the same but for a gap
	depth    float64 // of a dip: dB below the lower one of the peaks beside it
	nucleus  bool    // it parts two syllables
	sound    int     // hops that sound, until from
	nuclei   int     // syllables, until from
}

const (
	silence  = 36  // dB below the loudest hop: what is softer is a gap
	ripple   = 1.2 // dB: what rises and falls by less is no dip
	parting  = 3   // dB: what falls by more parts two syllables
	nothing  = 8   // hops from one place where a word may end to the next, if there is neither gap nor dip
	shortGap = 3   // hops: the closure of a "t" may be longer
)

// gap is how long it is silent there, in hops.
func (j joint) gap() int { return j.to - j.from }

// join finds all the places of a sound at which a word may end, in order; the first and the last are its ends.
func (a *aligner) join(levels []uint8) {
	a.smooth = slices.Grow(a.smooth[:0], len(levels))[:len(levels)]
	all, smooth, loudest := a.joints, a.smooth, 0.0
	for i, l := range levels {
		before, after := levels[max(i-1, 0)], levels[min(i+1, len(levels)-1)]
		smooth[i] = (float64(before) + 2*float64(l) + float64(after)) / 8
		loudest = max(loudest, smooth[i])
	}
	run := func(at int, sounds bool) int {
		for at < len(smooth) && (smooth[at] >= loudest-silence) == sounds {
			at++
		}
		return at
	}
	at := 0
	if loudest > silence {
		at = run(0, false)
	}
	all = append(all, joint{to: at})
	for at < len(smooth) {
		from, to := at, run(at, true)
		all = append(dips(all, smooth, from, to), joint{from: to, nucleus: true})
		at = run(to, false)
		all[len(all)-1].to = at
	}
	for k := 1; k < len(all); k++ {
		all[k].sound = all[k-1].sound + all[k].from - all[k-1].to
		all[k].nuclei = all[k-1].nuclei
		if all[k].nucleus {
			all[k].nuclei++
		}
	}
	a.joints = all
}

// dips adds the joints within a stretch of sound, but for its ends.
func dips(all []joint, levels []float64, from, to int) []joint {
	last := from
	fill := func(until int) {
		for ; until-last > 2*nothing; last += nothing {
			all = append(all, joint{from: last + nothing, to: last + nothing})
		}
	}
	peak, falling, low := levels[from], false, from
	for h := from; h < to; h++ {
		switch v := levels[h]; {
		case !falling && v > peak-ripple:
			peak = max(peak, v)
		case !falling, v <= levels[low]:
			falling, low = true, h
		case v > levels[low]+ripple:
			next := v
			for k := h; k < to && levels[k] > next-ripple; k++ {
				next = max(next, levels[k])
			}
			fill(low)
			depth := min(peak, next) - levels[low]
			all = append(all, joint{from: low, to: low, depth: depth, nucleus: depth >= parting})
			last, falling, peak = low, false, v
		}
	}
	fill(to)
	return all
}
