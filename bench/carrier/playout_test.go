package carrier

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ramp is n samples that count from first, so that a test sees which ones sounded.
func ramp(first, n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(first + i)
	}
	return pcm
}

func TestPlayout(t *testing.T) {
	t.Parallel()
	type want struct {
		heard []int16
		marks []string
	}
	add := func(pcm []int16) func(*playout) want { return func(p *playout) want { p.add(pcm); return want{} } }
	mark := func(name string) func(*playout) want { return func(p *playout) want { p.mark(name); return want{} } }
	play := func(to int64) func(*playout) want {
		return func(p *playout) want { heard, marks := p.play(to, nil); return want{heard, marks} }
	}
	clr := func(p *playout) want { return want{marks: p.clear()} }
	none := want{}
	for _, c := range []struct {
		name string
		do   []func(*playout) want
		want []want
	}{
		{"silence where nothing is queued", []func(*playout) want{play(3)}, []want{{heard: []int16{0, 0, 0}}}},
		{"audio sounds from the sample at which it came",
			[]func(*playout) want{play(2), add(ramp(1, 3)), play(4), play(7)},
			[]want{{heard: []int16{0, 0}}, none, {heard: []int16{1, 2}}, {heard: []int16{3, 0, 0}}}},
		{"messages sound one after the other",
			[]func(*playout) want{add(ramp(1, 2)), add(ramp(5, 2)), play(4)},
			[]want{none, none, {heard: []int16{1, 2, 5, 6}}}},
		{"a mark of an empty buffer returns at once",
			[]func(*playout) want{mark("a"), play(0)},
			[]want{none, {marks: []string{"a"}}}},
		{"a mark returns when what came before has sounded, and not before",
			[]func(*playout) want{add(ramp(1, 3)), mark("a"), add(ramp(4, 1)), mark("b"), play(2), play(3), play(5)},
			[]want{none, none, none, none, {heard: []int16{1, 2}}, {heard: []int16{3}, marks: []string{"a"}}, {heard: []int16{4, 0}, marks: []string{"b"}}}},
		{"clear forgets the rest and returns every mark",
			[]func(*playout) want{add(ramp(1, 3)), mark("a"), add(ramp(4, 3)), mark("b"), play(1), clr, play(3), add(ramp(9, 1)), play(4)},
			[]want{none, none, none, none, {heard: []int16{1}}, {marks: []string{"a", "b"}}, {heard: []int16{0, 0}}, none, {heard: []int16{9}}}},
		{"clear of an empty buffer returns nothing", []func(*playout) want{clr, play(1)}, []want{none, {heard: []int16{0}}}},
		{"a mark after clear is a new one",
			[]func(*playout) want{add(ramp(1, 2)), clr, mark("c"), play(0)},
			[]want{none, none, none, {marks: []string{"c"}}}},
		{"empty media is nothing", []func(*playout) want{add(nil), mark("a"), play(0)}, []want{none, none, {marks: []string{"a"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var p playout
			for i, do := range c.do {
				got := do(&p)
				if !slices.Equal(got.heard, c.want[i].heard) || !slices.Equal(got.marks, c.want[i].marks) {
					t.Errorf("step %d: heard %v, marks %v; want %v, %v", i, got.heard, got.marks, c.want[i].heard, c.want[i].marks)
				}
			}
		})
	}
}

func TestPlayoutCounts(t *testing.T) {
	t.Parallel()
	var p playout
	p.play(100, nil)
	p.add(ramp(0, 160))
	if at, ok := p.nextMark(); ok {
		t.Errorf("a mark at %d without one", at)
	}
	p.mark("a")
	if at, ok := p.nextMark(); !ok || at != 260 {
		t.Errorf("next mark at %d, %v; want 260", at, ok)
	}
	p.play(260+40, nil) // 5 ms dry: not noticed
	p.add(ramp(0, 160))
	p.play(460+160, nil) // 20 ms dry: a gap
	p.add(ramp(0, 160))
	p.play(620+160+Rate, nil) // a second dry: a pause
	p.add(ramp(0, 160))
	p.play(p.at+60, nil)
	p.clear()
	p.add(ramp(0, 160)) // right after a clear: neither
	p.play(p.at+160, nil)
	got := []int64{p.sounded, p.dropped, int64(p.gaps), p.gapTime, p.waiting}
	if diff := cmp.Diff([]int64{3*160 + 60 + 160, 100, 1, 160, 0}, got); diff != "" {
		t.Errorf("sounded, dropped, gaps, gap time, waiting: -want +got\n%s", diff)
	}
	if want := []int64{100, 620, 8780, 8840}; !slices.Equal(p.begun, want) {
		t.Errorf("begun at %v, want %v", p.begun, want)
	}
}

func TestPlayoutHoldsTenMinutes(t *testing.T) {
	t.Parallel()
	var p playout
	second := make([]int16, Rate)
	for range 601 {
		p.add(second)
	}
	if p.waiting != 600*Rate || p.dropped != Rate {
		t.Errorf("waiting %d s, dropped %d s; want 600 and 1", p.waiting/Rate, p.dropped/Rate)
	}
}
