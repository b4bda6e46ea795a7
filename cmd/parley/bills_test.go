package main

import (
	"context"
	"iter"
	"testing"

	"parley/control/price"
	"parley/pipeline"
	"parley/providers"
)

// TestElsewhere: a vendor's own servers have its prices, other hosts their own.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	c, err := parseServe(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range table {
		if e.account == nil {
			continue
		}
		if got := elsewhere(e.name, *e.account(&c).base); got != "" {
			t.Errorf("%s's own server is %s's", e.name, got)
		}
	}
	for _, tc := range []struct{ vendor, base, want string }{
		{"openai", "https://api.groq.com/openai/v1", "api.groq.com"},
		{"openai", "http://localhost:11434/v1", "localhost"},
		{"openai", "http://127.0.0.1:8000/v1", "localhost"},
		{"openai", "http://10.0.0.7:8000/v1", "10.0.0.7"},
		{"elevenlabs", "https://api.us.elevenlabs.io", ""},
		{"deepgram", "wss://api.eu.deepgram.com", ""},
		{"deepgram", "wss://stt.example.com", "stt.example.com"},
		{"vosk", "ws://stt.example.com:2700", ""},
	} {
		if got := elsewhere(tc.vendor, tc.base); got != tc.want {
			t.Errorf("%s at %s is %q, want %q", tc.vendor, tc.base, got, tc.want)
		}
	}
}

// TestBills: a call's uses stand on its own bill, and it is settled once.
func TestBills(t *testing.T) {
	t.Parallel()
	prices, err := price.Load("")
	if err != nil {
		t.Fatal(err)
	}
	b := bills{prices: prices}
	first, second := b.begin(t.Context()), b.begin(t.Context())
	b.name(first, "one")
	b.name(second, "two")
	b.name(t.Context(), "none")
	m := providers.Meter{Provider: "local", Model: "tiny", Told: func(providers.Use) {}}
	talk := m.Synthesizer(silentVoice{})
	words := func(yield func(string, error) bool) { yield("Hello.", nil) }
	for _, err := range talk.Speak(first, words, pipeline.Voice{Rate: narrowband}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if c := b.settle("one"); c == nil || len(c.Lines) != 1 || c.Lines[0].Characters != 6 || c.Lines[0].Model != "tiny" {
		t.Errorf("the first call's is %+v", c)
	}
	if c := b.settle("one"); c != nil {
		t.Errorf("it is settled twice: %+v", c)
	}
	for _, call := range []string{"two", "none", "nobody"} {
		if c := b.settle(call); c != nil {
			t.Errorf("%s costs %+v", call, c)
		}
	}
}

// A silentVoice reads, and says nothing.
type silentVoice struct{}

// Speak implements pipeline.Synthesizer.
func (silentVoice) Speak(_ context.Context, text iter.Seq2[string, error], _ pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		for range text {
		}
		yield(pipeline.Speech{PCM: make([]int16, 160)}, nil)
	}
}
