package compare_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/report"
	"parley/bench/report/compare"
)

// A run makes up a report: servers whose times are known, in rounds that differ by noise that is known.
type run struct {
	servers map[string]float64 // the median of each, in milliseconds
	loads   []int
	rounds  int
	noise   float64 // standard deviation of the logarithms of rounds
	machine float64 // by how much everything is slower; 0: 1
	seed    uint64
	times   int // in a histogram; 0: percentiles alone
	change  func(*report.Step)
}

func (m run) report(t *testing.T) *report.Report {
	t.Helper()
	rng := rand.New(rand.NewPCG(m.seed, 7))
	r := &report.Report{Format: report.Format, Title: fmt.Sprint("run ", m.seed), Machine: report.Machine{CPU: "made up", Cores: 2}}
	names := make([]string, 0, len(m.servers))
	for name := range m.servers {
		names = append(names, name)
	}
	slices.Sort(names)
	for round := range m.rounds {
		for _, load := range m.loads {
			for _, name := range names {
				slow := math.Exp(m.noise * rng.NormFloat64())
				if m.machine > 0 {
					slow *= m.machine
				}
				s := report.Step{
					Server: name, Round: round + 1, Calls: load, Tally: report.Tally{Offered: 1000, Answered: 1000},
					Times:  map[string]report.Spread{report.Lateness: m.spread(rng, m.servers[name]*slow)},
					Counts: map[string]int64{report.FramesIn: 50_000, report.FramesOut: 50_000, report.FramesLost: 0, report.AfterClear: 0},
					Usage:  report.Usage{CPU: 0.001 * float64(load) * math.Exp(m.noise*rng.NormFloat64())},
				}
				if m.change != nil {
					m.change(&s)
				}
				r.Steps = append(r.Steps, s)
			}
		}
	}
	return r
}

// spread has a median and a tail five times as long.
func (m run) spread(rng *rand.Rand, median float64) report.Spread {
	if m.times == 0 {
		return report.Spread{N: 1000, P50: median, P90: 2 * median, P99: 5 * median, P999: 5 * median, Max: 5 * median}
	}
	h := report.NewHistogram()
	for range m.times {
		report.Record(h, time.Duration(median*math.Exp(0.7*rng.NormFloat64())*1e6))
	}
	return report.SpreadOf(h)
}

// told are the lines with a verdict, each as "server load measure".
func told(r compare.Result, v compare.Verdict) []string {
	var all []string
	for _, l := range r.Lines {
		if l.Verdict == v {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s", l.Server, l.Load, l.Measure)))
		}
	}
	slices.Sort(all)
	return all
}

