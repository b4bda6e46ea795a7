package metrics

import (
	"regexp"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// A reading is what somebody else counts. They are asked once a scrape, so that what belongs together is of one moment.
type reading[T any] struct {
	ask  func() T
	rows []row[T]
}

// A row is one series of a reading.
type row[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(T) float64
}

// read registers a reading.
func read[T any](r prometheus.Registerer, ask func() T, rows ...row[T]) {
	r.MustRegister(reading[T]{ask, rows})
}

// gauge is a row that goes up and down; of its labels, which may be nil, the values are fixed.
func gauge[T any](name, help string, labels prometheus.Labels, value func(T) float64) row[T] {
	return row[T]{prometheus.NewDesc(name, help, nil, labels), prometheus.GaugeValue, value}
}

// counter is a row that only grows.
func counter[T any, N int | int64 | uint64](name, help string, labels prometheus.Labels, value func(T) N) row[T] {
	return row[T]{prometheus.NewDesc(name, help, nil, labels), prometheus.CounterValue, func(v T) float64 { return float64(value(v)) }}
}

// Describe implements prometheus.Collector.
func (r reading[T]) Describe(all chan<- *prometheus.Desc) {
	for _, w := range r.rows {
		all <- w.desc
	}
}

// Collect implements prometheus.Collector.
func (r reading[T]) Collect(all chan<- prometheus.Metric) {
	now := r.ask()
	for _, w := range r.rows {
		all <- prometheus.MustNewConstMetric(w.desc, w.kind, w.value(now))
	}
}

// schedule is what Go's runtime knows of how long goroutines wait for a processor, and how long collections of garbage stop all of them.
var schedule = collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/sched/(latencies:seconds|pauses/total/gc:seconds)$|^/gc/cycles/total:gc-cycles$`)}
