// Package compare tells whether one load test did worse than another, or whether the two differ by noise alone.
//
//	before ──▶ a figure a round ─┐                            ┌─ better, worse: beyond noise
//	                             ├─▶ medians, tests, Holm ────┼─ same: a change that matters would have shown
//	after  ──▶ a figure a round ─┘                            └─ noisy: nobody can say
//
// The unit is the round, not the call: a thousand calls beside a neighbour that is busy say one thing, a thousand times. So a figure of a
// report is its median over the rounds that say something, and its noise is how these differ among themselves (decide.go).
package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"parley/bench/report"
)

// Options are how to compare. The zero Options are those that bench.md describes.
type Options struct {
	Least   float64 // change that matters, as a share; 0: 0.05
	Alpha   float64 // chance that two runs of one server are told apart anywhere, with four rounds or more each; 0: 0.05
	Against string  // a server of both reports, such as floor: figures are ratios to its own, of the same load and round; empty: as they are
}

// A Verdict is what can be said of a figure.
type Verdict string

// The verdicts, in the order in which they are shown.
const (
	Worse  Verdict = "worse"
	Better Verdict = "better"
	Noisy  Verdict = "noisy"
	Same   Verdict = "same"
)

// A Line compares one figure of one server under one load.
type Line struct {
	Server  string `json:"server"`
	Load    string `json:"load,omitempty"` // empty: of the whole ladder
	Measure string `json:"measure"`
	Unit    string `json:"unit,omitempty"`

	Before     float64 `json:"before"` // medians over the rounds
	After      float64 `json:"after"`
	Rounds     [2]int  `json:"rounds"`     // how many there are of each
	Change     float64 `json:"change"`     // a share of Before, or the difference
	Difference bool    `json:"difference"` // Change and Told are differences
	Told       float64 `json:"told_from"`  // the least change that would have been told, like Change
	Verdict    Verdict `json:"verdict"`
	Why        string  `json:"why"`
}

// A Result is a comparison.
type Result struct {
	Lines []Line   `json:"lines"`
	Notes []string `json:"notes,omitempty"` // what a reader must know
}

// Worse are the lines that did worse beyond noise.
func (r Result) Worse() []Line {
	return slices.DeleteFunc(slices.Clone(r.Lines), func(l Line) bool { return l.Verdict != Worse })
}

// Reports compares what two reports have in common. It is an error if that is nothing.
func Reports(before, after *report.Report, o Options) (Result, error) {
	o.Least, o.Alpha = cmp.Or(o.Least, 0.05), cmp.Or(o.Alpha, 0.05)
	if o.Against != "" {
		for _, r := range []*report.Report{before, after} {
			if !slices.Contains(r.Servers(), o.Against) {
				return Result{}, fmt.Errorf("compare: %s has no server %q: it has %v", r.Title, o.Against, r.Servers())
			}
		}
	}
	var pairs []pair
	for _, server := range before.Servers() {
		if !slices.Contains(after.Servers(), server) {
			continue
		}
		pairs = append(pairs, ladders(before, after, server)...)
		for _, g := range before.Ladder(server) {
			for _, h := range after.Ladder(server) {
				if g.Load == h.Load {
					pairs = append(pairs, rungs(g, h, reference(before, o.Against, g.Load), reference(after, o.Against, g.Load))...)
				}
			}
		}
	}
	if len(pairs) == 0 {
		return Result{}, fmt.Errorf("compare: the reports have no server and load in common that say anything: %s; %s", contents(before), contents(after))
	}
	res := Result{Lines: decide(pairs, o), Notes: notes(before, after, o)}
	order := []Verdict{Worse, Better, Noisy, Same}
	slices.SortStableFunc(res.Lines, func(a, b Line) int {
		return cmp.Compare(slices.Index(order, a.Verdict), slices.Index(order, b.Verdict))
	})
	return res, nil
}

// A pair is one figure of both reports, a sample a round.
type pair struct {
	server, load string
	measure      measure
	before       []float64
	after        []float64
	within       float64 // how far the histograms let one round's figure be from the truth, as a share of it
}

// ladders pairs what a server carried in each round, of the loads that both reports tried.
func ladders(before, after *report.Report, server string) []pair {
	var common []report.Load
	for _, g := range before.Ladder(server) {
		if slices.ContainsFunc(after.Ladder(server), func(h report.Rung) bool { return g.Load == h.Load }) {
			common = append(common, g.Load)
		}
	}
	p := pair{server: server, measure: carried, before: knees(before, server, common), after: knees(after, server, common)}
	if len(common) < 2 || len(p.before) == 0 || len(p.after) == 0 {
		return nil
	}
	return []pair{p}
}

