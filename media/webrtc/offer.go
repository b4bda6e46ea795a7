package webrtc

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"parley/media/opus"
	"parley/media/rtp"
)

// An offer is what a browser wants of us (RFC 8829), as far as it matters here.
type offer struct {
	bundle []string // the mids of its sections, in order
	audio  string   // the mid of the sound's
	data   string   // of the data channels'; "": it wants none

	ice       credentials
	print     rtp.Fingerprint
	direction rtp.Direction // ours
	codec     rtp.Codec
	events    uint8 // payload type of telephone-event; 0: none

	eventsClock int // of telephone-event; 0: that of the codec
}

// credentials are one side's of ICE (RFC 8839, section 5.4).
type credentials struct{ ufrag, pwd string }

// check says what is wrong with them.
func (c credentials) check() error {
	for _, field := range [...]struct {
		name, value string
		least       int
	}{{"ice-ufrag", c.ufrag, 4}, {"ice-pwd", c.pwd, 22}} {
		if n := len(field.value); n < field.least || n > 256 || strings.Trim(field.value, iceChars) != "" {
			return malformed("a=%s: want %d to 256 letters, digits, + and /", field.name, field.least)
		}
	}
	return nil
}

const iceChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"

// readOffer checks an offer. Its errors are faults.
func readOffer(text []byte, withOpus bool) (offer, error) {
	var o offer
	var s sdp.SessionDescription
	if err := s.Unmarshal(text); err != nil {
		return o, malformed("SDP: %v", err)
	}
	var audio *sdp.MediaDescription
	for _, m := range s.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		if mid == "" || len(mid) > 32 || strings.Trim(mid, iceChars+"-_") != "" {
			return o, malformed("a=mid of m=%s: want one of up to 32 letters and digits", m.MediaName.Media)
		}
		o.bundle = append(o.bundle, mid)
		switch {
		case m.MediaName.Media == "audio" && audio == nil:
			audio, o.audio = m, mid
		case m.MediaName.Media == "application" && o.data == "" && slices.Equal(m.MediaName.Formats, []string{"webrtc-datachannel"}):
			o.data = mid
		default:
			return o, unsupported("m=%.20s: want one m=audio, and at most one m=application of data channels", m.MediaName.Media)
		}
	}
	if audio == nil {
		return o, unsupported("no m=audio")
	}
	if o.data == o.audio {
		return o, malformed("a=mid:%s stands twice", o.data)
	}
	if err := o.transport(&s, audio); err != nil {
		return o, err
	}
	if err := o.flow(&s, audio); err != nil {
		return o, err
	}
	return o, o.choose(audio, withOpus)
}

// either is an attribute of a section, or of the whole description.
func either(s *sdp.SessionDescription, m *sdp.MediaDescription, name string) string {
	if v, ok := m.Attribute(name); ok {
		return v
	}
	v, _ := s.Attribute(name)
	return v
}

// transport reads how the browser is reached: everything over one way, the first section's (RFC 9143).
func (o *offer) transport(s *sdp.SessionDescription, audio *sdp.MediaDescription) error {
	group, _ := s.Attribute("group")
	words := strings.Fields(group)
	if len(words) == 0 || words[0] != "BUNDLE" || !slices.Equal(words[1:], o.bundle) {
		return unsupported("a=group: want BUNDLE of all sections (bundlePolicy max-bundle)")
	}
	first := s.MediaDescriptions[0]
	if _, ok := audio.Attribute("rtcp-mux"); !ok {
		return unsupported("no a=rtcp-mux")
	}
	if proto := strings.Join(audio.MediaName.Protos, "/"); proto != "UDP/TLS/RTP/SAVPF" && proto != "UDP/TLS/RTP/SAVP" {
		return unsupported("m=audio over %.32s: want UDP/TLS/RTP/SAVPF", proto)
	}
	o.ice = credentials{either(s, first, "ice-ufrag"), either(s, first, "ice-pwd")}
	if err := o.ice.check(); err != nil {
		return err
	}
	switch setup := either(s, first, "setup"); setup {
	case "actpass", "active":
	default:
		return malformed("a=setup:%.16s: want actpass or active", setup)
	}
	var err error
	if o.print, err = rtp.ParseFingerprint(either(s, first, "fingerprint")); err != nil {
		return malformed("a=fingerprint: %v", err)
	}
	return nil
}

// flow reads which ways sound goes. Nobody speaks to a page that sends nothing.
func (o *offer) flow(s *sdp.SessionDescription, audio *sdp.MediaDescription) error {
	for _, d := range []string{"sendrecv", "sendonly", "recvonly", "inactive"} {
		_, own := audio.Attribute(d)
		if _, all := s.Attribute(d); !own && !all {
			continue
		}
		switch d {
		case "sendonly":
			o.direction = rtp.RecvOnly
		case "recvonly", "inactive":
			return unsupported("a=%s: want sendrecv, or sendonly", d)
		}
		return nil
	}
	return nil // sendrecv (RFC 8866, section 6.7)
}

// A coded is a payload type as an offer describes it.
type coded struct {
	pt    uint8
	name  string
	clock int
	fmtp  string
}

// formats are the payload types of a section, in its order; those that it does not describe are the static ones (RFC 3551).
func formats(m *sdp.MediaDescription) (all []coded, err error) {
	for _, f := range m.MediaName.Formats {
		pt, err := strconv.ParseUint(f, 10, 7)
		if err != nil {
			return nil, malformed("m=audio: payload type %.8q", f)
		}
		c := coded{pt: uint8(pt)}
		switch pt {
		case 0:
			c.name, c.clock = "PCMU", 8000
		case 8:
			c.name, c.clock = "PCMA", 8000
		}
		for _, a := range m.Attributes {
			value, of := strings.CutPrefix(a.Value, f+" ")
			switch {
			case of && a.Key == "rtpmap":
				parts := strings.Split(value, "/")
				c.name = parts[0]
				if len(parts) > 1 {
					c.clock, _ = strconv.Atoi(parts[1]) // 0 is nobody's
				}
			case of && a.Key == "fmtp":
				c.fmtp = value
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// choose picks the codec: Opus where this build has it, else G.711 in the browser's order, which all browsers have (RFC 7874, section 3).
func (o *offer) choose(audio *sdp.MediaDescription, withOpus bool) error {
	all, err := formats(audio)
	if err != nil {
		return err
	}
	find := func(fits func(coded) bool) bool {
		i := slices.IndexFunc(all, fits)
		if i >= 0 {
			o.codec = rtp.Codec{Name: all[i].name, PT: all[i].pt, Clock: all[i].clock, Fmtp: all[i].fmtp}
		}
		return i >= 0
	}
	found := withOpus && find(func(c coded) bool { return strings.EqualFold(c.name, "opus") && c.clock == opus.Clock })
	if !found && !find(func(c coded) bool {
		return (strings.EqualFold(c.name, "PCMU") || strings.EqualFold(c.name, "PCMA")) && c.clock == 8000
	}) {
		if withOpus {
			return unsupported("m=audio: no codec of ours: want opus/48000, PCMU or PCMA")
		}
		return unsupported("m=audio: no codec of ours: want PCMU or PCMA")
	}
	for _, c := range all {
		if strings.EqualFold(c.name, "telephone-event") && c.clock == o.codec.Clock && c.pt >= 96 {
			o.events = c.pt
			break
		}
	}
	return nil
}

// faultOf is what a client is told of an error.
func faultOf(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	return &fault{500, "something went wrong here", RefusedFailed}
}
