package edge

import (
	"bytes"
	"fmt"
	"time"
)

// How large a message may be.
const (
	MaxMessage = 64 << 10 // bytes, with its body
	maxHead    = 32 << 10 // bytes of start line and headers
	maxLine    = 8 << 10  // bytes of one header, unfolded
	maxHeaders = 128
)

// A Fault is why a message is malformed. Status answers it if it is a request: 400, or 505 for another version of SIP.
type Fault struct {
	Status        int
	Field, Reason string
	Grammatical   bool // it parses, and lacks or repeats what every message has once (RFC 4475, section 3.3)
	unframed      bool // nobody can know where the message ends: a stream is of no more use
}

func (f *Fault) Error() string { return fmt.Sprintf("%s: %s", f.Field, f.Reason) }

func bad(field, reason string) *Fault { return &Fault{Status: 400, Field: field, Reason: reason} }

func lost(field, reason string) *Fault {
	return &Fault{Status: 400, Field: field, Reason: reason, unframed: true}
}

// A kind is a header that this package knows.
type kind uint8

const (
	other kind = iota
	viaKind
	from
	to
	callID
	cseq
	maxForwards
	contentLength
	contentType
	contact
	route // and Record-Route, Refer-To, Referred-By: lists of addresses
	date
	expires
	require
	accept
	contentEncoding
	kinds
)

// kindOf knows a header by its name or its compact form, in any case.
func kindOf(name []byte) kind {
	var low [20]byte
	if len(name) > len(low) {
		return other
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		low[i] = c
	}
	switch string(low[:len(name)]) {
	case "via", "v":
		return viaKind
	case "from", "f":
		return from
	case "to", "t":
		return to
	case "call-id", "i":
		return callID
	case "cseq":
		return cseq
	case "max-forwards":
		return maxForwards
	case "content-length", "l":
		return contentLength
	case "content-type", "c":
		return contentType
	case "contact", "m":
		return contact
	case "route", "record-route", "refer-to", "r", "referred-by", "b":
		return route
	case "date":
		return date
	case "expires":
		return expires
	case "require":
		return require
	case "accept":
		return accept
	case "content-encoding", "e":
		return contentEncoding
	}
	return other
}

type header struct {
	kind        kind
	name, value []byte
}

// A Message is one SIP message, taken apart and not copied: it is valid until the next read into the buffer that it lies in. Its zero
// value is ready for Parse, and using one again saves its memory.
type Message struct {
	method, uri, scheme []byte // of a request
	status              int    // of a response; 0: a request
	headers             []header
	first               [kinds]int16 // 1 + the index in headers; 0: there is none
	body                []byte
	from, to            address
	top                 via
	hops                int  // Via values
	size                int  // bytes
	odd                 bool // sipgo would not read it as it stands
}

// Method is the request's; empty: it is a response.
func (m *Message) Method() string { return string(m.method) }

// URI is the request's.
func (m *Message) URI() string { return string(m.uri) }

// Status is the response's; 0: it is a request.
func (m *Message) Status() int { return m.status }

// CallID is the message's Call-ID.
func (m *Message) CallID() string { return string(m.get(callID)) }

// ToTag is the tag of To: a request that has one belongs to a dialog, or says so.
func (m *Message) ToTag() string {
	tag, _ := param(m.to.params, "tag")
	return string(tag)
}

// Header is the value of the first header of that name, in its full form and in any case, without its folds.
func (m *Message) Header(name string) string {
	k := kindOf([]byte(name))
	for _, h := range m.headers {
		if k != other && h.kind == k && k != route || bytes.EqualFold(h.name, []byte(name)) {
			return string(h.value)
		}
	}
	return ""
}

// Values are those of all headers of a name that has no short form, in any case, without their folds.
func (m *Message) Values(name string) (all []string) {
	for _, h := range m.headers {
		if bytes.EqualFold(h.name, []byte(name)) {
			all = append(all, string(h.value))
		}
	}
	return all
}

func (m *Message) get(k kind) []byte {
	if i := m.first[k]; i > 0 {
		return m.headers[i-1].value
	}
	return nil
}

