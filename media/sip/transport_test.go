package sip

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"parley/media"
	"parley/media/sip/sdp"
)

// TestTransports: two user agents call one another over each transport, IPv4 and IPv6, hear each other, and part; over TLS, sound is secured.
func TestTransports(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	roots := x509.NewCertPool()
	roots.AddCert(web.Certificate())
	for _, transport := range []string{"udp", "tcp", "tls"} {
		for _, home := range []string{"127.0.0.1", "::1"} {
			t.Run(transport+" "+home, func(t *testing.T) {
				t.Parallel()
				at := netip.AddrPortFrom(netip.MustParseAddr(home), 0)
				both := func(o *Options) {
					o.Listen = []Listener{{transport, at}}
					o.Open = []netip.Prefix{netip.PrefixFrom(at.Addr(), at.Addr().BitLen())}
					o.TLS = &tls.Config{Certificates: web.TLS.Certificates}
					o.Roots, o.SRTP, o.Ports = &tls.Config{RootCAs: roots}, sdp.Allow, portsAt(t, at.Addr())
				}
				a, b := newAgent(t, both), newAgent(t, both)
				o := Order{Trunk: Trunk{Host: home, Port: int(b.Addresses()[0].Port()), Transport: transport, Outbound: true}, From: "alice", To: number}
				if _, err := a.Place(o); err != nil {
					t.Fatal(err)
				}
				near, far := a.take(t), b.take(t)
				if secured := strings.Contains(far.voice.session.String(), "AES"); secured != (transport == "tls") {
					t.Errorf("sound goes by %s", far.voice.session)
				}
				hears(t, near, far)
				hears(t, far, near)
				_ = near.Hangup(media.CauseAgent)
				if err := ending(t, far); !errors.Is(err, io.EOF) {
					t.Errorf("Receive ended with %v", err)
				}
			})
		}
	}
}

// hears says something at one end until it is heard at the other.
func hears(t *testing.T, mouth, ear *Leg) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	loud := make([]int16, mouth.Info().Rate/50)
	for i := range loud {
		loud[i] = int16(8000 * (1 - 2*(i/10%2)))
	}
	for ctx.Err() == nil {
		if err := mouth.Send(media.Frame{PCM: loud, Rate: mouth.Info().Rate}); err != nil {
			t.Fatal(err)
		}
		p, err := ear.Receive()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range p.Frame.PCM {
			if s > 2000 {
				return
			}
		}
	}
	t.Error("nothing is heard")
}

// TestConnectionGone: whose connection has ended is told BYE over another, where it says that it is; but at no other address than its own.
func TestConnectionGone(t *testing.T) {
	t.Parallel()
	a := newAgent(t, nil)
	at, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer at.Close()
	for _, host := range []string{"127.0.0.1", "127.0.0.2"} {
		c, err := net.Dial("tcp4", a.Addresses()[1].String())
		if err != nil {
			t.Fatal(err)
		}
		p := newPhone(t, a.udp())
		p.alone = true
		contact := fmt.Sprintf("Contact: <sip:1@%s:%d;transport=tcp>", host, at.Addr().(*net.TCPAddr).Port)
		over := func(text string) {
			if _, err := io.WriteString(c, strings.ReplaceAll(text, "SIP/2.0/UDP", "SIP/2.0/TCP")); err != nil {
				t.Fatal(err)
			}
		}
		over(p.request("INVITE", number, described(40000), contact))
		in := bufio.NewReader(c)
		_ = c.SetDeadline(time.Now().Add(patience))
		for status := 0; status != 200; {
			res := messageOver(t, in).(*gosip.Response)
			status = res.StatusCode
			p.peer, _ = res.To().Params.Get("tag")
		}
		over(p.request("ACK", number, ""))
		l := a.take(t)
		within(t, l.acked, "ACK")
		_ = c.Close()
		for there := true; there; runtime.Gosched() {
			is, err := a.ua.TransportLayer().GetConnection("TCP", c.LocalAddr().String())
			if there = err == nil; there {
				is.Ref(-1)
			}
		}
		_ = l.Hangup(media.CauseAgent)
		if host != "127.0.0.1" {
			within(t, a.ends, "end")
			_ = at.SetDeadline(time.Now())
			if _, err := at.Accept(); err == nil {
				t.Error("a connection comes to where nobody has called from")
			}
			continue
		}
		_ = at.SetDeadline(time.Now().Add(patience))
		again, err := at.Accept()
		if err != nil {
			t.Fatalf("no connection comes: %v", err)
		}
		answerOver(t, again, overStream(t, bufio.NewReader(again), "BYE"), 200)
		within(t, a.ends, "end")
		_ = again.Close()
	}
}
