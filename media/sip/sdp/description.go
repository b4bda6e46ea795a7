package sdp

import (
	"net/netip"
	"strings"
	"time"
)

// A Direction is which ways sound goes, seen from the side that says it. The zero value is SendRecv, as in SDP.
type Direction uint8

// The directions (RFC 8866, section 6.7).
const (
	SendRecv Direction = iota
	SendOnly
	RecvOnly
	Inactive
)

func (d Direction) String() string {
	return [...]string{"sendrecv", "sendonly", "recvonly", "inactive"}[d&3]
}

// Sends says whether who says d sends.
func (d Direction) Sends() bool { return d == SendRecv || d == SendOnly }

// Receives says whether who says d receives.
func (d Direction) Receives() bool { return d == SendRecv || d == RecvOnly }

// direction is the one that sends and receives so.
func direction(sends, receives bool) Direction {
	switch {
	case sends && receives:
		return SendRecv
	case sends:
		return SendOnly
	case receives:
		return RecvOnly
	}
	return Inactive
}

// A Codec is a payload type and what it means.
type Codec struct {
	Name     string // "opus", "G722", "PCMU", "PCMA", "telephone-event"; case does not count
	PT       uint8  // payload type
	Clock    int    // of RTP timestamps, in Hz: 8000 for G722, whose samples are at 16000 (RFC 3551, section 4.5.2)
	Channels int    // 0 and 1 are one
	Fmtp     string // format parameters; empty: none
}

// Same says whether two payload types mean the same, whatever their numbers.
func (c Codec) Same(d Codec) bool {
	return strings.EqualFold(c.Name, d.Name) && c.Clock == d.Clock && max(c.Channels, 1) == max(d.Channels, 1)
}

// Param is a format parameter, by its name in lower case: "useinbandfec" of "useinbandfec=1; stereo=0" is "1".
func (c Codec) Param(name string) (value string, ok bool) {
	for part := range strings.SplitSeq(c.Fmtp, ";") {
		key, value, _ := strings.Cut(part, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// event is RFC 4733's name for keys.
const event = "telephone-event"

func (c Codec) event() bool { return strings.EqualFold(c.Name, event) }

// A Description is what the far end says.
type Description struct {
	ID, Version uint64 // of its o= line: the same version is the same description (RFC 3264, section 8)
	Media       []Media
}

// A Media is one m= section.
type Media struct {
	Kind      string // "audio", "video", "image", ...
	Port      uint16 // 0: refused or withdrawn
	Proto     string // "RTP/AVP", "RTP/SAVP", "UDP/TLS/RTP/SAVPF", "udptl", ...
	Formats   []string
	Address   netip.Addr // of its c= line or the session's; unspecified: held as before RFC 3264. Invalid: a name, which is not looked up
	Codecs    []Codec    // of Formats, those whose meaning is known, in order
	Direction Direction  // the far end's
	Ptime     time.Duration
	MaxPtime  time.Duration
	RTCP      netip.AddrPort // of a=rtcp; port 0: not said; no address: that of RTP
	Mux       bool           // a=rtcp-mux
	Crypto    []Crypto       // a=crypto, those that are well formed and of a suite that we know, in order
	Print     string         // the first a=fingerprint of sha-256, its own or the session's: "sha-256 AA:BB:..."
	Setup     string         // a=setup: "actpass", "active", "passive", "holdconn"; empty: not said
}

// rtp says which of RTP's profiles a media section uses: plain, encrypted by keys in the description, or by DTLS.
func (m Media) rtp() (plain, sdes, dtls bool) {
	switch m.Proto {
	case "RTP/AVP", "RTP/AVPF":
		plain = true
	case "RTP/SAVP", "RTP/SAVPF":
		sdes = true
	case "UDP/TLS/RTP/SAVP", "UDP/TLS/RTP/SAVPF":
		dtls = true
	}
	return plain, sdes, dtls
}

// Shakes says whether the section asks for DTLS by its profile.
func (m Media) Shakes() bool {
	_, _, dtls := m.rtp()
	return dtls
}

// Encrypted says whether the section asks for SRTP by its profile.
func (m Media) Encrypted() bool {
	_, sdes, dtls := m.rtp()
	return sdes || dtls
}

// Audio is the first audio section with a port, as a caller that must choose its address family wants to see it.
func (d Description) Audio() (Media, bool) {
	for _, m := range d.Media {
		if m.Kind == "audio" && m.Port != 0 {
			return m, true
		}
	}
	return Media{}, false
}
