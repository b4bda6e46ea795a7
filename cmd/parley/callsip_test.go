package main

import (
	"strings"
	"testing"
)

// TestBySIP: an address of SIP says whom to call and how; one that makes no sense is told, by the name of its flag.
func TestBySIP(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]struct {
		host, transport, to string
		port                int
	}{
		"sip:+15550100002@127.0.0.1:5060":       {"127.0.0.1", "udp", "+15550100002", 5060},
		"sip:100@pbx.example.com;transport=TCP": {"pbx.example.com", "tcp", "100", 0},
		"sip:100@[::1]:5061;transport=tls":      {"::1", "tls", "100", 5061},
	} {
		o, err := (&bySIP{SIP: uri}).order("+15550100001")
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if got := o.Trunk; got.Host != want.host || got.Transport != want.transport || got.Port != want.port || o.To != want.to {
			t.Errorf("%s: %s over %s to %s:%d", uri, o.To, got.Transport, got.Host, got.Port)
		}
	}
	for flag, o := range map[string]bySIP{
		"--sip is":       {SIP: "http://example.com"},
		"--sip is \"sip": {SIP: "sip:example.com"},
		"transport":      {SIP: "sip:1@example.com;transport=sctp"},
		"--sip-password": {SIP: "sip:1@example.com", SIPUser: "anna"},
	} {
		if _, err := o.order("1"); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%+v: %v, want %q in it", o, err, flag)
		}
	}
}
