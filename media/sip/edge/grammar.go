package edge

import (
	"bytes"
	"net/netip"
)

// A class is a set of ASCII bytes.
type class [256]bool

func set(members string) (c class) {
	for i := range len(members) {
		c[members[i]] = true
	}
	return c
}

// and is the union.
func (c class) and(d class) class {
	for i := range d {
		c[i] = c[i] || d[i]
	}
	return c
}

// only says whether b has members of c alone, and at least one.
func (c *class) only(b []byte) bool {
	for _, x := range b {
		if !c[x] {
			return false
		}
	}
	return len(b) > 0
}

// The classes of RFC 3261, section 25.1. An escape ("%41") is checked apart.
var (
	digits     = set("0123456789")
	hexes      = set("0123456789abcdefABCDEF")
	alphas     = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	alphanum   = digits.and(alphas)
	tokens     = alphanum.and(set("-.!%*_+`'~"))
	words      = tokens.and(set("()<>:\\\"/[]?{}")) // of Call-ID
	schemes    = alphanum.and(set("+-."))
	unreserved = alphanum.and(set("-_.!~*'()%"))
	users      = unreserved.and(set("&=+$,;?/"))
	passwords  = unreserved.and(set("&=+$,"))
	uriParams  = unreserved.and(set("[]/:&+$"))
	uriHeaders = unreserved.and(set("[]/?:+$=&"))
	opaques    = unreserved.and(set(";/?:@&=+$,[]#"))
	hosts      = alphanum.and(set("-._")) // with the underscore, which occurs
	values     = tokens.and(set("[]:"))   // of parameters: token, host, or address without brackets
)

func space(c byte) bool { return c == ' ' || c == '\t' }

func trim(b []byte) []byte { return bytes.Trim(b, " \t") }

// escaped checks that each % begins two hexadecimal digits.
func escaped(b []byte) bool {
	for i := 0; i < len(b); i++ {
		if b[i] != '%' {
			continue
		}
		if i+2 >= len(b) || !hexes[b[i+1]] || !hexes[b[i+2]] {
			return false
		}
		i += 2
	}
	return true
}

// number reads a decimal number of at most limit; leading zeros are legal.
func number(b []byte, limit uint64) (n uint64, ok bool) {
	if !digits.only(b) {
		return 0, false
	}
	for _, c := range b {
		if n = n*10 + uint64(c-'0'); n > limit {
			return 0, false
		}
	}
	return n, true
}

// hostport checks host[:port] (RFC 3261, section 25.1; RFC 5118, section 4.1: an IPv6 address is in brackets).
func hostport(b []byte) bool {
	host, rest := b, []byte(nil)
	if len(b) > 0 && b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 {
			return false
		}
		host, rest = b[1:end], b[end+1:]
		if a, err := netip.ParseAddr(string(host)); err != nil || !a.Is6() || a.Zone() != "" {
			return false
		}
	} else {
		if colon := bytes.IndexByte(b, ':'); colon >= 0 {
			host, rest = b[:colon], b[colon:]
		}
		if !hostname(host) {
			return false
		}
	}
	if len(rest) == 0 {
		return true
	}
	n, ok := number(rest[1:], 65535)
	return rest[0] == ':' && ok && n > 0
}

// hostname checks a name, or an IPv4 address: what ends like one must be one.
func hostname(b []byte) bool {
	if !hosts.only(b) || len(b) > 255 || b[0] == '.' || b[0] == '-' || bytes.Contains(b, []byte("..")) {
		return false
	}
	last := bytes.TrimSuffix(b, []byte("."))
	last = last[bytes.LastIndexByte(last, '.')+1:]
	if digits.only(last) {
		a, err := netip.ParseAddr(string(b))
		return err == nil && a.Is4()
	}
	return len(last) > 0
}

