package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"parley/bench/machine"
	"parley/bench/report"
	"parley/bench/search"
)

// Goals of the product. A call costs what libopus costs (shared/PERFORMANCE.md, sections C.2 and C.3).
const (
	wantCalls = 105
	overCoded = 1.10 // processor time a packet, at most
)

// guesses are where a search begins.
var guesses = map[string]int{"product": 140, "leg": 150, "pion": 600, "pion-opus": 140}

// bench measures everything and returns what there is, also beside an error.
func bench(ctx context.Context, o options, command []string, log io.Writer) (*report.Report, error) {
	ours, core, err := machine.TwoCores()
	if err != nil {
		return nil, err
	}
	r := &report.Report{Format: report.Format, Title: "Calls from browsers a core, with Opus both ways, the product beside bare pion", Made: time.Now().UTC(), Command: command, Machine: report.Here()}
	if !o.quick {
		first, restore := machine.GoFirst()
		defer restore()
		if !first {
			r.Remarks = append(r.Remarks, "This process could not put itself before its neighbours (nice -20).")
		}
	}
	if _, err := machine.Pin(ours); err != nil {
		return nil, err
	}
	debug.SetGCPercent(400) // of the generator: what it keeps is small
	speech, err := packets()
	if err != nil {
		return nil, err
	}
	s := &session{rig: &rig{core: core, hold: o.hold, speech: speech, log: log}, o: o, report: r, found: map[string][]int{}, until: r.Made.Add(o.budget)}
	defer func() { r.Took = time.Since(r.Made).Seconds() }()
	return r, s.all(ctx)
}

// A session is one run of the command.
type session struct {
	*rig
	o      options
	report *report.Report
	found  map[string][]int // calls a core, by server and round
	until  time.Time
}

// all runs what was asked for.
func (s *session) all(ctx context.Context) error {
	if s.o.quick {
		s.hold = 2 * time.Second
		if err := s.once(ctx, 10, 1); err != nil {
			return err
		}
		return s.worked()
	}
	if s.o.at > 0 {
		for round := range s.o.rounds {
			if err := s.once(ctx, s.o.at, round+1); err != nil {
				return err
			}
		}
		return nil
	}
	for round := range s.o.rounds {
		if err := s.search(ctx, round+1); err != nil {
			return err
		}
		if err := s.once(ctx, s.o.alike, round+1); err != nil {
			return err
		}
	}
	s.goals()
	return nil
}

// once runs every server with so many calls.
func (s *session) once(ctx context.Context, calls, round int) error {
	for _, kind := range s.o.servers() {
		if _, err := s.take(ctx, kind, calls, round); err != nil {
			return err
		}
	}
	return nil
}

// take runs a step and keeps it.
func (s *session) take(ctx context.Context, kind string, calls, round int) (report.Step, error) {
	began := time.Since(s.report.Made).Seconds()
	made, err := s.step(ctx, kind, calls, round)
	if err != nil {
		return made, err
	}
	made.At = began
	s.report.Steps = append(s.report.Steps, made)
	return made, nil
}

// search finds the most calls of every server, a step of each in turn.
func (s *session) search(ctx context.Context, round int) error {
	searches := map[string]*search.Search{}
	for _, kind := range s.o.servers() {
		searches[kind] = &search.Search{Guess: guesses[kind], Factor: 1.1, Fine: 1.06}
		if round == 1 {
			searches[kind].Factor = 1.25
		} else if m := median(s.found[kind]); m > 0 {
			searches[kind].Guess = m
		}
	}
	for left := true; left; {
		left = false
		for _, kind := range s.o.servers() {
			find := searches[kind]
			n, done := find.Next()
			if done || find.Steps >= 9 || time.Now().After(s.until) {
				continue
			}
			left = true
			made, err := s.take(ctx, kind, n, round)
			switch {
			case err != nil:
				return err
			case made.Void == "":
				find.Report(n, len(made.Failed) == 0)
			case made.Generator.Busy > busyBar:
				find.Exhaust(n)
			case !find.Patient():
				find.Report(n, false)
			}
		}
	}
	for kind, find := range searches {
		if _, done := find.Next(); find.Lo > 0 && (done || len(s.found[kind]) == 0) { // half a search is better than none, and worse than others
			s.found[kind] = append(s.found[kind], find.Lo)
		}
		if find.Capped {
			s.report.Remarks = append(s.report.Remarks, fmt.Sprintf("Round %d: the generator was at its end before %s was: it carries %d or more.", round, kind, find.Lo))
		}
	}
	return nil
}

