package main

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/control/metrics"
	"parley/providers"
)

// newMetrics counts what happens on this server, from the start.
func newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Options{Registry: prometheus.NewRegistry(), Legs: []string{"twilio", "sip", "webrtc"}, Version: version()})
}

// scraped is what Prometheus is shown; where it asks for protocol buffers, native histograms too.
func scraped(m *metrics.Metrics, log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	})
}

// counted has vendors' uses counted.
func counted(m *metrics.Metrics) tally {
	return tally{used: func(u providers.Use) { m.Used(metrics.Use(u)) }, fell: m.Fell}
}

// expect has the series of the vendors that calls may use be there from the start.
func (v *vendors) expect(m *metrics.Metrics) {
	m.Expect(v.hears, providers.STT, providers.Classes())
	for name := range v.models {
		m.Expect(name, providers.LLM, providers.Classes())
	}
	for name := range v.speakers {
		m.Expect(name, providers.TTS, providers.Classes())
	}
}

// measure has Prometheus read what the server's parts count themselves.
func (s *server) measure() {
	s.vendors.expect(s.metrics)
	s.metrics.Line(metrics.Line{
		Accepting: s.accepting, Draining: s.draining.Load, Limit: s.cfg.MaxCalls,
		Sound: s.board.Sound, Stream: &s.twilio.Stats,
	})
	o := s.office
	s.metrics.Office(metrics.Office{
		Records: o.records, Directory: o.directory, Desk: o.desk, Node: o.node, Bus: o.bus, Hooks: o.hooks, Dialer: o.dialer, Pools: o.store.Pools,
	})
}
