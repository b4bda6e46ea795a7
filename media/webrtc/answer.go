package webrtc

import (
	"fmt"
	"net/netip"
	"strings"

	"parley/media/rtp"
)

// candidatePriority is that of a host candidate (RFC 8445, section 5.1.2); those further down a list are a little less welcome, and TCP much.
const (
	candidatePriority = 126<<24 | 255
	tcpPriority       = 90<<24 | 255
)

// A candidate is where we are reached.
type candidate struct {
	addr netip.AddrPort
	tcp  bool
}

// line is the candidate as an attribute (RFC 8839, section 5.1; RFC 6544, section 4.5), the nth of its list.
func (c candidate) line(n int) string {
	local := (65535 - n) << 8
	if c.tcp {
		return fmt.Sprintf("a=candidate:%d 1 tcp %d %s %d typ host tcptype passive", n+1, tcpPriority|local, c.addr.Addr(), c.addr.Port())
	}
	return fmt.Sprintf("a=candidate:%d 1 udp %d %s %d typ host", n+1, candidatePriority|local, c.addr.Addr(), c.addr.Port())
}

// An answer is what we say to an offer.
type answer struct {
	offer      *offer
	ice        credentials
	print      rtp.Fingerprint // of our certificate
	candidates []candidate
	ssrc       uint32
}

// sdp is the answer as text.
func (a *answer) sdp() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	say("v=0\r\no=- %d 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0", a.ssrc)
	say("a=group:BUNDLE %s", strings.Join(a.offer.bundle, " "))
	say("a=ice-lite")
	for _, mid := range a.offer.bundle {
		if mid == a.offer.data {
			say("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:%s", mid)
			a.transport(say)
			say("a=sctp-port:5000\r\na=max-message-size:%d", maxMessage)
			continue
		}
		a.sound(say)
	}
	return b.String()
}

// sound is the section of the sound.
func (a *answer) sound(say func(string, ...any)) {
	o, c := a.offer, a.offer.codec
	kinds := fmt.Sprint(c.PT)
	if o.events != 0 {
		kinds += fmt.Sprint(" ", o.events)
	}
	say("m=audio 9 UDP/TLS/RTP/SAVPF %s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=%v", kinds, o.audio, o.direction)
	say("a=rtcp-mux\r\na=rtcp-mux-only")
	a.transport(say)
	name := c.Name
	if isOpus(c) {
		name += fmt.Sprintf("/%d/2", c.Clock)
	} else {
		name += fmt.Sprintf("/%d", c.Clock)
	}
	say("a=rtpmap:%d %s", c.PT, name)
	if isOpus(c) {
		say("a=fmtp:%d minptime=10;useinbandfec=1;usedtx=1", c.PT)
	}
	if o.events != 0 {
		say("a=rtpmap:%d telephone-event/%d\r\na=fmtp:%d 0-15", o.events, c.Clock, o.events)
	}
	say("a=ptime:20\r\na=maxptime:60")
	if o.direction == rtp.SendRecv {
		say("a=msid:parley agent\r\na=ssrc:%d cname:parley", a.ssrc)
	}
}

// transport is what each section says of the way that all take.
func (a *answer) transport(say func(string, ...any)) {
	say("a=ice-ufrag:%s\r\na=ice-pwd:%s", a.ice.ufrag, a.ice.pwd)
	say("a=fingerprint:%s\r\na=setup:passive", a.print)
	for n, c := range a.candidates {
		say("%s", c.line(n))
	}
	say("a=end-of-candidates")
}

// fragment is the answer to an ICE restart (RFC 8840, section 9).
func (a *answer) fragment() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	say("a=group:BUNDLE %s", strings.Join(a.offer.bundle, " "))
	say("a=ice-lite\r\na=ice-ufrag:%s\r\na=ice-pwd:%s", a.ice.ufrag, a.ice.pwd)
	what := "audio 9 UDP/TLS/RTP/SAVPF " + fmt.Sprint(a.offer.codec.PT)
	if a.offer.bundle[0] == a.offer.data {
		what = "application 9 UDP/DTLS/SCTP webrtc-datachannel"
	}
	say("m=%s\r\na=mid:%s", what, a.offer.bundle[0])
	for n, c := range a.candidates {
		say("%s", c.line(n))
	}
	say("a=end-of-candidates")
	return b.String()
}

// isOpus says whether a codec is Opus.
func isOpus(c rtp.Codec) bool { return strings.EqualFold(c.Name, "opus") }
