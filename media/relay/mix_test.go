package relay_test

import (
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
	"parley/media/legtest"
	"parley/media/relay"
)

// listened is what is heard of a Mix in so long, frame by frame.
func listened(m *relay.Mix, rate int, length time.Duration, each func(frame int)) (all []int16) {
	pcm := make([]int16, rate/50)
	for n := range int(length / media.FrameTime) {
		m.Next(pcm)
		all = append(all, pcm...)
		each(n)
		time.Sleep(media.FrameTime)
	}
	return all
}

// TestMix: two voices of two rates are heard at the same time, one told of frame by frame, the other in pieces of half a second, too late.
func TestMix(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const rate = 16000
		m := relay.NewMix(rate, 800*time.Millisecond)
		caller, err := m.Voice(8000)
		if err != nil {
			t.Fatal(err)
		}
		agent, err := m.Voice(rate)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		low, high := legtest.Tone(8000, 440, 2*time.Second), legtest.Tone(rate, 1700, 2*time.Second)
		heard := listened(m, rate, 3*time.Second, func(n int) {
			if n < 100 {
				caller.Hear(time.Now().Add(-media.FrameTime), low[n*160:(n+1)*160])
			}
			if n%25 == 24 && n < 100 {
				agent.Hear(began.Add(time.Duration(n-24)*media.FrameTime), high[(n-24)*rate/50:(n+1)*rate/50])
			}
		})
		from := slices.IndexFunc(heard, func(v int16) bool { return v != 0 })
		if at := media.Samples(from, rate); at < 760*time.Millisecond || at > 820*time.Millisecond {
			t.Errorf("the first sound was heard after %v", at)
		}
		window := heard[rate : 5*rate/2]
		if a, b := strength(window, rate, 440), strength(window, rate, 1700); a < 7000 || b < 7000 {
			t.Errorf("heard %.0f of the one and %.0f of the other", a, b)
		}
	})
}

// TestMixMissed: who has not listened for a while hears what is said now, and nothing of before.
func TestMixMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := relay.NewMix(8000, 100*time.Millisecond)
		v, err := m.Voice(8000)
		if err != nil {
			t.Fatal(err)
		}
		pcm := make([]int16, 160)
		v.Hear(time.Now(), slices.Repeat([]int16{1}, 160)) // before anybody listens
		m.Next(pcm)
		v.Hear(time.Now(), slices.Repeat([]int16{2}, 160))
		time.Sleep(time.Minute)
		v.Hear(time.Now(), slices.Repeat([]int16{3}, 160))
		v.Hear(time.Now().Add(-time.Second), slices.Repeat([]int16{4}, 160)) // too late
		for _, v := range listened(m, 8000, time.Second, func(int) {}) {
			if v != 0 && v != 3 {
				t.Fatalf("heard %d", v)
			}
		}
	})
}

// TestMixAllocates nothing, whatever the rates.
func TestMixAllocates(t *testing.T) {
	m := relay.NewMix(48000, 100*time.Millisecond)
	for _, rate := range []int{8000, 16000, 48000} {
		v, err := m.Voice(rate)
		if err != nil {
			t.Fatal(err)
		}
		said, pcm := make([]int16, rate/50), make([]int16, 960)
		if n := testing.AllocsPerRun(1000, func() { v.Hear(time.Now(), said); m.Next(pcm) }); n > 0 {
			t.Errorf("%v allocations a frame at %d Hz", n, rate)
		}
	}
}

// strength is how much of a tone is in what was heard, as an amplitude.
func strength(pcm []int16, rate int, hz float64) float64 {
	var re, im float64
	for i, v := range pcm {
		a := 2 * math.Pi * hz * float64(i) / float64(rate)
		re, im = re+float64(v)*math.Cos(a), im+float64(v)*math.Sin(a)
	}
	return 2 * math.Hypot(re, im) / float64(len(pcm))
}
