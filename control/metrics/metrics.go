// Package metrics is what Prometheus sees of a server: it answers what an operator asks at 3 a.m. Are calls up, are they heard, are they
// quick, and which vendor hurts?
//
//	calls ──events──▶ Watch ─────┐
//	vendors ──Use──▶ Used ───────┼──▶ counters and histograms ──┐
//	API, webhooks, dialler ──────┘                              ├──▶ Registry ──▶ /metrics
//	switchboard, records, bus, database ──read at each scrape───┘
//
// Nothing here is called with a frame: what happens fifty times a second and call is counted by those who do it, in atomics of their own,
// and summed up when Prometheus asks (Line, Office).
//
// Names and units are those of https://prometheus.io/docs/practices/naming: base units, _total for what only grows. Labels have few
// values, known beforehand; never a call, an organisation or a number. Where they are known, each series is there from the start, at zero:
// the first failure is then an increase, and a panel without failures shows 0. Histograms are native and classic at once: Prometheus
// takes the former where it may (--enable-feature=native-histograms), and the buckets elsewhere.
//
// docs/metrics.md lists them all.
package metrics

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Options say what is known beforehand.
type Options struct {
	Registry *prometheus.Registry
	Legs     []string // kinds of legs that may come, such as twilio
	Version  string   // of Parley
}

// Metrics counts what it is told. Its methods may be called by any goroutine and return at once.
type Metrics struct {
	Registry *prometheus.Registry // where others may register what they count themselves

	calls   calls
	turns   turns
	vendors vendors
	desk    desk
	chats   chats
}

// New registers what Metrics counts, and what Go and the operating system know of the process.
func New(o Options) *Metrics {
	o.Registry.MustRegister(
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(schedule)),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	k := maker{promauto.With(o.Registry)}
	build := k.gauge("parley_build_info", "The program that runs; always 1.", "version", "go")
	build.WithLabelValues(o.Version, runtime.Version()).Set(1)
	return &Metrics{Registry: o.Registry, calls: newCalls(k, o.Legs), turns: newTurns(k), vendors: newVendors(k), desk: newDesk(k), chats: newChats(k)}
}

// maker makes metrics that are registered at once.
type maker struct{ auto promauto.Factory }

func (k maker) counter(name, help string, labels ...string) *prometheus.CounterVec {
	return k.auto.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func (k maker) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	return k.auto.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

// histogram is classic, by the buckets' upper bounds, and native, whose buckets grow by a tenth.
func (k maker) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return k.auto.NewHistogramVec(prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
	}, labels)
}

// Bounds of classic buckets, in seconds.
var (
	conversing = []float64{.005, .01, .02, .04, .08, .15, .25, .4, .6, .8, 1, 1.25, 1.5, 2, 3, 5, 8} // fine where conversations are won or lost
	serving    = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}     // of requests
	chatting   = []float64{.05, .1, .25, .5, 1, 2, 3, 5, 8, 12, 20, 30, 60, 120, 300, 600, 1800}     // of messages
	lasting    = []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600}                 // of calls, and of what may wait
)

// told is "yes" or "no".
func told(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// count is 1 or 0.
func count(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
