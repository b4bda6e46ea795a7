package edge

import "bytes"

// strange says whether sipgo would misread a header that is valid: white space where it expects none, a list where it expects one hop, quotes
// where it counts them without looking for escapes, and capitals in the names of parameters.
func strange(h header) bool {
	v := h.value
	switch h.kind {
	case viaKind:
		return bytes.Count(v, []byte(" ")) != 1 || bytes.ContainsAny(v, "\t,\"") || capitals(v)
	case cseq:
		return bytes.Count(v, []byte(" ")) != 1 || bytes.IndexByte(v, '\t') >= 0
	case from, to, contact, route:
		return strangeAddress(v)
	}
	return false
}

func strangeAddress(v []byte) bool {
	rest := v
	if v[0] == '"' {
		c := cursor{b: v}
		name, _ := c.quoted()
		if bytes.IndexByte(name, '\\') >= 0 {
			return true
		}
		rest = v[c.i:]
	}
	open := bytes.IndexByte(rest, '<')
	if open < 0 {
		return bytes.ContainsAny(rest, " \t\",[") || capitals(rest)
	}
	return bytes.ContainsAny(rest[:open], "\t,;") || bytes.ContainsAny(rest[open:], " \t\",[") || capitals(rest[bytes.LastIndexByte(rest, '>')+1:])
}

// capitals says whether the name of a parameter has one: what a name means does not depend on case (RFC 3261, section 7.3.1), and to sipgo it does.
func capitals(v []byte) bool {
	name := false
	for _, x := range v {
		switch {
		case x == ';':
			name = true
		case x == '=':
			name = false
		case name && 'A' <= x && x <= 'Z':
			return true
		}
	}
	return false
}

// appendCanonical appends the message in the plainest form that means the same: one header a line, one hop a Via, no white space that is not needed,
// and a Content-Length that is true.
func (m *Message) appendCanonical(b []byte) []byte {
	if m.status == 0 {
		b = append(append(append(b, m.method...), ' '), plainURI(m.uri)...)
		b = append(b, " SIP/2.0\r\n"...)
	} else {
		b = append(b, "SIP/2.0 "...)
		b = append(b, byte('0'+m.status/100), byte('0'+m.status/10%10), byte('0'+m.status%10), ' ')
		b = append(b, "\r\n"...) // a reason is for people, and theirs is not for ours
	}
	for _, h := range m.headers {
		switch h.kind {
		case viaKind:
			b = appendVias(b, h)
		case from, to, contact, route:
			b = appendAddresses(b, h)
		case cseq:
			c := cursor{b: h.value}
			b = append(b, "CSeq: "...)
			b = append(append(b, c.run(&digits)...), ' ')
			c.space()
			b = append(append(b, c.run(&tokens)...), "\r\n"...)
		case contentLength:
		default:
			b = append(append(b, h.name...), ": "...)
			b = append(append(b, h.value...), "\r\n"...)
		}
	}
	b = append(b, "Content-Length: "...)
	b = appendInt(b, len(m.body))
	b = append(b, "\r\n\r\n"...)
	return append(b, m.body...)
}

func appendInt(b []byte, n int) []byte {
	if n >= 10 {
		b = appendInt(b, n/10)
	}
	return append(b, byte('0'+n%10))
}

func appendVias(b []byte, h header) []byte {
	for c := (cursor{b: h.value}); ; {
		v, ok := c.via()
		if !ok {
			return b
		}
		b = append(append(b, "Via: SIP/2.0/"...), v.transport...)
		b = append(append(b, ' '), v.sentBy...)
		b = append(appendParams(b, v.params), "\r\n"...)
		if !c.take(',') {
			return b
		}
	}
}

// appendAddresses writes each of a list on a line of its own, but Refer-To and Referred-By, which are one.
func appendAddresses(b []byte, h header) []byte {
	for c := (cursor{b: h.value}); ; {
		a, ok := c.address()
		if !ok {
			return b
		}
		b = append(append(b, h.name...), ": "...)
		if a.star {
			b = append(b, '*')
		} else {
			if len(a.name) > 0 {
				b = append(appendName(b, a.name), ' ')
			}
			b = append(append(b, '<'), plainURI(a.uri)...)
			b = append(b, '>')
		}
		b = appendParams(b, a.params)
		if _, has := param(a.params, "tag"); h.kind == from && !has {
			b = append(b, untagged...)
		}
		b = append(b, "\r\n"...)
		if !c.take(',') {
			return b
		}
	}
}

// untagged is the From tag that sipgo sees of a user agent of RFC 2543, which has none and is refused for that by sipgo. It is not sent back.
const untagged = ";tag=rfc2543-none"

// appendName writes a display name. An escape in quotes becomes an apostrophe: sipgo counts quotes, and does not see that one is escaped.
func appendName(b, name []byte) []byte {
	if name[0] != '"' {
		return append(b, bytes.Join(bytes.Fields(name), []byte(" "))...)
	}
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' {
			i++
			b = append(b, '\'')
			continue
		}
		b = append(b, name[i])
	}
	return b
}

// appendParams writes parameters without white space, and their names without capitals. A quoted value with what sipgo takes for the next parameter is left out.
func appendParams(b, params []byte) []byte {
	c := cursor{b: params}
	for c.take(';') {
		c.space()
		key := bytes.ToLower(c.run(&tokens))
		if !c.take('=') {
			b = append(append(b, ';'), key...)
			continue
		}
		c.space()
		var value []byte
		if c.i < len(c.b) && c.b[c.i] == '"' {
			value, _ = c.quoted()
			if bytes.ContainsAny(value, ";=,\\?") || !text(value) {
				continue
			}
		} else {
			value = c.run(&values)
		}
		b = append(append(b, ';'), key...)
		b = append(append(b, '='), value...)
	}
	return b
}

// plainURI is a URI in which sipgo finds the host: it takes the first bracket of one without a user for the host's own.
func plainURI(uri []byte) []byte {
	if bytes.IndexByte(uri, '@') >= 0 {
		return uri
	}
	cut := bytes.IndexAny(uri, ";?")
	if cut < 0 || bytes.IndexByte(uri[cut:], '[') < 0 {
		return uri
	}
	rest := bytes.ReplaceAll(bytes.ReplaceAll(uri[cut:], []byte("["), []byte("%5B")), []byte("]"), []byte("%5D"))
	return append(bytes.Clone(uri[:cut]), rest...)
}
