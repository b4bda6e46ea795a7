package sip

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"

	"parley/media"
	"parley/media/rtp"
	"parley/media/sip/sdp"
)

// offersDTLS is who takes nothing but SRTP, and asks for DTLS.
func offersDTLS(o *Options) { o.SRTP, o.DTLS = sdp.Require, true }

// TestDTLS: who offers DTLS, and who allows it, call one another over UDP: both hear, all is secured, and by the far end's goodbye it is over.
func TestDTLS(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]func(*Options){"allowed": func(o *Options) { o.SRTP = sdp.Allow }, "required": offersDTLS} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newAgent(t, offersDTLS), newAgent(t, answers)
			o := Order{Trunk: Trunk{Host: "127.0.0.1", Port: int(b.udp().Port()), Outbound: true}, From: "alice", To: number}
			if _, err := a.Place(o); err != nil {
				t.Fatal(err)
			}
			near, far := a.take(t), b.take(t)
			for _, l := range []*Leg{near, far} {
				if says := l.voice.session.String(); !strings.Contains(says, " DTLS AEAD_AES_128_GCM ") {
					t.Errorf("sound goes by %s", says)
				}
			}
			hears(t, near, far)
			hears(t, far, near)
			near.post(near.refresh) // the same again: whatever is said, the keys stay
			hears(t, near, far)
			hears(t, far, near)
			for _, l := range []*Leg{near, far} {
				if q := l.Quality(); q.Unopened != 0 {
					t.Errorf("%s: %d packets could not be opened", l.voice.session, q.Unopened)
				}
			}
			_ = near.Hangup(media.CauseAgent)
			if err := ending(t, far); !errors.Is(err, io.EOF) {
				t.Errorf("Receive ended with %v", err)
			}
		})
	}
}

// TestDTLSRefused: who wants no encryption refuses DTLS, and who is called by it in the clear while he insists refuses that.
func TestDTLSRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ offers, answers func(*Options) }{
		{offersDTLS, func(*Options) {}}, {func(*Options) {}, offersDTLS},
	} {
		a, b := newAgent(t, c.offers), newAgent(t, c.answers)
		news := make(chan News, 10)
		o := Order{Trunk: Trunk{Host: "127.0.0.1", Port: int(b.udp().Port()), Outbound: true}, From: "alice", To: number, Told: func(n News) { news <- n }}
		if _, err := a.Place(o); err != nil {
			t.Fatal(err)
		}
		for n := range news {
			if n.Leg != nil {
				t.Fatal("it was answered")
			}
			if f := n.Failure; f != nil {
				if f.Outcome != Incompatible || f.Code != 488 {
					t.Errorf("%v", f)
				}
				break
			}
		}
	}
}

// TestDTLSOfStranger: a far end whose certificate is not that of its description is not heard, and the call ends as one whose sound is lost.
func TestDTLSOfStranger(t *testing.T) {
	t.Parallel()
	a := newAgent(t, func(o *Options) { o.SRTP = sdp.Allow })
	p := newPhone(t, a.udp())
	told, shown := certificate(t), certificate(t)
	session, err := portsAt(t, a.udp().Addr()).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	offer := strings.Replace(described(int(session.Local().Port()), "a=fingerprint:"+told.Fingerprint().String(), "a=setup:actpass", "a=rtcp-mux"), "RTP/AVP", "UDP/TLS/RTP/SAVP", 1)
	p.send("INVITE", number, offer)
	res := p.wants(200)
	p.ack(number, "")
	d, err := sdp.Parse(res.Body())
	if err != nil || len(d.Media) != 1 || d.Media[0].Setup != "active" || !d.Media[0].Mux {
		t.Fatalf("%v, answered by\n%s", err, res.Body())
	}
	theirs, err := rtp.ParseFingerprint(d.Media[0].Print)
	if err != nil {
		t.Fatal(err)
	}
	if err := session.Configure(rtp.Config{
		Remote: netip.AddrPortFrom(d.Media[0].Address, d.Media[0].Port), Codec: rtp.Codec{Name: "PCMU", Clock: 8000}, Mux: true,
		DTLS: &rtp.Handshake{Certificate: shown, Theirs: theirs},
	}); err != nil {
		t.Fatal(err)
	}
	go session.Secure(t.Context())
	l := a.take(t)
	if err := ending(t, l); !errors.Is(err, media.ErrSilent) || !strings.Contains(err.Error(), "DTLS") {
		t.Errorf("Receive ended with %v", err)
	}
	_ = l.Hangup(media.CauseMedia)
	req := p.asked("BYE")
	p.answer(req, 200, "")
}

// certificate is one of a test's own.
func certificate(t *testing.T) *rtp.Certificate {
	t.Helper()
	c, err := rtp.NewCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return c
}
