package page

import (
	"fmt"
	"math"
	"slices"

	"parley/bench/report"
)

// fates is what became of one server's calls, a row a load.
type fates struct {
	Server, Class string
	Rows          []fate
	tells         bool // calls were refused or broke
}

// A fate is a row. Refused and Broken tell the reasons.
type fate struct {
	Load, Void                         string
	Offered, Answered, Refused, Broken string
	Bar                                []span
}

// A span is a part of a bar, in percent of the most that any row offered.
type span struct{ Class, From, Wide string }

func newFates(r *report.Report, server string) fates {
	f := fates{Server: server, Class: colour(slices.Index(r.Servers(), server))}
	var most int64
	for _, s := range r.Steps {
		most = max(most, s.Tally.Offered)
	}
	if most == 0 {
		return f
	}
	for _, g := range r.Ladder(server) {
		steps := g.Sound()
		if len(steps) == 0 {
			steps = g.Steps
		}
		t := total(steps)
		one := fate{
			Load: g.Load.String(), Void: g.Void(), Offered: count(t.Offered), Answered: count(t.Answered),
			Refused: reasons(t.Refused), Broken: reasons(t.Broken),
		}
		f.tells = f.tells || t.Refusals()+t.Breaks() > 0
		percent := 100 / float64(most) / float64(len(steps))
		var from int64
		for _, part := range []struct {
			class string
			n     int64
		}{{"answered", t.Answered}, {"refused", t.Refusals()}, {"broken", t.Breaks()}, {"open", t.Offered - t.Answered - t.Refusals() - t.Breaks()}} {
			if part.n > 0 {
				one.Bar = append(one.Bar, span{part.class, fmt.Sprintf("%.2f%%", float64(from)*percent), fmt.Sprintf("%.2f%%", float64(part.n)*percent)})
				from += part.n
			}
		}
		f.Rows = append(f.Rows, one)
	}
	return f
}

// total is the tally of several steps together.
func total(steps []report.Step) report.Tally {
	t := report.Tally{Refused: map[string]int64{}, Broken: map[string]int64{}}
	for _, s := range steps {
		t.Offered += s.Tally.Offered
		t.Answered += s.Tally.Answered
		for why, n := range s.Tally.Refused {
			t.Refused[why] += n
		}
		for why, n := range s.Tally.Broken {
			t.Broken[why] += n
		}
	}
	return t
}

// reasons is how many, and of which kind, as in "8 (busy 7, speech 1)".
func reasons(counts map[string]int64) string {
	var all int64
	for _, n := range counts {
		all += n
	}
	if all == 0 {
		return "0"
	}
	return fmt.Sprintf("%s (%s)", count(all), report.Reasons(counts))
}

// A stage is a row of the breakdown: one time at each server's knee, on an axis of logarithms.
type stage struct {
	Title, Meaning string
	Marks          []mark
}

// A mark is one server's: a dot at p50, a line to p99, a tick at p99.9. Places are in percent of the axis.
type mark struct {
	Server, Class  string
	P50, P99, P999 string
	Text           string
}

// A tick is a place on the axis.
type tick struct{ At, Text string }

// newStages are the times at the knees; SendLate is the generator's own.
func newStages(r *report.Report) (stages []stage, ticks []tick) {
	lo, hi := math.Inf(1), math.Inf(-1)
	rungs := make(map[string]*report.Rung)
	for _, server := range r.Servers() {
		if !isPoint(r, server) { // those have a table of their own
			rungs[server] = at(r, server)
		}
	}
	figures := slices.DeleteFunc(report.TimeFigures(), func(f report.Figure) bool { return f.Name == report.SendLate })
	each := func(do func(f report.Figure, i int, server string, ms map[report.Quantile]float64)) {
		for _, f := range figures {
			for i, server := range r.Servers() {
				if ms := medians(rungs[server], f.Name); ms != nil {
					do(f, i, server, ms)
				}
			}
		}
	}
	each(func(_ report.Figure, _ int, _ string, ms map[report.Quantile]float64) {
		lo, hi = min(lo, atLeast(ms[report.P50])), max(hi, atLeast(ms[report.P999]))
	})
	if lo > hi {
		return nil, nil
	}
	from, to := math.Floor(math.Log10(lo)), math.Ceil(math.Log10(hi)+1e-9)
	if to == from {
		to++
	}
	place := func(ms float64) string { return fmt.Sprintf("%.2f%%", 2+96*(math.Log10(atLeast(ms))-from)/(to-from)) }
	each(func(f report.Figure, i int, server string, ms map[report.Quantile]float64) {
		if n := len(stages); n == 0 || stages[n-1].Title != f.Title {
			stages = append(stages, stage{Title: f.Title, Meaning: f.Meaning})
		}
		s := &stages[len(stages)-1]
		s.Marks = append(s.Marks, mark{
			Server: server, Class: colour(i), P50: place(ms[report.P50]), P99: place(ms[report.P99]), P999: place(ms[report.P999]),
			Text: fmt.Sprintf("%s / %s / %s", report.Number(ms[report.P50]), report.Number(ms[report.P99]), report.Number(ms[report.P999])),
		})
	})
	for e := from; e <= to; e++ {
		ms := math.Pow(10, e)
		text := report.Number(ms) + " ms"
		if ms >= 1000 {
			text = report.Number(ms/1000) + " s"
		}
		ticks = append(ticks, tick{At: place(ms), Text: text})
	}
	return stages, ticks
}

// at is where the breakdown of a server is taken: at its knee; where nothing was carried, at its least load that says something.
func at(r *report.Report, server string) *report.Rung {
	k := r.Knee(server)
	if k.Carried != nil {
		return k.Carried
	}
	return k.Broke
}

// medians are the percentiles of a time over a rung's rounds; nil if it has none.
func medians(g *report.Rung, name string) map[report.Quantile]float64 {
	if g == nil {
		return nil
	}
	all := make(map[report.Quantile]float64)
	for _, q := range report.Quantiles() {
		v, ok := g.Median(report.Percentile(name, q))
		if !ok {
			return nil
		}
		all[q] = v
	}
	return all
}

// atLeast keeps a time off the end of a logarithm's axis, in milliseconds.
func atLeast(ms float64) float64 { return max(ms, 0.01) }
