package page

import (
	"cmp"
	"math"
	"slices"

	"parley/bench/report"
)

// data is what page.js draws from. Numbers that were not taken are null; all are rounded to what a curve shows.
type data struct {
	Axis    string   `json:"axis"` // what loads are
	Servers []ladder `json:"servers"`
	Times   []choice `json:"times"` // those that the report has
	Curves  []curve  `json:"curves"`
	Grid    []number `json:"grid"` // of curves: 1/(1-p), from 1
	Knee    string   `json:"knee"` // the load whose curve is shown first
}

// A ladder is one server's, an entry a load.
type ladder struct {
	Name  string                                  `json:"name"`
	Loads []number                                `json:"loads"`
	CPU   []number                                `json:"cpu"` // percent of a core a call
	KB    []number                                `json:"kb"`  // a call
	Times map[string]map[report.Quantile][]number `json:"times"`
	Void  map[string][]number                     `json:"void"` // p99 where all rounds say nothing
}

type choice struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Meaning string `json:"meaning"`
}

// A curve holds one load's times by percentile: by the time's name and the server, a value for each of the grid's.
type curve struct {
	at    report.Load
	Load  string                         `json:"load"`
	Times map[string]map[string][]number `json:"times"`
}

// A number is a figure to three digits; none is null.
type number struct {
	v    float64
	told bool
}

// MarshalJSON writes the figure.
func (n number) MarshalJSON() ([]byte, error) {
	if !n.told || math.IsNaN(n.v) || math.IsInf(n.v, 0) {
		return []byte("null"), nil
	}
	return []byte(report.Number(n.v)), nil
}

func newData(r *report.Report) data {
	d := data{Axis: "calls at once", Servers: []ladder{}, Times: []choice{}, Curves: []curve{}, Grid: grid(r)}
	for _, f := range report.TimeFigures() {
		if slices.ContainsFunc(r.Steps, func(s report.Step) bool { return s.Times[f.Name].N > 0 }) {
			d.Times = append(d.Times, choice{f.Name, f.Title, f.Meaning})
		}
	}
	servers := r.Servers()
	for i, server := range servers {
		rungs := r.Ladder(server)
		d.Servers = append(d.Servers, newLadder(server, rungs, d.Times))
		for _, g := range rungs {
			d.add(g)
		}
		if k := at(r, server); i == 0 && k != nil {
			d.Knee = k.Load.String()
		}
	}
	slices.SortStableFunc(d.Curves, func(a, b curve) int { return cmp.Compare(a.at.Value(), b.at.Value()) })
	if slices.ContainsFunc(r.Steps, func(s report.Step) bool { return s.Load().Calls == 0 && s.Rate > 0 }) {
		d.Axis = "new calls a second"
	}
	return d
}

func newLadder(server string, rungs []report.Rung, times []choice) ladder {
	l := ladder{Name: server, Loads: []number{}, Times: map[string]map[report.Quantile][]number{}, Void: map[string][]number{}}
	for _, g := range rungs {
		l.Loads = append(l.Loads, number{g.Load.Value(), true})
		l.CPU = append(l.CPU, median(g, report.CPUPerCall))
		l.KB = append(l.KB, median(g, report.MemoryPerCall))
	}
	for _, t := range times {
		l.Times[t.Name] = map[report.Quantile][]number{}
		for _, q := range report.Quantiles() {
			for _, g := range rungs {
				l.Times[t.Name][q] = append(l.Times[t.Name][q], median(g, report.Percentile(t.Name, q)))
			}
		}
		for _, g := range rungs {
			var n number
			if g.Void() != "" {
				s := g.Steps[0].Times[t.Name]
				n = number{s.P99, s.N > 0}
			}
			l.Void[t.Name] = append(l.Void[t.Name], n)
		}
	}
	return l
}

func median(g report.Rung, of func(report.Step) (float64, bool)) number {
	v, told := g.Median(of)
	return number{v, told}
}

// add takes the curves of a rung: those of its times whose steps hold histograms, all rounds together.
func (d *data) add(g report.Rung) {
	i := slices.IndexFunc(d.Curves, func(c curve) bool { return c.at == g.Load })
	if i < 0 {
		i, d.Curves = len(d.Curves), append(d.Curves, curve{at: g.Load, Load: g.Load.String(), Times: map[string]map[string][]number{}})
	}
	for _, t := range d.Times {
		var spreads []report.Spread
		for _, s := range g.Sound() {
			spreads = append(spreads, s.Times[t.Name])
		}
		all, err := report.Merge(spreads...)
		if err != nil || all.N == 0 {
			continue // percentiles alone make no curve
		}
		h, err := all.Recorded()
		if err != nil {
			continue
		}
		values := make([]number, len(d.Grid))
		for j, x := range d.Grid {
			if x.v <= float64(all.N) {
				values[j] = number{float64(h.ValueAtPercentile(100-100/x.v)) / 1000, true}
			}
		}
		if d.Curves[i].Times[t.Name] == nil {
			d.Curves[i].Times[t.Name] = map[string][]number{}
		}
		d.Curves[i].Times[t.Name][g.Server] = values
	}
}

// grid are eight places for each further nine of a percentile, as far as the most times of any step and round reach.
func grid(r *report.Report) []number {
	most := int64(1)
	for _, server := range r.Servers() {
		for _, g := range r.Ladder(server) {
			counts := map[string]int64{}
			for _, s := range g.Sound() {
				for name, t := range s.Times {
					counts[name] += t.N
					most = max(most, counts[name])
				}
			}
		}
	}
	all := []number{}
	for i := 0; ; i++ {
		x := math.Pow(10, float64(i)/8)
		if x > float64(most) || len(all) > 8*9 {
			return all
		}
		all = append(all, number{x, true})
	}
}
