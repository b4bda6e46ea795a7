package sdp

import (
	"bytes"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	pion "github.com/pion/sdp/v3"
)

// body is a description of lines, with an address and the session's part before them.
func body(lines ...string) []byte {
	all := append([]string{"v=0", "o=gw 1760000000 1760000001 IN IP4 203.0.113.10", "s=-", "c=IN IP4 203.0.113.10", "t=0 0"}, lines...)
	return []byte(strings.Join(all, "\r\n") + "\r\n")
}

// print and ownPrint are fingerprints of certificates, theirs and ours.
var (
	print    = "sha-256 " + strings.TrimSuffix(strings.Repeat("AB:", 32), ":")
	ownPrint = "sha-256 " + strings.TrimSuffix(strings.Repeat("CD:", 32), ":")
)

func local() Local {
	return Local{Address: netip.MustParseAddrPort("198.51.100.7:20000"), Codecs: Codecs(), Events: true, ID: 7, Version: 1}
}

// carrier is the plain offer of the wire sheet, section 2.
var carrier = []string{
	"m=audio 30000 RTP/AVP 9 0 8 111 101 110", "a=rtpmap:9 G722/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:111 opus/48000/2",
	"a=fmtp:111 useinbandfec=1;maxaveragebitrate=24000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=rtpmap:110 telephone-event/48000",
	"a=fmtp:110 0-16", "a=ptime:20", "a=maxptime:40", "a=sendrecv", "a=rtcp:30001",
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	keys := NewKeys(AES128SHA80, AES256GCM)
	crypto := "a=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"
	gcm := "a=crypto:2 AEAD_AES_256_GCM inline:" + strings.Repeat("A", 58) + "A="
	to := netip.MustParseAddrPort("203.0.113.10:30000")
	for _, c := range []struct {
		name  string
		offer []string
		local func(*Local)
		want  Chosen
		says  []string // lines that the answer must have
		err   error
	}{
		{name: "the carrier's, with opus and its keys", offer: carrier,
			want: Chosen{Remote: to, RTCP: netip.AddrPortFrom(to.Addr(), 30001), HearPT: 111, Events: 110, HearEvents: 110, EventClock: 48000, Ptime: 20 * time.Millisecond, MaxPtime: 40 * time.Millisecond,
				Codec: Codec{Name: "opus", PT: 111, Clock: 48000, Channels: 2, Fmtp: "useinbandfec=1;maxaveragebitrate=24000"}},
			says: []string{"o=- 7 1 IN IP4 198.51.100.7", "m=audio 20000 RTP/AVP 111 110", "a=rtpmap:110 telephone-event/48000", "a=fmtp:110 0-15", "a=sendrecv", "a=rtcp:20001"}},
		{name: "static types without a map", offer: []string{"m=audio 30000 RTP/AVP 8 0"}, want: Chosen{Remote: to, HearPT: 0, Codec: Codec{Name: "PCMU", Clock: 8000}},
			says: []string{"m=audio 20000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000"}},
		{name: "keys at 8000 beside opus", offer: []string{"m=audio 30000 RTP/AVP 96 97", "a=rtpmap:96 OPUS/48000/2", "a=rtpmap:97 telephone-event/8000"},
			want: Chosen{Remote: to, HearPT: 96, Events: 97, HearEvents: 97, EventClock: 8000, Codec: Codec{Name: "opus", PT: 96, Clock: 48000, Channels: 2}},
			says: []string{"a=rtpmap:96 opus/48000/2"}},
		{name: "a map that gives a static type another meaning", offer: []string{"m=audio 30000 RTP/AVP 0 8", "a=rtpmap:0 X-SECRET/8000"}, want: Chosen{Remote: to, HearPT: 8, Codec: Codec{Name: "PCMA", PT: 8, Clock: 8000}}},
		{name: "hold", offer: []string{"m=audio 30000 RTP/AVP 0", "a=sendonly"}, want: Chosen{Remote: to, Direction: RecvOnly, Held: true, Codec: Codec{Name: "PCMU", Clock: 8000}}, says: []string{"a=recvonly"}},
		{name: "inactive", offer: []string{"a=inactive", "m=audio 30000 RTP/AVP 0"}, want: Chosen{Remote: to, Direction: Inactive, Held: true, Codec: Codec{Name: "PCMU", Clock: 8000}}, says: []string{"a=inactive"}},
		{name: "the hold of RFC 2543", offer: []string{"m=audio 30000 RTP/AVP 0", "c=IN IP4 0.0.0.0"}, want: Chosen{Direction: RecvOnly, Held: true, Codec: Codec{Name: "PCMU", Clock: 8000}}, says: []string{"a=recvonly"}},
		{name: "we hold", offer: []string{"m=audio 30000 RTP/AVP 0"}, local: func(l *Local) { l.Direction = SendOnly }, want: Chosen{Remote: to, Direction: SendOnly, Codec: Codec{Name: "PCMU", Clock: 8000}}, says: []string{"a=sendonly"}},
		{name: "both hold", offer: []string{"m=audio 30000 RTP/AVP 0", "a=sendonly"}, local: func(l *Local) { l.Direction = SendOnly }, want: Chosen{Remote: to, Direction: Inactive, Held: true, Codec: Codec{Name: "PCMU", Clock: 8000}}, says: []string{"a=inactive"}},
		{name: "other sections are refused in order", offer: []string{"m=image 30004 udptl t38", "m=video 30002 RTP/AVP 99 98", "a=rtpmap:99 H264/90000", "m=audio 30000 RTP/AVP 0", "m=audio 30006 RTP/AVP 8"},
			want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}}, says: []string{"m=image 0 udptl t38", "m=video 0 RTP/AVP 99", "m=audio 20000 RTP/AVP 0", "m=audio 0 RTP/AVP 8"}},
		{name: "the second audio, where the first will not do", offer: []string{"m=audio 30002 RTP/SAVP 0", crypto, "m=audio 30000 RTP/AVP 0"}, want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}}, says: []string{"m=audio 0 RTP/SAVP 0"}},
		{name: "SRTP", offer: []string{"m=audio 30000 RTP/SAVP 0", "a=crypto:4 F8_128_HMAC_SHA1_80 inline:x", crypto}, local: func(l *Local) { l.Crypto, l.Keys = Require, keys },
			want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}, Send: &keys[0], Hear: &Key{AES128SHA80, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, []byte{16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29}}},
			says: []string{"m=audio 20000 RTP/SAVP 0", "a=" + "crypto:" + Crypto{5, keys[0]}.line()}},
		{name: "the offer's first suite decides", offer: []string{"m=audio 30000 RTP/AVP 0", gcm, crypto}, local: func(l *Local) { l.Crypto, l.Keys = Allow, keys },
			want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}, Send: &keys[1], Hear: &Key{AES256GCM, make([]byte, 32), make([]byte, 12)}}},
		{name: "crypto where we want none", offer: []string{"m=audio 30000 RTP/AVP 0", crypto}, want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}}},
		{name: "an encrypted offer where we have none", offer: []string{"m=audio 30000 RTP/SAVP 0", crypto}, err: ErrNoCrypto},
		{name: "a plain offer where we insist", offer: []string{"m=audio 30000 RTP/AVP 0"}, local: func(l *Local) { l.Crypto, l.Keys = Require, keys }, err: ErrNoCrypto},
		{name: "keys with an identifier, which Twilio's do not have", offer: []string{"m=audio 30000 RTP/SAVP 0", crypto + "|2^20|1:4"}, local: func(l *Local) { l.Crypto, l.Keys = Require, keys }, err: ErrNoCrypto},
		{name: "DTLS", offer: []string{"a=fingerprint:" + print, "m=audio 30000 UDP/TLS/RTP/SAVPF 0", "a=setup:actpass", "a=rtcp-mux"}, local: func(l *Local) { l.Crypto, l.Fingerprint, l.Mux = Allow, ownPrint, true },
			want: Chosen{Remote: to, RTCP: to, Mux: true, Codec: Codec{Name: "PCMU", Clock: 8000}, Print: print, Active: true}, says: []string{"m=audio 20000 UDP/TLS/RTP/SAVPF 0", "a=fingerprint:" + ownPrint, "a=setup:active", "a=rtcp-mux"}},
		{name: "DTLS with a passive side", offer: []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:passive", "a=fingerprint:" + print}, local: func(l *Local) { l.Crypto, l.Fingerprint = Allow, ownPrint },
			want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}, Print: print, Active: true}, says: []string{"a=setup:active"}},
		{name: "DTLS, and it is not known where they are", offer: []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:actpass", "a=fingerprint:sha-1 AB:CD", "a=fingerprint:" + strings.ToLower(print)},
			local: func(l *Local) { l.Fingerprint, l.Wait = ownPrint, true }, want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}, Print: print}, says: []string{"a=setup:passive", "a=rtcp:20001"}},
		{name: "DTLS that goes on", offer: []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:actpass", "a=fingerprint:" + print},
			local: func(l *Local) { l.Fingerprint, l.Made = ownPrint, Chosen{Print: print} }, want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}, Print: print}, says: []string{"a=setup:passive"}},
		{name: "DTLS of another than before", offer: []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:actpass", "a=fingerprint:" + print},
			local: func(l *Local) { l.Fingerprint, l.Made = ownPrint, Chosen{Print: ownPrint} }, want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}, Print: print, Active: true}, says: []string{"a=setup:active"}},
		{name: "DTLS and SDES, by the profile of DTLS", offer: []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", crypto, "a=setup:active", "a=fingerprint:" + print},
			local: func(l *Local) { l.Crypto, l.Keys, l.Fingerprint = Require, keys, ownPrint }, want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}, Print: print}, says: []string{"a=setup:passive"}},
		{name: "DTLS and SDES, by that of SDES", offer: []string{"m=audio 30000 RTP/SAVP 0", gcm, "a=setup:active", "a=fingerprint:" + print},
			local: func(l *Local) { l.Crypto, l.Keys, l.Fingerprint = Require, keys, ownPrint }, want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}, Send: &keys[1], Hear: &Key{AES256GCM, make([]byte, 32), make([]byte, 12)}}},
		{name: "DTLS by the profile of SDES", offer: []string{"m=audio 30000 RTP/SAVP 0", "a=fingerprint:" + print},
			local: func(l *Local) { l.Fingerprint = ownPrint }, want: Chosen{Remote: to, Codec: Codec{Name: "PCMU", Clock: 8000}, Print: print}, says: []string{"m=audio 20000 RTP/SAVP 0", "a=setup:passive"}},
		{name: "DTLS where we have none", offer: []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:actpass", "a=fingerprint:" + print}, err: ErrNoCrypto},
		{name: "DTLS with a fingerprint of SHA-1 alone", offer: []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:actpass", "a=fingerprint:sha-1 AB:CD"}, local: func(l *Local) { l.Fingerprint = ownPrint }, err: ErrNoCrypto},
		{name: "DTLS that nobody begins", offer: []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:holdconn", "a=fingerprint:" + print}, local: func(l *Local) { l.Fingerprint = ownPrint }, err: ErrNoCrypto},
		{name: "a fingerprint beside fax", offer: []string{"m=audio 30004 udptl t38", "a=fingerprint:" + print}, local: func(l *Local) { l.Fingerprint = ownPrint }, err: ErrNoCodec},
		{name: "a long packet", offer: []string{"m=audio 30000 RTP/AVP 0", "a=ptime:30.0", "a=maxptime:150"}, want: Chosen{Remote: to, Ptime: 30 * time.Millisecond, MaxPtime: 150 * time.Millisecond, Codec: Codec{Name: "PCMU", Clock: 8000}}},
		{name: "a packet longer than its longest", offer: []string{"m=audio 30000 RTP/AVP 0", "a=ptime:200", "a=maxptime:25"}, want: Chosen{Remote: to, Ptime: 20 * time.Millisecond, MaxPtime: 25 * time.Millisecond, Codec: Codec{Name: "PCMU", Clock: 8000}}},
		{name: "RTCP elsewhere", offer: []string{"m=audio 30000 RTP/AVP 0", "a=rtcp:40001 IN IP4 203.0.113.11"}, want: Chosen{Remote: to, RTCP: netip.MustParseAddrPort("203.0.113.11:40001"), Codec: Codec{Name: "PCMU", Clock: 8000}}},
		{name: "RTCP on this machine", offer: []string{"m=audio 30000 RTP/AVP 0", "a=rtcp:40001 IN IP4 127.0.0.1"}, err: ErrAddress},
		{name: "no codec", offer: []string{"m=audio 30000 RTP/AVP 18 4"}, err: ErrNoCodec},
		{name: "keys alone", offer: []string{"m=audio 30000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"}, err: ErrNoCodec},
		{name: "a type that RTCP uses", offer: []string{"m=audio 30000 RTP/AVP 72", "a=rtpmap:72 PCMU/8000"}, err: ErrNoCodec},
		{name: "no audio", offer: []string{"m=video 30000 RTP/AVP 99"}, err: ErrNoAudio},
		{name: "withdrawn audio", offer: []string{"m=audio 0 RTP/AVP 0"}, err: ErrNoAudio},
		{name: "nothing", err: ErrNoAudio},
		{name: "another family", offer: []string{"m=audio 30000 RTP/AVP 0", "c=IN IP6 2001:db8::1"}, err: ErrAddress},
		{name: "a name", offer: []string{"m=audio 30000 RTP/AVP 0", "c=IN IP4 internal.example.com"}, err: ErrAddress},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, err := Parse(body(c.offer...))
			if err != nil {
				t.Fatal(err)
			}
			l := local()
			if c.local != nil {
				c.local(&l)
			}
			answer, got, err := Answer(d, l)
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err != nil {
				if Status(err) != 488 {
					t.Errorf("status %d, want 488", Status(err))
				}
				return
			}
			if c.want.Ptime == 0 {
				c.want.Ptime = 20 * time.Millisecond
			}
			if c.want.Remote.IsValid() && !c.want.RTCP.IsValid() {
				c.want.RTCP = netip.AddrPortFrom(c.want.Remote.Addr(), c.want.Remote.Port()+1)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.AddrPort{})); diff != "" {
				t.Errorf("chosen (-want +got):\n%s", diff)
			}
			for _, line := range c.says {
				if !bytes.Contains(answer, []byte("\r\n"+line+"\r\n")) {
					t.Errorf("the answer lacks %q:\n%s", line, answer)
				}
			}
			if n := bytes.Count(answer, []byte("\r\nm=")); n != len(d.Media) {
				t.Errorf("the answer has %d sections, the offer %d", n, len(d.Media))
			}
		})
	}
}

