package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// bar is by how much readers may move the p99.
const bar = 1.0 // ms

// What a round must be to count, and how many must be.
const (
	busy   = 0.05 // the most of the processors that others may take meanwhile, unless they come after us
	enough = 5    // rounds, with readers and without
)

// report is what a run found.
type report struct {
	Calls   int     `json:"calls"`
	Readers int     `json:"readers"`
	Stalled int     `json:"stalled"`
	Round   float64 `json:"round_s"`
	First   bool    `json:"first"` // it went before all other processes
	Rounds  []round `json:"rounds"`
}

// round is one round: the lateness of the agents' audio, in milliseconds, and what its readers saw.
type round struct {
	Watched  bool    `json:"watched"`
	Void     bool    `json:"void"`   // others had too much of the machine: it says nothing
	Others   float64 `json:"others"` // their share of the processors
	Messages int     `json:"messages"`
	P50      float64 `json:"late_p50_ms"`
	P99      float64 `json:"late_p99_ms"`
	Worst    float64 `json:"late_max_ms"`
	Seen     tally   `json:"seen"`

	late []time.Duration
}

func newRound(watched bool, others float64, late []time.Duration, seen tally) round {
	return round{
		Watched: watched, Others: others, Messages: len(late), P50: quantile(late, 0.5), P99: quantile(late, 0.99),
		Worst: quantile(late, 1), Seen: seen, late: late,
	}
}

// quantile is of times, in milliseconds.
func quantile(all []time.Duration, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return float64(sorted[min(int(q*float64(len(sorted))), len(sorted)-1)].Microseconds()) / 1000
}

func (r *report) last() string {
	n := r.Rounds[len(r.Rounds)-1]
	with := "without readers"
	if n.Watched {
		with = fmt.Sprintf("with readers: %+v", n.Seen)
	}
	if n.Void {
		with += ": void"
	}
	return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms, max %.2f ms of %d messages, others %.0f %%, %s", n.P50, n.P99, n.Worst, n.Messages, 100*n.Others, with)
}

// pool is the lateness of all rounds with readers, or without: of those that are void, too, if void is set.
func (r *report) pool(watched, void bool) (late []time.Duration, rounds int) {
	for _, n := range r.Rounds {
		if n.Watched == watched && (void || !n.Void) {
			late, rounds = append(late, n.late...), rounds+1
		}
	}
	return late, rounds
}

// done says whether there are so many rounds that count, with readers and without.
func (r *report) done(rounds int) bool {
	_, without := r.pool(false, false)
	_, with := r.pool(true, false)
	return min(without, with) >= rounds
}

// moved is by how much readers move the p99, in milliseconds.
func (r *report) moved(void bool) float64 {
	without, _ := r.pool(false, void)
	with, _ := r.pool(true, void)
	return quantile(with, 0.99) - quantile(without, 0.99)
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "%d calls, %d readers of which %d never read, rounds of %.0f s; %s, %d processors, load %s\n",
		r.Calls, r.Readers, r.Stalled, r.Round, runtime.Version(), runtime.NumCPU(), load())
	for _, void := range []bool{false, true} {
		which := "rounds in which others had at most 5 % of the processors"
		switch {
		case void && r.First:
			continue
		case r.First:
			which = "all rounds, before all other processes"
		case void:
			which = "all rounds"
		}
		fmt.Fprintf(w, "%s:\n  %-16s %8s %10s %10s %10s %10s\n", which, "", "rounds", "messages", "p50 ms", "p99 ms", "max ms")
		for _, watched := range []bool{false, true} {
			name := "nobody watches"
			if watched {
				name = "watched"
			}
			late, rounds := r.pool(watched, void)
			fmt.Fprintf(w, "  %-16s %8d %10d %10.2f %10.2f %10.2f\n", name, rounds, len(late), quantile(late, 0.5), quantile(late, 0.99), quantile(late, 1))
		}
		fmt.Fprintf(w, "  readers move the p99 by %.2f ms\n", r.moved(void))
	}
}

// verdict fails where readers cost too much, or did not see what they should; and where nobody can say.
func (r *report) verdict(quick bool) error {
	var bad []error
	for i, n := range r.Rounds {
		switch {
		case n.Messages == 0:
			bad = append(bad, fmt.Errorf("round %d: the agents said nothing", i+1))
		case n.Watched && (n.Seen.Interim == 0 || n.Seen.Final == 0):
			bad = append(bad, fmt.Errorf("round %d: the readers saw nothing: %+v", i+1, n.Seen))
		case n.Watched && n.Seen.Failed > 0:
			bad = append(bad, fmt.Errorf("round %d: %d readers that read were let go", i+1, n.Seen.Failed))
		}
	}
	switch {
	case quick:
	case !r.done(enough):
		bad = append(bad, fmt.Errorf("the machine was too busy with other things to tell: want %d quiet rounds each", enough))
	case r.moved(false) > bar:
		bad = append(bad, fmt.Errorf("readers move the p99 by %.2f ms: at most %.0f ms are allowed", r.moved(false), bar))
	}
	return errors.Join(bad...)
}

// load is the machine's, of the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[0]
}
