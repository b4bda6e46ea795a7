package report_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/report"
)

// spread is the distribution of some times.
func spread(all ...time.Duration) report.Spread {
	h := report.NewHistogram()
	for _, d := range all {
		report.Record(h, d)
	}
	return report.SpreadOf(h)
}

// even are n times, evenly from step to n steps.
func even(n int, step time.Duration) []time.Duration {
	all := make([]time.Duration, n)
	for i := range all {
		all[i] = time.Duration(i+1) * step
	}
	return all
}

func TestSpread(t *testing.T) {
	t.Parallel()
	s := spread(even(1000, 10*time.Microsecond)...)
	s.Histogram = ""
	want := report.Spread{N: 1000, Min: 0.01, P50: 5, P90: 9, P99: 9.9, P999: 9.99, Max: 10, Mean: 5.005}
	near := cmp.Comparer(func(a, b float64) bool { return a-b < 0.01 && b-a < 0.01 })
	if diff := cmp.Diff(want, s, near); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := report.SpreadOf(report.NewHistogram()); got != (report.Spread{}) {
		t.Errorf("an empty histogram gives %+v", got)
	}
	if got := spread(-time.Second, time.Hour); got.Min != 0 || got.Max < 600_000 || got.Max > 601_000 || got.N != 2 {
		t.Errorf("out of bounds: %+v", got)
	}
	for q, want := range map[report.Quantile]float64{report.P50: 5, report.P90: 9, report.P99: 9.9, report.P999: 9.99} {
		if got := s.At(q); got < want-0.01 || got > want+0.01 {
			t.Errorf("%s is %v, want %v", q, got, want)
		}
	}
}

// TestRecordAllocatesNothing holds what the generator counts on.
func TestRecordAllocatesNothing(t *testing.T) {
	h := report.NewHistogram()
	if n := testing.AllocsPerRun(1000, func() { report.Record(h, 1234*time.Microsecond) }); n != 0 {
		t.Errorf("Record allocates %v times", n)
	}
}

// TestMerge holds that merging is measuring at once.
func TestMerge(t *testing.T) {
	t.Parallel()
	all := even(2000, 7*time.Microsecond)
	got, err := report.Merge(spread(all[:500]...), report.Spread{}, spread(all[500:]...))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spread(all...), got); diff != "" {
		t.Errorf("-at once +merged:\n%s", diff)
	}
	if _, err := report.Merge(report.Spread{N: 3, Max: 1}); !errors.Is(err, report.ErrNoHistogram) {
		t.Errorf("percentiles alone were merged: %v", err)
	}
}

func TestRecorded(t *testing.T) {
	t.Parallel()
	s := spread(even(100, time.Millisecond)...)
	h, err := s.Recorded()
	if err != nil || h.TotalCount() != 100 {
		t.Fatalf("%v, %v", h, err)
	}
	if got := report.SpreadOf(h); got != s {
		t.Errorf("got %+v, want %+v", got, s)
	}
	for name, bad := range map[string]report.Spread{
		"no base64":    {N: 1, Histogram: "\x00"},
		"no histogram": {N: 1, Histogram: "AAAAAAAAAAAA"},
		"n says 7":     {N: 7, Histogram: s.Histogram},
	} {
		if h, err := bad.Recorded(); err == nil || h != nil {
			t.Errorf("%s: %v, %v", name, h, err)
		}
	}
}

// full is a report with something in each field.
func full() *report.Report {
	return &report.Report{
		Format: report.Format, Title: "Whole calls", Made: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Took: 12.5,
		Command: []string{"parley", "bench", "run"}, Version: "v1", Machine: report.Machine{CPU: "a <b>", Cores: 2, Kernel: "6.18", Go: "go1.26"},
		Steps: []report.Step{{
			Server: "product", Round: 1, At: 1, Held: 10, Calls: 100, Rate: 20,
			Tally:  report.Tally{Offered: 110, Answered: 100, Refused: map[string]int64{"busy": 8}, Broken: map[string]int64{"reset": 2}},
			Times:  map[string]report.Spread{report.Lateness: spread(even(100, 50*time.Microsecond)...)},
			Counts: map[string]int64{report.FramesOut: 1000, report.FramesIn: 1000},
			Usage:  report.Usage{CPU: 0.5, RSS: 30e6, RSSIdle: 20e6, Mallocs: 4000}, Generator: report.Generator{Busy: 0.3},
			Failed: []string{"refused 8 of 110, 7.27 %: at most 0 %"},
		}},
		Goals:   []report.Goal{{Name: "calls", Unit: "calls", Got: 100, Want: 90, Least: true, Met: true, Gate: true}},
		Remarks: []string{"made up"},
	}
}

func TestReadAndWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r.json")
	if err := report.Save(path, full().Write); err != nil {
		t.Fatal(err)
	}
	got, err := report.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(full(), got); diff != "" {
		t.Errorf("-written +read:\n%s", diff)
	}
}

// TestSaveIsWhole holds that a failure leaves what was there, and nothing beside it.
func TestSaveIsWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	if err := report.Save(path, full().Write); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(path)
	oops := errors.New("oops")
	if err := report.Save(path, func(w io.Writer) error { _, _ = w.Write([]byte("half")); return oops }); !errors.Is(err, oops) {
		t.Errorf("error is %v", err)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file has changed")
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

// TestReadRefuses holds that what is no report is refused, by the name of the field.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	with := func(change func(*report.Report)) string {
		r := full()
		change(r)
		var b bytes.Buffer
		if err := r.Write(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for want, text := range map[string]string{
		"it is empty":                   "",
		"invalid character":             "x",
		"more after":                    with(func(*report.Report) {}) + "{}",
		"format is missing":             "{}",
		"format is 99":                  with(func(r *report.Report) { r.Format = 99 }),
		"steps[0].server":               with(func(r *report.Report) { r.Steps[0].Server = "" }),
		"steps[0].round":                with(func(r *report.Report) { r.Steps[0].Round = 0 }),
		"steps[0].calls":                with(func(r *report.Report) { r.Steps[0].Calls = -1 }),
		"steps[0].counts.frames_out":    with(func(r *report.Report) { r.Steps[0].Counts[report.FramesOut] = -1 }),
		"steps[0].tally.refused.busy":   with(func(r *report.Report) { r.Steps[0].Tally.Refused["busy"] = -1 }),
		"steps[0].times.lateness: deco": with(func(r *report.Report) { r.Steps[0].Times[report.Lateness] = report.Spread{N: 1, Histogram: "AAAA"} }),
		"do not rise":                   with(func(r *report.Report) { r.Steps[0].Times[report.Lateness] = report.Spread{N: 1, P50: 2, P90: 1} }),
		"goals[0].name":                 with(func(r *report.Report) { r.Goals[0].Name = "" }),
		"cannot unmarshal":              `{"format":1,"steps":3}`,
	} {
		if _, err := report.Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	step := func(change func(*report.Step)) report.Step {
		s := report.Step{
			Tally:  report.Tally{Offered: 100, Answered: 100},
			Times:  map[string]report.Spread{report.Lateness: {N: 10, P99: 4}},
			Counts: map[string]int64{report.FramesOut: 1000},
		}
		change(&s)
		return s
	}
	bars := report.Bars{Lateness: 5 * time.Millisecond, Lost: 0.01}
	for _, c := range []struct {
		name   string
		change func(*report.Step)
		want   []string
	}{
		{"well", func(*report.Step) {}, nil},
		{"late", func(s *report.Step) { s.Times[report.Lateness] = report.Spread{N: 10, P99: 7.23} }, []string{"lateness p99 7.23 ms: at most 5 ms"}},
		{"set-up has no bar", func(s *report.Step) { s.Times[report.SetUp] = report.Spread{N: 10, P99: 900} }, nil},
		{"a little lost", func(s *report.Step) { s.Counts[report.FramesLost] = 10 }, nil},
		{"too much lost", func(s *report.Step) { s.Counts[report.FramesLost] = 1000 }, []string{"frames_lost 1000 of 2000, 50 %: at most 1 %"}},
		{"dry", func(s *report.Step) { s.Counts[report.Dry] = 1 }, []string{"frames_dry 1 of 1000, 0.1 %: at most 0 %"}},
		{"after clear", func(s *report.Step) { s.Counts[report.AfterClear] = 2 }, []string{"media_after_clear 2: none is allowed"}},
		{"nothing", func(s *report.Step) { s.Tally.Answered = 0; s.Counts = nil }, []string{"no call was answered"}},
		{"broken", func(s *report.Step) { s.Tally.Broken = map[string]int64{"reset": 1, "timeout": 2} }, []string{"broken 3 of 100, 3 %: at most 0 % (timeout 2, reset 1)"}},
		{"refused", func(s *report.Step) { s.Tally.Refused = map[string]int64{"busy": 5} }, []string{"refused 5 of 100, 5 %: at most 0 % (busy 5)"}},
		{"missed", func(s *report.Step) { s.Counts[report.BargeIns] = 4; s.Counts[report.Missed] = 1 }, []string{"barge_ins_missed 1 of 4, 25 %: at most 0 %"}},
		{"unanswered", func(s *report.Step) { s.Counts[report.Turns] = 3; s.Counts[report.Unanswered] = 1 }, []string{"unanswered 1 of 4, 25 %: at most 0 %"}},
	} {
		if diff := cmp.Diff(c.want, bars.Judge(step(c.change))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestReasons(t *testing.T) {
	t.Parallel()
	if got := report.Reasons(map[string]int64{"a": 1, "b": 9, "c": 1, "d": 1, "e": 1, "f": 1}); got != "b 9, a 1, c 1, d 1, e 1, ..." {
		t.Error(got)
	}
}

func TestGoals(t *testing.T) {
	t.Parallel()
	most := report.Goal{Name: "p99", Unit: "ms", Got: 6, Want: 5, Gate: true}.Judged()
	least := report.Goal{Name: "calls", Unit: "calls", Got: 5, Want: 5, Least: true, Gate: true}.Judged()
	wish := report.Goal{Name: "wish", Got: 6, Want: 5}.Judged()
	if most.Met || !least.Met || wish.Met {
		t.Errorf("met: %v, %v, %v", most.Met, least.Met, wish.Met)
	}
	r := report.Report{Goals: []report.Goal{most, least, wish}}
	if err := r.Missed(); err == nil || err.Error() != "p99: 6, want at most 5 ms" {
		t.Errorf("missed: %v", err)
	}
	if err := (&report.Report{Goals: []report.Goal{least, wish}}).Missed(); err != nil {
		t.Errorf("a goal that is no gate fails: %v", err)
	}
}

// rounds are those of a ladder: by calls, which rounds kept the bars ("+"), missed them ("-") or say nothing ("0").
func rounds(server string, ladder map[int]string) (all []report.Step) {
	for calls, marks := range ladder {
		for i, m := range marks {
			s := report.Step{Server: server, Round: i + 1, Calls: calls, Times: map[string]report.Spread{report.Lateness: {N: 1, P99: float64(i + 1)}}}
			switch m {
			case '-':
				s.Failed = []string{"lateness p99 9 ms: at most 5 ms"}
				if i == 0 {
					s.Failed = append([]string{"broken 1 of 10"}, s.Failed...)
				}
			case '0':
				s.Void = "the generator was at its end"
			}
			all = append(all, s)
		}
	}
	return all
}

func TestKnee(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ladder         map[int]string
		carried, broke int
		words          string
	}{
		{map[int]string{100: "+++", 200: "+-+", 300: "---"}, 200, 300, "carried 200 calls; at 300 calls: lateness p99 9 ms: at most 5 ms; broken 1 of 10"},
		{map[int]string{100: "+", 200: "-", 300: "+"}, 100, 200, ""},
		{map[int]string{100: "+", 200: "0", 300: "+"}, 300, 0, "carried 300 calls, the most that was tried"},
		{map[int]string{100: "-0-"}, 0, 100, "carried nothing that was tried; at 100 calls: lateness p99 9 ms: at most 5 ms; broken 1 of 10"},
		{map[int]string{100: "0"}, 0, 0, "was not measured: no step says anything of it"},
		{map[int]string{100: "+0-"}, 0, 100, ""},
	} {
		r := report.Report{Steps: rounds("x", c.ladder)}
		k := r.Knee("x")
		calls := func(g *report.Rung) int {
			if g == nil {
				return 0
			}
			return g.Load.Calls
		}
		if calls(k.Carried) != c.carried || calls(k.Broke) != c.broke {
			t.Errorf("%v: carried %d, broke %d; want %d, %d", c.ladder, calls(k.Carried), calls(k.Broke), c.carried, c.broke)
		}
		if c.words != "" && k.String() != c.words {
			t.Errorf("%v: %q, want %q", c.ladder, k, c.words)
		}
	}
}

func TestLadder(t *testing.T) {
	t.Parallel()
	r := report.Report{Steps: append(rounds("zeta", map[int]string{5: "+"}), rounds("floor", map[int]string{300: "+0+", 100: "+"})...)}
	r.Steps = append(r.Steps, rounds("product", map[int]string{1: "+"})...)
	if diff := cmp.Diff([]string{"product", "floor", "zeta"}, r.Servers()); diff != "" {
		t.Errorf("servers (-want +got):\n%s", diff)
	}
	ladder := r.Ladder("floor")
	if len(ladder) != 2 || ladder[0].Load.Calls != 100 || len(ladder[1].Steps) != 3 || len(ladder[1].Sound()) != 2 || ladder[1].Void() != "" {
		t.Fatalf("ladder: %+v", ladder)
	}
	if v, ok := ladder[1].Median(report.Percentile(report.Lateness, report.P99)); !ok || v != 2 {
		t.Errorf("median of 1 and 3 is %v, %v", v, ok)
	}
	if _, ok := ladder[1].Median(report.CPUPerCall); ok {
		t.Error("a figure that was not taken is told")
	}
}

func TestStepFigures(t *testing.T) {
	t.Parallel()
	s := full().Steps[0]
	s.Calls, s.Held, s.Counts[report.FramesIn], s.Counts[report.FramesOut] = 100, 10, 25_000, 15_000 // half of the calls were refused
	for name, c := range map[string]struct {
		of   func(report.Step) (float64, bool)
		want float64
	}{"cpu": {report.CPUPerCall, 1}, "memory": {report.MemoryPerCall, 200}, "allocs": {report.AllocsPerFrame, 0.1}} {
		if got, ok := c.of(s); !ok || got != c.want {
			t.Errorf("%s is %v, %v; want %v", name, got, ok, c.want)
		}
		if _, ok := c.of(report.Step{Calls: 100}); ok {
			t.Errorf("%s is told of nothing", name)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 1234.56: "1235", 0.04561: "0.0456", 5: "5", 2.5: "2.5", 12.345: "12.3", 99.99: "100", -3.14159: "-3.14", 1e-9: "0"} {
		if got := report.Number(v); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

func TestPrint(t *testing.T) {
	t.Parallel()
	r := full()
	r.Steps = append(r.Steps, report.Step{Server: "floor", Round: 1, Calls: 100, Void: "generator at 91 % of its core"})
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Whole calls: a <b>, 2 cores", "late p50 ms", "100 calls", "refused 8 of 110", "void: generator at 91 %", "met     calls: 100, want at least 90 calls",
		"product carried nothing that was tried", "floor was not measured", "note: made up"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, &out)
		}
	}
	if strings.Contains(out.String(), "voice p50") {
		t.Errorf("a column without figures:\n%s", &out)
	}
}

func TestHere(t *testing.T) {
	t.Parallel()
	if m := report.Here(); m.Cores < 1 || !strings.HasPrefix(m.Go, "go") {
		t.Errorf("%+v", m)
	}
}

// FuzzRead holds that no document crashes the reader, and that what it takes can be written and read again.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := full().Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add(`{"format":1,"steps":[{"server":"a","round":1,"times":{"lateness":{"n":1,"histogram":"HISTFAAA"}}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := report.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := errors.Join(r.Write(&b), r.Print(io.Discard)); err != nil {
			t.Fatal(err)
		}
		if _, err := report.Read(&b); err != nil {
			t.Errorf("it was written, and is not read: %v", err)
		}
	})
}

// TestFiguresAreDocumented holds that docs/bench.md defines every name of a report.
func TestFiguresAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/bench.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range append(report.TimeFigures(), report.CountFigures()...) {
		if !bytes.Contains(text, []byte("`"+f.Name+"`")) || f.Title == "" || f.Meaning == "" {
			t.Errorf("docs/bench.md does not define %s", f.Name)
		}
	}
}
