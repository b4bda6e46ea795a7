//go:build e2e

package main

import (
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
)

// socketCall is the talk that callers have by the sockets of carriers: recorded speech, a key, and an interruption.
const socketCall = `hear
press 3
barge one-moment-please after=2s
hear
hangup`

// TestEndToEndTextSockets has carriers whose streams are JSON bring a caller each to one server, whose recorded speech is heard and who
// interrupts; the calls are recorded as others are, and strangers' are refused.
func TestEndToEndTextSockets(t *testing.T) {
	t.Parallel()
	const token, auth, key = "MA0TESTTOKEN00000001", "applet:made up by us, not Exotel", "PSK_of_the_project"
	n := serve(t, "PLIVO_AUTH_TOKEN="+token, "EXOTEL_STREAM_AUTH="+auth, "SIGNALWIRE_SIGNING_KEY="+key)
	script, err := carrier.ParseScript("call", socketCall)
	if err != nil {
		t.Fatal(err)
	}
	socket := strings.Replace(n.url, "http", "ws", 1)
	for name, call := range map[string]carrier.Call{
		"plivo":        {Kind: carrier.Plivo, URL: n.url + "/plivo/voice", StatusCallback: n.url + "/plivo/hangup", AuthToken: token},
		"exotel":       {Kind: carrier.Exotel, URL: socket + "/exotel/media?sample-rate=8000", AuthToken: auth},
		"exotel, page": {Kind: carrier.Exotel, URL: n.url + "/exotel/voice?sample-rate=8000", AuthToken: auth},
		"signalwire":   {Kind: carrier.SignalWire, URL: n.url + "/signalwire/voice", AuthToken: key},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call.Script = script
			r, err := call.Place(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.Frames.BadMessages > 0 || r.Frames.Clears == 0 || r.Frames.Marks == 0 || len(r.Warnings) > 0 {
				t.Errorf("on the socket: %+v %v", r.Frames, r.Warnings)
			}
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
			row := n.record(r.CallSID)
			if row.Status != "completed" || row.Cause != "caller" {
				t.Errorf("the record: %+v", row)
			}
			_ = n.recordingOf(row)
			call.AuthToken = "another's:another"
			if _, err := call.Place(t.Context()); err == nil || !strings.Contains(err.Error(), "403") {
				t.Errorf("a stranger's call: %v", err)
			}
		})
	}
}
