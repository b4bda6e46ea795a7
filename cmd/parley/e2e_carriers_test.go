//go:build e2e

package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"strings"
	"testing"

	"parley/bench/carrier"
)

// TestEndToEndTelnyx has Telnyx bring a caller, whose recorded speech is heard and who interrupts; the call is recorded as others are.
func TestEndToEndTelnyx(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	n := serve(t, "TELNYX_PUBLIC_KEY="+base64.StdEncoding.EncodeToString(public))
	call := carrier.Call{URL: n.url + "/telnyx/voice", Kind: carrier.Telnyx, Key: private}
	r, err := call.Place(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	talked(t, "telnyx", r)
	row := n.record(r.CallSID)
	if row.Status != "completed" || row.Cause != "caller" {
		t.Errorf("the record: %+v", row)
	}
	_ = n.recordingOf(row)
	call.Key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	if _, err := call.Place(t.Context()); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a stranger's call: %v", err)
	}
}
