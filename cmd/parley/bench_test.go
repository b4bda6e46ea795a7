package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"parley/bench/load"
	"parley/bench/report"
)

func TestBenchLadder(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]load.Step{
		"5":                {{Calls: 5}},
		"50, 100,200":      {{Calls: 50}, {Calls: 100}, {Calls: 200}},
		"100..300/100,500": {{Calls: 100}, {Calls: 200}, {Calls: 300}, {Calls: 500}},
		"2/s,0.5/s":        {{Rate: 2}, {Rate: 0.5}},
	} {
		got, err := ladder(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, bad := range []string{"", "x", "5,", "0", "-1", "0/s", "NaN/s", "1e9/s", "5..1/1", "1..5", "1..5/0", "1..9999999/1", "1..5/x"} {
		if got, err := ladder(bad); err == nil || !strings.Contains(err.Error(), "--ladder has") {
			t.Errorf("%q is %v, %v", bad, got, err)
		}
	}
}

// TestBenchTold holds that no report has the secret that requests were signed with.
func TestBenchTold(t *testing.T) {
	t.Parallel()
	got := told([]string{"bench", "run", "--twilio-auth-token", "hush", "--twilio-auth-token=hush", "--plivo-auth-token", "hush", "--exotel-stream-auth=a:hush", "http://me:hush@host/x", "--calls", "5"})
	want := []string{"parley", "bench", "run", "--twilio-auth-token", "...", "--twilio-auth-token=...", "--plivo-auth-token", "...", "--exotel-stream-auth=...", "http://me:xxxxx@host/x", "--calls", "5"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// bench runs a command of the load test; its code is what a shell would see.
func bench(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	err := run(t.Context(), append([]string{"bench"}, args...), func(string) string { return "" }, nil, &o, &e)
	code = exitCode(err, &e)
	return code, o.String(), e.String()
}

// TestBenchRunRefuses holds that a mistake is told by the name of its flag, and that nobody is called meanwhile.
func TestBenchRunRefuses(t *testing.T) {
	t.Parallel()
	called := false
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called = called || r.Method == http.MethodPost
		http.NotFound(w, r)
	}))
	defer web.Close()
	for want, args := range map[string][]string{
		"--hold is 0s":              {"--hold", "0s"},
		"--rounds is 0":             {"--rounds", "0"},
		"--max-lateness is -1s":     {"--max-lateness=-1s"},
		"--max-lost is 101":         {"--max-lost", "101"},
		"--repeat is -1":            {"--repeat=-1"},
		"--max is 1ms":              {"--max", "1ms"},
		"--least is -1":             {"--least=-1"},
		"--pid is -1":               {"--pid=-1"},
		"--debug-url is":            {"--debug-url", "localhost"},
		"--metrics-url is":          {"--metrics-url", "ftp://x"},
		"--profile":                 {"--profile", "heat"},
		"--calls is -1":             {"--calls=-1"},
		"--rate is -1":              {"--rate=-1"},
		"--ladder has":              {"--ladder", "x"},
		"can't be used together":    {"--ladder", "5", "--calls", "5"},
		"--do:1: sing: no such":     {"--do", "sing"},
		"figures: read http":        {"--metrics-url", web.URL + "/nothing"},
		"debugging does not answer": {"--profile", "cpu", "--debug-url", web.URL},
		"read process 999999999":    {"--pid", "999999999"},
		"--carrier must be one of":  {"--carrier", "sip"},
		"--genesys-api-key and":     {"--carrier", "genesys"},
		"--plivo-auth-token is":     {"--carrier", "plivo"},
		"--telnyx-private-key is":   {"--carrier", "telnyx"},
	} {
		args = append([]string{"run", "--twilio-auth-token", "x", web.URL + "/voice"}, args...)
		if code, _, errs := bench(t, args...); code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%v: code %d, %s: want %q", args[4:], code, errs, want)
		}
	}
	if called {
		t.Error("somebody was called")
	}
	if code, _, errs := bench(t, "run", "--data-dir", t.TempDir(), web.URL); code != 1 || !strings.Contains(errs, "--twilio-auth-token") {
		t.Errorf("without a token: code %d, %s", code, errs)
	}
}

