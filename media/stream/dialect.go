package stream

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/segmentio/asm/base64"

	"parley/media"
)

// A dialect is what one carrier's messages say, and how ours to it are written. It keeps nothing of a stream: all streams share it.
type dialect struct {
	kind  string                                // as Info.Kind
	parse func(text []byte, m *message) error   // reads one message; its errors name the field
	sound func(s *start) (sounds, error)        // how the sound of a stream is written; why, if it is none that we read
	words func(stream string, f format) phrases // what we say by a stream
	least int                                   // bytes of sound in a message at least, as Info.Least; 0: as few as there are

	binary   bool          // sound is binary frames, both ways; else it is base64 in text
	texts    bool          // of binary: ours is base64 in text all the same
	piece    time.Duration // of binary: the most sound in one of our frames; 0: as much as Send is given
	bare     bool          // of binary: a stream may begin with sound, and has nothing to tell then
	whole    bool          // our sound comes in whole frames: the last is filled up with silence
	live     bool          // nothing that was sent can be taken back, or is told of once it has sounded: sound is sent as it is due
	numbered bool          // messages of sound may overtake each other, and are in the order of their numbers
	protocol string        // the subprotocol that the far end may ask for
}

// leastOf is the least sound in a message, in whole frames.
func (d *dialect) leastOf(f format) time.Duration {
	frame := f.frame() * f.width()
	return time.Duration((d.least+frame-1)/frame) * media.FrameTime
}

// phrases are our messages in a dialect: what stands before and after what is put in. Where sound is binary frames there are none of media;
// where a stream is live there are none of marks and clear.
type phrases struct {
	media, mediaTail string
	mark, markTail   string
	clear            string
	key, keyTail     string // of a carrier that presses keys; empty: it presses none
	hello            string // as soon as the stream has begun; empty: nothing
	bye              string // before the close frame; empty: that says it
}

// A writer builds our messages for one stream in one buffer: what it returns is whole frames, lent until the next.
type writer struct {
	phrases

	piece int // bytes of sound in a binary frame; 0: sound is base64 in text
	buf   []byte
}

// textRoom is where a frame's header goes.
var textRoom = string(make([]byte, textHeader))

// newWriter makes the messages of a stream with at most audio bytes of sound in one.
func newWriter(p phrases, audio int) *writer {
	p.media, p.mark, p.clear, p.key = textRoom+p.media, textRoom+p.mark, textRoom+p.clear, textRoom+p.key
	return &writer{phrases: p, buf: make([]byte, 0, len(p.media)+base64.StdEncoding.EncodedLen(audio)+len(p.mediaTail))}
}

// newBinaryWriter makes the messages of a stream whose sound is binary frames: at most audio bytes of it at once, in frames of at most piece.
func newBinaryWriter(p phrases, audio, piece int) *writer {
	w := newWriter(p, 0)
	w.piece = piece
	w.buf = make([]byte, 0, max(audio+(audio+piece-1)/piece*textHeader, len(w.mark)+markRoom+len(w.markTail), len(w.clear)))
	return w
}

// audio is sound on its way to the caller.
func (w *writer) audio(codes []byte) []byte {
	if w.piece > 0 {
		return w.pieces(codes)
	}
	head, n := len(w.media), base64.StdEncoding.EncodedLen(len(codes))
	b := append(w.buf[:0], w.media...)[:head+n]
	base64.StdEncoding.Encode(b[head:], codes)
	return sealText(append(b, w.mediaTail...))
}

// pieces is sound as binary frames.
func (w *writer) pieces(codes []byte) []byte {
	b := w.buf[:0]
	for len(codes) > 0 {
		n := min(len(codes), w.piece)
		b = append(appendBinary(b, n), codes[:n]...)
		codes = codes[n:]
	}
	return b
}

// marked asks for a mark's return once all before it has sounded.
func (w *writer) marked(m mark) []byte {
	return sealText(append(m.append(append(w.buf[:0], w.mark...)), w.markTail...))
}

// cleared makes the carrier forget what it has not played.
func (w *writer) cleared() []byte { return sealText(append(w.buf[:0], w.clear...)) }

// pressed presses a key towards the caller.
func (w *writer) pressed(key rune) []byte {
	return sealText(append(append(append(w.buf[:0], w.key...), byte(key)), w.keyTail...)) //nolint:gosec // a key is ASCII
}

// textFrame is a whole frame with a text of less than 64 KiB; nil: there is none.
func textFrame(text string) []byte {
	if text == "" {
		return nil
	}
	return sealText([]byte(textRoom + text))
}

// A spelling is how a carrier of Twilio's family names what its plain messages have.
type spelling struct {
	stream, number string // of the stream's id and of the message's number
	played         string // the event by which a mark comes back, whose name is no object's; empty: it is "mark", as ours is
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
			case p.markEvent():
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
		case p.markKey():
			if inner != kindOther || !p.scanMark(&s, m) {
				return false
			}
			inner = kindMark
		case p.number:
			if !s.skip() {
				return false
			}
		default:
			if folds(name, "event", p.stream, "media", "start", "mark", p.markKey(), "dtmf") || !s.skip() {
				return false
			}
		}
	}
}

// markEvent is the event by which a mark comes back, and markKey under what its message has it.
func (p *spelling) markEvent() string { return cmp.Or(p.played, "mark") }

func (p *spelling) markKey() string {
	if p.played != "" {
		return "name"
	}
	return "mark"
}

// scanMark reads what markKey names.
func (p *spelling) scanMark(s *scanner, m *message) bool {
	if p.played == "" {
		return scanMark(s, m)
	}
	var ok bool
	m.mark, ok = s.text()
	return ok
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
	var track, at, audio, chunk bool
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
			if m.chunk, ok = s.number(); !ok || chunk {
				return false
			}
			chunk = true
		default:
			if folds(name, "payload", "timestamp", "track", "chunk") || !s.skip() {
				return false
			}
		}
	}
}

// A body is what the messages of Twilio's family have in them, where they are alike.
type body struct {
	Media *struct {
		Track     string      `json:"track"`
		Timestamp json.Number `json:"timestamp"`
		Payload   string      `json:"payload"`
	} `json:"media"`
	Mark *struct {
		Name string `json:"name"`
	} `json:"mark"`
	DTMF *struct {
		Digit string `json:"digit"`
	} `json:"dtmf"`
}

// fill makes m what the body of an event says. Of an event that no body belongs to, m is left as it is.
func (b *body) fill(event string, m *message) error {
	switch event {
	case "connected":
		m.kind = kindConnected
	case "media":
		if b.Media == nil {
			return without(event, event)
		}
		m.kind, m.track, m.audio = kindMedia, []byte(b.Media.Track), []byte(b.Media.Payload)
		if at, ok := decimal([]byte(b.Media.Timestamp)); ok {
			m.at = at
		}
	case "mark":
		if b.Mark == nil {
			return without(event, event)
		}
		m.kind, m.mark = kindMark, []byte(b.Mark.Name)
	case "dtmf":
		if b.DTMF == nil {
			return without(event, event)
		}
		m.kind, m.digit = kindDigit, b.DTMF.Digit
	case "stop":
		m.kind = kindStop
	case "":
		return fmt.Errorf("parse message: no event")
	}
	return nil
}

// without says what a message lacks.
func without(event, field string) error {
	return fmt.Errorf("parse message: %s without %s", event, field)
}
