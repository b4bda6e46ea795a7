package webrtc

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pion/ice/v4"
	"github.com/pion/sdp/v3"

	"parley/media/opus"
	"parley/media/rtp"
)

// A description is what one end of a call with another server says of itself. There is one section, of sound both ways, with all candidates.
type description struct {
	offer
	lite       bool
	setup      string
	remote     []ice.Candidate // of the far end's
	ssrc       uint32          // and of ours
	candidates []candidate
}

// readDescription checks what a far end says of itself. Its errors are faults.
func readDescription(text []byte, kind string) (*description, error) {
	d := new(description)
	var s sdp.SessionDescription
	if err := s.Unmarshal(text); err != nil {
		return nil, malformed("SDP: %v", err)
	}
	if n := len(s.MediaDescriptions); n != 1 || s.MediaDescriptions[0].MediaName.Media != "audio" {
		return nil, unsupported("%d sections: want one m=audio", n)
	}
	audio := s.MediaDescriptions[0]
	if mid, ok := audio.Attribute("mid"); ok {
		if mid == "" || len(mid) > 32 || strings.Trim(mid, iceChars+"-_") != "" {
			return nil, malformed("a=mid: want one of up to 32 letters and digits")
		}
		d.audio, d.bundle = mid, []string{mid}
	}
	if err := d.reached(&s, audio, kind); err != nil {
		return nil, err
	}
	if err := d.flow(&s, audio); err != nil {
		return nil, err
	}
	if d.direction != rtp.SendRecv {
		return nil, unsupported("a=sendonly: want sendrecv")
	}
	if err := d.choose(audio, true); err != nil {
		return nil, err
	}
	if !isOpus(d.codec) {
		return nil, unsupported("m=audio: want opus/48000")
	}
	return d, d.keys(audio)
}

// reached reads how the far end is reached. Its password may be shorter than ICE wants (22 characters): it is the far end's.
func (d *description) reached(s *sdp.SessionDescription, audio *sdp.MediaDescription, kind string) error {
	if _, ok := audio.Attribute("rtcp-mux"); !ok {
		return unsupported("no a=rtcp-mux")
	}
	if proto := strings.Join(audio.MediaName.Protos, "/"); proto != "UDP/TLS/RTP/SAVPF" && proto != "UDP/TLS/RTP/SAVP" {
		return unsupported("m=audio over %.32s: want UDP/TLS/RTP/SAVPF", proto)
	}
	d.ice = credentials{either(s, audio, "ice-ufrag"), either(s, audio, "ice-pwd")}
	for name, value := range map[string]string{"ice-ufrag": d.ice.ufrag, "ice-pwd": d.ice.pwd} {
		if len(value) < 4 || len(value) > 256 || strings.Trim(value, iceChars) != "" {
			return malformed("a=%s: want 4 to 256 letters, digits, + and /", name)
		}
	}
	d.setup = either(s, audio, "setup")
	if d.setup != "active" && d.setup != "passive" && (d.setup != "actpass" || kind != "offer") {
		return malformed("a=setup:%.16s: not of an %s", d.setup, kind)
	}
	_, own := audio.Attribute("ice-lite")
	_, all := s.Attribute("ice-lite")
	d.lite = own || all
	for _, a := range slices.Concat(audio.Attributes, s.Attributes) {
		if hash, _, _ := strings.Cut(a.Value, " "); a.Key != "fingerprint" || !strings.EqualFold(hash, "sha-256") {
			continue
		}
		var err error
		if d.print, err = rtp.ParseFingerprint(a.Value); err != nil {
			return malformed("a=fingerprint: %v", err)
		}
		break
	}
	if d.print == (rtp.Fingerprint{}) {
		return malformed("no a=fingerprint of sha-256")
	}
	return d.places(audio)
}

// mostCandidates are looked at.
const mostCandidates = 16

// places reads the far end's candidates over UDP. There is no other way to be told of them.
func (d *description) places(audio *sdp.MediaDescription) error {
	for _, a := range audio.Attributes {
		if a.Key != "candidate" || len(d.remote) == mostCandidates {
			continue
		}
		c, err := ice.UnmarshalCandidate(a.Value)
		if err != nil || !c.NetworkType().IsUDP() || c.Component() != ice.ComponentRTP {
			continue
		}
		if _, err := netip.ParseAddr(c.Address()); err != nil {
			continue // a name, which nobody would look up
		}
		d.remote = append(d.remote, c)
	}
	if len(d.remote) == 0 {
		return malformed("no a=candidate over UDP")
	}
	return nil
}

// keys finds the payload type of keys, with a clock of its own if there is none with the codec's.
func (d *description) keys(audio *sdp.MediaDescription) error {
	if d.events != 0 {
		return nil
	}
	all, err := formats(audio)
	for _, c := range all {
		if strings.EqualFold(c.name, "telephone-event") && c.clock == 8000 && c.pt >= 96 {
			d.events, d.eventsClock = c.pt, c.clock
			break
		}
	}
	return err
}

// sdp is the description as text, as Meta's own looks.
func (d *description) sdp() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\r\n", args...) }
	at := d.candidates[0].addr
	for _, c := range d.candidates {
		if c.addr.Addr().Is4() {
			at = c.addr
			break
		}
	}
	family := "IP4"
	if at.Addr().Is6() {
		family = "IP6"
	}
	say("v=0\r\no=- %d 1 IN %s %v\r\ns=-\r\nt=0 0", d.ssrc, family, at.Addr())
	if d.audio != "" {
		say("a=group:BUNDLE %s", d.audio)
	}
	kinds := fmt.Sprint(d.codec.PT)
	if d.events != 0 {
		kinds += fmt.Sprint(" ", d.events)
	}
	say("m=audio %d UDP/TLS/RTP/SAVPF %s\r\nc=IN %s %v", at.Port(), kinds, family, at.Addr())
	for n, c := range d.candidates {
		say("%s", c.line(n))
	}
	say("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:%s", d.ice.ufrag, d.ice.pwd, d.print, d.setup)
	if d.audio != "" {
		say("a=mid:%s", d.audio)
	}
	say("a=sendrecv\r\na=rtcp-mux\r\na=rtpmap:%d opus/%d/2\r\na=fmtp:%d minptime=20;useinbandfec=1", d.codec.PT, opus.Clock, d.codec.PT)
	if d.events != 0 {
		clock := d.eventsClock
		if clock == 0 {
			clock = d.codec.Clock
		}
		say("a=rtpmap:%d telephone-event/%d\r\na=fmtp:%d 0-15", d.events, clock, d.events)
	}
	say("a=ptime:20\r\na=maxptime:20\r\na=ssrc:%d cname:parley", d.ssrc)
	return b.String()
}
