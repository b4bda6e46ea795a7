package stream

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/segmentio/asm/base64"
)

// This file is Twilio's dialect: what its messages say (twilio.com/docs/voice/media-streams/websocket-messages) and how ours are
// written. All numbers of an envelope and of media are strings.

// parseTwilio reads one text message into m. Media and marks in Twilio's own plain style, which are all but a few, take no
// allocation; all else, and whatever is unusual, goes through encoding/json.
func parseTwilio(text []byte, m *message) error {
	if parseTwilioPlain(text, m) {
		return nil
	}
	if !utf8.Valid(text) {
		return errNotUTF8 // RFC 6455, section 8.1; encoding/json would put up with it
	}
	return parseTwilioJSON(text, m)
}

// parseTwilioPlain reads media or a mark with the keys in any order; false: this is something else, or not plain enough.
func parseTwilioPlain(text []byte, m *message) bool {
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
		case "streamSid":
			if m.stream, ok = s.text(); !ok || sid {
				return false
			}
			sid = true
		case "media":
			if inner != kindOther || !scanTwilioMedia(&s, m) {
				return false
			}
			inner = kindMedia
		case "mark":
			if inner != kindOther || !scanTwilioMark(&s, m) {
				return false
			}
			inner = kindMark
		case "sequenceNumber":
			if !s.skip() {
				return false
			}
		default:
			if folds(name, "event", "streamSid", "media", "start", "mark", "dtmf") || !s.skip() {
				return false
			}
		}
	}
}

// scanTwilioMark reads the object of a mark.
func scanTwilioMark(s *scanner, m *message) bool {
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

// scanTwilioMedia reads the object of media.
func scanTwilioMedia(s *scanner, m *message) bool {
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

// twilioMessage is every message from Twilio.
type twilioMessage struct {
	Event     string `json:"event"`
	StreamSID string `json:"streamSid"`
	Start     *struct {
		AccountSID  string   `json:"accountSid"`
		StreamSID   string   `json:"streamSid"`
		CallSID     string   `json:"callSid"`
		Tracks      []string `json:"tracks"`
		MediaFormat struct {
			Encoding   string      `json:"encoding"`
			SampleRate json.Number `json:"sampleRate"`
			Channels   json.Number `json:"channels"`
		} `json:"mediaFormat"`
		CustomParameters map[string]string `json:"customParameters"`
	} `json:"start"`
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

// parseTwilioJSON reads any message. Its errors name the field.
func parseTwilioJSON(text []byte, m *message) error {
	var t twilioMessage
	if err := json.Unmarshal(text, &t); err != nil {
		return fmt.Errorf("parse message: %w", err)
	}
	*m = message{stream: []byte(t.StreamSID), at: unstamped}
	missing := func(field string) error { return fmt.Errorf("parse message: %s without %s", t.Event, field) }
	switch t.Event {
	case "connected":
		m.kind = kindConnected
	case "start":
		if t.Start == nil {
			return missing("start")
		}
		m.kind = kindStart
		m.start = &start{
			account: t.Start.AccountSID, stream: t.Start.StreamSID, call: t.Start.CallSID, tracks: t.Start.Tracks,
			encoding: t.Start.MediaFormat.Encoding,
			rate:     number(t.Start.MediaFormat.SampleRate), channels: number(t.Start.MediaFormat.Channels),
			params: t.Start.CustomParameters,
		}
	case "media":
		if t.Media == nil {
			return missing("media")
		}
		m.kind, m.track, m.audio = kindMedia, []byte(t.Media.Track), []byte(t.Media.Payload)
		if at, ok := decimal([]byte(t.Media.Timestamp)); ok {
			m.at = at
		}
	case "mark":
		if t.Mark == nil {
			return missing("mark")
		}
		m.kind, m.mark = kindMark, []byte(t.Mark.Name)
	case "dtmf":
		if t.DTMF == nil {
			return missing("dtmf")
		}
		m.kind, m.digit = kindDigit, t.DTMF.Digit
	case "stop":
		m.kind = kindStop
	case "":
		return fmt.Errorf("parse message: no event")
	}
	return nil
}

// number is n as an int; 0 where it is none.
func number(n json.Number) int {
	i, err := strconv.Atoi(n.String())
	if err != nil {
		return 0
	}
	return i
}

// twilioWriter builds our messages for one stream in one buffer: what it returns is a whole frame, lent until the next.
type twilioWriter struct {
	media []byte // a header's room and the message as far as the audio
	buf   []byte
	mark  []byte // the same for a mark, as far as its name
	clear []byte
}

const twilioMediaTail = `"}}`

// newTwilioWriter makes the messages of the stream streamSID, which must need no escape, with at most audio bytes of mu-law.
func newTwilioWriter(streamSID string, audio int) *twilioWriter {
	room := string(make([]byte, textHeader))
	w := &twilioWriter{
		media: []byte(room + `{"event":"media","streamSid":"` + streamSID + `","media":{"payload":"`),
		mark:  []byte(room + `{"event":"mark","streamSid":"` + streamSID + `","mark":{"name":"`),
		clear: []byte(room + `{"event":"clear","streamSid":"` + streamSID + `"}`),
	}
	w.buf = make([]byte, 0, len(w.media)+base64.StdEncoding.EncodedLen(audio)+len(twilioMediaTail))
	return w
}

// audio is mu-law on its way to the caller.
func (w *twilioWriter) audio(ulaw []byte) []byte {
	head, n := len(w.media), base64.StdEncoding.EncodedLen(len(ulaw))
	b := append(w.buf[:0], w.media...)[:head+n]
	base64.StdEncoding.Encode(b[head:], ulaw)
	return sealText(append(b, twilioMediaTail...))
}

// marked asks for a mark's return once all before it has sounded.
func (w *twilioWriter) marked(m mark) []byte {
	b := m.append(append(w.buf[:0], w.mark...))
	return sealText(append(b, twilioMediaTail...))
}

// cleared makes Twilio forget what it has not played.
func (w *twilioWriter) cleared() []byte {
	return sealText(append(w.buf[:0], w.clear...))
}
