package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPairs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]map[string]string{
		"":          {},
		" ":         {},
		"api-key=k": {"api-key": "k"},
		"a=1, b = 2%2C3 ,Authorization=Bearer%20x=": {"a": "1", "b": "2,3", "Authorization": "Bearer x="},
		"a=": {"a": ""},
	} {
		got, err := pairs(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
	for _, text := range []string{"secret", "a=1,secret", "=secret", "a=%zzsecret", "a=1,,b=2"} {
		if _, err := pairs(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v: want an error that shows no value", text, err)
		}
	}
}

// TestTracesRefused: each setting that is wrong is named, with no secret of it.
func TestTracesRefused(t *testing.T) {
	t.Parallel()
	c, err := parseServe(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "user:secret@collector:4318", "OTEL_EXPORTER_OTLP_HEADERS": "secret", "OTEL_RESOURCE_ATTRIBUTES": "secret",
		"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2",
	})
	if err != nil {
		t.Fatal(err)
	}
	err = c.check()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER_ARG"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%q does not name %s", err, name)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%q shows a secret", err)
	}
	if _, err := parseServe(t, map[string]string{"OTEL_TRACES_SAMPLER": "some"}); err == nil || !strings.Contains(err.Error(), "OTEL_TRACES_SAMPLER") {
		t.Errorf("an unknown sampler: %v", err)
	}
}
