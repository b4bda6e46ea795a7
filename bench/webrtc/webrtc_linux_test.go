package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/bench/contest"
	"parley/bench/floor"
	"parley/bench/report"
	"parley/bench/search"
)

// TestMain is also the main of the servers that tests start.
func TestMain(m *testing.M) {
	if o, asked, err := floor.Asked(os.Getenv); asked {
		if err == nil {
			err = serve(context.Background(), o.Name, os.Getenv(tapesEnviron), os.Stdin, os.Stdout)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Every server takes calls, and says again what it hears.
func TestServers(t *testing.T) { // one after the other: a child finds its recordings by the environment
	speech, err := packets()
	if err != nil {
		t.Fatal(err)
	}
	rig := &rig{core: -1, hold: time.Second, speech: speech, log: t.Output()}
	var steps []report.Step
	for _, kind := range kinds {
		made, err := rig.step(t.Context(), kind, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, made)
		if loud := made.Counts[loudOut]; loud < made.Counts[report.FramesOut]/2 {
			t.Errorf("%s: of %d packets only %d are no silence", kind, made.Counts[report.FramesOut], loud)
		}
	}
	if err := contest.Worked(steps); err != nil {
		t.Error(err)
	}
}

// An echo begins when it has half of what it holds, and what it cannot hold is the oldest.
func TestEcho(t *testing.T) {
	t.Parallel()
	e := &echo{}
	frame, pcm := make([]int16, rate/50), make([]int16, rate/50)
	say := func(from, to int16) {
		for v := from; v <= to; v++ {
			frame[0] = v
			e.say(frame)
		}
	}
	say(1, 2)
	if e.Next(pcm) {
		t.Error("it sounds with two frames")
	}
	say(3, 10)
	var heard []int16
	for e.Next(pcm) {
		heard = append(heard, pcm[0])
	}
	if want := []int16{5, 6, 7, 8, 9, 10}; !slices.Equal(heard, want) {
		t.Errorf("heard %v, want %v", heard, want)
	}
	if say(11, 11); e.Next(pcm) {
		t.Error("it sounds with one frame, after it ran dry")
	}
}

// What comes back must be heard.
func TestJudge(t *testing.T) {
	t.Parallel()
	for loud, failed := range map[int64]int{9_500: 0, 100: 1} {
		s := report.Step{Calls: 100, Times: map[string]report.Spread{report.Lateness: {N: 1, P99: 1}}, Counts: map[string]int64{
			report.FramesIn: 10_000, report.FramesOut: 10_000, contest.HeardIn: 9_990, loudOut: loud,
		}}
		s.Tally.Offered, s.Tally.Answered = 100, 100
		if judge(&s); len(s.Failed) != failed {
			t.Errorf("%d of 10000 are no silence: failed %q, want %d bars", loud, s.Failed, failed)
		}
	}
}

// The gate is a ratio, and goals are made of the searches and of the steps with as many calls.
func TestGoals(t *testing.T) {
	t.Parallel()
	c := &contest.Contest{
		Options: contest.Options{Rounds: 1, Alike: 100}, Report: &report.Report{},
		Found: search.Found{"product": {100}, "leg": {150}, "pion-opus": {140}, "pion": {600}},
	}
	for _, kind := range kinds {
		cpu := map[string]float64{"product": 0.6, "leg": 0.5, "pion": 0.1, "pion-opus": 0.4}[kind]
		c.Report.Steps = append(c.Report.Steps, report.Step{Server: kind, Calls: 100, Held: 1, Usage: report.Usage{CPU: cpu}, Counts: map[string]int64{report.FramesIn: 5000, report.FramesOut: 5000}})
	}
	goals(c)
	var missed []string
	for _, g := range c.Report.Goals {
		if g.Gate && !g.Met {
			missed = append(missed, report.Number(g.Got))
		}
	}
	if want := []string{"1.25"}; !slices.Equal(missed, want) {
		t.Errorf("gates missed with %v, want %v", missed, want)
	}
	if text := strings.Join(c.Report.Remarks, " "); !strings.Contains(text, "pion 10.0 us") || strings.Contains(text, "was not measured") {
		t.Errorf("remarks are %q", text)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	if _, err := parse([]string{"-only", "nobody"}, io.Discard); err == nil || !strings.Contains(err.Error(), "-only") {
		t.Errorf("-only nobody: %v", err)
	}
	if o, err := parse(nil, io.Discard); err != nil || o.Hold != 3*time.Second || o.Alike != 50 {
		t.Errorf("no options: %+v, %v", o, err)
	}
}