// knees are the most of some loads that a server carried, round by round. Where it was none, half of the least stands for it.
func knees(r *report.Report, server string, loads []report.Load) (all []float64) {
	rounds := map[int][]report.Step{}
	for _, s := range r.Steps {
		if slices.Contains(loads, s.Load()) {
			rounds[s.Round] = append(rounds[s.Round], s)
		}
	}
	for _, steps := range rounds {
		one := report.Report{Steps: steps}
		switch k := one.Knee(server); {
		case k.Carried != nil:
			all = append(all, k.Carried.Load.Value())
		case k.Broke != nil:
			all = append(all, loads[0].Value()/2)
		}
	}
	return all
}

// rungs pairs all that both reports measured of a server under a load. Where there are references, samples are ratios to theirs.
func rungs(g, h report.Rung, refG, refH *report.Rung) (all []pair) {
	for _, m := range measures() {
		if refG != nil && !m.share && refG.Server != g.Server {
			m.unit, m.grain = "x "+refG.Server, 0 // of what it was measured in
		}
		p := pair{server: g.Server, load: g.Load.String(), measure: m, before: samples(g, refG, m), after: samples(h, refH, m)}
		if len(p.before) == 0 || len(p.after) == 0 {
			continue
		}
		if m.spread != nil {
			p.within = max(m.within(g), m.within(h))
		}
		all = append(all, p)
	}
	return all
}

// reference is the rung of the server to compare against.
func reference(r *report.Report, server string, load report.Load) *report.Rung {
	if server == "" {
		return nil
	}
	for _, g := range r.Ladder(server) {
		if g.Load == load {
			return &g
		}
	}
	return &report.Rung{Server: server, Load: load}
}

// samples are a measure's, a round each.
func samples(g report.Rung, ref *report.Rung, m measure) []float64 {
	if ref == nil || m.share || ref.Server == g.Server {
		return g.Samples(m.of)
	}
	var all []float64
	for _, s := range g.Sound() {
		v, told := m.of(s)
		i := slices.IndexFunc(ref.Sound(), func(o report.Step) bool { return o.Round == s.Round })
		if !told || i < 0 {
			continue
		}
		if by, ok := m.of(ref.Sound()[i]); ok && v > 0 && by > 0 {
			all = append(all, v/by)
		}
	}
	return all
}

// contents is what a report has, for messages.
func contents(r *report.Report) string {
	var all []string
	for _, server := range r.Servers() {
		for _, g := range r.Ladder(server) {
			text := fmt.Sprintf("%s at %v", server, g.Load)
			if len(g.Sound()) == 0 {
				text += " (void)"
			}
			all = append(all, text)
		}
	}
	return fmt.Sprintf("%q has %s", r.Title, cmp.Or(strings.Join(all, ", "), "nothing"))
}

// notes say what stands in the way of comparing.
func notes(before, after *report.Report, o Options) (all []string) {
	if a, b := before.Machine, after.Machine; a != b {
		all = append(all, fmt.Sprintf("the machines differ (%s, %d cores, %s, %s; %s, %d cores, %s, %s): only ratios to a server of the same run say something (--against)",
			a.CPU, a.Cores, a.Kernel, a.Go, b.CPU, b.Cores, b.Kernel, b.Go))
	}
	for _, one := range []struct {
		name        string
		this, other *report.Report
	}{{"before", before, after}, {"after", after, before}} {
		void := 0
		for _, s := range one.this.Steps {
			if s.Void != "" {
				void++
			}
		}
		if void > 0 {
			all = append(all, fmt.Sprintf("%s: %d of %d steps are void, and left out", one.name, void, len(one.this.Steps)))
		}
		for _, server := range one.this.Servers() {
			if !slices.Contains(one.other.Servers(), server) {
				all = append(all, fmt.Sprintf("%s alone has the server %q", one.name, server))
			}
		}
	}
	if o.Against == "" {
		for _, server := range []string{"floor", "baseline"} {
			if slices.Contains(before.Servers(), server) && slices.Contains(after.Servers(), server) {
				all = append(all, fmt.Sprintf("both have %q: with --against %s figures are ratios to it, which leave out what the machine did", server, server))
				break
			}
		}
	}
	return all
}