// TestAddress holds the addresses that no call can be at, in all their clothes.
func TestAddress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		to       string
		loopback bool
		ok       bool
	}{
		{"203.0.113.10:30000", false, true}, {"10.0.0.1:30000", false, true}, {"192.168.1.5:1024", false, true}, {"[2001:db8::1]:30000", false, true}, {"[64:ff9b::203.0.113.1]:30000", false, true},
		{"[fd00::7]:30000", false, true}, {"127.0.0.1:30000", true, true}, {"[::1]:30000", true, true}, {"[::ffff:127.0.0.1]:30000", true, true},
		{"127.0.0.1:30000", false, false}, {"127.9.9.9:30000", false, false}, {"[::1]:30000", false, false}, {"[::ffff:127.0.0.1]:30000", false, false}, {"[64:ff9b::127.0.0.1]:30000", false, false},
		{"[::127.0.0.1]:30000", false, false}, {"[::ffff:0.0.0.0]:30000", true, false}, {"0.0.0.1:30000", true, false}, {"255.255.255.255:30000", true, false}, {"240.0.0.1:30000", true, false},
		{"224.0.0.1:30000", true, false}, {"239.255.255.250:30000", true, false}, {"[ff02::1]:30000", true, false}, {"169.254.169.254:30000", true, false}, {"[fe80::1]:30000", true, false},
		{"[64:ff9b::169.254.169.254]:30000", true, false}, {"203.0.113.10:53", false, false}, {"203.0.113.10:0", false, false},
	} {
		if err := reachable(netip.MustParseAddrPort(c.to), c.loopback); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrAddress) {
			t.Errorf("%s, loopback %v: %v, want ok %v", c.to, c.loopback, err, c.ok)
		}
	}
}

