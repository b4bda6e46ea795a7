package record

import (
	"math"
	"time"

	"parley/media"
)

// placing finds where the caller's frames belong on our clock.
//
// A frame's media time runs on the caller's clock and says nothing of when it began. Its arrival is on our clock, but late by the
// network's mood. The least of arrival minus media time over the last seconds is the true distance of the two clocks, since the
// network only ever adds; as they drift apart, it follows. Corrections are made a sample a frame, which nobody hears.
type placing struct {
	rate   int
	begun  bool
	expect time.Duration // media time of the next frame
	next   int64         // place of the next sample

	least  [5]time.Duration // arrival minus media time: the minimum of each of the last stretches; a ring
	slot   int              // the stretch that is being filled
	frames int              // that it has had
}

const (
	stretch = 50                    // frames: 1 s, so that a drift of 0.1 % is followed within 5 ms, and a stall of up to 5 s is no drift
	near    = 5 * time.Millisecond  // off: left alone, so that most recordings hold what was heard to the sample
	tear    = 60 * time.Millisecond // off: a late frame leaves a gap before it, an early one is left out if it is quiet
	quiet   = 100                   // amplitude (-50 dBFS) of what may be left out
	hurry   = 40                    // an early frame that may not loses one sample in so many
	skip    = math.MinInt           // the frame is to be left out
)

// place returns the place of f's first sample and how f must be adjusted: by 1, a sample is to be repeated; by -n, n are to be left
// out; or skip.
func (p *placing) place(f media.Frame, arrived time.Duration) (at int64, adjust int) {
	gap := f.At - p.expect
	p.expect = f.At + f.Duration()
	heard := samples(arrived, p.rate) // nothing was spoken later
	switch {
	case !p.begun || gap < -near: // the first frame, or a clock that was set back
		p.begin(arrived - f.At)
		p.next = max(p.next, heard)
	case gap > near:
		p.next = max(p.next, min(p.next+samples(gap, p.rate), heard))
	}
	want := samples(f.At+p.distance(arrived-f.At), p.rate)
	near, far := samples(near, p.rate), samples(tear, p.rate)
	switch early := p.next - want; { // by so many samples what is recorded runs ahead of the clock
	case early < -far: // nothing came for a while
		p.next = want
	case early < -near && len(f.PCM) > 1:
		adjust = 1
	case early > far && loudest(f.PCM) < quiet:
		return p.next, skip
	case early > far:
		adjust = -len(f.PCM) / hurry
	case early > near:
		adjust = -1
	}
	at = max(p.next, 0)
	p.next = at + int64(len(f.PCM)+adjust)
	return at, adjust
}

func (p *placing) begin(distance time.Duration) {
	p.begun = true
	p.slot, p.frames = 0, 0
	for i := range p.least {
		p.least[i] = distance
	}
}

// distance takes in one measurement of how far our clock is ahead of the caller's, and returns the best estimate.
func (p *placing) distance(d time.Duration) time.Duration {
	if p.frames == stretch {
		p.slot = (p.slot + 1) % len(p.least)
		p.least[p.slot] = d
		p.frames = 0
	}
	p.frames++
	p.least[p.slot] = min(p.least[p.slot], d)
	least := p.least[0]
	for _, l := range p.least {
		least = min(least, l)
	}
	return least
}

func loudest(pcm []int16) (peak int) {
	for _, s := range pcm {
		peak = max(peak, int(s), -int(s))
	}
	return peak
}
