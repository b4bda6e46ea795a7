package main

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"parley/control/health"
	"parley/control/metrics"
	"parley/control/price"
	"parley/media/stream"
	"parley/providers"
)

// legKinds are all kinds of legs that calls may have, by whatever way they come or are placed: their series are there from the start.
var legKinds = []string{
	"twilio", "telnyx", "plivo", "signalwire", "vonage", "exotel", "genesys", "asterisk", stream.AudioSocketKind, "freeswitch", "sip", "webrtc", "whatsapp",
}

// newMetrics counts what happens on this server, from the start.
func newMetrics() *metrics.Metrics {
	return metrics.New(metrics.Options{Registry: prometheus.NewRegistry(), Legs: legKinds, Version: version()})
}

// scraped is what Prometheus is shown; where it asks for protocol buffers, native histograms too.
func scraped(m *metrics.Metrics, log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.Registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 4, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	})
}

// counted has vendors' uses counted, and remembered for a while.
func counted(m *metrics.Metrics, board *health.Board, prices *price.List) tally {
	used := func(u providers.Use) {
		m.Used(metrics.Use(u))
		dollars, known := prices.Cost(price.Use(u))
		m.Paid(u.Provider, u.Kind, dollars, known)
		remember(board, u)
	}
	return tally{used: used, fell: m.Fell, guarded: guarded(m), hedged: m.Hedged}
}

// guarded has what guards tell counted. Of the breakers those of the server's own accounts are shown: organisations have theirs.
func guarded(m *metrics.Metrics) func(provider, kind, news string, own bool) {
	return func(provider, kind, news string, own bool) {
		states := map[string]float64{providers.BreakerClosed: metrics.Closed, providers.BreakerOpened: metrics.Open, providers.BreakerTries: metrics.Trying}
		switch state, some := states[news]; {
		case some && own:
			m.Breaker(provider, kind, state)
		case news == providers.Broken, news == providers.Full:
			m.TurnedAway(provider, kind, news)
		case news == providers.Retried:
			m.Retried(provider, kind)
		}
	}
}

// remember has the board know how a vendor did. What goes on without news is no use yet.
func remember(board *health.Board, u providers.Use) {
	if u.Outcome == "" && u.First == 0 {
		return
	}
	failure := u.Outcome
	if failure == providers.OK || failure == providers.Cut {
		failure = ""
	}
	board.Used(health.Use{Provider: u.Provider, Kind: u.Kind, Failure: failure, First: u.First}, time.Now())
}

// expect has the series of the vendors that calls may use be there from the start, and people see them.
func (v *vendors) expect(m *metrics.Metrics, board *health.Board) {
	await := func(name, kind string) {
		m.Expect(name, kind, providers.Classes())
		board.Expect(name, kind)
	}
	await(v.hears, providers.STT)
	for _, name := range behind(v.hears, v.stand.set.STTFallback, v.listensBy) {
		await(name, providers.STT)
	}
	for name := range v.models {
		await(name, providers.LLM)
	}
	for name := range v.speakers {
		await(name, providers.TTS)
	}
}

// measure has Prometheus read what the server's parts count themselves.
func (s *server) measure() {
	s.vendors.expect(s.metrics, s.health)
	s.metrics.Line(metrics.Line{
		Accepting: s.accepting, Draining: s.draining.Load, Limit: s.cfg.MaxCalls,
		Sound: s.board.Sound, Streams: s.streams(),
	})
	o := s.office
	s.metrics.Office(metrics.Office{
		Records: o.records, Directory: o.directory, Desk: o.desk, Node: o.node, Bus: o.bus, Hooks: o.hooks, Dialer: o.dialer, Pools: o.store.Pools,
	})
}
