package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	mocks "parley/bench/vendors"
)

// TestBenchVendors: vendors that are run by hand behave as the flags say, until they are interrupted.
func TestBenchVendors(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, print := io.Pipe()
	ran := make(chan error, 1)
	unset := func(string) string { return "" }
	go func() {
		ran <- run(ctx, []string{"bench", "vendors", "--answer=Yes, indeed.", "--words=3", "--first-token=1ms..2ms", "--final=90ms/250ms"}, unset, nil, print, io.Discard)
	}()
	var at mocks.Addresses
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		t.Fatal(err)
	}
	body := strings.NewReader(`{"model":"any","stream":true,"messages":[{"role":"user","content":"Hello"}]}`)
	answer, err := http.Post(at.OpenAI+"/chat/completions", "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if err != nil || strings.Count(string(said), "Yes") != 2 || strings.Count(string(said), "indeed") != 1 {
		t.Errorf("the model said %s, %v; want three words", said, err)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
	for flag, want := range map[string]string{"--piece=1ms": "piece is 1ms", "--final=soon": `delay "soon"`, "--hangover=1h": "hangover is 1h"} {
		if err := run(t.Context(), []string{"bench", "vendors", flag}, unset, nil, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", flag, err, want)
		}
	}
}
