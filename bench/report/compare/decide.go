package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"parley/bench/report"
)

// What is known of machines that others use, too (shared/PERFORMANCE.md: one binary moved by 10 to 40 % with its neighbours' load).
const (
	enough   = 4    // rounds each, for tests
	alone    = 0.5  // with one round, a change must be more than this
	spreads  = 3    // with two or three rounds, more than so many times what the rounds differ by among themselves
	quietest = 0.05 // which is taken to be at least so much: two rounds that agree by chance prove little
	tiny     = 1e-9 // keeps ratios finite
)

// A trial is a pair on its way to a verdict.
type trial struct {
	line      Line
	measure   measure
	tested    bool    // by Welch's test
	p         float64 // what it says
	se, df    float64 // of the difference, in the test's scale
	beyond    bool    // the change is more than noise
	told      float64 // as Line has it
	explained string
}

// decide gives each pair its verdict.
//
// With four rounds or more on both sides, a change is told from noise if Welch's t-test says so, on logarithms since machines are slower by
// ratios (on the figures themselves where they are shares), and the medians differ by what matters. All that is looked at shares one chance of a
// false alarm (Holm's step-down correction), so that two runs of one server differ nowhere, nineteen times in twenty. Rank tests would need
// seven rounds a side to stand that correction; the medians keep a single odd round from deciding.
//
// With less the rounds' own spread is the measure, and with one round what machines are known for; that is a rule of thumb, without a promise.
func decide(pairs []pair, o Options) []Line {
	trials := make([]*trial, len(pairs))
	tests := 0
	for i, p := range pairs {
		trials[i] = try(p, o)
		if trials[i].tested {
			tests++
		}
	}
	holm(trials, o)
	lines := make([]Line, len(trials))
	for i, t := range trials {
		if t.tested {
			t.power(o, tests)
		}
		t.conclude(o)
		lines[i] = t.line
	}
	return lines
}

func try(p pair, o Options) *trial {
	before, _ := report.Median(p.before)
	after, _ := report.Median(p.after)
	t := &trial{measure: p.measure, line: Line{
		Server: p.server, Load: p.load, Measure: p.measure.name, Unit: p.measure.unit, Before: before, After: after, Rounds: [2]int{len(p.before), len(p.after)},
		Change: p.measure.change(before, after), Difference: p.measure.share,
	}}
	switch least := min(len(p.before), len(p.after)); {
	case p.measure.never:
		t.line.Difference = true
		t.beyond = (slices.Max(p.before) == 0) != (slices.Max(p.after) == 0)
		t.line.Change = slices.Max(p.after) - slices.Max(p.before)
		t.explained = "must be 0 in every round; the change is the worst round's"
	case least >= enough:
		t.welch(p)
	case least > 1:
		spread := max(p.measure.spreadOf(p.before), p.measure.spreadOf(p.after), p.within, p.measure.floor(before))
		t.told = max(spreads*spread, p.measure.matters(o.Least, before))
		t.beyond = math.Abs(t.line.Change) > t.told
		t.explained = fmt.Sprintf("%d rounds: %d times their spread", least, spreads)
	default:
		t.told = max(alone, 2*p.within)
		if p.measure.share {
			t.told = 10 * p.measure.grain
		}
		t.beyond = math.Abs(t.line.Change) > t.told && math.Abs(after-before) > p.measure.grain
		t.explained = "1 round: machines alone differ by so much"
	}
	return t
}

// change is by how much a figure has changed: a share of what it was, or the difference.
func (m measure) change(before, after float64) float64 {
	switch {
	case m.share:
		return after - before
	case before <= m.grain && after <= m.grain:
		return 0
	}
	return after/m.base(before) - 1
}

// base is what a change is a share of.
func (m measure) base(before float64) float64 { return max(before, m.grain, tiny) }

// matters is the least change that matters, like change.
func (m measure) matters(least, before float64) float64 {
	if m.share {
		return m.grain
	}
	return max(least, m.grain/m.base(before))
}

// spreadOf is by how much rounds differ among themselves, like change.
func (m measure) spreadOf(all []float64) float64 {
	apart := slices.Max(all) - slices.Min(all)
	if m.share {
		return apart
	}
	middle, _ := report.Median(all)
	return apart / m.base(middle)
}

// floor is the least that rounds are taken to differ by, like change.
func (m measure) floor(before float64) float64 {
	if m.share {
		return m.grain
	}
	return max(quietest, m.grain/m.base(before))
}

// welch tests whether the means of both sides differ (Welch 1947). Neither side is taken to be surer of itself than its grain, or a percent.
func (t *trial) welch(p pair) {
	scale, least := p.measure.scale(p.before, p.after)
	x, y := scale(p.before), scale(p.after)
	a, va := stat.MeanVariance(x, nil)
	b, vb := stat.MeanVariance(y, nil)
	va, vb = max(va, least*least)/float64(len(x)), max(vb, least*least)/float64(len(y))
	t.tested, t.se = true, math.Sqrt(va+vb)
	t.df = (va + vb) * (va + vb) / (va*va/float64(len(x)-1) + vb*vb/float64(len(y)-1))
	t.p = 2 * distuv.StudentsT{Sigma: 1, Nu: t.df}.CDF(-math.Abs(b-a)/t.se)
}

// scale is how samples enter the test, and the least deviation that they are taken to have there.
func (m measure) scale(before, after []float64) (scale func([]float64) []float64, least float64) {
	if m.share {
		return func(all []float64) []float64 { return all }, m.grain / 2
	}
	floor := m.base(0)
	middle, _ := report.Median(slices.Concat(before, after))
	return func(all []float64) []float64 {
		logs := make([]float64, len(all))
		for i, v := range all {
			logs[i] = math.Log(max(v, floor))
		}
		return logs
	}, max(0.01, m.grain/2/max(middle, floor))
}

// holm marks the trials whose tests hold although so many were made (Holm 1979).
func holm(trials []*trial, o Options) {
	tested := slices.DeleteFunc(slices.Clone(trials), func(t *trial) bool { return !t.tested })
	slices.SortFunc(tested, func(a, b *trial) int { return cmp.Compare(a.p, b.p) })
	for i, t := range tested {
		if t.p > o.Alpha/float64(len(tested)-i) {
			return
		}
		t.beyond = math.Abs(t.line.Change) >= t.measure.matters(o.Least, t.line.Before)
	}
}

// power is what the test could have told: the change that it takes to be sure in spite of so many tests.
func (t *trial) power(o Options, tests int) {
	sure := t.se * -distuv.StudentsT{Sigma: 1, Nu: t.df}.Quantile(o.Alpha/2/float64(tests))
	if !t.measure.share {
		sure = math.Exp(sure) - 1
	}
	t.told = max(sure, t.measure.matters(o.Least, t.line.Before))
	t.explained = fmt.Sprintf("Welch p = %.2g, %d tests", t.p, tests)
}

// conclude writes the verdict.
func (t *trial) conclude(o Options) {
	l := &t.line
	l.Told = t.told
	worse := l.Change > 0
	if t.measure.more {
		worse = !worse
	}
	matters := t.measure.matters(o.Least, l.Before)
	switch {
	case t.beyond && worse:
		l.Verdict = Worse
	case t.beyond:
		l.Verdict = Better
	case math.Abs(l.Change) <= matters && t.told <= 3*matters:
		l.Verdict = Same
	default:
		l.Verdict = Noisy
	}
	l.Why = t.explained
}
