package vitals_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/bench/report"
	"parley/bench/vitals"
)

// TestRead holds that what a real registry shows of this very process is read as it is.
func TestRead(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	web := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	defer web.Close()
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	r, err := vitals.Source{URL: web.URL}.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Goroutines < 2 || r.GCs < 1 || r.Allocated < int64(mem.TotalAlloc) || r.Mallocs < int64(mem.Mallocs) || time.Since(r.At) > time.Minute {
		t.Errorf("%+v", r)
	}
	if runtime.GOOS != "linux" {
		return // the process's own figures are the kernel's
	}
	if r.RSS < 1e6 || r.Descriptors < 3 {
		t.Errorf("%+v", r)
	}
	own, err := vitals.Source{PID: os.Getpid()}.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if own.RSS < 1e6 || own.Descriptors < 3 || own.Goroutines != 0 {
		t.Errorf("%+v", own)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/none":
			_, _ = io.WriteString(w, "some_metric 1\n")
		case "/html":
			_, _ = io.WriteString(w, "<html>")
		default:
			http.NotFound(w, r)
		}
	}))
	defer web.Close()
	for want, s := range map[string]vitals.Source{
		"404":                   {URL: web.URL + "/x"},
		"no figures of a Go":    {URL: web.URL + "/none"},
		"parse metrics":         {URL: web.URL + "/html"},
		"read process":          {PID: 1 << 30},
		"neither metrics nor a": {},
	} {
		if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	at := time.Unix(100, 0)
	idle := vitals.Reading{RSS: 10}
	from := vitals.Reading{At: at, CPU: time.Second, RSS: 20, GCs: 1, Allocated: 100, Mallocs: 10}
	to := vitals.Reading{At: at.Add(10 * time.Second), CPU: 6 * time.Second, RSS: 30, GCs: 3, Allocated: 600, Mallocs: 15, Goroutines: 7, Descriptors: 8}
	want := report.Usage{CPU: 0.5, RSS: 30, RSSIdle: 10, Goroutines: 7, Descriptors: 8, GCs: 2, Allocated: 500, Mallocs: 5}
	if diff := cmp.Diff(want, vitals.Usage(idle, from, to)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestFetch holds that profiles come, and that a closed window is told.
func TestFetch(t *testing.T) {
	t.Parallel()
	var asked string
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/", func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		_, _ = io.WriteString(w, "profile")
	})
	web := httptest.NewServer(mux)
	defer web.Close()
	w := vitals.Window{URL: web.URL + "/"}
	if err := w.Ask(t.Context()); err != nil {
		t.Error(err)
	}
	for kind, want := range map[vitals.Kind]string{
		vitals.CPU: "/debug/pprof/profile?seconds=9", vitals.Allocs: "/debug/pprof/allocs?seconds=9", vitals.Trace: "/debug/pprof/trace?seconds=5", vitals.Flight: "/debug/flight",
	} {
		var b bytes.Buffer
		if err := w.Fetch(t.Context(), kind, 9500*time.Millisecond, &b); err != nil || b.String() != "profile" || asked != want {
			t.Errorf("%s: asked %s, got %q, %v", kind, asked, &b, err)
		}
	}
	if err := w.Fetch(t.Context(), "heat", time.Second, io.Discard); err == nil || !strings.Contains(err.Error(), `"heat"`) {
		t.Errorf("error is %v", err)
	}
	web.Close()
	if err := w.Ask(t.Context()); err == nil {
		t.Error("a closed window is open")
	}
}

// TestClears holds that what a server counts in a native histogram is told as it came between two readings, in time and in number.
func TestClears(t *testing.T) {
	t.Parallel()
	took := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "parley_clear_seconds", Help: "x", NativeHistogramBucketFactor: 1.1, NativeHistogramZeroThreshold: 1e-6})
	reg := prometheus.NewRegistry()
	reg.MustRegister(took, collectors.NewGoCollector())
	web := httptest.NewServer(promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	defer web.Close()
	source := vitals.Source{URL: web.URL}
	took.Observe(0.5)
	before, err := source.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n := before.Clears.Since(before.Clears).N; n != 0 {
		t.Errorf("%d clears between a reading and itself", n)
	}
	for range 98 {
		took.Observe(0.000_020)
	}
	took.Observe(0.003)
	took.Observe(0.040)
	took.Observe(0.000_000_1)
	after, err := source.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	near := func(got, want float64) bool { return got >= want && got <= 1.1*want+0.001 } // a bucket's upper bound
	if s := after.Clears.Since(before.Clears); s.N != 101 || !near(s.P50, 0.020) || !near(s.P99, 3) || !near(s.Max, 40) {
		t.Errorf("%+v, want 101: 0.02 ms, 3 ms and 40 ms", s)
	}
}