// Parse takes b apart and checks it against the grammar of RFC 3261 and what RFC 4475 adds; an error is a *Fault. b is one datagram, or
// begins with one message of a stream; n is how long the message is. The folds of b's header lines become spaces in place. After an error, m
// holds what could be read, which is what an answer needs.
func (m *Message) Parse(b []byte) (n int, err error) {
	if fault := m.parse(b); fault != nil {
		return 0, fault
	}
	return m.size, nil
}

func (m *Message) parse(b []byte) *Fault {
	*m = Message{headers: m.headers[:0]}
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if fault := m.head(b); fault != nil {
			return fault
		}
		return lost("message", "has no empty line after its headers")
	}
	if end > maxHead {
		return lost("message", "has a head of more than 32 KiB")
	}
	fault := m.head(b[:end+2])
	if wrong := m.frame(b[end+4:]); wrong != nil {
		return wrong
	}
	m.size = end + 4 + len(m.body)
	if fault != nil {
		return fault
	}
	return m.check()
}

// head reads the start line and cuts the headers.
func (m *Message) head(b []byte) *Fault {
	line, rest, _ := bytes.Cut(b, []byte("\r\n"))
	fault := m.start(line)
	for len(rest) > 0 {
		end := fold(rest)
		if wrong := m.header(rest[:end]); wrong != nil && (fault == nil || wrong.unframed) {
			fault = wrong // and on: an answer needs the other headers
		}
		rest = rest[min(end+2, len(rest)):]
	}
	return fault
}

// fold is where the header ends that b begins with. Its folds become spaces.
func fold(b []byte) int {
	for i := 0; ; {
		end := bytes.Index(b[i:], []byte("\r\n"))
		if end < 0 {
			return len(b)
		}
		end += i
		if end+2 >= len(b) || !space(b[end+2]) {
			return end
		}
		b[end], b[end+1] = ' ', ' '
		i = end + 2
	}
}

// start reads the start line: each of its parts is parted by exactly one space (RFC 3261, section 7).
func (m *Message) start(line []byte) *Fault {
	if len(line) > maxLine {
		return lost("start line", "is longer than 8 KiB")
	}
	first, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok {
		return lost("start line", "is not one of SIP")
	}
	if bytes.EqualFold(first, []byte("SIP/2.0")) {
		code, reason, _ := bytes.Cut(rest, []byte(" "))
		n, ok := number(code, 699)
		if !ok || len(code) != 3 || n < 100 || !text(reason) {
			m.status = -1
			return bad("status line", "has no status of 100 to 699")
		}
		m.status = int(n)
		return nil
	}
	if len(first) > 4 && bytes.EqualFold(first[:4], []byte("SIP/")) {
		m.status = -1
		return bad("status line", "is of another version of SIP")
	}
	if !tokens.only(first) || len(first) > 64 {
		return lost("method", "is no token of at most 64 bytes")
	}
	m.method = first
	at := bytes.LastIndexByte(rest, ' ')
	if at < 0 {
		return bad("start line", "does not have a method, a URI and a version")
	}
	target, version := rest[:at], rest[at+1:]
	if !bytes.EqualFold(version, []byte("SIP/2.0")) {
		if len(version) > 4 && bytes.EqualFold(version[:4], []byte("SIP/")) {
			return &Fault{Status: 505, Field: "version", Reason: "is not SIP/2.0"}
		}
		return bad("start line", "does not end in a version")
	}
	scheme, headers, ok := uri(target)
	switch {
	case !ok:
		return bad("request URI", "is malformed")
	case headers:
		return bad("request URI", "has headers") // RFC 3261, section 19.1.1
	}
	m.uri, m.scheme = target, scheme
	return nil
}

// text says whether b has no controls but the tab.
func text(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// header cuts one header. What its value must be is looked at when all are known.
func (m *Message) header(line []byte) *Fault {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return bad("header", "has no colon")
	}
	name := bytes.TrimRight(line[:colon], " \t")
	if len(line) > maxLine || len(m.headers) == maxHeaders {
		return bad("headers", "are more than 128, or one is longer than 8 KiB")
	}
	if !tokens.only(name) {
		return bad("header", "has a name that is no token")
	}
	if len(name) != colon {
		m.odd = true
	}
	k := kindOf(name)
	m.headers = append(m.headers, header{k, name, trim(line[colon+1:])})
	if m.first[k] == 0 {
		m.first[k] = int16(len(m.headers))
		return nil
	}
	switch k {
	case from, to, callID, cseq, maxForwards, contentType, date, expires:
		return &Fault{Status: 400, Field: string(name), Reason: "is there twice", Grammatical: true}
	case contentLength:
		return &Fault{Status: 400, Field: string(name), Reason: "is there twice", Grammatical: true, unframed: true}
	}
	return nil
}

