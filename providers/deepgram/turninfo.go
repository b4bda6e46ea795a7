package deepgram

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"parley/pipeline"
)

// readTurnInfo reads a TurnInfo as Flux writes it, with its words: some ten a second on every call while somebody speaks. ok is false of
// everything else, also of what is only written otherwise (other fields, escapes, null): that is decode's, which would read the same here.
func readTurnInfo(text []byte) (m message, ok bool) {
	s := scanner{rest: text}
	told := false
	for more := s.open('{'); more; more = s.more('}') {
		switch key := s.key(); string(key) {
		case "type":
			m.kind = string(s.text())
		case "event":
			m.event = known(s.text())
		case "transcript":
			m.text = string(s.text())
		case "audio_window_end":
			m.end = seconds(s.number())
		case "end_of_turn_confidence":
			m.sure = min(max(s.number(), 0), 1)
		case "words":
			s.bad = s.bad || told
			m.words, told = s.words(), true
		case "request_id":
			m.request = string(s.text())
		case "sequence_id", "turn_index", "audio_window_start":
			s.number()
		default:
			s.bad = true
		}
	}
	if s.end(); s.bad || m.kind != "TurnInfo" {
		return message{}, false
	}
	return m, true
}

// known is an event's name, of those that come often without an allocation.
func known(event []byte) string {
	if string(event) == "Update" {
		return "Update"
	}
	return string(event)
}

// A scanner reads JSON of the simplest kind, and is bad from the first byte on that is not.
type scanner struct {
	rest []byte
	bad  bool
}

// words reads an array of words.
func (s *scanner) words() (all []pipeline.Word) {
	if n := bytes.Count(s.rest, []byte(`"word"`)); n > 0 {
		all = make([]pipeline.Word, 0, n)
	}
	for more := s.open('['); more; more = s.more(']') {
		var w wireWord
		for more := s.open('{'); more; more = s.more('}') {
			switch key := s.key(); string(key) {
			case "word":
				w.Word = string(s.text())
			case "punctuated_word":
				w.Punctuated = string(s.text())
			case "start":
				w.Start = s.number()
			case "end":
				w.End = s.number()
			case "confidence":
				w.Confidence = s.number()
			default:
				s.bad = true
			}
		}
		all = appendWord(all, w)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// open reads { or [ and says whether there is something in it.
func (s *scanner) open(begin byte) bool {
	s.expect(begin)
	s.space()
	if !s.bad && len(s.rest) > 0 && s.rest[0] == begin+2 { // '{'+2 is '}', and '['+2 is ']'
		s.rest = s.rest[1:]
		return false
	}
	return !s.bad
}

// more reads the comma before another member, or the end.
func (s *scanner) more(end byte) bool {
	s.space()
	switch {
	case s.bad:
	case len(s.rest) > 0 && s.rest[0] == ',':
		s.rest = s.rest[1:]
		return true
	case len(s.rest) > 0 && s.rest[0] == end:
		s.rest = s.rest[1:]
	default:
		s.bad = true
	}
	return false
}

// key reads a name and its colon.
func (s *scanner) key() []byte {
	key := s.text()
	s.expect(':')
	return key
}

// text reads a string without escapes; it is lent of what is read.
func (s *scanner) text() []byte {
	s.expect('"')
	n := bytes.IndexByte(s.rest, '"')
	if s.bad || n < 0 {
		s.bad = true
		return nil
	}
	text := s.rest[:n]
	s.rest = s.rest[n+1:]
	for _, b := range text {
		if b < ' ' || b == '\\' {
			s.bad = true
			return nil
		}
	}
	s.bad = !utf8.Valid(text)
	return text
}

// number reads a number.
func (s *scanner) number() float64 {
	s.space()
	n := 0
	digits := func() {
		from := n
		for n < len(s.rest) && '0' <= s.rest[n] && s.rest[n] <= '9' {
			n++
		}
		s.bad = s.bad || n == from
	}
	sign := func(some string) {
		if n < len(s.rest) && bytes.IndexByte([]byte(some), s.rest[n]) >= 0 {
			n++
		}
	}
	sign("-")
	zero := n < len(s.rest) && s.rest[n] == '0'
	whole := n
	digits()
	s.bad = s.bad || zero && n > whole+1
	if n < len(s.rest) && s.rest[n] == '.' {
		n++
		digits()
	}
	if n < len(s.rest) && (s.rest[n] == 'e' || s.rest[n] == 'E') {
		n++
		sign("+-")
		digits()
	}
	if s.bad {
		return 0
	}
	v, err := strconv.ParseFloat(string(s.rest[:n]), 64)
	s.bad = err != nil
	s.rest = s.rest[n:]
	return v
}

// expect reads one byte, which must be b, and the space before it.
func (s *scanner) expect(b byte) {
	s.space()
	if s.bad || len(s.rest) == 0 || s.rest[0] != b {
		s.bad = true
		return
	}
	s.rest = s.rest[1:]
}

// end is the end of the text.
func (s *scanner) end() {
	s.space()
	s.bad = s.bad || len(s.rest) > 0
}

func (s *scanner) space() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\n' || s.rest[0] == '\t' || s.rest[0] == '\r') {
		s.rest = s.rest[1:]
	}
}