// TestMalformed checks that each error names its line and its field, and is a 400.
func TestMalformed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxFmtp+1)
	for _, c := range []struct {
		line  int
		field string
		body  string
	}{
		{0, "v=", ""}, {1, "v=", "o=- 1 1 IN IP4 192.0.2.1\r\n"}, {1, "v=", "v=1\r\n"}, {2, "v=", "v=0\r\nv=0\r\n"}, {0, "o=", "v=0\r\ns=-\r\nt=0 0\r\n"},
		{2, "o=", "v=0\r\no=- 1 1 IN IP4\r\n"}, {2, "o= sess-id", "v=0\r\no=- 18446744073709551616 1 IN IP4 192.0.2.1\r\n"}, {2, "o= sess-version", "v=0\r\no=- 1 -1 IN IP4 192.0.2.1\r\n"},
		{2, "o=", "v=0\r\no=- 1 1 ATM NSAP x\r\n"}, {0, "t=", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\n"}, {6, "t=", string(body("t=x 0"))},
		{7, "a=setup", string(body("m=audio 4000 RTP/AVP 0", "a=setup:maybe"))}, {7, "a=fingerprint", string(body("m=audio 4000 RTP/AVP 0", "a=fingerprint:sha-256"))},
		{6, "a=fingerprint", string(body("a=fingerprint:sha-256 AB:CD"))}, {6, "a=fingerprint", string(body("a=fingerprint:sha-256 " + strings.ReplaceAll(ownPrint[8:], ":", "")))},
		{6, "a=fingerprint", string(body("a=fingerprint:sha-1 XY:ZZ"))}, {6, "a=fingerprint", string(body("a=fingerprint:"))},
		{6, "c=", "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\na=x\r\nm=audio 4000 RTP/AVP 0\r\n"},
		{6, "c=", string(body("c=IN IP4 192.0.2.1"))}, {7, "c=", string(body("m=audio 4000 RTP/AVP 0", "c=IN IP4 2001:db8::1"))}, {7, "c=", string(body("m=audio 4000 RTP/AVP 0", "c=IN IP4 300.1.1.1"))},
		{7, "c=", string(body("m=audio 4000 RTP/AVP 0", "c=IN IP6 fe80::1%eth0"))}, {7, "c=", string(body("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.1/127"))}, {7, "c=", string(body("m=audio 4000 RTP/AVP 0", "c=IN IP4"))},
		{6, "m=", string(body("m=audio"))}, {6, "m= port", string(body("m=audio 65536 RTP/AVP 0"))}, {6, "m= port", string(body("m=audio -1 RTP/AVP 0"))}, {6, "m= port", string(body("m=audio 4000/0 RTP/AVP 0"))},
		{6, "m= format", string(body("m=audio 4000 RTP/AVP 128"))}, {6, "m= format", string(body("m=audio 4000 RTP/AVP 0 0"))}, {6, "m=", string(body("m=audio 4000 RTP/AVP (0)"))},
		{6, "m=", string(body("m=audio 4000 RTP/AVP" + strings.Repeat(" 0", maxFormats+1)))}, {22, "m=", string(body(strings.Split(strings.Repeat("m=audio 4000 RTP/AVP 0\n", maxMedia+1), "\n")...))},
		{7, "a=rtpmap", string(body("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 opus"))}, {7, "a=rtpmap", string(body("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 opus/0/2"))}, {7, "a=rtpmap", string(body("m=audio 4000 RTP/AVP 96", "a=rtpmap:960 opus/48000/2"))},
		{7, "a=fmtp", string(body("m=audio 4000 RTP/AVP 96", "a=fmtp:96 "+long))}, {7, "a=ptime", string(body("m=audio 4000 RTP/AVP 96", "a=ptime:%n"))}, {7, "a=rtcp", string(body("m=audio 4000 RTP/AVP 0", "a=rtcp:99999"))},
		{7, "a=crypto", string(body("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA"))}, {7, "a=crypto", string(body("m=audio 4000 RTP/SAVP 0", "a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:AAAA"))},
		{7, "a=crypto", string(body("m=audio 4000 RTP/SAVP 0", "a=crypto:1"))}, {6, "line", string(body("hello"))}, {6, "line", string(body("a=x\x00y"))}, {6, "line", string(body("a=x\ry"))}, {6, "line", string(body("a=" + strings.Repeat("x", maxLine)))},
		{0, "body", strings.Repeat("a", MaxSize+1)}, {601, "body", string(body(strings.Split(strings.Repeat("a=x\n", maxLines), "\n")...))},
	} {
		_, err := Parse([]byte(c.body))
		bad := (*Error)(nil)
		if !errors.As(err, &bad) || bad.Line != c.line || bad.Field != c.field || Status(err) != 400 {
			t.Errorf("%.80q: %v, want line %d, %s", c.body, err, c.line, c.field)
		}
	}
}

