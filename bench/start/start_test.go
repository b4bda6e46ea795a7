//go:build linux

package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGrowth finds what each call leaves behind under memory that rises and falls.
func TestGrowth(t *testing.T) {
	t.Parallel()
	for leak, want := range map[int64]float64{0: 0, 80: 80, 250: 250} {
		g := &growth{}
		for second := range int64(1000) {
			breath := second % 10 << 20 // between two collections
			g.Samples = append(g.Samples, sample{Ended: float64(100 * second), RSS: 90<<20 + breath + leak*100*second, Heap: 20<<20 + 2*leak*100*second})
		}
		g.sumUp()
		if g.PerCall != want || g.HeapCall != want {
			t.Errorf("a leak of %d bytes a call was taken for %v, of the heap %v", leak, g.PerCall, g.HeapCall)
		}
	}
	for _, g := range []*growth{{}, {Samples: make([]sample, 1)}, {Samples: make([]sample, 5)}} {
		if g.sumUp(); g.PerCall != 0 {
			t.Errorf("%d samples without a call between tell of %v bytes", len(g.Samples), g.PerCall)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	good := func() *report {
		return &report{
			Starts: []start{{false, 280, 290, 50 << 20, 30 << 20}, {true, 120, 130, 40 << 20, 20 << 20}, {false, 900, 950, 50 << 20, 30 << 20}, {true, 130, 140, 40 << 20, 20 << 20}, {false, 250, 260, 50 << 20, 30 << 20}, {true, 110, 120, 40 << 20, 20 << 20}},
			Growth: &growth{Offered: 1000, Answered: 999, Before: standing{100, 40, 30, 50 << 20}, After: standing{1099, 39, 30, 51 << 20}, PerCall: 99},
		}
	}
	for name, c := range map[string]struct {
		change func(*report)
		want   string
	}{
		"all is well":        {func(*report) {}, ""},
		"no starts":          {func(r *report) { r.Starts = nil }, ""},
		"no calls":           {func(r *report) { r.Growth = nil }, ""},
		"slow":               {func(r *report) { r.Starts[0].Listening = 310 }, "on a new directory: listening after 310 ms, answers after 290 ms, 50.0 MB at rest (30.0 without the program's file): want 300 ms"},
		"large":              {func(r *report) { r.Starts[1].RSS, r.Starts[3].RSS = 70<<20, 70<<20 }, "70.0 MB at rest (20.0 without the program's file): want 60 MB"},
		"large, but quick":   {func(r *report) { r.Starts[1].RSS, r.Starts[3].RSS, r.Quick = 70<<20, 70<<20, true }, ""},
		"unanswered":         {func(r *report) { r.Growth.Answered = 998 }, "998 of 1000 calls were answered"},
		"not ended":          {func(r *report) { r.Growth.After.Ended = 1098 }, "998 calls have ended of 999 that were answered"},
		"a goroutine":        {func(r *report) { r.Growth.After.Goroutines = 41 }, "goroutines: 40 at rest before the calls, 41 after"},
		"a descriptor":       {func(r *report) { r.Growth.After.Descriptors = 31 }, "descriptors: 30 at rest before the calls, 31 after"},
		"a leak":             {func(r *report) { r.Growth.PerCall = 101 }, "each call leaves 101.0 bytes behind: want 100"},
		"a leak, but quick":  {func(r *report) { r.Growth.PerCall, r.Quick = 5000, true }, ""},
		"a quick goroutine":  {func(r *report) { r.Growth.After.Goroutines, r.Quick = 41, true }, "goroutines"},
		"slow but not often": {func(r *report) { r.Starts[0].Listening = 2 }, ""},
	} {
		r := good()
		c.change(r)
		if err := r.verdict(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	var text strings.Builder
	good().print(&text)
	for _, want := range []string{"medians of 3 starts", "on a new directory: listening after 280 ms", "the slowest 900 ms", "99.0 bytes of memory a call"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &text)
		}
	}
}

func TestCreators(t *testing.T) {
	t.Parallel()
	got := creators("goroutine 1 [running]:\nmain.main()\n\t/x.go:1\n\ngoroutine 7 [select]:\nnet/http.f(0x1)\n\t/y.go:2\ncreated by net/http.(*Transport).dialConn in goroutine 9\n\t/z.go:3\n" +
		"\ngoroutine 8 [select]:\ncreated by net/http.(*Transport).dialConn in goroutine 9\n\ngoroutine 2 [x]:\ncreated by runtime.init.7\n")
	if diff := cmp.Diff(map[string]int{"net/http.(*Transport).dialConn": 2, "runtime.init.7": 1}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	var got []string
	for _, flag := range []string{"-starts=-1", "-calls=99", "-rate=0", "-length=19ms", "-rest=-1s"} {
		if err := run(t.Context(), []string{flag}, &strings.Builder{}, &strings.Builder{}); err != nil {
			got = append(got, err.Error())
		}
	}
	want := []string{"-starts -1: 0 or more", "-calls 99: 0, or 100 or more", "-rate 0: some calls", "-length 19ms: 20ms or more", "-rest -1s: 0 or more"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
