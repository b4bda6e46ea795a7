package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"parley/media/stream"
)

// A family is a metric that a server has.
type family struct {
	name, help, kind string
	labels           []string
	values           map[string]map[string]bool // by label: those that are there from the start
}

// fresh is a server that has just been made, with a model besides what there is by default.
func fresh(t *testing.T) *server {
	t.Helper()
	cfg, err := parseServe(t, nil, "--data-dir", t.TempDir(), "--webrtc-udp", "127.0.0.1:0", "--openai-base-url", "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(t.Context(), &cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.company.tools.close()
		if err := errors.Join(s.closeBrowsers(context.WithoutCancel(t.Context())), s.office.close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// described reads what the registry tells of a metric before there is one.
var described = regexp.MustCompile(`^Desc\{fqName: ("(?:\\.|[^"])*"), help: ("(?:\\.|[^"])*"), (?:unit: "[^"]*", )?constLabels: \{.*\}, variableLabels: \{(.*)\}\}$`)

// families are all metrics of a registry.
func families(t *testing.T, r *prometheus.Registry) map[string]*family {
	t.Helper()
	all := map[string]*family{}
	descs := make(chan *prometheus.Desc)
	go func() {
		r.Describe(descs)
		close(descs)
	}()
	for d := range descs {
		m := described.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("the registry describes a metric in a new way: %s", d)
		}
		name, _ := strconv.Unquote(m[1])
		help, _ := strconv.Unquote(m[2])
		f := &family{name: name, help: help, values: map[string]map[string]bool{}}
		if m[3] != "" {
			f.labels = strings.Split(m[3], ",")
		}
		all[name] = f
	}
	gathered, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range gathered {
		f := all[g.GetName()]
		if f == nil { // of the collectors that tell of nothing before
			f = &family{name: g.GetName(), help: g.GetHelp(), values: map[string]map[string]bool{}}
			all[f.name] = f
		}
		f.kind = strings.ToLower(g.GetType().String())
		for _, m := range g.GetMetric() {
			f.add(m.GetLabel())
		}
	}
	return all
}

// add notes the labels of a series.
func (f *family) add(labels []*dto.LabelPair) {
	for _, l := range labels {
		if !slices.Contains(f.labels, l.GetName()) {
			f.labels = append(f.labels, l.GetName())
		}
		if f.values[l.GetName()] == nil {
			f.values[l.GetName()] = map[string]bool{}
		}
		f.values[l.GetName()][l.GetValue()] = true
	}
}

// TestEveryMetricExists: what dashboards, rules and alerts ask for is what a server has, by name and by label.
func TestEveryMetricExists(t *testing.T) {
	t.Parallel()
	known := families(t, fresh(t).metrics.Registry)
	rules, recorded := ruleExprs(t)
	asked := 0
	check := func(where, expr string) {
		all, groups := dissect(expr)
		has := []string{"job", "instance", "le"}
		for _, s := range all {
			asked++
			switch f := known[s.metric]; {
			case recorded[s.metric]:
				has = append(has, groups...) // its own rule is checked
				continue
			case s.metric == "up", s.metric == "ALERTS":
				continue
			case f == nil && known[histogramOf(s.metric)] != nil:
				has = append(has, known[histogramOf(s.metric)].labels...)
			case f == nil:
				t.Errorf("%s: there is no metric %s", where, s.metric)
				continue
			default:
				has = append(has, f.labels...)
			}
			for _, l := range s.labels {
				if !slices.Contains(has, l) {
					t.Errorf("%s: %s has no label %s", where, s.metric, l)
				}
			}
		}
		for _, l := range groups {
			if !slices.Contains(has, l) {
				t.Errorf("%s: nothing has the label %s", where, l)
			}
		}
	}
	for name, expr := range rules {
		check(name, expr)
	}
	for _, b := range boards(t) {
		for _, a := range b.Annotations.List {
			check(b.Title, a.Expr)
		}
		for _, p := range b.Panels {
			for _, q := range p.Targets {
				check(b.Title+": "+p.Title, q.Expr)
			}
		}
	}
	if asked < 200 {
		t.Errorf("%d metrics were looked for: the test looks at the wrong place", asked)
	}
}

// histogramOf is the histogram whose series has a name.
func histogramOf(series string) string {
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if name, ok := strings.CutSuffix(series, suffix); ok {
			return name
		}
	}
	return ""
}

// sometimes are metrics that are not on every machine, and their kinds.
var sometimes = map[string]string{"parley_processor_pressure_ratio": "gauge"}

// TestMetricsPage holds docs/metrics.md to what a server has: go test ./cmd/parley -run MetricsPage -update
func TestMetricsPage(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	page.WriteString(metricsIntroduction)
	known := families(t, fresh(t).metrics.Registry)
	for _, name := range slices.Sorted(maps.Keys(known)) {
		f := known[name]
		if !strings.HasPrefix(name, "parley_") {
			continue
		}
		kind := sometimes[name]
		if kind == "" {
			kind = f.kind
		}
		if kind == "" {
			t.Errorf("%s is not there from the start: its first increase would not be seen", name)
		}
		fmt.Fprintf(&page, "| `%s` | %s | %s | %s | %s |\n", name, kind, f.shownLabels(), unitOf(name), strings.ReplaceAll(f.help, "|", "\\|"))
	}
	const path = "../../docs/metrics.md"
	if *update {
		if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != page.String() {
		t.Errorf("docs/metrics.md is not what the server has (%v): go test ./cmd/parley -run MetricsPage -update", err)
	}
}

// shownLabels are a metric's labels, with their values where all are known.
func (f *family) shownLabels() string {
	var all []string
	for _, l := range f.labels {
		values := slices.Sorted(maps.Keys(f.values[l]))
		switch l {
		case "provider", "version", "go", "route", "method", "pool":
			values = nil // as many as there are
		}
		if text := "`" + l + "`"; len(values) > 0 {
			all = append(all, text+": "+strings.Join(values, ", "))
		} else {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}

// unitOf is the unit that a name tells.
func unitOf(name string) string {
	name = strings.TrimSuffix(name, "_total")
	for _, unit := range []string{"seconds", "bytes", "ratio"} {
		if strings.HasSuffix(name, "_"+unit) {
			return unit
		}
	}
	return "count"
}

// kindOfLeg is where a package says of which kind its legs are.
var kindOfLeg = regexp.MustCompile(`\b[kK]ind: +"([a-z]+)"`)

// TestLegKinds: the series of each kind of leg that there is are there from the start.
func TestLegKinds(t *testing.T) {
	t.Parallel()
	found := map[string]bool{stream.AudioSocketKind: true, chatLeg: true}
	for _, folder := range []string{"stream", "sip", "webrtc"} {
		files, err := filepath.Glob("../../media/" + folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range kindOfLeg.FindAllSubmatch(text, -1) {
				found[string(m[1])] = true
			}
		}
	}
	if got, want := slices.Sorted(slices.Values(legKinds)), slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("series are made for %v, but there are legs of %v", got, want)
	}
}

// TestPromtoolLikesTheMetrics: names, units and helps are as Prometheus' conventions want them.
func TestPromtoolLikesTheMetrics(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing: apt-get install --no-install-recommends prometheus")
	}
	s := fresh(t)
	w := httptest.NewRecorder()
	s.routes().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	var ours bytes.Buffer // what Go and the process have is not ours to name
	for line := range strings.Lines(w.Body.String()) {
		if strings.Contains(line, "parley_") {
			ours.WriteString(line)
		}
	}
	cmd := exec.CommandContext(t.Context(), promtool, "check", "metrics")
	cmd.Stdin = &ours
	if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// TestHistogramsAreTwofold: a scraper that takes protocol buffers gets each of ours native and classic.
func TestHistogramsAreTwofold(t *testing.T) {
	t.Parallel()
	s := fresh(t)
	gathered, err := s.metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range gathered {
		if g.GetType() != dto.MetricType_HISTOGRAM || !strings.HasPrefix(g.GetName(), "parley_") {
			continue
		}
		n++
		for _, m := range g.GetMetric() {
			if h := m.GetHistogram(); len(h.GetBucket()) < 5 || h.Schema == nil {
				t.Errorf("%s: %d classic buckets, native schema %v", g.GetName(), len(h.GetBucket()), h.Schema)
			}
		}
	}
	if n < 10 {
		t.Errorf("there are %d histograms: the test looks at the wrong place", n)
	}
}

const metricsIntroduction = `# Metrics

What ` + "`GET /metrics`" + ` tells Prometheus, as the server itself lists it (a test keeps this page fresh). Dashboards are in
` + "`deploy/grafana/dashboards`" + ` (for Grafana 10 and later: import
them, or provision the folder), rules and alerts in ` + "`deploy/prometheus`" + `, runbooks in [runbooks](runbooks/README.md).

Units are base units: seconds, bytes, ratios (1 is all); the rest are counts. Labels have few values, known beforehand: never a call, an
organisation or a number; routes are patterns. Where values are listed their series are there from the start, at zero. Frames are of 20 ms.

Histograms are classic and native at once. Prometheus takes the native ones with ` + "`--enable-feature=native-histograms`" + ` (from 3.8 by
` + "`scrape_native_histograms`" + `), and then leaves the buckets out unless told otherwise; an expression that works on either is
` + "`histogram_quantile(0.95, sum(rate(X[5m]))) or histogram_quantile(0.95, sum by (le) (rate(X_bucket[5m])))`" + `, as the dashboards and rules have it.

` + "`go_*` and `process_*`" + ` are those of Prometheus' client for Go, with ` + "`go_sched_latencies_seconds`" + ` (how long goroutines wait for a processor) and
` + "`go_sched_pauses_total_gc_seconds`" + ` besides.

| name | type | labels | unit | meaning |
|---|---|---|---|---|
`
