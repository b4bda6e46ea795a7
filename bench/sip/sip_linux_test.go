package main

import (
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/bench/report"
)

// What a step must keep, and what says nothing of a server.
func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil  func(*report.Step)
		failed string // of the first bar; empty: none
		void   string
	}{
		"carried":           {spoil: func(*report.Step) {}},
		"late":              {spoil: func(s *report.Step) { s.Times[report.Lateness] = report.Spread{N: 1, P99: 5.1} }, failed: "lateness"},
		"lost":              {spoil: func(s *report.Step) { s.Counts[report.FramesLost] = 20 }, failed: "frames_lost"},
		"unheard":           {spoil: func(s *report.Step) { s.Counts[heardIn] = 9880 }, failed: "frames heard 9880"},
		"bad":               {spoil: func(s *report.Step) { s.Counts[heardBad] = 1 }, failed: "1 packets"},
		"busy generator":    {spoil: func(s *report.Step) { s.Generator.Busy = 0.9 }, void: "at its end"},
		"late generator":    {spoil: func(s *report.Step) { s.Counts[heardBad], s.Times[report.SendLate] = 1, report.Spread{N: 1, P99: 4} }, failed: "1 packets", void: "late"},
		"late but all well": {spoil: func(s *report.Step) { s.Times[report.SendLate] = report.Spread{N: 1, P99: 4} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &step{report: report.Step{Calls: 100, Times: map[string]report.Spread{report.Lateness: {N: 1, P99: 1}}, Counts: map[string]int64{
				report.FramesIn: 10_000, report.FramesOut: 10_000, heardIn: 9_990,
			}}}
			s.report.Tally.Offered, s.report.Tally.Answered = 100, 100
			c.spoil(&s.report)
			s.judge()
			if failed := strings.Join(s.report.Failed, "; "); (failed == "") != (c.failed == "") || !strings.HasPrefix(failed, c.failed) {
				t.Errorf("failed %q, want %q", failed, c.failed)
			}
			if !strings.Contains(s.report.Void, c.void) || (s.report.Void == "") != (c.void == "") {
				t.Errorf("void %q, want %q", s.report.Void, c.void)
			}
		})
	}
}

// Processor time a packet is of both ways together.
func TestPerPacket(t *testing.T) {
	t.Parallel()
	s := report.Step{Held: 2, Usage: report.Usage{CPU: 0.5}, Counts: map[string]int64{report.FramesIn: 60_000, report.FramesOut: 40_000}}
	if us, ok := perPacket(s); !ok || math.Abs(us-10) > 1e-9 {
		t.Errorf("%v us (%v), want 10", us, ok)
	}
	if _, ok := perPacket(report.Step{}); ok {
		t.Error("a step without packets has a time a packet")
	}
}

// The gates are the ratios, and they are made of the searches and of the steps with as many calls.
func TestGoals(t *testing.T) {
	t.Parallel()
	s := &session{o: options{rounds: 1, alike: 100}, report: &report.Report{}, found: map[string][]int{"product": {1000}, "leg": {1500}, "baseline": {1200}, "floor": {3000}}}
	for _, kind := range kinds {
		cpu := map[string]float64{"product": 0.6, "leg": 0.5, "floor": 0.25, "baseline": 0.4}[kind]
		s.report.Steps = append(s.report.Steps, report.Step{Server: kind, Calls: 100, Held: 1, Usage: report.Usage{CPU: cpu}, Counts: map[string]int64{report.FramesIn: 5000, report.FramesOut: 5000}})
	}
	s.goals()
	var missed []string
	for _, g := range s.report.Goals {
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
	for args, want := range map[string]string{"-only nobody": "-only", "-rounds 0": "-rounds 0", "-hold 1ms": "-hold", "-alike 0": "-alike 0", "-rounds 2": ""} {
		_, err := parse(strings.Fields(args), io.Discard)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
	if o, err := parse(nil, io.Discard); err != nil || o.hold != 3*time.Second {
		t.Errorf("no options: %+v, %v", o, err)
	}
}
