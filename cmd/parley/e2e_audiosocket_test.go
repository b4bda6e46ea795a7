//go:build e2e

package main

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
)

// bargingScript is a caller who presses a key, and talks over the answer.
const bargingScript = "silent 3s\npress 3\nbarge one-moment-please after=600ms\nhear\nhangup"

// TestEndToEndAudioSocket has an Asterisk connect a caller, who interrupts; the call is recorded as others are, and who has no key has none.
func TestEndToEndAudioSocket(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_AUDIOSOCKET=127.0.0.1:0")
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
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
	row := n.record(r.CallSID)
	interrupted(t, r, row)
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

// interrupted says that the caller of bargingScript was heard: the key, and the voice, for which the agent fell silent.
func interrupted(t *testing.T, r *carrier.Result, row callRow) {
	t.Helper()
	var pressed, bargedIn bool
	for _, turn := range row.Turns {
		pressed = pressed || turn.Why == "keys" && turn.Said == "3"
	}
	for _, turn := range r.Turns {
		if turn.BargedIn {
			bargedIn = true
			t.Logf("the agent was silent %v after the caller's voice began", turn.Hushed)
			if turn.Hushed > carrier.Millis(4*time.Second) {
				t.Errorf("the agent spoke on for %v", turn.Hushed)
			}
		}
	}
	if !pressed || !bargedIn {
		t.Errorf("the caller's turns: %+v, in the record: %+v", r.Turns, row.Turns)
	}
}

// TestEndToEndGenesys has Genesys connect a caller, who interrupts; the call is recorded as others are, and who has not the secret has none.
func TestEndToEndGenesys(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString([]byte("a secret of the integration's"))
	n := serve(t, "GENESYS_API_KEY=a-key", "GENESYS_CLIENT_SECRET="+secret)
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	script, err := carrier.ParseScript("steps", bargingScript)
	if err != nil {
		t.Fatal(err)
	}
	call := carrier.Call{URL: n.url + "/genesys/audiohook", Kind: carrier.Genesys, APIKey: "a-key", AuthToken: secret, Script: script}
	r, err := call.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	row := n.record(r.CallSID)
	interrupted(t, r, row)
	if row.Status != "completed" || row.Cause != "caller" || r.Frames.Clears == 0 {
		t.Errorf("the record: %+v; on the socket: %+v", row, r.Frames)
	}
	_ = n.recordingOf(row)
	call.AuthToken = base64.StdEncoding.EncodeToString([]byte("another secret, of nobody's"))
	if _, err := call.Place(t.Context()); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a stranger's call: %v", err)
	}
}
