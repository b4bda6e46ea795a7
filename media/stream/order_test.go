package stream

import (
	"fmt"
	"slices"
	"testing"

	"parley/media/g711"
)

// TestTelnyxOrder: messages of sound that overtake each other are heard in their order, as far as one can wait for them.
func TestTelnyxOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		come, heard     []int
		overtaken, late uint64
	}{
		"in order":      {[]int{1, 2, 3, 4}, []int{1, 2, 3, 4}, 0, 0},
		"from anywhere": {[]int{7, 8, 10, 9, 11}, []int{7, 8, 9, 10, 11}, 1, 0},
		"by one":        {[]int{1, 3, 2, 4}, []int{1, 2, 3, 4}, 1, 0},
		"by two":        {[]int{1, 3, 4, 2, 5}, []int{1, 2, 3, 4, 5}, 1, 0},
		"backwards":     {[]int{1, 4, 3, 2, 5}, []int{1, 2, 3, 4, 5}, 1, 0},
		"twice":         {[]int{1, 3, 2, 5, 4, 6}, []int{1, 2, 3, 4, 5, 6}, 2, 0},
		"by too many":   {[]int{1, 3, 4, 5, 2, 6}, []int{1, 3, 4, 5, 6}, 0, 1},
		"one is lost":   {[]int{1, 3, 4, 5, 6, 8, 7, 9}, []int{1, 3, 4, 5, 6, 7, 8, 9}, 1, 0},
		"again":         {[]int{1, 2, 2, 4, 4, 3, 5}, []int{1, 2, 3, 4, 5}, 1, 2},
		"numbered anew": {[]int{100, 101, 103, 1, 2}, []int{100, 101, 1, 2}, 0, 0},
		"without one":   {[]int{1, 0, 2, 0, 3}, []int{1, 0, 2, 0, 3}, 0, 0},
		"every other":   {[]int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25}, []int{1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tx := &Telnyx{}
			s := newTelnyx(t, tx)
			legs := answeredBy(t, &tx.Host)
			ws := s.calls("PCMU")
			leg := within(t, legs, "leg")
			for _, n := range c.come {
				write(t, ws, telnyxMedia160(n-1, int64(20*n), numberedSound(n)))
			}
			var heard []int
			for range c.heard {
				p, err := leg.Receive()
				if err != nil {
					t.Fatal(err)
				}
				heard = append(heard, soundNumber(p.Frame.PCM))
			}
			if !slices.Equal(heard, c.heard) {
				t.Errorf("of %v are heard %v, want %v", c.come, heard, c.heard)
			}
			if overtaken, late := tx.Stats.Overtaken.Load(), tx.Stats.Late.Load(); overtaken != c.overtaken || late != c.late {
				t.Errorf("%d were overtaken and %d late, want %d and %d", overtaken, late, c.overtaken, c.late)
			}
		})
	}
}

// numberedSound is 20 ms that soundNumber knows again: mu-law has a sample a byte.
func numberedSound(n int) []byte { return slices.Repeat([]byte{byte(n)}, 160) }

func soundNumber(pcm []int16) int {
	var code [1]byte
	g711.Ulaw.Encode(code[:], pcm[:1])
	return int(code[0])
}

// TestTelnyxOrderAllocates: what comes before its turn takes no allocation, once one has.
func TestTelnyxOrderAllocates(t *testing.T) {
	l := &Leg{speaks: &telnyxDialect, sounds: sounds{telephone, telephone}, stream: telnyxStream, stats: new(Stats)}
	hear := func(text []byte) {
		if _, err := l.hear(text); err != nil {
			t.Fatal(err)
		}
		for l.take() || l.turn() {
			l.filled %= telephone.frame()
		}
	}
	const runs = 100
	var texts [][]byte
	for n := range 3 * (runs + 1) { // AllocsPerRun begins with one more
		texts = append(texts, fmt.Append(nil, telnyxMedia160(n, int64(20*n), numberedSound(1))))
	}
	if n := testing.AllocsPerRun(runs, func() {
		for _, i := range []int{0, 2, 1} {
			hear(texts[i])
		}
		texts = texts[3:]
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := l.stats.Overtaken.Load(); got != runs+1 {
		t.Errorf("%d were overtaken", got)
	}
}

// BenchmarkTelnyxOrder hears 20 ms in their order, and such as overtake each other.
func BenchmarkTelnyxOrder(b *testing.B) {
	for name, turns := range map[string][]int{"in order": {0, 1}, "overtaking": {1, 0}} {
		b.Run(name, func(b *testing.B) {
			l := &Leg{stats: new(Stats)}
			sound := numberedSound(1)
			b.ReportAllocs()
			chunk := int64(1)
			for b.Loop() {
				for _, i := range turns {
					l.hasTurn(chunk+int64(i), unstamped, sound)
				}
				for l.turn() {
				}
				chunk += 2
			}
		})
	}
}
