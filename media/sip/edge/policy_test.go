package edge

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// TestPolicy holds what an Edge decides by itself of requests that are well formed.
func TestPolicy(t *testing.T) {
	t.Parallel()
	e := New(Policy{
		Methods: []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS"}, Extensions: []string{"timer", "100rel"}, Options: true, Agent: "Parley",
		Dialog: func(id string) bool { return id == "known" },
		Screen: func(m *Message, from netip.AddrPort) *Refusal {
			switch m.Header("X-Screen") {
			case "401":
				return &Refusal{Status: 401, Headers: []string{"WWW-Authenticate: Digest realm=\"" + from.Addr().String() + "\""}}
			case "drop":
				return &Refusal{}
			}
			return nil
		},
	})
	for _, c := range []struct {
		name, method, id, toTag, headers string
		status                           int // 0: it passes; -1: it is dropped
		says                             string
	}{
		{"a call", "INVITE", "c", "", "", 0, ""},
		{"a ping", "OPTIONS", "c", "", "", 200, "Supported: timer, 100rel"},
		{"a ping within a dialog", "OPTIONS", "known", ";tag=x", "", 0, ""},
		{"a method that nobody handles, whose body nobody looks at", "MESSAGE", "c", "", "Content-Type: multipart/mixed;boundary=\r\n", 405, "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS"},
		{"a dialog that is not ours", "BYE", "c", ";tag=x", "", 481, "Server: Parley"},
		{"a dialog that is", "BYE", "known", ";tag=x", "", 0, ""},
		{"CANCEL, whose dialog is none yet", "CANCEL", "c", ";tag=x", "", 0, ""},
		{"what we know", "INVITE", "c", "", "Require: 100rel, timer\r\n", 0, ""},
		{"what we do not know", "INVITE", "c", "", "Require: 100rel\r\nRequire: path,gruu\r\n", 420, "Unsupported: path, gruu"},
		{"an answer that we do not speak", "INVITE", "c", "", "Accept: text/plain\r\n", 406, ""},
		{"one of several", "INVITE", "c", "", "Accept: text/plain, application/*;q=0.1\r\n", 0, ""},
		{"screened", "INVITE", "c", "", "X-Screen: 401\r\n", 401, "WWW-Authenticate: Digest realm=\"192.0.2.7\""},
		{"hidden", "INVITE", "c", "", "X-Screen: drop\r\n", -1, ""},
		{"ACK of an answer of ours", "ACK", "c", ";tag=" + e.tag([]byte("c")), "", -1, ""},
		{"another ACK", "ACK", "c", ";tag=x", "", 0, ""},
	} {
		var m Message
		_, err := m.Parse(fmt.Appendf(nil, "%s sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5070;rport;received=1.2.3.4;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:bob@example.com>%s\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n%sContent-Length: 0\r\n\r\n",
			c.method, c.toTag, c.id, c.method, c.headers))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		reply, pass := e.admit(&m, nil, somebody)
		status := statusOf(string(reply))
		if !pass && reply == nil {
			status = -1
		}
		if status != c.status || pass != (c.status == 0) || !strings.Contains(string(reply), c.says) {
			t.Errorf("%s: %d, passes %v, want %d with %q:\n%s", c.name, status, pass, c.status, c.says, reply)
		}
		if reply != nil {
			var back Message
			if _, err := back.Parse([]byte(string(reply))); err != nil || !strings.Contains(string(reply), ";rport=5062;branch=z9hG4bKx;received=192.0.2.7\r\n") || strings.Contains(string(reply), "1.2.3.4") {
				t.Errorf("%s is answered %v:\n%s", c.name, err, reply)
			}
		}
	}
}

// TestLimits holds that one source and all sources together are bounded, and that who is trusted is not.
func TestLimits(t *testing.T) {
	t.Parallel()
	trusted := netip.MustParseAddr("203.0.113.5")
	e := New(Policy{Methods: []string{"INVITE"}, Source: Rate{PerSecond: 0.001, Burst: 10}, All: Rate{PerSecond: 0.001, Burst: 25}, Trusted: func(a netip.Addr) bool { return a == trusted }})
	p := e.Packets(discard{})
	buf := make([]byte, 4096)
	pass := func(from netip.Addr, n int) (passed int) {
		raw := fmt.Appendf(nil, "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n")
		for range n {
			if _, ok := p.receive(buf, copy(buf, raw), netip.AddrPortFrom(from, 5060)); ok {
				passed++
			}
		}
		return passed
	}
	for i, want := range []int{10, 10, 5, 0} {
		if got := pass(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 100); got != want {
			t.Errorf("source %d: %d passed, want %d", i, got, want)
		}
	}
	if got := pass(trusted, 100); got != 100 {
		t.Errorf("of the trusted %d passed", got)
	}
	if s := e.Stats(); s.Limited != 375 || s.Passed != 125 {
		t.Errorf("%+v", s)
	}
}
