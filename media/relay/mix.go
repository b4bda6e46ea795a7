package relay

import (
	"fmt"
	"sync"
	"time"

	"parley/media"
	"parley/media/resample"
)

const (
	mixed  = 2 * time.Second        // of sound that a Mix has room for
	apart  = 100 * time.Millisecond // by which a piece may be off and still goes on where the one before it has ended
	behind = 200 * time.Millisecond // by which who listens may be late before what was missed is left out
)

// A Mix is what somebody hears who listens to several voices: a media.Source. What is said at one time is heard at one time, whenever the
// Mix is told of it, as long as that is not later than its delay.
//
//	Voice.Hear(at, pcm) ─▶ resample ─┐
//	Voice.Hear(at, pcm) ─▶ resample ─┴▶ ring, by time: 2 s ──delay──▶ Next ──▶ Playout
//
// Each Voice is one goroutine's at a time, Next another's.
type Mix struct {
	rate  int
	delay time.Duration

	mu    sync.Mutex
	ring  []int16
	began time.Time // of Next; zero: nobody listens yet
	next  int64     // the sample since then that is given next
}

// NewMix is a Mix at a leg's rate, in samples a second. Delay is how long after its time something may be told and still be heard, up to 1 s.
func NewMix(rate int, delay time.Duration) *Mix {
	return &Mix{rate: rate, delay: delay, ring: make([]int16, int(mixed/media.FrameTime)*rate/50)}
}

// A Voice is one of those that a Mix is made of.
type Voice struct {
	mix      *Mix
	from     int
	resample *resample.Resampler
	scratch  []int16
	end      int64 // the sample at which the last piece has ended
}

// Voice is a new one, at another leg's rate.
func (m *Mix) Voice(from int) (*Voice, error) {
	v := &Voice{mix: m, from: from}
	if from == m.rate {
		return v, nil
	}
	var err error
	if v.resample, err = resample.New(from, m.rate); err != nil {
		return nil, fmt.Errorf("make voice: %w", err)
	}
	v.scratch = make([]int16, 0, m.rate) // a second: more is heard of nobody at once
	return v, nil
}

// Hear takes what began to sound at a time. It copies, and never blocks.
func (v *Voice) Hear(at time.Time, pcm []int16) {
	if v.resample != nil {
		v.scratch = v.resample.Append(v.scratch[:0], pcm)
		pcm = v.scratch
	}
	m := v.mix
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.began.IsZero() {
		return
	}
	from := m.samples(at.Sub(m.began))
	if off := from - v.end; max(off, -off) < m.samples(apart) {
		from = v.end
	}
	v.end = from + int64(len(pcm))
	for i, s := range pcm {
		n := from + int64(i)
		if n < m.next || n >= m.next+int64(len(m.ring)) {
			continue
		}
		slot := &m.ring[n%int64(len(m.ring))]
		*slot = int16(max(min(int(*slot)+int(s), 1<<15-1), -1<<15))
	}
}

// Next implements media.Source.
func (m *Mix) Next(pcm []int16) (sounds bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if m.began.IsZero() {
		m.began = now.Add(-m.delay)
	}
	if due := m.samples(now.Sub(m.began) - m.delay); due-m.next > m.samples(behind) || m.next-due > m.samples(behind) {
		clear(m.ring)
		m.next = due
	}
	for i := range pcm {
		slot := &m.ring[m.next%int64(len(m.ring))]
		pcm[i], *slot = *slot, 0
		sounds = sounds || pcm[i] != 0
		m.next++
	}
	return sounds
}

func (m *Mix) samples(d time.Duration) int64 { return int64(d) * int64(m.rate) / int64(time.Second) }
