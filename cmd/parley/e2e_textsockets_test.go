//go:build e2e

package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
)

// socketCall is the talk that callers have by the sockets of carriers: an interruption by recorded speech, and a key.
const socketCall = `barge one-moment-please after=1s within=60s
hear within=60s
press 3
silent 2s
hangup`

// TestEndToEndTextSockets has carriers whose streams are JSON bring a caller each to one server, whose recorded speech is heard and who
// interrupts; the calls are recorded as others are, and strangers' are refused.
func TestEndToEndTextSockets(t *testing.T) {
	t.Parallel()
	const token, auth, key = "MA0TESTTOKEN00000001", "applet:made up by us, not Exotel", "PSK_of_the_project"
	// Recogniser, model and voice are another process' that costs next to nothing: what is tried is the way to them.
	n := serve(t, append(mockVendors(t), "PARLEY_EAR=energy", "PLIVO_AUTH_TOKEN="+token, "EXOTEL_STREAM_AUTH="+auth, "SIGNALWIRE_SIGNING_KEY="+key)...)
	script, err := carrier.ParseScript("call", socketCall)
	if err != nil {
		t.Fatal(err)
	}
	calls := []carrier.Call{
		{Kind: carrier.Plivo, URL: n.url + "/plivo/voice", StatusCallback: n.url + "/plivo/hangup", AuthToken: token},
		{Kind: carrier.Exotel, URL: n.url + "/exotel/voice?sample-rate=8000", AuthToken: auth},
		{Kind: carrier.SignalWire, URL: n.url + "/signalwire/voice", AuthToken: key},
	}
	results, errs := make([]*carrier.Result, len(calls)), make([]error, len(calls))
	var placed sync.WaitGroup
	for i, call := range calls { // all at once: they are long
		call.Script = script
		placed.Go(func() { results[i], errs[i] = call.Place(t.Context()) })
	}
	placed.Wait()
	for i, call := range calls {
		name := call.URL
		if errs[i] != nil {
			t.Errorf("%s: %v", name, errs[i])
			continue
		}
		talked(t, name, results[i])
		row := n.record(results[i].CallSID)
		if row.Status != "completed" || row.Cause != "caller" {
			t.Errorf("%s: the record: %+v", name, row)
		}
		_ = n.recordingOf(row)
		call.AuthToken = "another's:another"
		if _, err := call.Place(t.Context()); err == nil || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: a stranger's call: %v", name, err)
		}
	}
}

// talked says that a caller was heard: a key was answered, and speech interrupted the agent.
func talked(t *testing.T, name string, r *carrier.Result) {
	t.Helper()
	if r.Frames.BadMessages > 0 || r.Frames.Clears == 0 || r.Frames.Marks == 0 || len(r.Warnings) > 0 {
		t.Errorf("%s: on the socket: %+v %v", name, r.Frames, r.Warnings)
	}
	var pressed, bargedIn bool
	for _, turn := range r.Turns {
		pressed = pressed || strings.HasPrefix(turn.Step, "press") && turn.Answered
		if turn.BargedIn {
			bargedIn = true
			// When it is interrupted is the recogniser's affair: here, that it is, and that nothing sounds from then on.
			t.Logf("%s: the agent was silent %v after the caller's voice began, its clear came after %v", name, turn.Hushed, turn.Cleared)
			if turn.Cleared == 0 || turn.Hushed > turn.Cleared+carrier.Millis(20*time.Millisecond) {
				t.Errorf("%s: the agent spoke on for %v, its clear came after %v", name, turn.Hushed, turn.Cleared)
			}
		}
	}
	if !pressed || !bargedIn {
		t.Errorf("%s: turns: %+v", name, r.Turns)
	}
}