// madeUp writes a report of so many rounds, in which lateness is what it is, give or take 2 %.
func madeUp(t *testing.T, name string, lateness float64) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(lateness*1000), 1))
	r := report.Report{Format: report.Format, Title: "made up \x1b[31m", Machine: report.Machine{CPU: "none"}}
	for round := range 6 {
		h := report.NewHistogram()
		for range 200 {
			report.Record(h, time.Duration(lateness*float64(time.Millisecond)*(1+0.02*rng.NormFloat64())))
		}
		r.Steps = append(r.Steps, report.Step{
			Server: "parley", Round: round + 1, Calls: 100, Tally: report.Tally{Offered: 100, Answered: 100},
			Times: map[string]report.Spread{report.Lateness: report.SpreadOf(h)}, Counts: map[string]int64{report.FramesOut: 1000},
		})
	}
	path := filepath.Join(t.TempDir(), name)
	if err := report.Save(path, r.Write); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBenchCompare holds what a shell sees: 0 where nothing did worse, 1 where something did, 2 where it was asked wrongly.
func TestBenchCompare(t *testing.T) {
	t.Parallel()
	quick, again, slow := madeUp(t, "quick.json", 1), madeUp(t, "again.json", 1.001), madeUp(t, "slow.json", 1.5)
	if code, out, errs := bench(t, "compare", quick, again); code != 0 || !strings.Contains(out, "0 worse, 0 better") {
		t.Errorf("the same: code %d, %s%s", code, out, errs)
	}
	if code, out, errs := bench(t, "compare", quick, slow); code != 1 || !strings.Contains(out, "worse") || !strings.Contains(errs, "figures did worse, beyond noise") {
		t.Errorf("worse: code %d, %s%s", code, out, errs)
	}
	if code, out, _ := bench(t, "compare", slow, quick, "--json"); code != 0 || !strings.Contains(out, `"verdict": "better"`) {
		t.Errorf("better: code %d, %s", code, out)
	}
	if code, out, _ := bench(t, "compare", "--all", quick, again); code != 0 || !strings.Contains(out, "same") {
		t.Errorf("all: code %d, %s", code, out)
	}
	for _, args := range [][]string{{"compare", quick}, {"compare", quick, "nowhere.json"}, {"compare", quick, slow, "--least", "0"}} {
		if code, _, _ := bench(t, args...); code != 2 {
			t.Errorf("%v: code %d, want 2", args, code)
		}
	}
	if code, _, errs := bench(t, "compare", quick, slow, "--against", "floor"); code != 1 || !strings.Contains(errs, `no server "floor"`) {
		t.Errorf("against nobody: code %d, %s", code, errs)
	}
}

