package contest

import (
	"context"
	"flag"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/bench/report"
)

var servers = []string{"product", "floor"}

// made is a step of 100 calls that was carried.
func made() report.Step {
	s := report.Step{Calls: 100, Times: map[string]report.Spread{report.Lateness: {N: 1, P99: 1}}, Counts: map[string]int64{
		report.FramesIn: 10_000, report.FramesOut: 10_000, HeardIn: 9_990,
	}}
	s.Tally.Offered, s.Tally.Answered = 100, 100
	return s
}

// What a step must keep, and what says nothing of a server.
func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil  func(*report.Step)
		more   []string
		failed string // of the first bar; empty: none
		void   string
	}{
		"carried":           {spoil: func(*report.Step) {}},
		"late":              {spoil: func(s *report.Step) { s.Times[report.Lateness] = report.Spread{N: 1, P99: 5.1} }, failed: "lateness"},
		"lost":              {spoil: func(s *report.Step) { s.Counts[report.FramesLost] = 20 }, failed: "frames_lost"},
		"unheard":           {spoil: func(s *report.Step) { s.Counts[HeardIn] = 9880 }, failed: "frames heard 9880"},
		"bad":               {spoil: func(s *report.Step) { s.Counts[HeardBad] = 1 }, failed: "1 packets"},
		"more":              {spoil: func(*report.Step) {}, more: []string{"silence came back"}, failed: "silence"},
		"busy generator":    {spoil: func(s *report.Step) { s.Generator.Busy = 0.9 }, void: "at its end"},
		"late generator":    {spoil: func(s *report.Step) { s.Counts[HeardBad], s.Times[report.SendLate] = 1, report.Spread{N: 1, P99: 4} }, failed: "1 packets", void: "late"},
		"late but all well": {spoil: func(s *report.Step) { s.Times[report.SendLate] = report.Spread{N: 1, P99: 4} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := made()
			c.spoil(&s)
			Judge(&s, 1, c.more...)
			if failed := strings.Join(s.Failed, "; "); (failed == "") != (c.failed == "") || !strings.HasPrefix(failed, c.failed) {
				t.Errorf("failed %q, want %q", failed, c.failed)
			}
			if !strings.Contains(s.Void, c.void) || (s.Void == "") != (c.void == "") {
				t.Errorf("void %q, want %q", s.Void, c.void)
			}
		})
	}
}

// Processor time a packet is of both ways together.
func TestPerPacket(t *testing.T) {
	t.Parallel()
	s := report.Step{Held: 2, Usage: report.Usage{CPU: 0.5}, Counts: map[string]int64{report.FramesIn: 60_000, report.FramesOut: 40_000}}
	if us, ok := PerPacket(s); !ok || math.Abs(us-10) > 1e-9 {
		t.Errorf("%v us (%v), want 10", us, ok)
	}
	if _, ok := PerPacket(report.Step{}); ok {
		t.Error("a step without packets has a time a packet")
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{"-only nobody": "-only", "-rounds 0": "-rounds 0", "-hold 1ms": "-hold", "-alike 0": "-alike 0", "-rounds 2": ""} {
		o := Options{Alike: 10}
		flags := flag.NewFlagSet("contest", flag.ContinueOnError)
		flags.SetOutput(io.Discard)
		o.Flags(flags, servers, 5)
		if err := flags.Parse(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		if err := o.Check(servers); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

// play runs a contest of servers that carry so many calls each, and returns it with the calls of each step of a server.
func play(t *testing.T, o Options, carry map[string]int) (*Contest, map[string][]int) {
	t.Helper()
	steps := map[string][]int{}
	c := &Contest{
		Options: o, Servers: servers, Guesses: map[string]int{"product": 100, "floor": 200}, Few: 5, Report: &report.Report{Made: time.Now()},
		Step: func(_ context.Context, server string, calls, round int) (report.Step, error) {
			steps[server] = append(steps[server], calls)
			s := made()
			s.Server, s.Calls, s.Round, s.Held, s.Usage.CPU = server, calls, round, 1, float64(calls)/float64(carry[server])
			s.Tally.Offered, s.Tally.Answered = int64(calls), int64(calls)
			if calls > carry[server] {
				s.Failed = []string{"lateness"}
			}
			return s, nil
		},
		Goals: func(c *Contest) {
			c.Add(report.Goal{Name: "calls", Got: c.Calls("product"), Want: 100, Least: true})
			c.Add(report.Goal{Name: "not measured", Got: Ratio(1, 0), Want: 1})
		},
	}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, steps
}

// A contest finds what each carries, compares all with as many calls, and judges what was measured.
func TestContest(t *testing.T) {
	t.Parallel()
	c, steps := play(t, Options{Rounds: 2, Alike: 50, Budget: time.Hour}, map[string]int{"product": 120, "floor": 300})
	if got := c.Calls("product"); got < 100 || got > 120 {
		t.Errorf("the product carries %v, want 120", got)
	}
	if a, b := c.Same("product", PerPacket), c.Same("floor", PerPacket); a <= b || b == 0 {
		t.Errorf("a packet costs %v and %v us: want the floor's to be less", a, b)
	}
	for server, calls := range steps {
		if n := len(slices.DeleteFunc(slices.Clone(calls), func(n int) bool { return n != 50 })); n != 2 {
			t.Errorf("%s was compared %d times, want once a round", server, n)
		}
	}
	if g := c.Report.Goals; len(g) != 1 || !g[0].Met {
		t.Errorf("goals are %+v, want one, met", g)
	}
}

// With -at each server has one step a round, with -quick one alone, and -only leaves the others out.
func TestContestInParts(t *testing.T) {
	t.Parallel()
	carry := map[string]int{"product": 120, "floor": 300}
	_, steps := play(t, Options{Rounds: 2, At: 70, Only: "floor"}, carry)
	if want := []int{70, 70}; len(steps) != 1 || !slices.Equal(steps["floor"], want) {
		t.Errorf("-at 70 -only floor: steps %v", steps)
	}
	_, steps = play(t, Options{Rounds: 2, Quick: true}, carry)
	if want := []int{5}; !slices.Equal(steps["product"], want) || !slices.Equal(steps["floor"], want) {
		t.Errorf("-quick: steps %v", steps)
	}
}

// A server that did not work at all is named.
func TestWorked(t *testing.T) {
	t.Parallel()
	good, deaf := made(), made()
	deaf.Server, deaf.Counts[HeardIn] = "deaf", 0
	if err := Worked([]report.Step{good}); err != nil {
		t.Error(err)
	}
	if err := Worked([]report.Step{good, deaf}); err == nil || !strings.Contains(err.Error(), "deaf") {
		t.Errorf("%v, want deaf named", err)
	}
}
