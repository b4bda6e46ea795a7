package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	s := &session{rig: b, o: o, scratch: scratch, report: r, talk: talk, found: search.Found{}, until: r.Made.Add(o.budget)}
	defer func() { r.Took = time.Since(r.Made).Seconds() }()
	return r, s.all(ctx)
}

// A session is one run of the command.
type session struct {
	*rig
	o       options
	report  *report.Report
	talk    []carrier.Step
	found   search.Found // calls a core
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

// search finds the most calls of every server.
func (s *session) search(ctx context.Context, servers []string, round int) error {
	caps, err := search.Round{
		N: round, Servers: servers, Guesses: guesses, Fine: 1.06, Until: s.until,
		Step: func(ctx context.Context, server string, calls int) (search.Verdict, error) {
			made, err := s.step(ctx, s.scene(server, calls), round)
			return verdict(made), err
		},
	}.Run(ctx, s.found)
	for _, capped := range caps {
		s.report.Remarks = append(s.report.Remarks, capped.String())
	}
	return err
}

// verdict is what a step says of its server.
func verdict(made report.Step) search.Verdict {
	switch {
	case made.Void == "" && len(made.Failed) == 0:
		return search.Carried
	case made.Void == "":
		return search.Failed
	case made.Generator.Busy+made.Generator.Vendors > busyBar:
		return search.Exhausted
	}
	return search.Void
}
