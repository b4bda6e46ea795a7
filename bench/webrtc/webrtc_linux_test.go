package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/bench/floor"
	"parley/bench/report"
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
	s := &session{rig: rig, report: &report.Report{}}
	for _, kind := range kinds {
		made, err := rig.step(t.Context(), kind, 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		s.report.Steps = append(s.report.Steps, made)
		if loud := made.Counts[loudOut]; loud < made.Counts[report.FramesOut]/2 {
			t.Errorf("%s: of %d packets only %d are no silence", kind, made.Counts[report.FramesOut], loud)
		}
	}
	if err := s.worked(); err != nil {
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
		"silence":           {spoil: func(s *report.Step) { s.Counts[loudOut] = 100 }, failed: "of 10000 packets that came back only 100"},
		"bad":               {spoil: func(s *report.Step) { s.Counts[heardBad] = 1 }, failed: "1 packets"},
		"busy generator":    {spoil: func(s *report.Step) { s.Generator.Busy = 0.9 }, void: "at its end"},
		"late generator":    {spoil: func(s *report.Step) { s.Counts[heardBad], s.Times[report.SendLate] = 1, report.Spread{N: 1, P99: 4} }, failed: "1 packets", void: "late"},
		"late but all well": {spoil: func(s *report.Step) { s.Times[report.SendLate] = report.Spread{N: 1, P99: 4} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &step{report: report.Step{Calls: 100, Times: map[string]report.Spread{report.Lateness: {N: 1, P99: 1}}, Counts: map[string]int64{
				report.FramesIn: 10_000, report.FramesOut: 10_000, heardIn: 9_990, loudOut: 9_500,
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

// The gate is a ratio, and goals are made of the searches and of the steps with as many calls.
func TestGoals(t *testing.T) {
	t.Parallel()
	s := &session{o: options{rounds: 1, alike: 100}, report: &report.Report{}, found: map[string][]int{"product": {100}, "leg": {150}, "pion-opus": {140}, "pion": {600}}}
	for _, kind := range kinds {
		cpu := map[string]float64{"product": 0.6, "leg": 0.5, "pion": 0.1, "pion-opus": 0.4}[kind]
		s.report.Steps = append(s.report.Steps, report.Step{Server: kind, Calls: 100, Held: 1, Usage: report.Usage{CPU: cpu}, Counts: map[string]int64{report.FramesIn: 5000, report.FramesOut: 5000}})
	}
	s.goals()
	var missed []string
	for _, g := range s.report.Goals {
		if g.Gate && !g.Met {
			missed = append(missed, report.Number(g.Got))
		}
	}
	if want := []string{"1.25"}; !slices.Equal(missed, want) {
		t.Errorf("gates missed with %v, want %v", missed, want)
	}
	if text := strings.Join(s.report.Remarks, " "); !strings.Contains(text, "pion 10.0 us") || strings.HasSuffix(text, ";.") {
		t.Errorf("remarks are %q", text)
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