func TestBenchReport(t *testing.T) {
	t.Parallel()
	in := madeUp(t, "in.json", 1)
	out := filepath.Join(t.TempDir(), "out.html")
	if code, _, errs := bench(t, "report", in, "-o", out); code != 0 {
		t.Fatal(errs)
	}
	text, err := os.ReadFile(out)
	if err != nil || !bytes.HasPrefix(text, []byte("<!doctype html>")) {
		t.Errorf("%v, %.40s", err, text)
	}
	code, table, _ := bench(t, "report", in)
	if code != 0 || !strings.Contains(table, "100 calls") || strings.Contains(table, "\x1b") {
		t.Errorf("code %d, %q", code, table)
	}
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`{"format": 7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := bench(t, "report", bad); code != 1 || !strings.Contains(errs, bad) || !strings.Contains(errs, "format is 7") {
		t.Errorf("code %d, %s", code, errs)
	}
}

// TestBenchVerdict holds when a run fails.
func TestBenchVerdict(t *testing.T) {
	t.Parallel()
	kept := report.Step{Server: "parley", Round: 1, Calls: 10}
	missed := report.Step{Server: "parley", Round: 1, Calls: 20, Failed: []string{"late"}}
	void := report.Step{Server: "parley", Round: 1, Calls: 30, Void: "busy"}
	for _, c := range []struct {
		least float64
		steps []report.Step
		want  string // of the error; empty: none
	}{
		{0, []report.Step{kept}, ""},
		{0, []report.Step{kept, missed}, "1 of 2 steps missed a bar"},
		{0, []report.Step{kept, void}, ""},
		{0, []report.Step{void}, "no step says anything of the server: busy"},
		{10, []report.Step{kept, missed}, ""},
		{15, []report.Step{kept, missed}, "Load carried: 10, want at least 15 calls"},
		{10, []report.Step{missed}, "Load carried: 0, want at least 10 calls"},
	} {
		cmd := benchRunCmd{Name: "parley", Least: c.least}
		r := &report.Report{Steps: c.steps}
		if c.least > 0 {
			r.Goals = append(r.Goals, cmd.goal(r))
		}
		if err := cmd.verdict(r); (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%v %v: %v, want %q", c.least, c.steps, err, c.want)
		}
	}
}

// TestBenchFlagsAreDocumented holds that docs/bench.md tells of every flag.
func TestBenchFlagsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/bench.md")
	if err != nil {
		t.Fatal(err)
	}
	var c benchCmd
	p, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range p.Model.Leaves(true) {
		for _, f := range cmd.Flags {
			short := f.Short != 0 && bytes.Contains(text, []byte(" -"+string(f.Short)+" "))
			if f.Name != "help" && !short && !bytes.Contains(text, []byte("--"+f.Name)) {
				t.Errorf("docs/bench.md does not tell of %s --%s", cmd.Name, f.Name)
			}
		}
	}
}

// TestBenchBars holds that percent become shares, and that each bar has its flag.
func TestBenchBars(t *testing.T) {
	t.Parallel()
	var c struct{ bars }
	p, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Parse([]string{"--max-lateness=1ms", "--max-set-up=2ms", "--max-greeting=3ms", "--max-voice=4ms", "--max-clear=5ms",
		"--max-lost=10", "--max-dry=20", "--max-unanswered=30", "--max-missed=35", "--max-refused=40", "--max-broken=50"}); err != nil {
		t.Fatal(err)
	}
	want := report.Bars{
		Lateness: time.Millisecond, SetUp: 2 * time.Millisecond, Greeting: 3 * time.Millisecond, VoiceVoice: 4 * time.Millisecond, ToClear: 5 * time.Millisecond,
		Lost: 0.1, Dry: 0.2, Unanswered: 0.3, Missed: 0.35, Refused: 0.4, Broken: 0.5,
	}
	if diff := cmp.Diff(want, c.bars.bars()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestBenchProgress holds that a log gets a line for each phase and every ten seconds, not two a second.
func TestBenchProgress(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := newProgress(&out, 2, 3)
	for left := 30 * time.Second; left >= 0; left -= 500 * time.Millisecond {
		s.tell(1, load.Progress{Step: 1, Steps: 2, Phase: "hold", Left: left, Calls: 7, Refused: 2, Broken: 1, Busy: 0.5})
	}
	s.end()
	want := `round 1/3, step 1/2, hold, 30 s left: 7 calls, 2 refused, 1 broken, lateness 0.0 ms, generator 50 % busy
round 1/3, step 1/2, hold, 20 s left: 7 calls, 2 refused, 1 broken, lateness 0.0 ms, generator 50 % busy
round 1/3, step 1/2, hold, 10 s left: 7 calls, 2 refused, 1 broken, lateness 0.0 ms, generator 50 % busy
round 1/3, step 1/2, hold, 0 s left: 7 calls, 2 refused, 1 broken, lateness 0.0 ms, generator 50 % busy
`
	if out.String() != want {
		t.Errorf("got:\n%s", &out)
	}
}

// TestBenchWatch holds that a step's figures are read as it begins and ends, once each, and that its profile is saved by its load.
func TestBenchWatch(t *testing.T) {
	t.Parallel()
	cpu := 0.0
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) { // asked one after the other, here
		cpu++
		_, _ = io.WriteString(w, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total "+report.Number(cpu)+"\n# TYPE go_goroutines gauge\ngo_goroutines 9\n")
	})
	mux.HandleFunc("/debug/pprof/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "profile") })
	web := httptest.NewServer(mux)
	defer web.Close()
	dir := filepath.Join(t.TempDir(), "profiles")
	c := watching{Profile: "cpu", ProfileDir: dir, DebugURL: web.URL}
	w, err := c.begin(t.Context(), web.URL, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []time.Duration{2 * time.Second, time.Second, 500 * time.Millisecond, 0} {
		for _, measuring := range []bool{false, true} {
			w.see(t.Context(), moment{loadStep: loadStep{1, 2}, load: report.Load{Rate: 5}, measuring: measuring, left: left})
			w.wait()
		}
	}
	if u := w.usage(1, 2); u.CPU <= 0 || u.Goroutines != 9 || cpu != 3 {
		t.Errorf("%+v, asked %v times: want once before, and twice in the step", u, cpu)
	}
	if u := w.usage(1, 1); u != (report.Usage{}) {
		t.Errorf("of a step that was not measured: %+v", u)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "5-calls-per-s-round1.cpu.pprof")); err != nil || string(text) != "profile" {
		files, _ := os.ReadDir(dir)
		t.Errorf("%q, %v: there are %v", text, err, files)
	}
	if notes := strings.Join(w.remarks(), " "); !strings.Contains(notes, "1 profiles (cpu)") {
		t.Errorf("remarks: %s", notes)
	}
	web.Close()
	blind, err := (&watching{}).begin(t.Context(), web.URL, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	blind.see(context.WithoutCancel(t.Context()), moment{loadStep: loadStep{1, 1}, measuring: true})
	blind.wait()
	if notes := strings.Join(blind.remarks(), " "); !strings.Contains(notes, "figures were not read") || blind.usage(1, 1) != (report.Usage{}) {
		t.Errorf("remarks: %s", notes)
	}
}
