package main

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"parley/media/stream"
)

// streamCollector shows what the carriers' sockets counted.
type streamCollector struct{ stats *stream.Stats }

var (
	streamMessages = prometheus.NewDesc("parley_stream_messages_total", "Messages on carriers' sockets.", []string{"direction"}, nil)
	streamFaults   = prometheus.NewDesc("parley_stream_faults_total", "What was wrong on carriers' sockets, by kind.", []string{"kind"}, nil)
	streamRefused  = prometheus.NewDesc("parley_stream_refused_total", "Webhooks and streams refused, by reason.", []string{"reason"}, nil)
)

// Describe implements prometheus.Collector.
func (streamCollector) Describe(d chan<- *prometheus.Desc) {
	d <- streamMessages
	d <- streamFaults
	d <- streamRefused
}

// Collect implements prometheus.Collector.
func (c streamCollector) Collect(m chan<- prometheus.Metric) {
	for name, n := range c.stats.All() {
		desc := streamFaults
		if direction, ok := strings.CutPrefix(name, "messages_"); ok {
			desc, name = streamMessages, direction
		}
		m <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), name)
	}
	for reason, n := range c.stats.AllRefused() {
		m <- prometheus.MustNewConstMetric(streamRefused, prometheus.CounterValue, float64(n), reason)
	}
}
