// Package resample converts speech between the sample rates of telephony, recognisers and voices, as a stream.
//
//	                       ┌ up phases × taps, shared by all of one ratio
//	                       ▼
//	[]int16 at from ──▶ window ──▶ one dot product an output ──▶ []int16 at to
//
// It is a polyphase filter: a Kaiser-windowed sinc, designed at the least common multiple of both rates, of which each output needs
// one phase. With the lower of the two Nyquist frequencies as 1:
//
//   - up to 0.85 the response is flat within 0.5 dB (3.4 kHz when 8 kHz is involved: all that a telephone carries), within 0.1 dB up to 0.8;
//   - from 1.1 on it is 60 dB down or more: images and aliases;
//   - between, what folds stays above 0.9, where telephone speech has next to nothing;
//   - the phase is linear: everything is late by Delay, 0.3 to 2 ms, and by nothing else.
package resample

import (
	"fmt"
	"slices"
	"time"
)

// rates are the sample rates that New takes.
var rates = [...]int{8000, 11025, 16000, 22050, 24000, 44100, 48000}

// block is how many new samples are looked at together; it bounds a Resampler's memory, whatever it is given at once.
const block = 480

// A Resampler converts one stream. Its output depends on the samples alone, not on how they were cut into calls: there are no
// seams. It is for one goroutine at a time, and allocates nothing but what dst needs to grow.
type Resampler struct {
	bank   *bank     // nil when both rates are the same
	rate   int       // of the input
	window []float32 // the samples that outputs to come may need, oldest first; the capacity is fixed
	next   int       // where in window the next output's taps begin; it may lie beyond what has arrived
	phase  int       // which of the bank's phases it needs
}

// New makes a Resampler between any two of 8,000, 11,025, 16,000, 22,050, 24,000, 44,100 and 48,000 samples a second; equal rates
// copy. It is cheap: the first of a ratio computes its filter (up to a few milliseconds), all others share it.
func New(from, to int) (*Resampler, error) {
	for _, r := range [...]struct {
		name string
		rate int
	}{{"from", from}, {"to", to}} {
		if !slices.Contains(rates[:], r.rate) {
			return nil, fmt.Errorf("resample %s %d samples a second: the rate must be one of %v", r.name, r.rate, rates)
		}
	}
	r := &Resampler{rate: from}
	if from != to {
		divisor := gcd(from, to)
		r.bank = bankOf(ratio{up: to / divisor, down: from / divisor})
		r.window = make([]float32, 0, r.bank.taps-1+block)
	}
	r.Reset()
	return r, nil
}

// Append converts src and appends what comes of it to dst. After n samples in all, there have been n*to/from out, rounded up: every
// 20 ms frame makes exactly one 20 ms frame. Levels beyond full scale are clipped, never wrapped.
func (r *Resampler) Append(dst, src []int16) []int16 {
	if r.bank == nil {
		return append(dst, src...)
	}
	for len(src) > 0 {
		n := min(len(src), cap(r.window)-len(r.window))
		for _, s := range src[:n] {
			r.window = append(r.window, float32(s))
		}
		src = src[n:]
		dst = r.drain(dst)
	}
	return dst
}

// Flush appends the stream's end to dst: the Delay that is still in the filter. Then the Resampler is as new.
func (r *Resampler) Flush(dst []int16) []int16 {
	if r.bank != nil {
		for rest := r.bank.taps / 2; rest > 0; {
			n := min(rest, cap(r.window)-len(r.window))
			r.hush(n)
			rest -= n
			dst = r.drain(dst)
		}
	}
	r.Reset()
	return dst
}

// Reset forgets the stream: what comes next is the beginning of another.
func (r *Resampler) Reset() {
	r.next, r.phase = 0, 0
	r.window = r.window[:0]
	if r.bank != nil {
		r.hush(r.bank.taps - 1)
	}
}

// hush appends n samples of silence to the window, which has room for them.
func (r *Resampler) hush(n int) {
	end := len(r.window)
	r.window = r.window[:end+n]
	clear(r.window[end:])
}

// Delay is how late a sound leaves the Resampler: half the filter's length.
func (r *Resampler) Delay() time.Duration {
	if r.bank == nil {
		return 0
	}
	return time.Duration(r.bank.taps/2) * time.Second / time.Duration(r.rate)
}

// drain appends all outputs whose input has arrived, and forgets the input that no later one needs.
func (r *Resampler) drain(dst []int16) []int16 {
	b := r.bank
	for r.next+b.taps <= len(r.window) {
		dst = append(dst, clip(dot(r.window[r.next:r.next+b.taps], b.row(r.phase))))
		r.next += b.down / b.up
		r.phase += b.down % b.up
		if r.phase >= b.up {
			r.phase -= b.up
			r.next++
		}
	}
	done := min(r.next, len(r.window))
	r.window = r.window[:copy(r.window, r.window[done:])]
	r.next -= done
	return dst
}

// dot is the inner loop: four sums that do not wait for each other. x and h are of one length, a multiple of 8.
func dot(x, h []float32) float32 {
	var a, b, c, d float32
	for len(x) >= 8 && len(h) >= 8 {
		a += x[0] * h[0]
		b += x[1] * h[1]
		c += x[2] * h[2]
		d += x[3] * h[3]
		a += x[4] * h[4]
		b += x[5] * h[5]
		c += x[6] * h[6]
		d += x[7] * h[7]
		x, h = x[8:], h[8:]
	}
	return a + b + (c + d)
}

// clip rounds to the nearest sample.
func clip(v float32) int16 {
	const offset = 1 << 15 // makes v positive, so that truncation rounds down
	switch {
	case v >= 1<<15-1:
		return 1<<15 - 1
	case v <= -offset:
		return -offset
	}
	return int16(int32(v+offset+0.5) - offset)
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
