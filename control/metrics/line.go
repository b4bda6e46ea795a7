package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"parley/media/stream"
	"parley/pipeline"
)

// A Line is what there is to be read of the telephone. All of it must be set.
type Line struct {
	Accepting func() bool // new calls are welcome
	Draining  func() bool
	Limit     int // most calls at once; 0: none
	Sound     func() pipeline.Sound
	Streams   []*stream.Stats // of each carrier's sockets
}

// Line has Prometheus read a Line.
func (m *Metrics) Line(l Line) {
	read(m.Registry, func() Line { return l },
		gauge("parley_accepting", "1 while new calls are welcome.", nil, func(l Line) float64 { return count(l.Accepting()) }),
		gauge("parley_draining", "1 while the node waits for its calls to end, to stop.", nil, func(l Line) float64 { return count(l.Draining()) }),
		gauge("parley_calls_limit", "Most calls at once; 0: no limit.", nil, func(l Line) float64 { return float64(l.Limit) }),
	)
	const frames, broke = "parley_frames_total", "parley_speech_breaks_total"
	const framesHelp = "Frames of 20 ms, by direction: in, from callers; out, to carriers."
	const brokeHelp = "Times that agents' speech broke off in the middle, by reason: dry (its voice brought no more in time), late (it was sent too late)."
	read(m.Registry, l.Sound,
		counter(frames, framesHelp, prometheus.Labels{"direction": "in"}, func(s pipeline.Sound) int64 { return s.Heard }),
		counter(frames, framesHelp, prometheus.Labels{"direction": "out"}, func(s pipeline.Sound) int64 { return s.Sent }),
		counter("parley_frames_dropped_total", "Frames of 20 ms from callers that recognisers did not take, since they were behind.", nil, func(s pipeline.Sound) int64 { return s.Behind }),
		counter(broke, brokeHelp, prometheus.Labels{"reason": "dry"}, func(s pipeline.Sound) int64 { return s.Dry }),
		counter(broke, brokeHelp, prometheus.Labels{"reason": "late"}, func(s pipeline.Sound) int64 { return s.Late }),
	)
	m.Registry.MustRegister(streamCollector(l.Streams))
}

// streamCollector shows what carriers' sockets counted.
type streamCollector []*stream.Stats

var (
	streamMessages = prometheus.NewDesc("parley_stream_messages_total", "Messages on carriers' sockets, by direction.", []string{"direction"}, nil)
	streamFaults   = prometheus.NewDesc("parley_stream_faults_total", "What was wrong on carriers' sockets, by kind.", []string{"kind"}, nil)
	streamRefused  = prometheus.NewDesc("parley_stream_refused_total", "Carriers' webhooks and streams that were refused, by reason.", []string{"reason"}, nil)
)

// Describe implements prometheus.Collector.
func (streamCollector) Describe(d chan<- *prometheus.Desc) {
	d <- streamMessages
	d <- streamFaults
	d <- streamRefused
}

// Collect implements prometheus.Collector.
func (c streamCollector) Collect(m chan<- prometheus.Metric) {
	counts, refused := make(map[string]uint64), make(map[string]uint64)
	for _, stats := range c {
		for name, n := range stats.All() {
			counts[name] += n
		}
		for reason, n := range stats.AllRefused() {
			refused[reason] += n
		}
	}
	for name, n := range counts {
		desc := streamFaults
		if direction, ok := strings.CutPrefix(name, "messages_"); ok {
			desc, name = streamMessages, direction
		}
		m <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), name)
	}
	for reason, n := range refused {
		m <- prometheus.MustNewConstMetric(streamRefused, prometheus.CounterValue, float64(n), reason)
	}
}
