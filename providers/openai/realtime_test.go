package openai_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	"parley/providers/openai"
	"parley/providers/providertest"
)

func TestRealtimeConformance(t *testing.T) {
	t.Parallel()
	providertest.Conversant(t, providertest.LiveVendor{
		Start: providertest.StartRealtime, Edits: true,
		Open: func(baseURL string) pipeline.Conversant { return &openai.Realtime{BaseURL: baseURL, Key: "sk-secret"} },
	})
}

// Servers of before the API was generally available name their events otherwise.
func TestRealtimeConformanceBeta(t *testing.T) {
	t.Parallel()
	providertest.Conversant(t, providertest.LiveVendor{
		Start: func(t testing.TB, l *providertest.Live) string {
			l.Beta = true
			return providertest.StartRealtime(t, l)
		},
		Edits: true,
		Open:  func(baseURL string) pipeline.Conversant { return &openai.Realtime{BaseURL: baseURL, Key: "sk-secret"} },
	})
}

func TestRealtimeRefusesTheKey(t *testing.T) {
	t.Parallel()
	base := providertest.StartRealtime(t, &providertest.Live{Key: "sk-right"})
	_, err := (&openai.Realtime{BaseURL: base, Key: "sk-wrong"}).Converse(t.Context(), pipeline.Briefing{Rate: 8000})
	if err == nil || !strings.Contains(err.Error(), "invalid_api_key") || strings.Contains(err.Error(), "sk-wrong") {
		t.Errorf("error %v", err)
	}
}

// A server that does not answer is the connection's fault, not the caller's time running out.
func TestRealtimeDialLimit(t *testing.T) {
	t.Parallel()
	server, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	_, err = (&openai.Realtime{BaseURL: "http://" + server.Addr().String(), DialLimit: 50 * time.Millisecond}).Converse(t.Context(), pipeline.Briefing{Rate: 8000})
	if e, ok := errors.AsType[*openai.Error](err); !ok || !e.Retryable {
		t.Errorf("error %v, want a retryable *openai.Error", err)
	}
}

func TestRealtimeCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		r   openai.Realtime
		bad string
	}{
		{openai.Realtime{}, ""},
		{openai.Realtime{BaseURL: "wss://example.com/v1", Pace: 1.2}, ""},
		{openai.Realtime{BaseURL: "ftp://example.com"}, "BaseURL"},
		{openai.Realtime{Pace: 3}, "Pace"},
	} {
		if err := tt.r.Check(); (err == nil) != (tt.bad == "") || err != nil && !strings.Contains(err.Error(), tt.bad) {
			t.Errorf("%+v: %v, want %q", tt.r, err, tt.bad)
		}
	}
}
