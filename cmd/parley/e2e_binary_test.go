//go:build e2e

package main

import (
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
)

// TestEndToEndBinarySockets has carriers whose sound is binary frames bring a caller, whose recorded speech is heard and who interrupts; the
// calls are recorded as others are. A stranger is not answered.
func TestEndToEndBinarySockets(t *testing.T) {
	t.Parallel()
	script, err := carrier.ParseScript("script", "hear within=60s\npress 3\nhear within=60s\nsay queue-callswaiting\nbarge one-moment-please after=1s within=60s\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	n := serve(t, "PARLEY_FLOW="+mustAbs(t, "testdata/listener.yaml"), "PARLEY_WORDS_WAIT=1m", "PARLEY_SILENCE=1m",
		"VONAGE_SIGNATURE_SECRET="+testToken, "VONAGE_RATE=16000", "PARLEY_ASTERISK_PASSWORD="+testToken, "PARLEY_FREESWITCH_TOKEN="+testToken)
	for _, c := range []struct {
		kind    carrier.Kind
		path    string
		marks   bool   // the carrier tells what it has played, and forgets it when it is told to
		refused string // what a stranger sees
	}{
		{carrier.Vonage, "/vonage/answer", true, "403"},
		{carrier.Asterisk, "/asterisk/media", true, "401"},
		{carrier.FreeSWITCH, "/freeswitch/media", false, "403"},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			n := *n // its errors are this test's
			n.t = t
			call := carrier.Call{URL: n.url + c.path, Kind: c.kind, AuthToken: testToken, Script: script}
			r, err := call.Place(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.Frames.BadMessages > 0 || (r.Frames.Clears > 0) != c.marks || (r.Frames.Marks > 0) != c.marks || len(r.Warnings) > 0 {
				t.Errorf("on the socket: %+v %q", r.Frames, r.Warnings)
			}
			var pressed, bargedIn bool
			for _, turn := range r.Turns {
				pressed = pressed || strings.HasPrefix(turn.Step, "press") && turn.Answered
				if turn.BargedIn {
					bargedIn = true
					t.Logf("the agent was silent %v after the caller's voice began", turn.Hushed)
					if turn.Hushed > carrier.Millis(5*time.Second) {
						t.Errorf("the agent spoke on for %v", turn.Hushed)
					}
				}
			}
			if !pressed || !bargedIn {
				t.Errorf("turns: %+v", r.Turns)
			}
			row := n.record(r.CallSID)
			if row.Status != "completed" || row.Cause != "caller" || row.From != "+15550100001" || row.To != "+15550100002" {
				t.Errorf("the record: %+v", row)
			}
			if row.text("user") == "" {
				t.Errorf("nothing of the caller's words is in the record: %+v", row.Transcript)
			}
			_ = n.recordingOf(row)
			call.AuthToken = "a stranger's"
			if _, err := call.Place(t.Context()); err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("a stranger's call: %v", err)
			}
		})
	}
}
