package jitter

import "math"

// A line is what sounded last and what is to sound, in samples of one rate.
type line struct {
	pcm  []int16 // of fixed capacity
	at   int     // where the two meet
	past int     // how much of what sounded is kept
}

func newLine(past, future int) line {
	return line{pcm: make([]int16, past, past+future), at: past, past: past}
}

func (l *line) ahead() int { return len(l.pcm) - l.at }

// room makes room for n samples more, by forgetting what sounded too long ago.
func (l *line) room(n int) {
	if len(l.pcm)+n <= cap(l.pcm) {
		return
	}
	old := l.at - l.past
	l.pcm = l.pcm[:copy(l.pcm, l.pcm[old:])]
	l.at = l.past
}

// extend makes the line n samples longer and returns those, to be filled.
func (l *line) extend(n int) []int16 {
	l.room(n)
	end := len(l.pcm)
	l.pcm = l.pcm[:end+n]
	return l.pcm[end:]
}

// pop lets samples sound.
func (l *line) pop(dst []int16) { l.at += copy(dst, l.pcm[l.at:]) }

// grow has the last lag samples sound once more: they are blended in, as what follows them begins the same way.
func (l *line) grow(lag int) {
	l.extend(lag)
	future := l.pcm[l.at:]
	copy(future[lag:], future[:len(future)-lag])
	again := l.pcm[l.at-lag : l.at]
	for i := range lag {
		w := ramp(i, lag)
		future[i] = round(float32(future[lag+i])*(1-w) + float32(again[i])*w)
	}
}

// shrink leaves lag samples out: what follows them is blended in, over as many as blend.
func (l *line) shrink(lag, blend int) {
	future := l.pcm[l.at:]
	for i := range blend {
		w := ramp(i, blend)
		future[lag+i] = round(float32(future[i])*(1-w) + float32(future[lag+i])*w)
	}
	l.pcm = l.pcm[:l.at+copy(future, future[lag:])]
}

// A search is for the lag at which sound is most like itself: a pitch period, or some of them.
type search struct {
	least, most int // lag
	window      int // samples that are compared
	stride      int // of which only every so many, at first
}

// lag compares the window from at on with those as much before it, or after it if later, and says how like the best is: 1 is the same.
func (s search) lag(pcm []int16, at int, later bool) (lag int, like float64) {
	lag, like = s.most, -1
	for n := s.least; n <= s.most; n += s.stride {
		if l := s.like(pcm, at, n, s.stride, later); l > like {
			lag, like = n, l
		}
	}
	if s.stride == 1 {
		return lag, like
	}
	coarse := lag
	like = -1
	for n := max(s.least, coarse-s.stride+1); n <= min(s.most, coarse+s.stride-1); n++ {
		if l := s.like(pcm, at, n, 1, later); l > like {
			lag, like = n, l
		}
	}
	return lag, like
}

// like is the correlation of two windows. Silence is like itself.
func (s search) like(pcm []int16, at, lag, stride int, later bool) float64 {
	other := at - lag
	if later {
		other = at + lag
	}
	a, b := pcm[at:at+s.window], pcm[other:other+s.window]
	var ab, aa, bb float32
	for i := 0; i < len(a) && i < len(b); i += stride {
		x, y := float32(a[i]), float32(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		if aa == bb {
			return 1
		}
		return 0
	}
	return float64(ab) / math.Sqrt(float64(aa)*float64(bb))
}

// ramp rises from 0 to 1 in n steps, neither of which it reaches.
func ramp(i, n int) float32 { return float32(i+1) / float32(n+1) }

// round is the nearest sample.
func round(v float32) int16 {
	return int16(max(math.MinInt16, min(math.MaxInt16, math.Floor(float64(v)+0.5))))
}
