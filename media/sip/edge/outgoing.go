package edge

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emiago/sipgo/sip"
)

// Sound checks a message of ours before sipgo has it: sipgo writes a header's value as it is, so that one with a line end in it would be two headers on the wire
// (GHSA-chcx-pf5f-wxc7), and nothing after that could tell. Every message that has a word of a tenant's in it is checked. The error names the header.
func Sound(m sip.Message) error {
	switch m := m.(type) {
	case *sip.Request:
		if !tokens.only([]byte(m.Method)) {
			return fmt.Errorf("request %.20q: the method is no token", string(m.Method))
		}
		if err := URI(m.Recipient.String()); err != nil {
			return fmt.Errorf("request URI: %w", err)
		}
		return headers(m.Headers())
	case *sip.Response:
		if err := Text(m.Reason); err != nil {
			return fmt.Errorf("reason phrase: %w", err)
		}
		return headers(m.Headers())
	}
	return fmt.Errorf("%T is no SIP message", m)
}

func headers(all []sip.Header) error {
	for _, h := range all {
		if !tokens.only([]byte(h.Name())) {
			return fmt.Errorf("header %.40q: the name is no token", h.Name())
		}
		if err := Text(h.Value()); err != nil {
			return fmt.Errorf("header %s: %w", h.Name(), err)
		}
	}
	return nil
}

// Text checks a header's value: one line of UTF-8, without controls and without the letters that some programs take for the end of a line.
func Text(value string) error {
	if len(value) > maxLine {
		return fmt.Errorf("is longer than %d bytes", maxLine)
	}
	for i, r := range value {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(value[i:], "\uFFFD"):
			return fmt.Errorf("has a byte at %d that is no UTF-8", i)
		case r != '\t' && unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return fmt.Errorf("has %U at byte %d", r, i)
		}
	}
	return nil
}

// URI checks a URI that we call, name or route by: what it says is what its grammar says, without an escaped line end or NUL, which others may undo.
func URI(s string) error {
	if _, _, ok := uri([]byte(s)); !ok || len(s) > maxLine {
		return fmt.Errorf("%.80q is no URI", s)
	}
	low := strings.ToLower(s)
	for _, escape := range [...]string{"%00", "%0a", "%0d", "%e2%80%a8", "%e2%80%a9"} {
		if strings.Contains(low, escape) {
			return fmt.Errorf("%.80q has %s", s, escape)
		}
	}
	return nil
}

// DisplayName is a name for From or To, in the words that sipgo puts between quotes: without what cannot stand there.
func DisplayName(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '\\':
			return '\''
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		}
		return r
	}, strings.ToValidUTF8(name, "?"))
	if cut := 128; len(name) > cut {
		for !utf8.RuneStart(name[cut]) {
			cut--
		}
		name = name[:cut]
	}
	return strings.TrimSpace(name)
}

// User is the user part of a URI, escaped: any string may stand there (RFC 3261, section 19.1.2).
func User(s string) string {
	var b bytes.Buffer
	for i := range len(s) {
		if c := s[i]; users[c] && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
