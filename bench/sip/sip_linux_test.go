package main

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/bench/contest"
	"parley/bench/report"
	"parley/bench/search"
)

// The gates are the ratios, and they are made of the searches and of the steps with as many calls.
func TestGoals(t *testing.T) {
	t.Parallel()
	c := &contest.Contest{
		Options: contest.Options{Rounds: 1, Alike: 100}, Report: &report.Report{},
		Found: search.Found{"product": {1000}, "leg": {1500}, "baseline": {1200}, "floor": {3000}},
	}
	for _, kind := range kinds {
		cpu := map[string]float64{"product": 0.6, "leg": 0.5, "floor": 0.25, "baseline": 0.4}[kind]
		c.Report.Steps = append(c.Report.Steps, report.Step{Server: kind, Calls: 100, Held: 1, Usage: report.Usage{CPU: cpu}, Counts: map[string]int64{report.FramesIn: 5000, report.FramesOut: 5000}})
	}
	goals(c)
	var missed []string
	for _, g := range c.Report.Goals {
		if g.Gate && !g.Met {
			missed = append(missed, report.Number(g.Got))
		}
	}
	if want := []string{"2", "1.25"}; !slices.Equal(missed, want) {
		t.Errorf("gates missed with %v, want %v", missed, want)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := parse([]string{"-only", "nobody"}, io.Discard); err == nil || !strings.Contains(err.Error(), "-only") {
		t.Errorf("-only nobody: %v", err)
	}
	if o, err := parse(nil, io.Discard); err != nil || o.Hold != 3*time.Second || o.Alike != 1000 {
		t.Errorf("no options: %+v, %v", o, err)
	}
}
