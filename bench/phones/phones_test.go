//go:build linux

package phones

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestAir: three phones talk to a server that sends each its own sound back, but drops one packet of ten.
func TestAir(t *testing.T) {
	t.Parallel()
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan map[netip.AddrPort]int)
	go func() {
		from, b := map[netip.AddrPort]int{}, make([]byte, 2048)
		defer func() { done <- from }()
		for {
			n, who, err := server.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			if from[who]++; from[who]%10 != 5 {
				_, _ = server.WriteToUDPAddrPort(b[:n], who)
			}
		}
	}()
	air, err := NewAir()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if n := air.Begin(server.LocalAddr().(*net.UDPAddr).AddrPort()); n != i {
			t.Fatalf("phone %d is number %d", i, n)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var tally Tally
	if err := air.Run(ctx, func(now time.Duration) *Tally {
		if now > 1200*time.Millisecond {
			stop()
		}
		if now < 100*time.Millisecond || now > 1100*time.Millisecond {
			return nil
		}
		return &tally
	}); err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	from := <-done
	if len(from) != 3 {
		t.Errorf("packets came from %v, want three phones", from)
	}
	for i := range 3 {
		if at := netip.AddrPortFrom(Address(i), air.Port()); from[at] < 50 {
			t.Errorf("phone %d has sent %d packets from %v", i, from[at], at)
		}
	}
	if tally.Sent < 100 || tally.Heard < tally.Sent/2 || tally.Lost < tally.Sent/20 || tally.Foreign > 0 || tally.Late.TotalCount() != tally.Heard {
		t.Errorf("tally %+v, late %d", tally, tally.Late.TotalCount())
	}
	if err := air.Close(); err != nil {
		t.Error(err)
	}
}

// TestAddress: every phone has an address of its own, and is found by it.
func TestAddress(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 255, 256, 70000} {
		if a := Address(n); number(a) != n || !a.IsLoopback() {
			t.Errorf("phone %d has %v, which is phone %d's", n, a, number(a))
		}
	}
}

// TestDesk: a call is made, acknowledged and hung up, from either side, with a server written by hand.
func TestDesk(t *testing.T) {
	t.Parallel()
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	d, err := Open(server.LocalAddr().(*net.UDPAddr).AddrPort())
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan string, 16)
	go answering(server, seen)
	read := make(chan error)
	go func() { read <- d.Run() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := d.Call(ctx, "+15550100002", netip.AddrPortFrom(Address(7), 4000))
	if err != nil || c.Sound != netip.MustParseAddrPort("127.0.0.1:5004") || c.Took <= 0 {
		t.Fatalf("call %+v: %v", c, err)
	}
	if err := d.Hangup(ctx, c); err != nil {
		t.Error(err)
	}
	if _, err := d.Call(ctx, "busy", netip.AddrPortFrom(Address(8), 4000)); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("a call to somebody busy: %v", err)
	}
	for _, want := range []string{"INVITE", "ACK", "BYE", "INVITE", "ACK"} {
		if got := <-seen; got != want {
			t.Errorf("the server saw %s, want %s", got, want)
		}
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := <-read; err != nil {
		t.Error(err)
	}
}

// answering is a server that rings and answers, but for "busy".
func answering(conn *net.UDPConn, seen chan<- string) {
	b := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		text := string(b[:n])
		method, _, _ := strings.Cut(text, " ")
		seen <- method
		if method == "ACK" {
			continue
		}
		body, say := "", func(status, body string) {
			_, _ = conn.WriteToUDPAddrPort(fmt.Appendf(nil, "SIP/2.0 %s\r\nVia: %s\r\nFrom: %s\r\nTo: %s;tag=1\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:%s>\r\nContent-Length: %d\r\n\r\n%s",
				status, Header(text, "via"), Header(text, "From"), Header(text, "To"), Header(text, "Call-ID"), Header(text, "CSeq"), conn.LocalAddr(), len(body), body), from)
		}
		switch {
		case strings.Contains(text, "sip:busy@"):
			say("486 Busy Here", "")
			continue
		case method == "INVITE":
			say("180 Ringing", "")
			body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 5004 RTP/AVP 0\r\n"
		}
		say("200 OK", body)
	}
}
