package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"

	"parley/bench/floor"
)

// TestRun has the JSON floor listen, count, and end with its input.
func TestRun(t *testing.T) {
	t.Parallel()
	stdin, tell := io.Pipe()
	hear, stdout := io.Pipe()
	ran := make(chan error, 1)
	go func() { ran <- run(t.Context(), []string{"-serve", "json"}, stdin, stdout, io.Discard) }()
	lines := json.NewDecoder(hear)
	var ready struct{ Addresses []string }
	if err := lines.Decode(&ready); err != nil || len(ready.Addresses) != 1 {
		t.Fatalf("ready: %v, %v", ready, err)
	}
	io.WriteString(tell, "\n")
	var counts floor.Counts
	if err := lines.Decode(&counts); err != nil || counts.Mallocs == 0 {
		t.Errorf("counts: %+v, %v", counts, err)
	}
	tell.Close()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]string{
		"":                                      `-serve "": want one of own, usual`,
		"-serve theirs":                         `-serve "theirs": want one of own, usual`,
		"-serve own-whole":                      "-deepgram is missing",
		"-serve own-whole -deepgram http://x:1": `Listen is "http://x:1/v1/listen`,
		"-serve opus -rate 7":                   "rate is 7: want 8000",
		"-serve json -addr 256.0.0.1:x":         "listen: ",
		"-serve rtp -addr 256.0.0.1:x":          "address: ",
	} {
		stdin, tell := io.Pipe()
		defer tell.Close()
		if err := run(t.Context(), strings.Fields(flags), stdin, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", flags, err, want)
		}
	}
}
