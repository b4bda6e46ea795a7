package media_test

import (
	"slices"
	"testing"
	"time"

	"parley/media"
	"parley/media/legtest"
)

// clumsy is a carrier that wants 200 ms at once.
var clumsy = media.Info{Lead: ms(400), Chunk: ms(200), Least: ms(200)}

// TestLeast: on a leg that wants much at once a reply waits until there is so much, and silence makes up what its end lacks, which is heard and is
// none of the reply.
func TestLeast(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pieces []time.Duration // written one every 100 ms
		want   []int           // ms of silence that fill up each 200 ms
	}{
		"at once":  {[]time.Duration{ms(730)}, []int{0, 0, 0, 70}},
		"short":    {[]time.Duration{ms(33)}, []int{167}},
		"trickles": {[]time.Duration{ms(100), ms(100), ms(100), ms(100), ms(100)}, []int{0, 100, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			speaking(t, legtest.Line{Info: clumsy, Marks: true}, func(m *mouth) {
				u := m.Begin()
				m.Release(u)
				var all time.Duration
				for _, d := range test.pieces {
					all += d
				}
				said := words(1, all)
				for rest := said; len(rest) > 0; {
					n := min(len(rest), 8*int(test.pieces[0]/time.Millisecond))
					m.write(u, rest[:n])
					rest = rest[n:]
					time.Sleep(ms(100))
				}
				u.CloseWrite()
				time.Sleep(2 * time.Second)
				m.wantDone(u, true)
				if got := u.Heard(); got != all {
					t.Errorf("%v count as heard, want %v", got, all)
				}
				var want []int16
				for _, pad := range test.want {
					n := min(len(said), 8*(200-pad))
					want = slices.Concat(want, said[:n], make([]int16, 8*pad))
					said = said[n:]
				}
				m.wantHeard(want)
				for _, n := range m.far.Sizes() {
					if n < 1600 || n%160 != 0 {
						t.Errorf("%d samples are sent at once: %v", n, m.far.Sizes())
					}
				}
			})
		})
	}
}

// TestLeastStalls: a voice that falls silent within a word is heard as far as it came, and goes on when there is enough of it again, or its end.
func TestLeastStalls(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: clumsy, Marks: true}, func(m *mouth) {
		u, said := m.Begin(), words(1, ms(400))
		m.Release(u)
		m.write(u, said[:8*300])
		time.Sleep(time.Second)
		if got := u.Heard(); got != ms(300) {
			t.Errorf("%v of 300ms are heard", got)
		}
		m.write(u, said[8*300:])
		time.Sleep(time.Second)
		if got := u.Heard(); got != ms(300) {
			t.Errorf("%v are heard: too little was there to begin anew with", got)
		}
		u.CloseWrite()
		time.Sleep(2 * time.Second)
		m.wantDone(u, true)
		m.wantHeard(slices.Concat(said[:8*300], make([]int16, 8*100), said[8*300:], make([]int16, 8*100)))
	})
}

// TestLeastCut: what was heard of a reply is exact, the silence that fills it up or not.
func TestLeastCut(t *testing.T) {
	t.Parallel()
	speaking(t, legtest.Line{Info: clumsy, Marks: true}, func(m *mouth) {
		u := m.say(words(1, ms(530)))
		time.Sleep(ms(470))
		if got := u.Cut(); got != ms(470) {
			t.Errorf("cut after %v, want 470ms", got)
		}
		u = m.say(words(2, ms(30)))
		time.Sleep(ms(100))
		if got := u.Cut(); got != ms(30) {
			t.Errorf("%v of 30ms were heard", got)
		}
	})
}
