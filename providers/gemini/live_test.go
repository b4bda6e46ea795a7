package gemini_test

import (
	"strings"
	"testing"
	"time"

	"parley/pipeline"
	"parley/providers/gemini"
	"parley/providers/providertest"
)

func TestLiveConformance(t *testing.T) {
	t.Parallel()
	providertest.Conversant(t, providertest.LiveVendor{
		Start: providertest.StartGeminiLive,
		Open:  func(baseURL string) pipeline.Conversant { return &gemini.Live{BaseURL: baseURL, Key: "g-secret"} },
	})
}

// Its key is in the address, and in no error.
func TestLiveHidesTheKey(t *testing.T) {
	t.Parallel()
	base := providertest.StartGeminiLive(t, &providertest.Live{Key: "g-right"})
	for _, to := range []string{base, "http://127.0.0.1:1"} {
		_, err := (&gemini.Live{BaseURL: to, Key: "g-wrong"}).Converse(t.Context(), pipeline.Briefing{Rate: 8000})
		if err == nil || strings.Contains(err.Error(), "g-wrong") {
			t.Errorf("error %v", err)
		}
	}
}

// A server that will end the session says so.
func TestLiveGoesAway(t *testing.T) {
	t.Parallel()
	base := providertest.StartGeminiLive(t, &providertest.Live{Lasts: 400 * time.Millisecond})
	s, err := (&gemini.Live{BaseURL: base, Key: "g"}).Converse(t.Context(), pipeline.Briefing{Rate: 8000})
	if err != nil {
		t.Fatal(err)
	}
	warned := false
	for o, err := range s.Outcomes() {
		if err != nil {
			break
		}
		warned = warned || o.Ends
	}
	if err := s.Close(); err != nil || !warned {
		t.Errorf("closed with %v, warned: %v", err, warned)
	}
}

func TestLiveCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		l   gemini.Live
		bad string
	}{
		{gemini.Live{}, ""},
		{gemini.Live{BaseURL: "https://example.com/v1beta", Model: "models/some"}, ""},
		{gemini.Live{BaseURL: "ftp://example.com"}, "BaseURL"},
		{gemini.Live{Model: "../x"}, "Model"},
	} {
		if err := tt.l.Check(); (err == nil) != (tt.bad == "") || err != nil && !strings.Contains(err.Error(), tt.bad) {
			t.Errorf("%+v: %v, want %q", tt.l, err, tt.bad)
		}
	}
}
