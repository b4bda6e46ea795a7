package stream

import (
	"github.com/segmentio/asm/base64"
)

// A dialect is what one carrier's messages say, and how ours to it are written. It keeps nothing of a stream: all streams share it.
type dialect struct {
	kind  string                                // as Info.Kind
	parse func(text []byte, m *message) error   // reads one message; its errors name the field
	sound func(s *start) (sounds, error)        // how the sound of a stream is written; why, if it is none that we read
	words func(stream string, f format) phrases // what we say by a stream
}

// phrases are our messages in a dialect whose sound is base64 in JSON: what stands before and after what is put in.
type phrases struct {
	media, mediaTail string
	mark, markTail   string
	clear            string
}

// A writer builds our messages for one stream in one buffer: what it returns is a whole frame, lent until the next.
type writer struct {
	phrases

	buf []byte
}

// textRoom is where a frame's header goes.
var textRoom = string(make([]byte, textHeader))

// newWriter makes the messages of a stream with at most audio bytes of sound in one.
func newWriter(p phrases, audio int) *writer {
	p.media, p.mark, p.clear = textRoom+p.media, textRoom+p.mark, textRoom+p.clear
	return &writer{phrases: p, buf: make([]byte, 0, len(p.media)+base64.StdEncoding.EncodedLen(audio)+len(p.mediaTail))}
}

// audio is sound on its way to the caller.
func (w *writer) audio(codes []byte) []byte {
	head, n := len(w.media), base64.StdEncoding.EncodedLen(len(codes))
	b := append(w.buf[:0], w.media...)[:head+n]
	base64.StdEncoding.Encode(b[head:], codes)
	return sealText(append(b, w.mediaTail...))
}

// marked asks for a mark's return once all before it has sounded.
func (w *writer) marked(m mark) []byte {
	return sealText(append(m.append(append(w.buf[:0], w.mark...)), w.markTail...))
}

// cleared makes the carrier forget what it has not played.
func (w *writer) cleared() []byte { return sealText(append(w.buf[:0], w.clear...)) }

// A spelling is how a carrier of Twilio's family names what its plain messages have.
type spelling struct {
	stream, number string // of the stream's id and of the message's number
}

// plain reads media or a mark with the keys in any order; false: this is something else, or not plain enough.
func (p *spelling) plain(text []byte, m *message) bool {
	*m = message{at: unstamped}
	s := scanner{b: text}
	if !s.take('{') {
		return false
	}
	var event, sid bool
	var inner kind // of the object that was seen
	for first := true; ; first = false {
		name, more, ok := s.key(first)
		if !ok {
			return false
		}
		if !more {
			return event && inner == m.kind && s.end()
		}
		switch string(name) {
		case "event":
			word, ok := s.text()
			if !ok || event {
				return false
			}
			event = true
			switch string(word) {
			case "media":
				m.kind = kindMedia
			case "mark":
				m.kind = kindMark
			default:
				return false
			}
		case p.stream:
			if m.stream, ok = s.text(); !ok || sid {
				return false
			}
			sid = true
		case "media":
			if inner != kindOther || !scanMedia(&s, m) {
				return false
			}
			inner = kindMedia
		case "mark":
			if inner != kindOther || !scanMark(&s, m) {
				return false
			}
			inner = kindMark
		case p.number:
			if !s.skip() {
				return false
			}
		default:
			if folds(name, "event", p.stream, "media", "start", "mark", "dtmf") || !s.skip() {
				return false
			}
		}
	}
}

// scanMark reads the object of a mark.
func scanMark(s *scanner, m *message) bool {
	if !s.take('{') {
		return false
	}
	named := false
	for first := true; ; first = false {
		name, more, ok := s.key(first)
		if !ok || !more {
			return ok
		}
		if string(name) == "name" {
			if m.mark, ok = s.text(); !ok || named {
				return false
			}
			named = true
		} else if folds(name, "name") || !s.skip() {
			return false
		}
	}
}

// scanMedia reads the object of media.
func scanMedia(s *scanner, m *message) bool {
	if !s.take('{') {
		return false
	}
	var track, at, audio bool
	for first := true; ; first = false {
		name, more, ok := s.key(first)
		if !ok || !more {
			return ok
		}
		switch string(name) {
		case "payload":
			if m.audio, ok = s.text(); !ok || audio {
				return false
			}
			audio = true
		case "timestamp":
			digits, ok := s.text()
			if !ok || at {
				return false
			}
			if m.at, at = decimal(digits); !at {
				return false
			}
		case "track":
			if m.track, ok = s.text(); !ok || track {
				return false
			}
			track = true
		case "chunk":
			if !s.skip() {
				return false
			}
		default:
			if folds(name, "payload", "timestamp", "track") || !s.skip() {
				return false
			}
		}
	}
}
