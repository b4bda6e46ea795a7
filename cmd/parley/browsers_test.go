package main

import (
	"errors"
	"strings"
	"testing"
)

// TestBrowsersSettings names what is wrong with how pages are to call.
func TestBrowsersSettings(t *testing.T) {
	t.Parallel()
	for want, b := range map[string]browsers{
		"": {TURN: ":3478", TURNTLS: ":443", TURNTLSCert: "cert.pem", TURNTLSKey: "key.pem"},
		"--turn-tls-cert and --turn-tls-key are not":     {TURNTLS: ":443", TURNTLSCert: "cert.pem"},
		"--webrtc-udp is off":                            {TURNTLS: ":443", TURNTLSCert: "cert.pem", TURNTLSKey: "key.pem", WebRTCUDP: noBrowsers},
		`--turn-tls is "443": want host:port`:            {TURNTLS: "443", TURNTLSCert: "cert.pem", TURNTLSKey: "key.pem"},
		`--webrtc-addresses has "here": want IP address`: {WebRTCAddresses: []string{"here"}},
	} {
		got := ""
		if err := errors.Join(b.check()...); err != nil {
			got = err.Error()
		}
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%+v: %q, want %q", b, got, want)
		}
	}
	if _, err := (&browsers{TURNTLS: ":443", TURNTLSCert: "/none/cert.pem", TURNTLSKey: "/none/key.pem"}).turnCertificate(); err == nil || !strings.Contains(err.Error(), "--turn-tls-cert") {
		t.Errorf("a certificate that is not there: %v", err)
	}
}
