package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Goals (shared/PERFORMANCE.md, targets in force).
const (
	listeningGoal = 300      // ms
	idleGoal      = 60 << 20 // bytes
	growthGoal    = 100      // bytes a call
)

// A start is one of a server.
type start struct {
	Again     bool    `json:"again"`        // on a directory that it knows; else it makes its database, an owner and a key first
	Listening float64 `json:"listening_ms"` // until it said where
	Healthy   float64 `json:"healthy_ms"`   // until it had answered a request
	RSS       int64   `json:"rss"`          // bytes, after a rest
	Anon      int64   `json:"anon"`         // of these, without the program's file
}

// String is the start in one line.
func (s start) String() string {
	where := "a new directory"
	if s.Again {
		where = "the same directory"
	}
	return fmt.Sprintf("on %s: listening after %.0f ms, answers after %.0f ms, %.1f MB at rest (%.1f without the program's file)", where, s.Listening, s.Healthy, mega(s.RSS), mega(s.Anon))
}

// A standing is how a server stands at rest.
type standing struct {
	Ended       float64 `json:"ended"` // calls
	Goroutines  int64   `json:"goroutines"`
	Descriptors int64   `json:"descriptors"`
	RSS         int64   `json:"rss"` // bytes
}

// A growth is what calls have left behind.
type growth struct {
	Rate      float64  `json:"rate"` // new calls a second
	Offered   int64    `json:"offered"`
	Answered  int64    `json:"answered"`
	Refused   int64    `json:"refused"`
	Broken    int64    `json:"broken"`
	Before    standing `json:"before"` // at rest, after the first calls
	After     standing `json:"after"`
	PerCall   float64  `json:"bytes_per_call"`      // of the resident set, under load
	HeapCall  float64  `json:"heap_bytes_per_call"` // of what lives
	Generator float64  `json:"generator_cpu"`
	Samples   []sample `json:"samples"`

	Creators map[string]int `json:"creators,omitempty"` // of the goroutines afterwards, where there are more than before
}

// sumUp compares the last tenth of the samples with the first.
func (g *growth) sumUp() {
	n := len(g.Samples)
	tenth := max(1, n/10)
	if n < 2 {
		return
	}
	first, last := middle(g.Samples[:tenth]), middle(g.Samples[n-tenth:])
	if calls := last.Ended - first.Ended; calls > 0 {
		g.PerCall = math.Round(10*float64(last.RSS-first.RSS)/calls) / 10
		g.HeapCall = math.Round(10*float64(last.Heap-first.Heap)/2/calls) / 10
	}
}

// middle has the medians of samples.
func middle(samples []sample) (m sample) {
	var ended []float64
	var rss, heap []int64
	for _, s := range samples {
		ended, rss, heap = append(ended, s.Ended), append(rss, s.RSS), append(heap, s.Heap)
	}
	return sample{median(ended), median(rss), median(heap)}
}

// median is the lower one of an even number; 0: there is none.
func median[T int64 | float64](all []T) T {
	if len(all) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(all))[(len(all)-1)/2]
}

func millis(d time.Duration) float64 { return math.Round(float64(d)/1e5) / 10 }

func mega(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// A report is all that was measured.
type report struct {
	Machine string  `json:"machine"`
	Load    string  `json:"load_average"` // before
	First   bool    `json:"first"`        // the processes went before their neighbours
	Quick   bool    `json:"quick,omitempty"`
	Others  float64 `json:"others_cpu"` // share of the machine that other processes took
	Starts  []start `json:"starts"`
	Growth  *growth `json:"growth,omitempty"`
}

func newReport(o options) *report {
	load, _ := os.ReadFile("/proc/loadavg") // where there is none, nothing is told
	return &report{
		Machine: fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		Load:    strings.TrimSpace(string(load)), Quick: o.quick,
	}
}

// starts are the medians of those on new directories, or on known ones, and the worst time.
func (r *report) starts(again bool) (mid start, worst float64) {
	var listening, healthy []float64
	var rss, anon []int64
	for _, s := range r.Starts {
		if s.Again == again {
			listening, healthy = append(listening, s.Listening), append(healthy, s.Healthy)
			rss, anon = append(rss, s.RSS), append(anon, s.Anon)
			worst = max(worst, s.Listening)
		}
	}
	return start{again, median(listening), median(healthy), median(rss), median(anon)}, worst
}

// print writes the tables.
func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "%s; load average before: %s; others took %.0f %% of the machine\n", r.Machine, r.Load, 100*r.Others)
	if len(r.Starts) > 0 {
		fmt.Fprintf(w, "\nmedians of %d starts (goals: listening after %d ms, %d MB at rest):\n", len(r.Starts)/2, listeningGoal, idleGoal>>20)
		for _, again := range []bool{false, true} {
			mid, worst := r.starts(again)
			fmt.Fprintf(w, "  %v; the slowest %.0f ms\n", mid, worst)
		}
	}
	g := r.Growth
	if g == nil {
		return
	}
	fmt.Fprintf(w, "\n%d calls, %g a second: %d answered, %d refused, %d broken; generator %.0f %% of its core\n", g.Offered, g.Rate, g.Answered, g.Refused, g.Broken, 100*g.Generator)
	fmt.Fprintf(w, "  at rest before    %5d goroutines  %5d descriptors  %6.1f MB\n", g.Before.Goroutines, g.Before.Descriptors, mega(g.Before.RSS))
	fmt.Fprintf(w, "  at rest after     %5d goroutines  %5d descriptors  %6.1f MB\n", g.After.Goroutines, g.After.Descriptors, mega(g.After.RSS))
	for _, who := range slices.Sorted(maps.Keys(g.Creators)) {
		fmt.Fprintf(w, "    %5d of %s\n", g.Creators[who], who)
	}
	if r.Quick {
		fmt.Fprintln(w, "  quick: too few calls to tell what each leaves behind")
		return
	}
	fmt.Fprintf(w, "  under load        %.1f bytes of memory a call, %.1f of live heap   goal %d\n", g.PerCall, g.HeapCall, growthGoal)
}

// verdict says what misses its goal; of a quick run, what did not work.
func (r *report) verdict() error {
	var short []error
	bad := func(format string, args ...any) { short = append(short, fmt.Errorf(format, args...)) }
	for _, again := range []bool{false, true} {
		mid, _ := r.starts(again)
		if len(r.Starts) == 0 || r.Quick {
			break
		}
		if mid.Listening > listeningGoal {
			bad("%v: want %d ms", mid, listeningGoal)
		}
		if mid.RSS > idleGoal {
			bad("%v: want %d MB", mid, idleGoal>>20)
		}
	}
	g := r.Growth
	if g == nil {
		return errors.Join(short...)
	}
	if g.Answered < g.Offered*999/1000 || g.Answered == 0 {
		bad("%d of %d calls were answered, %d refused, %d broken", g.Answered, g.Offered, g.Refused, g.Broken)
	}
	if ended := g.After.Ended - g.Before.Ended; ended < float64(g.Answered) {
		bad("%.0f calls have ended of %d that were answered", ended, g.Answered)
	}
	if g.After.Goroutines > g.Before.Goroutines {
		bad("goroutines: %d at rest before the calls, %d after", g.Before.Goroutines, g.After.Goroutines)
	}
	if g.After.Descriptors > g.Before.Descriptors {
		bad("descriptors: %d at rest before the calls, %d after", g.Before.Descriptors, g.After.Descriptors)
	}
	if !r.Quick && g.PerCall > growthGoal {
		bad("each call leaves %.1f bytes behind: want %d", g.PerCall, growthGoal)
	}
	return errors.Join(short...)
}
