package main

import (
	"strconv"
	"time"

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
	requests  *prometheus.HistogramVec
	searches  *prometheus.HistogramVec
	webhooks  *prometheus.HistogramVec
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
		length: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "parley_call_duration_seconds", Help: "Length of ended calls.", Buckets: prometheus.ExponentialBuckets(1, 2, 13)}),
		drops:  prometheus.NewCounter(prometheus.CounterOpts{Name: "parley_frames_dropped_total", Help: "Frames that recognition or recording lost."}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_http_request_duration_seconds", Help: "Requests to the API, by route, method and status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}, NativeHistogramBucketFactor: 1.1,
		}, []string{"route", "method", "status"}),
		searches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_knowledge_search_seconds", Help: "Searches of agents' documents on calls, by outcome: found, empty, late, failed, cold.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .15, .25, .5, 1, 2.5, 5}, NativeHistogramBucketFactor: 1.1,
		}, []string{"outcome"}),
		webhooks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "parley_webhook_seconds", Help: "Tries of webhooks, by event and outcome: delivered, refused, timeout, forbidden, unreachable, disabled.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, NativeHistogramBucketFactor: 1.1,
		}, []string{"event", "outcome"}),
		providers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "parley_provider_failures_total", Help: "Failures of providers, by which."}, []string{"provider"}),
	}
	m.registry.MustRegister(
		m.calls, m.turns, m.events, m.latency, m.length, m.drops, m.providers, m.requests, m.searches, m.webhooks,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parley_calls_live", Help: "Calls in progress."}, func() float64 { return float64(s.board.Live()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "parley_accepting", Help: "1 while new calls are welcome."}, func() float64 {
			if s.accepting() {
				return 1
			}
			return 0
		}),
		streamCollector{&s.twilio.Stats},
	)
	return m
}

// records shows how the records stand, and how fresh the directory is.
func (m *metrics) records(o *office) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	counter := func(name, help string, value func() int64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(value()) }))
	}
	whether := func(b bool) float64 {
		if b {
			return 1
		}
		return 0
	}
	gauge("parley_records_waiting", "Entries of the records that the database does not have yet.", func() float64 { return float64(o.records.Stats().Waiting) })
	gauge("parley_records_oldest_seconds", "Age of the oldest of them.", func() float64 { return o.records.Stats().Oldest.Seconds() })
	gauge("parley_database_up", "1 while the database takes records.", func() float64 { return whether(o.records.Stats().Well) })
	gauge("parley_spool_up", "1 while the disk takes records.", func() float64 { return whether(o.records.Stats().Disk) })
	gauge("parley_directory_age_seconds", "Time since the database last agreed with what this node knows of agents and numbers.", func() float64 { return o.directory.State().Age.Seconds() })
	gauge("parley_live_readers", "Sockets that watch calls here.", func() float64 { return float64(o.desk.Stats().Readers) })
	gauge("parley_live_mirrors", "Calls on other nodes that are watched here.", func() float64 { return float64(o.desk.Stats().Mirrors) })
	gauge("parley_node_beat_age_seconds", "Time since the database last heard of this node; after 20 s another ends its calls.", func() float64 { return o.node.Stats().Beat.Seconds() })
	counter("parley_nodes_buried_total", "Other nodes that were silent, and whose calls this one has ended.", func() int64 { return o.node.Stats().Buried })
	counter("parley_calls_reopened_total", "Calls of this node that another had ended, and that went on.", func() int64 { return o.node.Stats().Reopened })
	counter("parley_node_orders_total", "What other nodes were asked to do.", func() int64 { return o.node.Stats().Told })
	counter("parley_node_orders_stored_total", "Of these, by the database, since the bus brought no answer.", func() int64 { return o.node.Stats().Sent })
	counter("parley_node_orders_unanswered_total", "Of these, without an answer.", func() int64 { return o.node.Stats().Silent })
	gauge("parley_bus_up", "1 while messages reach other nodes; without NATS, always.", func() float64 { return whether(o.bus.Stats().Well) })
	counter("parley_bus_published_total", "Messages published on the bus.", func() int64 { return o.bus.Stats().Published })
	counter("parley_bus_dropped_total", "Messages to other nodes that were lost: NATS was away, or too slow.", func() int64 { return o.bus.Stats().Dropped })
	counter("parley_bus_missed_total", "Messages that slow readers of this node missed.", func() int64 { return o.bus.Stats().Missed })
	counter("parley_bus_refused_total", "Requests of other nodes that were not answered: too many at once.", func() int64 { return o.bus.Stats().Refused })
	gauge("parley_webhooks_sending", "Webhooks that this node is sending.", func() float64 { return float64(o.hooks.InHand()) })
	counter("parley_records_lost_total", "Entries that neither disk nor memory could hold.", func() int64 { return o.records.Stats().Lost })
	counter("parley_records_refused_total", "Entries that the database will never take; they are in refused.jsonl.", func() int64 { return o.records.Stats().Refused })
	counter("parley_records_damaged_total", "Stretches of the spool that could not be read.", func() int64 { return o.records.Stats().Damaged })
}

// request counts a request to the API, by the pattern of its route.
func (m *metrics) request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Observe(took.Seconds())
}

// webhook counts a try of a webhook.
func (m *metrics) webhook(event, outcome string, took time.Duration) {
	m.webhooks.WithLabelValues(event, outcome).Observe(took.Seconds())
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
	if l := t.Lookup; l != nil && l.Took > 0 { // else it was known from before
		outcome := l.Err
		if outcome == "" {
			if outcome = "empty"; len(l.Sources) > 0 {
				outcome = "found"
			}
		}
		m.searches.WithLabelValues(outcome).Observe(l.Took.Seconds())
	}
}