func compared(t *testing.T, before, after run, o compare.Options) compare.Result {
	t.Helper()
	r, err := compare.Reports(before.report(t), after.report(t), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFalseAlarms holds the promise of four rounds and more: runs of one server differ anywhere once in twenty times at the most.
func TestFalseAlarms(t *testing.T) {
	t.Parallel()
	for _, rounds := range []int{4, 7} {
		const runs = 120
		alarms := 0
		for i := range uint64(runs) {
			one := run{servers: map[string]float64{"product": 1.3, "floor": 1}, loads: []int{100, 200, 300}, rounds: rounds, noise: 0.15, seed: 2 * i}
			two := one
			two.seed++
			res := compared(t, one, two, compare.Options{})
			if len(told(res, compare.Worse))+len(told(res, compare.Better)) > 0 {
				alarms++
			}
		}
		t.Logf("%d rounds: %d false alarms in %d comparisons", rounds, alarms, runs)
		if alarms > runs/20+7 { // three deviations of chance
			t.Errorf("%d rounds: %d of %d comparisons of one server tell a difference: want at most one in twenty", rounds, alarms, runs)
		}
	}
}

// TestFewRounds holds that the rules of thumb are no worse by much.
func TestFewRounds(t *testing.T) {
	t.Parallel()
	for rounds := 1; rounds < 4; rounds++ {
		alarms, lines := 0, 0
		for i := range uint64(200) {
			one := run{servers: map[string]float64{"product": 1.3}, loads: []int{100, 200}, rounds: rounds, noise: 0.1, seed: 2 * i}
			two := one
			two.seed++
			res := compared(t, one, two, compare.Options{})
			alarms, lines = alarms+len(told(res, compare.Worse))+len(told(res, compare.Better)), lines+len(res.Lines)
		}
		t.Logf("%d rounds: %d of %d figures of one server are told apart", rounds, alarms, lines)
		if alarms*50 > lines {
			t.Errorf("%d rounds: %d of %d figures of one server are told apart: want 2 %% at most", rounds, alarms, lines)
		}
	}
}

// TestRegression holds that what has become slower is told, and nothing else.
func TestRegression(t *testing.T) {
	t.Parallel()
	one := run{servers: map[string]float64{"product": 1.3, "floor": 1}, loads: []int{100, 200}, rounds: 5, noise: 0.03, seed: 1, times: 2000}
	two := one
	two.seed, two.servers = 2, map[string]float64{"product": 1.3 * 1.4, "floor": 1}
	res := compared(t, one, two, compare.Options{})
	slower := []string{"product 100 calls lateness p50", "product 100 calls lateness p99", "product 200 calls lateness p50", "product 200 calls lateness p99"}
	if diff := cmp.Diff(slower, told(res, compare.Worse)); diff != "" {
		t.Errorf("worse (-want +got):\n%s", diff)
	}
	for _, l := range res.Worse() {
		if l.Change < 0.25 || l.Change > 0.6 || l.Told >= l.Change || l.Rounds != [2]int{5, 5} {
			t.Errorf("%+v", l)
		}
	}
	back := compared(t, two, one, compare.Options{})
	if diff := cmp.Diff(slower, told(back, compare.Better)); diff != "" {
		t.Errorf("better (-want +got):\n%s", diff)
	}
	if len(back.Worse()) > 0 {
		t.Errorf("worse: %v", told(back, compare.Worse))
	}
	var out strings.Builder
	if err := res.Print(&out, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"worse", "lateness p99", "Welch p = ", "4 worse, 0 better", "--against floor"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
}

// TestTooNoisy holds that noise is called noise: neither the same nor worse.
func TestTooNoisy(t *testing.T) {
	t.Parallel()
	one := run{servers: map[string]float64{"product": 1}, loads: []int{100}, rounds: 4, noise: 0.4, seed: 3}
	two := one
	two.seed, two.servers = 4, map[string]float64{"product": 1.2}
	res := compared(t, one, two, compare.Options{})
	for _, l := range res.Lines {
		if strings.HasPrefix(l.Measure, report.Lateness) && l.Verdict != compare.Noisy {
			t.Errorf("%+v", l)
		}
	}
	quiet := run{servers: map[string]float64{"product": 1}, loads: []int{100}, rounds: 6, noise: 0.01, seed: 5}
	again := quiet
	again.seed = 6
	for _, l := range compared(t, quiet, again, compare.Options{}).Lines {
		if l.Verdict != compare.Same {
			t.Errorf("two quiet runs of one server: %+v", l)
		}
	}
}

// TestOneRound holds that a single round tells only what no machine does by itself.
func TestOneRound(t *testing.T) {
	t.Parallel()
	one := run{servers: map[string]float64{"product": 1}, loads: []int{100}, rounds: 1, seed: 1}
	for slower, want := range map[float64]compare.Verdict{1.3: compare.Noisy, 3: compare.Worse, 0.3: compare.Better} {
		two := one
		two.servers = map[string]float64{"product": slower}
		for _, l := range compared(t, one, two, compare.Options{}).Lines {
			if l.Measure == "lateness p99" && l.Verdict != want {
				t.Errorf("x%v: %+v", slower, l)
			}
		}
	}
}

// TestHistogramsLimit holds that a p99 of few times is not believed.
func TestHistogramsLimit(t *testing.T) {
	t.Parallel()
	few := run{servers: map[string]float64{"product": 1}, loads: []int{100}, rounds: 1, seed: 1, times: 20}
	many := few
	many.times = 20_000
	limit := func(m run) (told float64) {
		for _, l := range compared(t, m, m, compare.Options{}).Lines {
			if l.Measure == "lateness p99" {
				told = l.Told
			}
		}
		return told
	}
	if a, b := limit(few), limit(many); a <= 0.5 || b != 0.5 {
		t.Errorf("of 20 times a change of %v is told, of 20,000 one of %v: want over 0.5, and 0.5", a, b)
	}
}

// TestAgainst holds that a slower machine is no slower product.
func TestAgainst(t *testing.T) {
	t.Parallel()
	one := run{servers: map[string]float64{"product": 1.3, "floor": 1}, loads: []int{100, 200}, rounds: 5, noise: 0.02, seed: 1}
	two := one
	two.seed, two.machine = 2, 1.6
	if worse := told(compared(t, one, two, compare.Options{}), compare.Worse); !slices.Contains(worse, "product 100 calls lateness p99") {
		t.Errorf("by itself it is slower, and it is told that these are: %v", worse)
	}
	res := compared(t, one, two, compare.Options{Against: "floor"})
	for _, l := range res.Lines {
		if l.Server == "product" && l.Verdict == compare.Worse {
			t.Errorf("%+v", l)
		}
		if l.Server == "product" && l.Measure == "lateness p50" && (l.Unit != "x floor" || l.Before < 1.2 || l.Before > 1.4) {
			t.Errorf("%+v", l)
		}
	}
	two.servers = map[string]float64{"product": 2, "floor": 1}
	if worse := told(compared(t, one, two, compare.Options{Against: "floor"}), compare.Worse); !slices.Contains(worse, "product 200 calls lateness p50") {
		t.Errorf("worse than the machine explains: told are %v", worse)
	}
}

// TestNever holds that sound after a clear is worse, however few rounds there are and however much noise.
func TestNever(t *testing.T) {
	t.Parallel()
	for _, rounds := range []int{1, 3, 6} {
		one := run{servers: map[string]float64{"product": 1}, loads: []int{100}, rounds: rounds, noise: 0.5, seed: 1}
		two := one
		two.change = func(s *report.Step) {
			if s.Round == 1 {
				s.Counts[report.AfterClear] = 1
			}
		}
		if worse := told(compared(t, one, two, compare.Options{}), compare.Worse); !slices.Contains(worse, "product 100 calls media_after_clear") {
			t.Errorf("%d rounds: worse are %v", rounds, worse)
		}
	}
}

// TestShares holds that shares are compared by their differences.
func TestShares(t *testing.T) {
	t.Parallel()
	one := run{servers: map[string]float64{"product": 1}, loads: []int{100}, rounds: 5, noise: 0.02, seed: 1}
	two := one
	two.change = func(s *report.Step) { s.Tally.Broken = map[string]int64{"reset": 50 + int64(s.Round)} }
	res := compared(t, one, two, compare.Options{})
	for _, l := range res.Worse() {
		if l.Measure != "broken" || !l.Difference || l.Change < 5 || l.Change > 5.6 {
			t.Errorf("%+v", l)
		}
	}
	if len(res.Worse()) != 1 {
		t.Errorf("worse: %v", told(res, compare.Worse))
	}
}

// TestKnee holds that a ladder that ends earlier is worse.
func TestKnee(t *testing.T) {
	t.Parallel()
	ends := func(at int) func(*report.Step) {
		return func(s *report.Step) {
			if s.Calls > at {
				s.Failed = []string{"lateness"}
			}
		}
	}
	one := run{servers: map[string]float64{"product": 1}, loads: []int{100, 200, 300, 400}, rounds: 4, noise: 0.02, seed: 1, change: ends(300)}
	two := one
	two.change = ends(200)
	res := compared(t, one, two, compare.Options{})
	if worse := told(res, compare.Worse); len(worse) != 1 || worse[0] != "product  load carried" {
		t.Errorf("worse: %q", worse)
	}
	if better := told(compared(t, two, one, compare.Options{}), compare.Better); len(better) != 1 {
		t.Errorf("better: %q", better)
	}
	all := one
	all.change = ends(400)
	if worse := told(compared(t, all, two, compare.Options{}), compare.Worse); len(worse) != 1 {
		t.Errorf("from all to half: worse is %q", worse)
	}
	two.change = ends(0)
	if worse := told(compared(t, one, two, compare.Options{}), compare.Worse); len(worse) != 1 {
		t.Errorf("to nothing: worse is %q", worse)
	}
	all.loads = all.loads[:2] // whoever tries less has not carried less
	if worse := told(compared(t, one, all, compare.Options{}), compare.Worse); len(worse) != 0 {
		t.Errorf("with a shorter ladder: worse is %q", worse)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	one := run{servers: map[string]float64{"product": 1}, loads: []int{100}, rounds: 1}.report(t)
	other := run{servers: map[string]float64{"product": 1}, loads: []int{150}, rounds: 1}.report(t)
	if _, err := compare.Reports(one, other, compare.Options{}); err == nil || !strings.Contains(err.Error(), "product at 100 calls") {
		t.Errorf("error is %v", err)
	}
	if _, err := compare.Reports(one, one, compare.Options{Against: "floor"}); err == nil || !strings.Contains(err.Error(), `no server "floor"`) {
		t.Errorf("error is %v", err)
	}
	if _, err := compare.Reports(&report.Report{}, &report.Report{}, compare.Options{}); err == nil {
		t.Error("nothing is compared with nothing")
	}
}

// TestNotes holds what a reader is told.
func TestNotes(t *testing.T) {
	t.Parallel()
	one := run{servers: map[string]float64{"product": 1, "old": 1}, loads: []int{100}, rounds: 2, seed: 1, change: func(s *report.Step) {
		if s.Round == 2 {
			s.Void = "busy"
		}
	}}.report(t)
	two := run{servers: map[string]float64{"product": 1}, loads: []int{100}, rounds: 1, seed: 2}.report(t)
	two.Machine.Cores = 64
	res, err := compare.Reports(one, two, compare.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"the machines differ", "2 of 4 steps are void", `before alone has the server "old"`} {
		if !slices.ContainsFunc(res.Notes, func(n string) bool { return strings.Contains(n, want) }) {
			t.Errorf("no %q in %q", want, res.Notes)
		}
	}
}
