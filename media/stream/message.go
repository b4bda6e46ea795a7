package stream

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// kind is what a message of a carrier is about, in every dialect.
type kind uint8

const (
	kindOther kind = iota // well formed, and of no use to us
	kindConnected
	kindStart
	kindMedia
	kindMark
	kindDigit
	kindStop
	kindCleared // our clear has been obeyed
	kindAsked   // what Leg.answer answers
	kindFull    // the far end has no room for sound
	kindRoom    // it has some again
)

// A message is one of the far end's, whatever its dialect. Its byte slices are lent: they point into the frame that it came in.
type message struct {
	kind   kind
	stream []byte // the stream that it belongs to; empty where it does not say
	track  []byte // of media
	audio  []byte // of media: base64
	at     int64  // of media: milliseconds since the stream's start; unstamped where it does not say
	chunk  int64  // of media: its number, from 1; 0 where it does not say
	mark   []byte // the name of a mark
	digit  string // a key
	start  *start
	asks   string // of what is answered: what for
	number int64  // the same: of the far end's messages
}

const unstamped = -1

// A start opens a stream.
type start struct {
	account, stream, call string
	from, to              string // where the carrier tells them here
	tracks                []string
	encoding              string
	rate, channels        int
	params                map[string]string
	number                int64  // of its message, where the far end numbers them
	outbound              bool   // as the voice webhook said; no message tells it
	unit                  int    // bytes of sound that are taken at once; 0: any
	plain                 bool   // in words, not in JSON
	resumes               string // as Info.Resumes
}

// A scanner walks over JSON that is as simple as a carrier's: ASCII strings without escapes. It refuses whatever might mean
// something else to encoding/json, and what it accepts is valid, so that declining costs time and never correctness.
type scanner struct {
	b []byte
	i int
}

// space skips white space and returns the byte after it, 0 at the end.
func (s *scanner) space() byte {
	for ; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take skips white space and then c.
func (s *scanner) take(c byte) bool {
	if s.space() != c {
		return false
	}
	s.i++
	return true
}

// text takes a string and returns what is between its quotes.
func (s *scanner) text() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	rest := s.b[s.i:]
	n := plain(rest)
	if n == len(rest) || rest[n] != '"' {
		return nil, false
	}
	s.i += n + 1
	return rest[:n], true
}

// key takes an object's next key and its colon. more is false, and ok true, at the object's end.
func (s *scanner) key(first bool) (name []byte, more, ok bool) {
	switch c := s.space(); {
	case c == '}':
		s.i++
		return nil, false, true
	case !first && c != ',':
		return nil, false, false
	case !first:
		s.i++
		if s.space() == '}' {
			return nil, false, false
		}
	}
	name, ok = s.text()
	return name, true, ok && s.take(':')
}

// skip takes a scalar of any kind but a number with a fraction, an exponent or a leading zero; those are left to encoding/json.
func (s *scanner) skip() bool {
	switch c := s.space(); {
	case c == '"':
		_, ok := s.text()
		return ok
	case c >= '1' && c <= '9':
		for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
			s.i++
		}
		next := s.space()
		return next == ',' || next == '}'
	default:
		for _, word := range [...]string{"true", "false", "null"} {
			if bytes.HasPrefix(s.b[s.i:], []byte(word)) {
				s.i += len(word)
				return true
			}
		}
		return false
	}
}

// number takes a whole number, bare or as a string.
func (s *scanner) number() (int64, bool) {
	if s.space() == '"' {
		digits, ok := s.text()
		if !ok {
			return 0, false
		}
		return decimal(digits)
	}
	from := s.i
	if !s.skip() {
		return 0, false
	}
	return decimal(bytes.TrimRight(s.b[from:s.i], " \t\r\n"))
}

// end says that only white space is left.
func (s *scanner) end() bool { return s.space() == 0 && s.i == len(s.b) }

// plain is how many bytes of b come before the first that is not plain: a quote, a backslash, a control or anything above ASCII.
// It looks at eight at a time: of x = byte ^ '"', (x - 1) borrows into the top bit when x is 0, and so for the others.
func plain(b []byte) int {
	const (
		ones   = 0x0101010101010101
		tops   = 0x8080808080808080
		quotes = ones * '"'
		slash  = ones * '\\'
		spaces = ones * ' '
	)
	i := 0
	for ; i+8 <= len(b); i += 8 {
		v := binary.LittleEndian.Uint64(b[i:])
		q, s := v^quotes, v^slash
		if odd := ((q - ones) | (s - ones) | (v - spaces) | v) & tops; odd != 0 {
			// A borrow can spill only upwards, so the lowest bit that is set is true.
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c == '"' || c == '\\' || c < ' ' || c >= 0x80 {
			break
		}
	}
	return i
}

// folds says that encoding/json would take name, which is not one of names, for one of them all the same.
func folds(name []byte, names ...string) bool {
	for _, n := range names {
		if len(n) == len(name) && bytes.EqualFold(name, []byte(n)) {
			return true
		}
	}
	return false
}

// decimal reads a number of at most 15 digits without a leading zero.
func decimal(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 15 || b[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}
