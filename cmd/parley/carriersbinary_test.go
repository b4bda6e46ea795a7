package main

import (
	"errors"
	"strings"
	"testing"

	"parley/bench/carrier"
)

// TestBinarySocketsCheck refuses secrets that could be guessed.
func TestBinarySocketsCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  binarySockets
		want []string
	}{
		"none":  {binarySockets{}, nil},
		"long":  {binarySockets{AsteriskPassword: strings.Repeat("x", 16), FreeSWITCHToken: strings.Repeat("x", 16)}, nil},
		"short": {binarySockets{AsteriskPassword: "x", FreeSWITCHToken: "xy"}, []string{"--asterisk-password has 1 ", "--freeswitch-token has 2 "}},
	} {
		bad := errors.Join(c.set.check()...)
		if (bad == nil) != (c.want == nil) {
			t.Errorf("%s: %v", name, bad)
		}
		for _, want := range c.want {
			if !strings.Contains(bad.Error(), want) {
				t.Errorf("%s: %v, want %s", name, bad, want)
			}
		}
	}
}

// TestCallNeedsSecret: parley call says which secret of a carrier is missing.
func TestCallNeedsSecret(t *testing.T) {
	t.Parallel()
	for kind, want := range map[carrier.Kind][2]string{
		carrier.Vonage: {"--vonage-signature-secret", "v"}, carrier.Asterisk: {"--asterisk-password", "a"}, carrier.FreeSWITCH: {"--freeswitch-token", "s"},
	} {
		c := callCmd{asAnother: asAnother{Carrier: string(kind)}}
		if _, err := c.call(); err == nil || !strings.Contains(err.Error(), want[0]+" is missing") {
			t.Errorf("%s: %v", kind, err)
		}
		c.VonageKey, c.Asterisk, c.Switch = "v", "a", "s"
		call, err := c.call()
		if err != nil || call.Kind != kind || call.AuthToken != want[1] {
			t.Errorf("%s: %+v (%v)", kind, call, err)
		}
	}
}
