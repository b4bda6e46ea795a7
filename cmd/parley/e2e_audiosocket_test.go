//go:build e2e

package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
)

// bargingScript is a caller who presses a key, and talks over the answer.
const bargingScript = "hear\npress 3\nbarge one-moment-please after=2s\nhear\nhangup"

// TestEndToEndAudioSocket has an Asterisk connect a caller, who interrupts; the call is recorded as others are, and who has no key has none.
func TestEndToEndAudioSocket(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_AUDIOSOCKET=127.0.0.1:0")
	at := n.told(`Calls by AudioSocket: (\S+)\.`)
	script, err := carrier.ParseScript("steps", bargingScript)
	if err != nil {
		t.Fatal(err)
	}
	call := carrier.Call{URL: n.url + "/audiosocket/calls", Kind: carrier.AudioSocket, AuthToken: testKey, Socket: at, Script: script}
	r, err := call.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n.checkInterrupted(t, r)
	row := n.record(r.CallSID)
	if row.Status != "completed" || row.Cause != "caller" {
		t.Errorf("the record: %+v", row)
	}
	_ = n.recordingOf(row)
	call.AuthToken = "va_" + strings.Repeat("x", 40)
	if _, err := call.Place(t.Context()); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a stranger's call: %v", err)
	}
}

// told is what the server has said of itself, once it has.
func (n *node) told(pattern string) (found string) {
	n.t.Helper()
	until(n.t, time.Minute, "it says "+pattern, func() bool {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(n.out.String()); m != nil {
			found = m[1]
		}
		return found != ""
	})
	return found
}

// checkInterrupted says that a key was answered, and that the agent fell silent when the caller spoke.
func (n *node) checkInterrupted(t *testing.T, r *carrier.Result) {
	t.Helper()
	var pressed, bargedIn bool
	for _, turn := range r.Turns {
		pressed = pressed || strings.HasPrefix(turn.Step, "press") && turn.Answered
		if turn.BargedIn {
			bargedIn = true
			t.Logf("the agent was silent %v after the caller's voice began", turn.Hushed)
			if turn.Hushed > carrier.Millis(2*time.Second) {
				t.Errorf("the agent spoke on for %v", turn.Hushed)
			}
		}
	}
	if !pressed || !bargedIn {
		t.Errorf("turns: %+v", r.Turns)
	}
}
