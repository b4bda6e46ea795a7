package compare

import (
	"math"

	"parley/bench/report"
)

// A measure is a figure of a step that can be better or worse.
type measure struct {
	name, unit string
	of         func(report.Step) (v float64, told bool)
	more       bool    // more is better
	share      bool    // differences say something, ratios do not
	never      bool    // it must be 0
	grain      float64 // a difference of so much is none

	spread   func(report.Step) report.Spread // where it is a percentile, of what
	quantile float64                         // and which, in 0..1
}

// carried is the one measure of a whole ladder.
var carried = measure{name: "load carried", unit: "calls", more: true}

// measures are those of a step under one load.
func measures() []measure {
	var all []measure
	for _, f := range report.TimeFigures() {
		if f.Name == report.SendLate {
			continue // of the generator
		}
		spread := func(s report.Step) report.Spread { return s.Times[f.Name] }
		all = append(all,
			measure{name: f.Name + " p50", unit: "ms", of: report.Percentile(f.Name, report.P50), grain: 0.02, spread: spread, quantile: 0.5},
			measure{name: f.Name + " p99", unit: "ms", of: report.Percentile(f.Name, report.P99), grain: 0.05, spread: spread, quantile: 0.99})
	}
	all = append(all,
		measure{name: "cpu a call", unit: "% of a core", of: report.CPUPerCall, grain: 0.001},
		measure{name: "memory a call", unit: "KB", of: report.MemoryPerCall, grain: 1},
		measure{name: "allocations a frame", of: report.AllocsPerFrame, grain: 0.05},
		proportion(report.FramesLost, func(s report.Step) (n, of int64) {
			return s.Counts[report.FramesLost], s.Counts[report.FramesOut] + s.Counts[report.FramesLost]
		}),
		proportion(report.Dry, func(s report.Step) (n, of int64) { return s.Counts[report.Dry], s.Counts[report.FramesOut] }),
		proportion(report.Unanswered, func(s report.Step) (n, of int64) {
			return s.Counts[report.Unanswered], s.Counts[report.Turns] + s.Counts[report.Unanswered]
		}),
		proportion(report.Missed, func(s report.Step) (n, of int64) { return s.Counts[report.Missed], s.Counts[report.BargeIns] }),
		proportion("refused", func(s report.Step) (n, of int64) { return s.Tally.Refusals(), s.Tally.Offered }),
		proportion("broken", func(s report.Step) (n, of int64) { return s.Tally.Breaks(), s.Tally.Offered }),
		measure{name: report.AfterClear, share: true, never: true, of: func(s report.Step) (float64, bool) {
			n, told := s.Counts[report.AfterClear]
			return float64(n), told
		}},
	)
	return all
}

// proportion is a share in percent, to a tenth of a percent.
func proportion(name string, of func(report.Step) (n, of int64)) measure {
	return measure{name: name, unit: "%", share: true, grain: 0.1, of: func(s report.Step) (float64, bool) {
		n, all := of(s)
		return 100 * report.Share(n, all), all > 0
	}}
}

// within is how far a rung's histograms let a percentile be from the truth, as a share of it: the longer side of the interval in which it lies
// 99 times in 100 if times are drawn one by one; the widest of the rounds. Where no time is beyond the percentile it could be anything: 1.
// Where there is no histogram nobody knows: 0.
//
// Source: order statistics are binomial; https://en.wikipedia.org/wiki/Quantile#Estimating_quantiles_from_a_sample.
func (m measure) within(g report.Rung) (widest float64) {
	for _, s := range g.Sound() {
		h, err := m.spread(s).Recorded()
		if err != nil || h.TotalCount() == 0 {
			continue
		}
		if float64(h.TotalCount())*(1-m.quantile) < 1 {
			return 1
		}
		half := 2.58 * math.Sqrt(m.quantile*(1-m.quantile)/float64(h.TotalCount()))
		lo, mid, hi := h.ValueAtPercentile(100*max(0, m.quantile-half)), h.ValueAtPercentile(100*m.quantile), h.ValueAtPercentile(100*min(1, m.quantile+half))
		widest = max(widest, float64(max(hi-mid, mid-lo))/float64(max(mid, 1)))
	}
	return widest
}
