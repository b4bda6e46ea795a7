package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"parley/pipeline"
)

// metrics is what Prometheus sees: counts and latencies in base units, never a call or a number as a label.
type metrics struct {
	registry  *prometheus.Registry
	calls     *prometheus.CounterVec
	turns     *prometheus.CounterVec
	events    *prometheus.CounterVec
	latency   *prometheus.HistogramVec
	length    prometheus.Histogram
	drops     prometheus.Counter
	providers *prometheus.CounterVec
}

// latencyBuckets are seconds: fine where conversations are won or lost.
var latencyBuckets = []float64{.005, .01, .02, .04, .08, .15, .25, .4, .6, .8, 1, 1.25, 1.5, 2, 3, 5, 8}

func newMetrics(s *server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_calls_total", Help: "Calls that ended, by leg and cause."}, []string{"leg", "cause"}),
		turns:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_turns_total", Help: "Turns of the agent, by what asked for them and whether the caller cut in."}, []string{"why", "cut"}),
		events:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_events_total", Help: "Events of calls, by kind."}, []string{"kind"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_turn_latency_seconds", Help: "Where the time of a turn went, by stage; voice_to_voice is the whole.",
			Buckets: latencyBuckets, NativeHistogramBucketFactor: 1.1,
		}, []string{"stage"}),
		length:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "parley_call_duration_seconds", Help: "Length of ended calls.", Buckets: prometheus.ExponentialBuckets(1, 2, 13)}),
		drops:     prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_frames_dropped_total", Help: "Frames that recognition or recording lost."}),
		providers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_provider_failures_total", Help: "Failures of providers, by which."}, []string{"provider"}),
	}
	m.registry.MustRegister(
		m.calls, m.turns, m.events, m.latency, m.length, m.drops, m.providers,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parley_calls_live", Help: "Calls in progress."}, func() float64 { return float64(s.board.Live()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parley_accepting", Help: "1 while new calls are welcome."}, func() float64 {
			if s.accepting() {
				return 1
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "parley_journal_lost_total", Help: "Events that the journal could not write."}, func() float64 { return float64(s.journal.Lost()) }),
		streamCollector{&s.twilio.Stats},
	)
	return m
}

// count takes an event of any call, on that call's goroutine.
func (m *metrics) count(e pipeline.Event) {
	m.events.WithLabelValues(string(e.Kind)).Inc()
	switch e.Kind {
	case pipeline.TurnEnded:
		m.turn(e.Turn)
	case pipeline.ProviderFail:
		m.providers.WithLabelValues(e.Text).Inc()
	case pipeline.CallEnded:
		m.calls.WithLabelValues(e.Ending.Info.Kind, string(e.Ending.Cause)).Inc()
		m.length.Observe(e.Ending.Length.Seconds())
		m.drops.Add(float64(e.Ending.Drops))
	}
}

func (m *metrics) turn(t *pipeline.Turn) {
	cut := "no"
	if t.Cut {
		cut = "yes"
	}
	m.turns.WithLabelValues(string(t.Why), cut).Inc()
	for stage, d := range t.Latency.Stages() {
		if d > 0 {
			m.latency.WithLabelValues(stage).Observe(d.Seconds())
		}
	}
}
