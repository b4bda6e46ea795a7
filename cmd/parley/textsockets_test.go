package main

import (
	"strings"
	"testing"

	"parley/bench/carrier"
)

// TestCallAsAnother: whoever calls in a carrier's place needs its secret, and is told which.
func TestCallAsAnother(t *testing.T) {
	t.Parallel()
	for kind, flag := range map[carrier.Kind]string{
		carrier.Plivo: "--plivo-auth-token", carrier.Exotel: "--exotel-stream-auth", carrier.SignalWire: "--signalwire-signing-key",
	} {
		c := callCmd{asAnother: asAnother{Carrier: string(kind)}}
		if _, err := c.call(); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s without a secret: %v, want %s named", kind, err, flag)
		}
		c.PlivoToken, c.ExotelAuth, c.SignalWireKey = "plivo", "exotel", "signalwire"
		if call, err := c.call(); err != nil || call.Kind != kind || call.AuthToken != string(kind) {
			t.Errorf("%s: %+v, %v", kind, call, err)
		}
	}
}
