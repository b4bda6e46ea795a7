package control_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/control"
	"parley/control/health"
)

// TestProviders reads how vendors do.
func TestProviders(t *testing.T) {
	t.Parallel()
	board := &health.Board{}
	board.Expect("local", "tts")
	board.Used(health.Use{Provider: "deepgram", Kind: "stt", First: 180 * time.Millisecond}, time.Now())
	board.Used(health.Use{Provider: "openai", Kind: "llm", Failure: "overloaded"}, time.Now())
	w := newWorld(t, func(o *control.Options) { o.Health = board })
	got := string(w.want(w.ask(w.ours.key, "GET", "/api/v1/providers?limit=2", ""), http.StatusOK).body)
	for _, want := range []string{
		`{"name":"deepgram","kind":"stt","state":"works","failed_percent":0,"first_p50_ms":180,"first_p95_ms":180,"last_failure":null,"last_failure_at":null}`,
		`{"name":"openai","kind":"llm","state":"fails","failed_percent":100,"first_p50_ms":null,"first_p95_ms":null,"last_failure":"overloaded","last_failure_at":"`,
		`"total":3,"limit":2,"offset":0`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	got = string(w.want(w.ask(w.ours.key, "GET", "/api/v1/providers?offset=2", ""), http.StatusOK).body)
	if !strings.Contains(got, `"name":"local","kind":"tts","state":"idle"`) || strings.Contains(got, "deepgram") {
		t.Errorf("got %s, want the local voice alone, idle", got)
	}
}
