package local

import (
	"time"

	"parley/media"
	"parley/media/vad"
)

// A tape is what was heard lately, by media time. Its zero value is blank.
type tape struct {
	pcm   []int16
	begin time.Duration // when pcm[0] was spoken
}

// gapMost is the longest gap between frames that is filled with silence; after a longer one the tape starts afresh.
const gapMost = time.Second

func (t *tape) end(rate int) time.Duration { return t.begin + media.Samples(len(t.pcm), rate) }

// write appends f, and silence where frames were lost before it.
func (t *tape) write(f media.Frame, rate int) {
	gap := f.At - t.end(rate)
	switch {
	case len(t.pcm) == 0 || gap > gapMost || gap < -gapMost:
		t.pcm, t.begin = t.pcm[:0], f.At
	case gap > media.FrameTime/2:
		t.pcm = append(t.pcm, make([]int16, samples(gap, rate))...)
	}
	t.pcm = append(t.pcm, f.PCM...)
}

// forget lets go of what was spoken before at. Bytes move only once half of the tape can go, so that a frame costs a frame.
func (t *tape) forget(at time.Duration, rate int) {
	n := min(samples(at-t.begin, rate), len(t.pcm))
	if n < len(t.pcm)-n {
		return
	}
	t.pcm = t.pcm[:copy(t.pcm, t.pcm[n:])]
	t.begin += media.Samples(n, rate)
	if long := 4 * rate; cap(t.pcm) > long && len(t.pcm) < long/2 { // the room of a long turn is not for life
		t.pcm = append(make([]int16, 0, long/2), t.pcm...)
	}
}

// copy returns a copy of from..to, as far as it is there.
func (t *tape) copy(from, to time.Duration, rate int) []int16 {
	a := min(max(samples(from-t.begin, rate), 0), len(t.pcm))
	b := min(max(samples(to-t.begin, rate), a), len(t.pcm))
	return append([]int16(nil), t.pcm[a:b]...)
}

// quietest is the middle of the quietest fifth of a second between from and to.
func (t *tape) quietest(from, to time.Duration, rate int) time.Duration {
	const window, step = 200 * time.Millisecond, 20 * time.Millisecond
	best, level := to, 1.0
	for at := from; at+window <= to; at += step {
		a := samples(at-t.begin, rate)
		b := a + samples(window, rate)
		if a < 0 || b > len(t.pcm) {
			continue
		}
		if l := vad.Level(t.pcm[a:b]); l < level {
			best, level = at+window/2, l
		}
	}
	return best
}

// samples is how many there are in d, if any.
func samples(d time.Duration, rate int) int {
	return int(max(d, 0) * time.Duration(rate) / time.Second)
}
