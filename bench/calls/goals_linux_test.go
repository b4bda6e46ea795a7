package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/report"
	"parley/bench/search"
)

// seen is a step of a server with these p99s, and what change does to it.
func seen(server string, round, calls int, p99s map[string]float64, change func(*report.Step)) report.Step {
	s := report.Step{
		Server: server, Round: round, Calls: calls, Held: 10, Times: map[string]report.Spread{},
		Counts: map[string]int64{report.FramesIn: int64(calls) * 500}, Usage: report.Usage{CPU: float64(calls) / 1000, RSSIdle: 1e6, RSS: 1e6 + int64(calls)*100_000},
	}
	for name, p99 := range p99s {
		s.Times[name] = report.Spread{N: 1000, P50: p99 / 2, P90: p99, P99: p99, P999: p99, Max: 2 * p99}
	}
	if change != nil {
		change(&s)
	}
	return s
}

// verdicts are what goals say in a word each, by their names.
func verdicts(all []report.Goal) map[string]string {
	words := map[string]string{}
	for _, g := range all {
		word := "missed"
		if g.Met {
			word = "met"
		}
		if g.Gate {
			word += ", gate"
		}
		words[g.Name] = word + ": " + report.Number(g.Got) + " " + g.Unit
	}
	return words
}

// A whole run has every target of shared/PERFORMANCE.md that calls can show, each from its own scene.
func TestGoals(t *testing.T) {
	t.Parallel()
	late := func(p99 float64) map[string]float64 { return map[string]float64{report.Lateness: p99} }
	r := &report.Report{Steps: []report.Step{
		seen(plain, 1, 500, map[string]float64{report.FrameToSTT: 0.8, report.TTSToFrame: 4}, nil),
		seen(plain, 2, 500, map[string]float64{report.FrameToSTT: 0.9, report.TTSToFrame: 5}, nil),
		seen(unrecorded, 1, 500, nil, func(s *report.Step) { s.Usage.CPU = 0.45 }),
		seen(unrecorded, 2, 500, nil, func(s *report.Step) { s.Usage.CPU = 0.45 }),
		seen(voices, 1, 300, map[string]float64{report.Added: 61}, nil),
		seen(interrupted, 1, 500, map[string]float64{report.DecisionClear: 0.06, report.ToClear: 30}, func(s *report.Step) { s.Counts[report.BargeIns] = 500 }),
		seen(interrupted, 2, 500, map[string]float64{report.DecisionClear: 0.08, report.ToClear: 10}, func(s *report.Step) { s.Counts[report.BargeIns], s.Counts[report.AfterClear] = 400, 1 }),
		seen(busy, 1, 720, late(1.4), nil), seen(busy, 2, 720, late(9), func(s *report.Step) { s.Void = "others had the machine" }),
		seen(thousand, 1, 1000, nil, func(s *report.Step) { s.Usage.GCs = 1 }),
		seen(listening, 1, 1000, nil, func(s *report.Step) { s.Usage.RSS = 60e6 }),
		seen(neural, 1, 250, nil, nil), seen(neural, 1, 350, nil, func(s *report.Step) { s.Counts[report.Voiced] = 70_000 }),
		seen(full, 1, 500, late(1), nil),
		seen(overloaded, 1, 750, map[string]float64{report.Lateness: 1.1, report.Refusal: 20}, func(s *report.Step) {
			s.Tally = report.Tally{Offered: 250, Answered: 1, Refused: map[string]int64{"busy": 249}}
		}),
		seen(alone, 1, 500, late(1), nil), seen(beside, 1, 500, late(1.2), nil), seen(beside, 1, 500, late(1.1), nil), seen(alone, 1, 500, late(1.2), nil),
	}}
	a := asides{found: search.Found{"product": {900, 1000}, "floor": {1250, 1300}, "baseline": {325, 325}}, rounds: 2, hearing: 200 * time.Nanosecond, counting: 20 * time.Nanosecond}
	all := goals(r, a)
	want := map[string]string{
		"whole calls a core":                                                 "met: 900 calls",
		"whole calls, of the floor's":                                        "missed, gate: 0.72 x",
		"whole calls, of the baseline's":                                     "met, gate: 2.77 x",
		"frame lateness p99 at 80 % of a core":                               "met: 1.4 ms",
		"frame in to recogniser p99, 500 calls":                              "met: 0.85 ms",
		"voice to first frame p99, 500 calls":                                "missed: 4.5 ms",
		"added voice to voice p99":                                           "missed: 61 ms",
		"barge-in, decision to clear p99":                                    "met: 0.07 ms",
		"barge-in, third voiced frame to clear p99":                          "met: 20 ms",
		"media after clear":                                                  "missed: 1 messages",
		"GC cycles in 10 s at 1,000 calls":                                   "met: 1 cycles",
		"memory a call, while it listens":                                    "met: 59 KB",
		"memory a call, in conversation":                                     "met: 100 KB",
		"speech detection, metrics and recording, share of a call's CPU":     "met: 11.1 %",
		"calls a core with a neural ear":                                     "met: 350 calls",
		"150 % offered, of the excess refused":                               "missed: 99.6 %",
		"150 % offered, the longest refusal":                                 "met: 40 ms",
		"150 % offered, admitted calls' lateness p99, of that before":        "met: 1.1 x",
		"lateness p99 moved by 2,000 API requests a second beside 500 calls": "met: 4.55 %",
	}
	if diff := cmp.Diff(want, verdicts(all)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	for _, g := range all {
		if g.Command == "" {
			t.Errorf("%s: nobody knows how to take it", g.Name)
		}
	}
	r.Goals = all
	if err := r.Missed(); err == nil || err.Error() != "whole calls, of the floor's: 0.72, want at least 0.82 x" {
		t.Errorf("the run fails with %v, want the floor's ratio alone", err)
	}
}

// What was not measured is no goal, neither met nor missed.
func TestGoalsOfNothing(t *testing.T) {
	t.Parallel()
	if all := goals(&report.Report{}, asides{rounds: 1}); len(all) != 0 {
		t.Errorf("%v", verdicts(all))
	}
	void := func(s *report.Step) { s.Void = "the generator was late itself" }
	r := &report.Report{Steps: []report.Step{seen(busy, 1, 720, map[string]float64{report.Lateness: 1}, void), seen(neural, 1, 350, nil, void)}}
	if all := goals(r, asides{rounds: 1}); len(all) != 0 {
		t.Errorf("of void steps: %v", verdicts(all))
	}
	// A neural ear whose calls were late is a goal missed, with nothing carried.
	r = &report.Report{Steps: []report.Step{seen(neural, 1, 350, nil, func(s *report.Step) { s.Failed = []string{"lateness p99 9 ms: at most 5 ms"} })}}
	if diff := cmp.Diff(map[string]string{"calls a core with a neural ear": "missed: 0 calls"}, verdicts(goals(r, asides{rounds: 1}))); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What voice to voice takes beyond a hangover is told time by time; what came sooner took nothing.
func TestBeyond(t *testing.T) {
	t.Parallel()
	h := report.NewHistogram()
	for _, ms := range []int64{299, 301, 310, 360} {
		report.Record(h, time.Duration(ms)*time.Millisecond)
	}
	got, err := beyond(report.SpreadOf(h), 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	near := func(got, want float64) bool { return got >= want && got < want+0.5 } // a histogram of three digits
	if got.N != 4 || got.Min != 0 || !near(got.P50, 1) || !near(got.P90, 60) || !near(got.Max, 60) {
		t.Errorf("%+v, want 0, 1, 10 and 60 ms", got)
	}
	if _, err := beyond(report.Spread{N: 1}, time.Second); err == nil {
		t.Error("percentiles alone cannot be told from")
	}
}

// A trial judges no speed, but misses what a goal would be made of.
func TestWorks(t *testing.T) {
	t.Parallel()
	spoken := func(s *report.Step) { s.Counts[report.FramesOut], s.Counts[report.Voiced] = 1, 1 }
	r := &report.Report{Steps: []report.Step{
		seen(plain, 1, 20, nil, spoken), seen(listening, 1, 20, nil, func(s *report.Step) { s.Counts[report.FramesOut] = 1 }), seen(voices, 1, 20, map[string]float64{report.Added: 99}, spoken),
		seen(overloaded, 1, 30, nil, func(s *report.Step) {
			spoken(s)
			s.Tally = report.Tally{Offered: 10, Refused: map[string]int64{"busy": 10}}
		}),
	}}
	if err := works(r); err != nil {
		t.Error(err)
	}
	r.Steps = append(r.Steps, seen(interrupted, 1, 20, nil, spoken), seen(beside, 1, 20, nil, spoken), seen(overloaded, 1, 30, nil, func(s *report.Step) {
		spoken(s)
		s.Tally = report.Tally{Offered: 10, Answered: 1, Refused: map[string]int64{"busy": 9}}
	}))
	want := "product, interrupted: no barge-ins\nproduct, interrupted: no decisions to clear\nproduct, API beside: no requests to the API\nproduct, 150 %: no refusals of all that was too much"
	if err := works(r); err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}
