package likeness_test

import (
	"testing"

	"parley/bench/corpus"
	"parley/bench/likeness"
)

func TestDistance(t *testing.T) {
	t.Parallel()
	r, err := corpus.ReadPrompt("cannot-complete-as-dialed")
	if err != nil {
		t.Fatal(err)
	}
	said := append(r.PCM, make([]int16, 4000)...)
	late := append(make([]int16, 1000), said...)
	longer := append(append(append([]int16{}, said[:9000]...), said[8900:]...), make([]int16, 800)...)
	for _, tc := range []struct {
		name        string
		heard       []int16
		least, most float64
	}{
		{"the same", said, 0, 0},
		{"the same, later", late, 0, 0.01},
		{"the same, a period longer in the middle", longer, 0, 0.6},
		{"a twentieth is silence", holes(said, 20), 0.4, 2},
		{"a fifth is silence", holes(said, 5), 2.5, 10},
		{"silence", make([]int16, len(said)), 15, 30},
		{"nothing", nil, 15, 30},
	} {
		if got := likeness.Distance(said, tc.heard, 8000); got < tc.least || got > tc.most {
			t.Errorf("%s: %.2f dB, want %.2f to %.2f", tc.name, got, tc.least, tc.most)
		}
	}
	if got := likeness.Distance(make([]int16, 8000), said, 8000); got != 0 {
		t.Errorf("where nothing was said: %.2f dB", got)
	}
}

// holes makes silence of every nth 20 ms.
func holes(pcm []int16, n int) []int16 {
	out := append([]int16{}, pcm...)
	for at := 0; at+160 <= len(out); at += 160 * n {
		clear(out[at : at+160])
	}
	return out
}