// uri checks a URI: SIP's own by their grammar (RFC 3261, section 19.1.1), others by that of opaque URIs. headers says
// whether it has any ("?Route=..."), which not every place allows.
func uri(b []byte) (scheme []byte, headers, ok bool) {
	colon := bytes.IndexByte(b, ':')
	if colon < 1 || !schemes.only(b[:colon]) || digits[b[0]] {
		return nil, false, false
	}
	scheme, rest := b[:colon], b[colon+1:]
	if !bytes.EqualFold(scheme, []byte("sip")) && !bytes.EqualFold(scheme, []byte("sips")) {
		return scheme, false, opaques.only(rest) && escaped(rest)
	}
	if !escaped(rest) {
		return nil, false, false
	}
	if at := bytes.IndexByte(rest, '@'); at >= 0 {
		user, password, secret := bytes.Cut(rest[:at], []byte(":"))
		if !users.only(user) || secret && len(password) > 0 && !passwords.only(password) {
			return nil, false, false
		}
		rest = rest[at+1:]
	}
	rest, query, headers := bytes.Cut(rest, []byte("?"))
	if headers && !uriHeaders.only(query) {
		return nil, false, false
	}
	host, params, more := bytes.Cut(rest, []byte(";"))
	if !hostport(host) {
		return nil, false, false
	}
	for more {
		var one []byte
		one, params, more = bytes.Cut(params, []byte(";"))
		name, value, has := bytes.Cut(one, []byte("="))
		if !uriParams.only(name) || has && len(value) > 0 && !uriParams.only(value) {
			return nil, false, false
		}
	}
	return scheme, headers, true
}

// A cursor walks over a header's value, whose lines are unfolded.
type cursor struct {
	b []byte
	i int
}

func (c *cursor) space() {
	for c.i < len(c.b) && space(c.b[c.i]) {
		c.i++
	}
}

func (c *cursor) done() bool {
	c.space()
	return c.i == len(c.b)
}

// take skips white space and then x.
func (c *cursor) take(x byte) bool {
	c.space()
	if c.i < len(c.b) && c.b[c.i] == x {
		c.i++
		return true
	}
	return false
}

// run takes the longest run of members of a class.
func (c *cursor) run(of *class) []byte {
	start := c.i
	for c.i < len(c.b) && of[c.b[c.i]] {
		c.i++
	}
	return c.b[start:c.i]
}

// quoted takes a quoted string, with its quotes. A quoted pair may hide any byte but CR and LF; else controls are not allowed.
func (c *cursor) quoted() ([]byte, bool) {
	start := c.i
	if !c.take('"') {
		return nil, false
	}
	for ; c.i < len(c.b); c.i++ {
		switch x := c.b[c.i]; {
		case x == '"':
			c.i++
			return trim(c.b[start:c.i]), true
		case x == '\\':
			c.i++
			if c.i == len(c.b) || c.b[c.i] >= 0x80 || c.b[c.i] == '\r' || c.b[c.i] == '\n' {
				return nil, false
			}
		case x < ' ' && x != '\t', x == 0x7f:
			return nil, false
		}
	}
	return nil, false
}

// params takes *(";" name ["=" value]) and returns it whole. White space may be anywhere between its words.
func (c *cursor) params() ([]byte, bool) {
	start := c.i
	for c.take(';') {
		c.space()
		if len(c.run(&tokens)) == 0 {
			return nil, false
		}
		if !c.take('=') {
			continue
		}
		c.space()
		if c.i < len(c.b) && c.b[c.i] == '"' {
			if _, ok := c.quoted(); !ok {
				return nil, false
			}
		} else if len(c.run(&values)) == 0 {
			return nil, false
		}
	}
	return c.b[start:c.i], true
}

// param is the value of one of the parameters that params took; a name is compared without regard to case.
func param(params []byte, name string) (value []byte, ok bool) {
	c := cursor{b: params}
	for c.take(';') {
		c.space()
		key := c.run(&tokens)
		value = nil
		if c.take('=') {
			c.space()
			if c.i < len(c.b) && c.b[c.i] == '"' {
				value, _ = c.quoted()
			} else {
				value = c.run(&values)
			}
		}
		if len(key) == len(name) && bytes.EqualFold(key, []byte(name)) {
			return value, true
		}
	}
	return nil, false
}

