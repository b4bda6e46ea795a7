package edge

import (
	"bytes"
	"net/netip"
	"strconv"
)

// reasons are RFC 3261's phrases of what is answered from here (section 21).
var reasons = map[int]string{
	200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 407: "Proxy Authentication Required",
	415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist",
	486: "Busy Here", 500: "Server Internal Error", 503: "Service Unavailable", 505: "Version Not Supported", 513: "Message Too Large",
}

func reason(status int) string {
	if r, ok := reasons[status]; ok {
		return r
	}
	return "Refused"
}

// reply is a response without a transaction (RFC 3261, section 8.2.7): it has what the request has of Via, From, To, Call-ID and CSeq, though that may be why
// it is refused. It is never much longer than the request: nothing is gained by making us send it to somebody else.
func (e *Edge) reply(m *Message, r *Refusal, source netip.AddrPort) []byte {
	if m.first[viaKind] == 0 {
		return nil // nobody could match it
	}
	phrase := r.Reason
	if phrase == "" {
		phrase = reason(r.Status)
	}
	b := make([]byte, 0, 1024)
	b = append(append(b, "SIP/2.0 "...), strconv.Itoa(r.Status)...)
	b = append(append(append(b, ' '), phrase...), "\r\n"...)
	vias := 0
	for _, h := range m.headers {
		if bytes.ContainsAny(h.value, "\r\n") {
			continue // half a line end is no line's end to us, and may be to others
		}
		switch h.kind {
		case viaKind:
			b = append(b, "Via: "...)
			if vias++; vias == 1 {
				b = appendTop(b, h.value, source)
			} else {
				b = append(b, h.value...)
			}
		case to:
			b = append(append(b, "To: "...), h.value...)
			if c := (cursor{b: h.value}); !tagged(&c) {
				b = append(append(b, ";tag="...), e.tag(m.get(callID))...)
			}
		case from:
			b = append(append(b, "From: "...), h.value...)
		case callID:
			b = append(append(b, "Call-ID: "...), h.value...)
		case cseq:
			b = append(append(b, "CSeq: "...), h.value...)
		default:
			continue
		}
		b = append(b, "\r\n"...)
	}
	for _, line := range r.Headers {
		b = append(append(b, line...), "\r\n"...)
	}
	if e.policy.Agent != "" {
		b = append(append(append(b, "Server: "...), e.policy.Agent...), "\r\n"...)
	}
	return append(b, "Content-Length: 0\r\n\r\n"...)
}

// tagged says whether a To has a tag already, or is so malformed that one cannot be added.
func tagged(c *cursor) bool {
	a, ok := c.address()
	if !ok {
		return true
	}
	_, has := param(a.params, "tag")
	return has
}

// appendTop writes the first Via header, with the source's address and port where its first hop asks for them (RFC 3261, section 18.2.1; RFC 3581).
func appendTop(b, value []byte, source netip.AddrPort) []byte {
	c := cursor{b: value}
	v, ok := c.via()
	if !ok || !source.IsValid() {
		return append(b, value...)
	}
	b = append(append(b, "SIP/2.0/"...), v.transport...)
	b = append(append(b, ' '), v.sentBy...)
	p := cursor{b: v.params}
	for p.take(';') {
		start := p.i
		p.space()
		key := p.run(&tokens)
		if p.take('=') {
			p.space()
			if p.i < len(p.b) && p.b[p.i] == '"' {
				_, _ = p.quoted()
			} else {
				p.run(&values)
			}
		}
		switch {
		case bytes.EqualFold(key, []byte("rport")):
			b = append(append(b, ";rport="...), strconv.Itoa(int(source.Port()))...)
		case bytes.EqualFold(key, []byte("received")):
		default:
			b = append(append(b, ';'), p.b[start:p.i]...)
		}
	}
	b = append(append(b, ";received="...), source.Addr().Unmap().WithZone("").String()...)
	return append(b, value[c.i:]...)
}

// returns is where the answer to a datagram goes: back to its source if the first hop says rport, else to the port that the hop names (RFC 3261, section 18.2.2;
// RFC 3581, section 4). What it says of hosts is never followed.
func returns(m *Message, source netip.AddrPort) netip.AddrPort {
	if m.first[viaKind] == 0 {
		return source
	}
	c := cursor{b: m.get(viaKind)}
	v, ok := c.via()
	if !ok {
		return source
	}
	if _, ok := param(v.params, "rport"); ok {
		return source
	}
	port := uint64(5060)
	if colon := bytes.LastIndexByte(v.sentBy, ':'); colon > bytes.LastIndexByte(v.sentBy, ']') {
		port, _ = number(v.sentBy[colon+1:], 65535)
	}
	return netip.AddrPortFrom(source.Addr(), uint16(port))
}