// median is the middle of some, the lower one of two; 0 of none.
func median(all []int) int {
	if len(all) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(all))[(len(all)-1)/2]
}

// worked checks that every step did, however late it was on a busy machine.
func (s *session) worked() error {
	for _, made := range s.report.Steps {
		if made.Tally.Answered != made.Tally.Offered || made.Counts[report.FramesOut] == 0 || made.Counts[heardIn] == 0 || made.Counts[heardBad] > 0 {
			return fmt.Errorf("%s did not work: %d of %d calls answered, %d frames came, %d of %d were heard, %d bad", made.Server, made.Tally.Answered,
				made.Tally.Offered, made.Counts[report.FramesOut], made.Counts[heardIn], made.Counts[report.FramesIn], made.Counts[heardBad])
		}
	}
	return nil
}

// alike is the median of a figure over the steps in which all servers had as many calls.
func (s *session) alike(server string, of func(report.Step) (float64, bool)) float64 {
	for _, rung := range s.report.Ladder(server) {
		if rung.Load.Calls == s.o.alike {
			v, _ := rung.Median(of)
			return v
		}
	}
	return 0
}

// goals says what was aimed at.
func (s *session) goals() {
	add := func(g report.Goal) {
		if g.Got > 0 { // else it was not measured
			s.report.Goals = append(s.report.Goals, g.Judged())
		}
	}
	ratio := func(a, b float64) float64 {
		if b == 0 {
			return 0
		}
		return a / b
	}
	rounds, same := fmt.Sprintf("median of %d rounds", s.o.rounds), fmt.Sprintf("of %d calls each", s.o.alike)
	calls := func(kind string) float64 { return float64(median(s.found[kind])) }
	cpu := func(kind string) float64 { return s.alike(kind, perPacket) }
	add(report.Goal{Name: "calls a core, detection and recording", Unit: "calls", Got: calls("product"), Want: wantCalls, Least: true, Note: rounds})
	add(report.Goal{Name: "calls a core, the leg alone", Unit: "calls", Got: calls("leg"), Want: wantCalls, Least: true, Note: rounds})
	add(report.Goal{Name: "processor time a packet, leg to pion with Opus", Unit: "x", Got: ratio(cpu("leg"), cpu("pion-opus")), Want: overCoded, Gate: true, Note: same + "; the same library, at the same settings"})
	add(report.Goal{Name: "processor time a packet, product to pion with Opus", Unit: "x", Got: ratio(cpu("product"), cpu("pion-opus")), Want: overCoded, Note: same + "; with detection and recording, which pion has not"})
	add(report.Goal{Name: "calls, leg to pion with Opus", Unit: "x", Got: ratio(calls("leg"), calls("pion-opus")), Want: 1 / overCoded, Least: true, Note: rounds})
	add(report.Goal{Name: "memory a call, leg to bare pion", Unit: "x", Got: ratio(s.alike("leg", report.MemoryPerCall), s.alike("pion", report.MemoryPerCall)), Want: 1, Note: same})
	add(report.Goal{Name: "allocations a packet, the leg", Unit: "objects", Got: s.alike("leg", report.AllocsPerFrame), Want: 0.1, Note: same + "; RTCP and checks are in it"})
	s.report.Remarks = append(s.report.Remarks, s.costs())
}

// costs is what bare pion costs, which codes nothing, beside all others: what a packet takes that is no codec's.
func (s *session) costs() string {
	text := fmt.Sprintf("Processor time a packet, in or out, of %d calls each:", s.o.alike)
	for _, kind := range s.o.servers() {
		text += fmt.Sprintf(" %s %.1f us (%.0f KB a call);", kind, s.alike(kind, perPacket), s.alike(kind, report.MemoryPerCall))
	}
	return strings.TrimSuffix(text, ";") + "."
}
