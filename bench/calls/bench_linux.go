package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"parley/bench/carrier"
	"parley/bench/load"
	"parley/bench/machine"
	"parley/bench/report"
	"parley/bench/search"
	"parley/bench/vendors"
)

// guesses are where a search begins.
var guesses = map[string]int{"product": 900, "floor": 1500, "floor-20ms": 1100, "baseline": 430}

// comes is how many calls a second come while a step is climbed to.
const comes = 150

// bench measures everything and returns what there is, also beside an error.
func bench(ctx context.Context, o options, command []string, log io.Writer) (r *report.Report, err error) {
	ours, core, err := machine.TwoCores()
	if err != nil {
		return nil, err
	}
	talk, err := carrier.ParseScript("conversation", conversation)
	if err != nil {
		return nil, err
	}
	r = &report.Report{Format: report.Format, Title: "Whole calls a core, the product beside floor and baseline", Made: time.Now().UTC(), Command: command, Machine: report.Here()}
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
	scratch, err := os.MkdirTemp(o.dir, "parley-bench-calls-")
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	b := &rig{ours: ours, core: core, binary: o.binary, dir: o.dir, hold: o.hold, settle: settle, profile: o.profile, log: log}
	if o.calls > 0 {
		b.settle = 2 * brief // it is tried, not measured
	}
	s := &session{rig: b, o: o, scratch: scratch, report: r, talk: talk, found: map[string][]int{}, until: r.Made.Add(o.budget)}
	defer func() { r.Took = time.Since(r.Made).Seconds() }()
	return r, s.all(ctx)
}

// A session is one run of the command.
type session struct {
	*rig
	o       options
	report  *report.Report
	talk    []carrier.Step
	found   map[string][]int // calls a core, by server and round
	until   time.Time
	scratch string // a directory for what scenes need
}

// all runs what was asked for.
func (s *session) all(ctx context.Context) error {
	servers := s.o.servers
	if s.o.only != "" {
		servers = []string{s.o.only}
	}
	if s.o.quick {
		s.hold = 4 * time.Second
		return s.once(ctx, servers, 20)
	}
	if s.o.at > 0 {
		for range s.o.rounds {
			if err := s.once(ctx, servers, s.o.at); err != nil {
				return err
			}
		}
		return nil
	}
	if s.o.search {
		for round := 1; round <= s.o.rounds; round++ {
			if err := s.search(ctx, servers, round); err != nil {
				return err
			}
		}
	}
	if s.o.points && s.o.only == "" {
		if err := s.takePoints(ctx, s.o.point); err != nil {
			return err
		}
	}
	if s.o.calls > 0 {
		s.report.Remarks = append(s.report.Remarks, fmt.Sprintf("No goal is judged: at most %d calls were tried (-calls).", s.o.calls))
		return works(s.report)
	}
	a := asides{found: s.found, rounds: s.o.rounds}
	a.hearing, a.counting = frameCosts()
	s.report.Goals = goals(s.report, a)
	return s.complete(servers)
}

// complete says what keeps a search from a verdict: a server of which nothing was found.
func (s *session) complete(servers []string) error {
	var missing []error
	for _, kind := range servers {
		if s.o.search && len(s.found[kind]) == 0 {
			missing = append(missing, fmt.Errorf("%s: no load was found that it carries: a calmer machine, or a longer -budget", kind))
		}
	}
	return errors.Join(missing...)
}

// once runs servers with so many calls.
func (s *session) once(ctx context.Context, servers []string, calls int) error {
	for _, kind := range servers {
		if _, err := s.step(ctx, s.scene(kind, calls), 1); err != nil {
			return err
		}
	}
	return nil
}

// scene is the usual one.
func (s *session) scene(kind string, calls int) scene {
	return scene{
		name: kind, kind: kind, script: s.talk, bars: carried,
		steps:   []load.Step{{Calls: calls, Ramp: max(time.Second, time.Duration(calls)*time.Second/comes), Hold: s.hold}},
		vendors: vendors.Options{Hangover: hangover, Stamps: true, Pace: 2, Piece: 100 * time.Millisecond, Words: 16},
	}
}

// step plays a scene of one step and keeps what came of it.
func (s *session) step(ctx context.Context, sc scene, round int) (report.Step, error) {
	began := time.Since(s.report.Made).Seconds()
	steps, err := s.run(ctx, sc, round)
	if err != nil {
		return report.Step{}, err
	}
	if len(steps) != 1 {
		return report.Step{}, fmt.Errorf("%s: %d steps, want 1", sc.name, len(steps))
	}
	steps[0].At += began
	s.report.Steps = append(s.report.Steps, steps[0])
	return steps[0], nil
}

// search finds the most calls of every server, a step of each in turn.
func (s *session) search(ctx context.Context, servers []string, round int) error {
	searches := map[string]*search.Search{}
	for _, kind := range servers {
		searches[kind] = &search.Search{Guess: guesses[kind], Factor: 1.1, Fine: 1.06}
		if round == 1 {
			searches[kind].Factor = 1.25
		} else if m := median(s.found[kind]); m > 0 {
			searches[kind].Guess = m
		}
	}
	for left := true; left; {
		left = false
		for _, kind := range servers {
			find := searches[kind]
			n, done := find.Next()
			if done || find.Steps >= 9 || time.Now().After(s.until) {
				continue
			}
			left = true
			step, err := s.step(ctx, s.scene(kind, n), round)
			switch {
			case err != nil:
				return err
			case step.Void == "":
				find.Report(n, len(step.Failed) == 0)
			case step.Generator.Busy+step.Generator.Vendors > busyBar:
				find.Exhaust(n)
			case !find.Patient():
				find.Report(n, false)
			}
		}
	}
	for _, kind := range servers {
		find := searches[kind]
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
