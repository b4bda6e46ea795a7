package main

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// routes is everything that this server answers.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)

	s.twilio.Mount(mux) // POST /twilio/voice, GET /twilio/media, POST /twilio/status, POST /twilio/stream-status

	s.office.api.Mount(mux) // /api/v1/..., /openapi.json

	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	return s.tracedAPI(mux)
}

// home tells a person who opened the URL what this is.
func (s *server) home(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "Parley %s: a voice media gateway. Calls now: %d.\nTry: bin/parley call\n", version(), s.board.Live())
}

// healthz says that the process lives.
func (s *server) healthz(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "ok")
}

// readyz says whether new calls are welcome and, where they are not, why, in one of the reasons of admission.
func (s *server) readyz(w http.ResponseWriter, _ *http.Request) {
	if why := s.refusing(); why != "" {
		w.Header().Set("Retry-After", "5") // seconds: a brake that has been passed holds for longer
		http.Error(w, "not accepting calls: "+string(why), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
