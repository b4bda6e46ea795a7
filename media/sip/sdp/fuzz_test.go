package sdp

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// consistent checks an answer of ours against the offer that it answers, as the far end would.
func consistent(t interface{ Errorf(string, ...any) }, offer Description, l Local, answer []byte, chosen Chosen) {
	d, err := Parse(answer)
	if err != nil {
		t.Errorf("our answer is malformed: %v\n%s", err, answer)
		return
	}
	if len(d.Media) != len(offer.Media) {
		t.Errorf("the answer has %d sections, the offer %d", len(d.Media), len(offer.Media))
		return
	}
	live := 0
	for i, m := range d.Media {
		theirs := offer.Media[i]
		if m.Kind != theirs.Kind || m.Proto != theirs.Proto {
			t.Errorf("section %d is %s %s in the offer and %s %s in the answer", i, theirs.Kind, theirs.Proto, m.Kind, m.Proto)
		}
		for _, f := range m.Formats {
			if !slices.Contains(theirs.Formats, f) {
				t.Errorf("section %d answers format %s, which was not offered", i, f)
			}
		}
		if m.Port == 0 {
			continue
		}
		live++
		if m.Direction != chosen.Direction || m.Direction.Sends() && !theirs.Direction.Receives() || m.Direction.Receives() && !theirs.Direction.Sends() {
			t.Errorf("offered %s, answered %s, chosen %s", theirs.Direction, m.Direction, chosen.Direction)
		}
		if len(m.Codecs) == 0 || m.Codecs[0].PT != chosen.Codec.PT || !m.Codecs[0].Same(chosen.Codec) {
			t.Errorf("answered %v, chosen %v", m.Codecs, chosen.Codec)
		}
		if l.Crypto == Require && chosen.Send == nil && chosen.Print == "" || l.Crypto == None && chosen.Send != nil {
			t.Errorf("crypto %d, chosen %v", l.Crypto, chosen.Send)
		}
	}
	if live != 1 {
		t.Errorf("%d sections are live in the answer:\n%s", live, answer)
	}
	if chosen.Remote.IsValid() && reachable(chosen.Remote, l.Loopback) != nil || chosen.Remote.IsValid() != chosen.RTCP.IsValid() {
		t.Errorf("sound goes to %s, RTCP to %s", chosen.Remote, chosen.RTCP)
	}
}

// FuzzParse reads anything: what is refused says why, and what is taken is answered consistently or refused with a known error.
func FuzzParse(f *testing.F) {
	f.Add(body(carrier...))
	f.Add(body("m=image 30004 udptl t38", "m=audio 30000/2 RTP/SAVP 0 96", "c=IN IP4 0.0.0.0", "a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd|2^20", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-16"))
	f.Add(body("b=XX:1", "a=inactive", "a=setup:actpass", "a=fingerprint:"+print, "m=audio 30000 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 203.0.113.9", "a=rtpmap:111 opus/48000/2", "a=rtcp-mux", "a=rtcp:9 IN IP4 0.0.0.0", "a=ptime:20", "a=maxptime:60"))
	for _, setup := range []string{"active", "passive", "holdconn", "ACTPASS "} {
		f.Add(body("m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:"+setup, "a=fingerprint:sha-1 AB:CD", "a=fingerprint:SHA-256 "+strings.ToLower(print[8:]), "a=crypto:1 AEAD_AES_128_GCM inline:x"))
	}
	f.Add(Offer(Local{Address: netip.MustParseAddrPort("192.0.2.1:20000"), Codecs: Codecs(), Crypto: Require, DTLS: true, Fingerprint: ownPrint, Mux: true}))
	f.Add(Offer(Local{Address: netip.MustParseAddrPort("[2001:db8::1]:20000"), Codecs: Codecs(), Events: true, Crypto: Allow, Keys: NewKeys(AES128SHA80)}))
	keys := NewKeys(AES128SHA80, AES256GCM)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil {
			if bad := (*Error)(nil); !errors.As(err, &bad) || bad.Field == "" || bad.Reason == "" {
				t.Fatalf("refused with %#v", err)
			}
			return
		}
		for _, mode := range []Mode{None, Allow, Require} {
			for _, to := range []string{"198.51.100.7:20000", "[2001:db8::7]:20000"} {
				l := Local{Address: netip.MustParseAddrPort(to), Codecs: Codecs(), Events: true, Crypto: mode, Keys: keys, Fingerprint: ownPrint, Mux: true}
				answer, chosen, err := Answer(d, l)
				if err == nil {
					consistent(t, d, l, answer, chosen)
				} else if Status(err) != 488 {
					t.Errorf("%v is a %d", err, Status(err))
				}
				if _, err := Settle(l, d); err != nil && Status(err) != 488 {
					t.Errorf("%v is a %d", err, Status(err))
				}
			}
		}
	})
}

