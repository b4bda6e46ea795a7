package main

import (
	"fmt"
	"net/http"
	"strings"

	"parley/control"
)

// routes is everything that this server answers.
func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)

	for _, d := range s.doors {
		d.hooks.Mount(mux) // POST /twilio/voice, GET /twilio/media, POST /twilio/status, POST /twilio/stream-status; POST /telnyx/voice, GET /telnyx/media; GET and POST /vonage/answer and /vonage/event, GET /vonage/media; POST /plivo/voice, GET /plivo/media, POST /plivo/status, /plivo/hangup and /plivo/lead; GET /exotel/voice, GET /exotel/media, POST /exotel/status; POST /signalwire/voice, GET /signalwire/media, POST /signalwire/status and /signalwire/lead; GET /asterisk/media, GET /freeswitch/media
	}

	if s.browsers != nil {
		s.browsers.Mount(mux) // POST /webrtc/whip, PATCH and DELETE /webrtc/whip/{call}
	}

	s.office.inbox.Mount(mux) // GET and POST /whatsapp/meta/{bot}, POST /whatsapp/twilio/{bot}

	s.office.api.Mount(mux) // /api/v1/..., /openapi.json, /console/

	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.Handle("GET /metrics", scraped(s.metrics, s.log))
	return s.tracedAPI(mux)
}

// home leads a browser to the console, and tells anybody else what this is.
func (s *server) home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Redirect(w, r, control.Home, http.StatusSeeOther)
		return
	}
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
