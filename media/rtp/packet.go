package rtp

import "encoding/binary"

// headerSize is a header's of ours: without sources and extensions.
const headerSize = 12

// A packet is RTP as it came (RFC 3550, section 5.1). Its payload is part of what was parsed.
type packet struct {
	marker  bool
	kind    uint8 // the payload type
	seq     uint16
	time    uint32
	ssrc    uint32
	payload []byte // without padding
}

// parse reads an RTP packet; false: it is none. It looks at nothing beyond b, whatever the lengths in it say.
func parse(b []byte) (p packet, ok bool) {
	if len(b) < headerSize || b[0]>>6 != 2 {
		return p, false
	}
	p.marker, p.kind = b[1]&0x80 != 0, b[1]&0x7F
	p.seq = binary.BigEndian.Uint16(b[2:])
	p.time = binary.BigEndian.Uint32(b[4:])
	p.ssrc = binary.BigEndian.Uint32(b[8:])
	rest := b[headerSize:]
	sources := int(b[0]&0x0F) * 4
	if len(rest) < sources {
		return p, false
	}
	rest = rest[sources:]
	if b[0]&0x10 != 0 { // an extension (section 5.3.1)
		if len(rest) < 4 {
			return p, false
		}
		length := 4 + int(binary.BigEndian.Uint16(rest[2:]))*4
		if len(rest) < length {
			return p, false
		}
		rest = rest[length:]
	}
	if b[0]&0x20 != 0 { // padding, whose last byte says how much
		if len(rest) == 0 {
			return p, false
		}
		padding := int(rest[len(rest)-1])
		if padding == 0 || padding > len(rest) {
			return p, false
		}
		rest = rest[:len(rest)-padding]
	}
	p.payload = rest
	return p, true
}

// put writes p's header to the beginning of b, which has room for it.
func (p *packet) put(b []byte) {
	b[0], b[1] = 2<<6, p.kind
	if p.marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], p.seq)
	binary.BigEndian.PutUint32(b[4:], p.time)
	binary.BigEndian.PutUint32(b[8:], p.ssrc)
}

// isControl says whether a packet that came to a port of both kinds is RTCP (RFC 5761, section 4).
func isControl(b []byte) bool { return len(b) >= 2 && b[1] >= 192 && b[1] <= 223 }