// TestAnswerOffer holds the law of the two: what one side of ours offers, the other answers, the first settles, and both mean the same.
func TestAnswerOffer(t *testing.T) {
	t.Parallel()
	side := func(t *rapid.T, label string) Local {
		codecs := rapid.Permutation(Codecs()).Draw(t, label+" codecs")
		return Local{
			Address:   netip.AddrPortFrom(netip.MustParseAddr("203.0.113.1"), rapid.Uint16Range(lowestPort, 65534).Draw(t, label+" port")),
			Mux:       rapid.Bool().Draw(t, label+" mux"),
			Codecs:    codecs[:rapid.IntRange(1, len(codecs)).Draw(t, label+" codecs taken")],
			Events:    rapid.Bool().Draw(t, label+" events"),
			Ptime:     time.Duration(rapid.IntRange(1, 6).Draw(t, label+" ptime")) * leastPtime,
			Direction: Direction(rapid.IntRange(0, 3).Draw(t, label+" direction")),
			Crypto:    Mode(rapid.IntRange(0, 2).Draw(t, label+" crypto")),
			Keys:      NewKeys(rapid.Permutation([]Suite{AES128SHA80, AES256GCM, AES128SHA32}).Draw(t, label+" suites")[:2]...),
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		caller, callee := side(t, "caller"), side(t, "callee")
		offer, err := Parse(Offer(caller))
		if err != nil {
			t.Fatalf("our offer is malformed: %v", err)
		}
		answer, theirs, err := Answer(offer, callee)
		common := slices.ContainsFunc(caller.Codecs, func(c Codec) bool { return slices.ContainsFunc(callee.Codecs, c.Same) })
		switch {
		case !common:
			if !errors.Is(err, ErrNoCodec) {
				t.Fatalf("no common codec: %v", err)
			}
			return
		case caller.Crypto == Require && callee.Crypto == None, caller.Crypto == None && callee.Crypto == Require:
			if !errors.Is(err, ErrNoCrypto) {
				t.Fatalf("crypto %d and %d: %v", caller.Crypto, callee.Crypto, err)
			}
			return
		case err != nil:
			t.Fatalf("the callee refuses:\n%s\n%v", Offer(caller), err)
		}
		consistent(t, offer, callee, answer, theirs)
		d, err := Parse(answer)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := Settle(caller, d)
		if err != nil {
			t.Fatalf("the caller refuses:\n%s\n%v", answer, err)
		}
		if !ours.Codec.Same(theirs.Codec) || ours.Codec.PT != theirs.HearPT || ours.HearPT != theirs.Codec.PT || ours.Mux != theirs.Mux {
			t.Errorf("the caller took %+v, the callee %+v", ours, theirs)
		}
		if ours.Direction.Sends() != theirs.Direction.Receives() || ours.Direction.Receives() != theirs.Direction.Sends() {
			t.Errorf("the caller's direction is %s, the callee's %s", ours.Direction, theirs.Direction)
		}
		if ours.Events != theirs.HearEvents || ours.HearEvents != theirs.Events || ours.Ptime != callee.Ptime || theirs.Ptime != caller.Ptime {
			t.Errorf("the caller's keys are %d, %d, the callee's %d, %d; packets %s, %s", ours.Events, ours.HearEvents, theirs.Events, theirs.HearEvents, ours.Ptime, theirs.Ptime)
		}
		if (ours.Send == nil) != (theirs.Send == nil) || ours.Send != nil && (!bytes.Equal(ours.Send.Master, theirs.Hear.Master) || !bytes.Equal(ours.Hear.Salt, theirs.Send.Salt)) {
			t.Errorf("the keys do not meet")
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	offer, l := body(carrier...), local()
	for b.Loop() {
		d, err := Parse(offer)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := Answer(d, l); err != nil {
			b.Fatal(err)
		}
	}
}