// TestSettle plays the answers to our offers.
func TestSettle(t *testing.T) {
	t.Parallel()
	keys := NewKeys(AES256GCM, AES128SHA80)
	l := local()
	l.Crypto, l.Keys = Allow, keys
	if got, want := string(Offer(l)), "m=audio 20000 RTP/AVP 111 9 0 8 110 101\r\n"; !strings.Contains(got, want) || strings.Count(got, "a=crypto:") != 2 {
		t.Fatalf("the offer lacks %q:\n%s", want, got)
	}
	insist, secret := l, local()
	insist.Crypto = Require
	secret.Crypto, secret.Fingerprint, secret.DTLS, secret.Keys, secret.Mux = Require, ownPrint, true, keys, true
	for _, want := range []string{"m=audio 20000 UDP/TLS/RTP/SAVP 111", "a=fingerprint:" + ownPrint + "\r\n", "a=setup:actpass\r\n", "a=rtcp-mux\r\n"} {
		if got := string(Offer(secret)); !strings.Contains(got, want) || strings.Contains(got, "a=crypto") {
			t.Errorf("the offer of DTLS lacks %q, or has keys:\n%s", want, got)
		}
	}
	line := Crypto{2, NewKeys(AES128SHA80)[0]}.line()
	for _, c := range []struct {
		name   string
		local  Local
		answer []string
		err    error
		check  func(Chosen) bool
	}{
		{"opus, our numbers", l, []string{"m=audio 30000 RTP/AVP 111 110", "a=rtpmap:111 opus/48000/2", "a=rtpmap:110 telephone-event/48000"}, nil, func(c Chosen) bool {
			return c.Codec.PT == 111 && c.Events == 110 && c.HearEvents == 110 && c.EventClock == 48000
		}},
		{"their numbers", l, []string{"m=audio 30000 RTP/AVP 97 0", "a=rtpmap:97 OPUS/48000/2"}, nil, func(c Chosen) bool {
			return c.Codec.PT == 97 && c.HearPT == 111 && c.Codec.Name == "opus" && c.Events == 0
		}},
		{"their preference", l, []string{"m=audio 30000 RTP/AVP 8 0 102", "a=rtpmap:102 telephone-event/8000"}, nil, func(c Chosen) bool {
			return c.Codec.Name == "PCMA" && c.Events == 102 && c.HearEvents == 101 && c.EventClock == 8000
		}},
		{"encrypted", insist, []string{"m=audio 30000 RTP/SAVP 0", "a=crypto:" + line}, nil, func(c Chosen) bool { return c.Send == &keys[1] && c.Hear != nil }},
		{"encrypted, by the other profile", l, []string{"m=audio 30000 RTP/SAVP 0", "a=crypto:" + line}, nil, func(c Chosen) bool { return c.Send == &keys[1] }},
		{"plain, though allowed", l, []string{"m=audio 30000 RTP/AVP 0"}, nil, func(c Chosen) bool { return c.Send == nil }},
		{"plain, though required", insist, []string{"m=audio 30000 RTP/SAVP 0"}, ErrNoCrypto, nil},
		{"a tag that we did not offer", insist, []string{"m=audio 30000 RTP/SAVP 0", "a=crypto:9" + line[1:]}, ErrNoCrypto, nil},
		{"a tag of another suite", insist, []string{"m=audio 30000 RTP/SAVP 0", "a=crypto:1" + line[1:]}, ErrNoCrypto, nil},
		{"DTLS", secret, []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:passive", "a=fingerprint:" + print}, nil, func(c Chosen) bool { return c.Print == print && c.Active }},
		{"DTLS that they begin", secret, []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:active", "a=rtcp-mux", "a=fingerprint:" + print}, nil, func(c Chosen) bool { return !c.Active && c.Mux }},
		{"DTLS without who begins", secret, []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=fingerprint:" + print}, nil, func(c Chosen) bool { return c.Active }},
		{"DTLS that either begins", secret, []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:actpass", "a=fingerprint:" + print}, ErrNoCrypto, nil},
		{"DTLS that nobody begins", secret, []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0", "a=setup:holdconn", "a=fingerprint:" + print}, ErrNoCrypto, nil},
		{"DTLS without a fingerprint", secret, []string{"m=audio 30000 UDP/TLS/RTP/SAVP 0"}, ErrNoCrypto, nil},
		{"no DTLS", secret, []string{"m=audio 30000 RTP/AVP 0"}, ErrNoCrypto, nil},
		{"refused", l, []string{"m=audio 0 RTP/AVP 0"}, ErrNoAudio, nil},
		{"not audio", l, []string{"m=video 30000 RTP/AVP 0"}, ErrNoAudio, nil},
		{"a codec that we did not offer", l, []string{"m=audio 30000 RTP/AVP 18"}, ErrNoCodec, nil},
		{"this machine", l, []string{"m=audio 30000 RTP/AVP 0", "c=IN IP4 127.0.0.1"}, ErrAddress, nil},
		{"held", l, []string{"m=audio 30000 RTP/AVP 0", "a=inactive"}, nil, func(c Chosen) bool { return c.Direction == Inactive && c.Held }},
	} {
		d, err := Parse(body(c.answer...))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, err := Settle(c.local, d)
		if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) || c.check != nil && !c.check(got) {
			t.Errorf("%s: %+v, %v, want %v", c.name, got, err, c.err)
		}
	}
}

// TestSession checks that the version grows when what is said differs, and only then.
func TestSession(t *testing.T) {
	t.Parallel()
	s := Session{ID: 9, Version: 4}
	l := local()
	versions := func(b []byte) uint64 {
		t.Helper()
		d, err := Parse(b)
		if err != nil || d.ID != 9 {
			t.Fatalf("id %d, %v", d.ID, err)
		}
		return d.Version
	}
	first, again := s.Offer(l), s.Offer(l)
	l.Direction = SendOnly
	held := s.Offer(l)
	offer, err := Parse(body(carrier...))
	if err != nil {
		t.Fatal(err)
	}
	answer, _, err := s.Answer(offer, l)
	if err != nil {
		t.Fatal(err)
	}
	same, _, _ := s.Answer(offer, l)
	got := []uint64{versions(first), versions(again), versions(held), versions(answer), versions(same)}
	if diff := cmp.Diff([]uint64{4, 4, 5, 6, 6}, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

// TestForeign checks that another's parser reads what we write.
func TestForeign(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"198.51.100.7:20000", "[2001:db8::7]:20000"} {
		for _, mode := range []Mode{None, Allow, Require} {
			l := local()
			l.Address, l.Crypto, l.Keys, l.MaxPtime = netip.MustParseAddrPort(addr), mode, NewKeys(AES128SHA80), 60*time.Millisecond
			var d pion.SessionDescription
			if err := d.Unmarshal(Offer(l)); err != nil {
				t.Fatalf("%v:\n%s", err, Offer(l))
			}
			if d.MediaDescriptions[0].MediaName.Port.Value != 20000 || d.Origin.UnicastAddress != l.Address.Addr().String() {
				t.Errorf("pion reads %+v", d)
			}
			codec, err := d.GetCodecForPayloadType(111)
			if err != nil || codec.Name != "opus" || codec.ClockRate != 48000 || codec.EncodingParameters != "2" {
				t.Errorf("pion reads 111 as %+v, %v", codec, err)
			}
		}
	}
}

// TestKeyHidden checks that a key that reaches a log is not in it.
func TestKeyHidden(t *testing.T) {
	t.Parallel()
	k := Key{AES128SHA80, []byte("0123456789abcdef"), []byte("0123456789abcd")}
	if k.String() != k.GoString() || strings.Contains(k.String(), "0123") {
		t.Errorf("a key shows as %s", k)
	}
}