// frame finds the body by Content-Length. Without one, the body is all of a datagram; a stream's caller asks framed.
func (m *Message) frame(rest []byte) *Fault {
	m.body = rest
	if m.first[contentLength] == 0 {
		return nil
	}
	n, ok := number(m.get(contentLength), MaxMessage)
	switch {
	case !ok:
		return lost("Content-Length", "is not a number of at most 65536")
	case int(n) > len(rest):
		return lost("Content-Length", "is larger than the message")
	}
	m.body = rest[:n]
	return nil
}

// check looks at every header that we know, and for those that a message must have (RFC 3261, section 8.1.1). Max-Forwards may be missing:
// RFC 2543 did not have it.
func (m *Message) check() *Fault {
	for _, h := range m.headers {
		if fault := m.value(h); fault != nil {
			return fault
		}
	}
	for _, k := range [...]struct {
		kind kind
		name string
	}{{viaKind, "Via"}, {from, "From"}, {to, "To"}, {callID, "Call-ID"}, {cseq, "CSeq"}} {
		if m.first[k.kind] == 0 {
			return &Fault{Status: 400, Field: k.name, Reason: "is missing", Grammatical: true}
		}
	}
	if _, has := param(m.from.params, "tag"); !has {
		m.odd = true
	}
	return nil
}

func (m *Message) value(h header) *Fault {
	malformed := false
	switch h.kind {
	case viaKind:
		malformed = !m.via(h.value)
	case from:
		m.from, malformed = one(h.value)
	case to:
		m.to, malformed = one(h.value)
	case contact, route:
		malformed = !addresses(h)
	case callID:
		word, host, both := bytes.Cut(h.value, []byte("@"))
		malformed = !words.only(word) || both && !words.only(host)
	case cseq:
		malformed = !m.sequence(h.value)
	case maxForwards:
		_, ok := number(h.value, 255)
		malformed = !ok
	case expires:
		_, ok := number(h.value, 1<<32-1)
		malformed = !ok
	case date:
		_, err := time.Parse("Mon, 02 Jan 2006 15:04:05 GMT", string(h.value))
		malformed = err != nil
	case contentType:
		main, sub, ok := bytes.Cut(h.value, []byte("/"))
		malformed = !ok || !tokens.only(trim(main)) || len(trim(sub)) == 0 || !text(h.value)
	default:
		malformed = !text(h.value)
	}
	if malformed {
		return bad(string(h.name), "is malformed")
	}
	m.odd = m.odd || strange(h)
	return nil
}

// via reads a Via header's list. The first hop of all is whom a response goes to.
func (m *Message) via(b []byte) bool {
	c := cursor{b: b}
	for {
		v, ok := c.via()
		if !ok {
			return false
		}
		if m.hops++; m.hops == 1 {
			m.top = v
		}
		if c.done() {
			return true
		}
		if !c.take(',') {
			return false
		}
	}
}

// sequence reads CSeq, whose method must be the request's own.
func (m *Message) sequence(b []byte) bool {
	c := cursor{b: b}
	_, ok := number(c.run(&digits), 1<<31-1)
	c.space()
	method := c.run(&tokens)
	return ok && len(method) > 0 && c.done() && (m.status != 0 || bytes.Equal(method, m.method))
}

// one reads a header that is one address.
func one(b []byte) (a address, malformed bool) {
	c := cursor{b: b}
	a, ok := c.address()
	return a, !ok || a.star || !c.done()
}

// addresses reads a header that is a list of them. A star stands alone, and in Contact alone.
func addresses(h header) bool {
	c := cursor{b: h.value}
	for n := 0; ; n++ {
		a, ok := c.address()
		switch {
		case !ok, a.star && (h.kind != contact || n > 0):
			return false
		case c.done():
			return true
		case !c.take(','), a.star:
			return false
		}
	}
}
