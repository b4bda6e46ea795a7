package main

import (
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// A tally counts times, round by round: of each round the quantiles are kept, and what is told is their median.
type tally struct {
	now      *hdrhistogram.Histogram // of this round, in ns
	p50, p99 []time.Duration         // of each round
	count    int64
	worst    time.Duration
}

// newTally counts from 1 us to a minute, to 1 %.
func newTally() *tally {
	return &tally{now: hdrhistogram.New(int64(time.Microsecond), int64(time.Minute), 2)}
}

// add counts a time.
func (t *tally) add(d time.Duration) {
	_ = t.now.RecordValue(int64(min(d, time.Minute))) // it fails only beyond its range
	t.count++
	t.worst = max(t.worst, d)
}

// turn ends a round. A round in which nothing was counted leaves nothing.
func (t *tally) turn() {
	if t.now.TotalCount() == 0 {
		return
	}
	t.p50 = append(t.p50, time.Duration(t.now.ValueAtQuantile(50)))
	t.p99 = append(t.p99, time.Duration(t.now.ValueAtQuantile(99)))
	t.now.Reset()
}

// latency is what a tally comes to in these rounds.
func (t *tally) latency(rounds []int) latency {
	return latency{P50: millis(median(t.p50, rounds)), P99: millis(median(t.p99, rounds)), Worst: millis(t.worst), Count: t.count}
}

// A latency is a tally's outcome: medians of the rounds' quantiles, in ms; and the worst and the number of all.
type latency struct {
	P50   float64 `json:"p50_ms"`
	P99   float64 `json:"p99_ms"`
	Worst float64 `json:"max_ms"`
	Count int64   `json:"count"`
}

// A rate is how many a second, round by round.
type rate []float64

// median is the middle of the values of these rounds, the lower of two; zero of none.
func median[T float64 | time.Duration](values []T, rounds []int) T {
	var sorted []T
	for _, r := range rounds {
		if r < len(values) {
			sorted = append(sorted, values[r])
		}
	}
	if len(sorted) == 0 {
		return 0
	}
	slices.Sort(sorted)
	return sorted[(len(sorted)-1)/2]
}

func millis(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond)) / float64(time.Millisecond)
}