// An address is one name-addr or addr-spec of From, To, Contact, Route and their like.
type address struct {
	name   []byte // as it stands, with quotes
	uri    []byte
	params []byte
	angled bool
	star   bool // Contact: *
}

// address takes one. What stands without angle brackets ends at the first comma, semicolon or question mark, and a question mark there is an
// error (RFC 3261, section 20).
func (c *cursor) address() (a address, ok bool) {
	c.space()
	if c.i < len(c.b) && c.b[c.i] == '"' {
		if a.name, ok = c.quoted(); !ok {
			return a, false
		}
		c.space()
		if c.i == len(c.b) || c.b[c.i] != '<' {
			return a, false
		}
	} else if open := bytes.IndexAny(c.b[c.i:], "<;,"); open >= 0 && c.b[c.i+open] == '<' {
		a.name = trim(c.b[c.i : c.i+open])
		for _, x := range a.name {
			if !tokens[x] && !space(x) && x < 0x80 {
				return a, false
			}
		}
		c.i += open
	}
	if c.take('<') {
		end := bytes.IndexByte(c.b[c.i:], '>')
		if end < 0 {
			return a, false
		}
		a.uri, a.angled = c.b[c.i:c.i+end], true
		c.i += end + 1
	} else {
		start := c.i
		for c.i < len(c.b) && !space(c.b[c.i]) && c.b[c.i] != ';' && c.b[c.i] != ',' {
			c.i++
		}
		a.uri = c.b[start:c.i]
		if bytes.IndexByte(a.uri, '?') >= 0 {
			return a, false
		}
		a.star = len(a.uri) == 1 && a.uri[0] == '*'
	}
	if !a.star {
		scheme, _, ok := uri(a.uri)
		if !ok || !alphas.only(scheme) { // sipgo reads no other scheme, though RFC 3986 has some
			return a, false
		}
	}
	a.params, ok = c.params()
	return a, ok
}

// A via is one hop of Via.
type via struct {
	transport, sentBy, params []byte
}

// via takes sent-protocol LWS sent-by *( ";" via-params ), whose slashes and colon may have white space about them.
func (c *cursor) via() (v via, ok bool) {
	c.space()
	if !bytes.EqualFold(c.run(&tokens), []byte("SIP")) || !c.take('/') {
		return v, false
	}
	c.space()
	if len(c.run(&tokens)) == 0 || !c.take('/') {
		return v, false
	}
	c.space()
	v.transport = c.run(&tokens)
	if len(v.transport) == 0 || c.i == len(c.b) || !space(c.b[c.i]) {
		return v, false
	}
	c.space()
	start := c.i
	for c.i < len(c.b) && c.b[c.i] != ';' && c.b[c.i] != ',' {
		c.i++
	}
	v.sentBy = trim(c.b[start:c.i])
	if bytes.ContainsAny(v.sentBy, " \t") {
		host, port, _ := bytes.Cut(v.sentBy, []byte(":"))
		v.sentBy = bytes.Join([][]byte{trim(host), trim(port)}, []byte(":"))
	}
	if !hostport(v.sentBy) {
		return v, false
	}
	if v.params, ok = c.params(); !ok {
		return v, false
	}
	return v, v.sound()
}

// sound checks the parameters that have a grammar of their own (RFC 3261, section 25.1; RFC 3581).
func (v via) sound() bool {
	if ttl, ok := param(v.params, "ttl"); ok {
		if _, ok := number(ttl, 255); !ok {
			return false
		}
	}
	if rport, ok := param(v.params, "rport"); ok && len(rport) > 0 {
		if _, ok := number(rport, 65535); !ok {
			return false
		}
	}
	if received, ok := param(v.params, "received"); ok {
		if _, err := netip.ParseAddr(string(bytes.Trim(received, "[]"))); err != nil {
			return false
		}
	}
	if branch, ok := param(v.params, "branch"); ok && len(branch) == 0 {
		return false
	}
	return true
}
