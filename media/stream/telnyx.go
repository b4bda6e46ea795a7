package stream

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// This file is Telnyx' dialect (developers.telnyx.com, "Stream call media over WebSocket"): Twilio's in other letters, but for a stream's
// start, which tells who calls whom and how the sound is written. Ours name no stream. The order of theirs is not promised: chunk numbers those
// of sound.

// telnyxDialect is Telnyx'. We ask for mu-law to be sent what we say; what we hear may be as the call's network writes it.
var telnyxDialect = dialect{
	kind:  "telnyx",
	parse: parseTelnyx,
	sound: func(s *start) (sounds, error) {
		hears := telephone
		switch {
		case s.encoding == "PCMA" && s.rate == telephone.rate:
			hears.coding = alaw
		case s.encoding != "PCMU" || s.rate != telephone.rate:
			return sounds{}, fmt.Errorf("want PCMU or PCMA at 8000, not %.32q at %d", s.encoding, s.rate)
		}
		return sounds{hears: hears, says: telephone}, nil
	},
	words: func(string, format) phrases {
		return phrases{
			media: `{"event":"media","media":{"payload":"`, mediaTail: `"}}`,
			mark: `{"event":"mark","mark":{"name":"`, markTail: `"}}`,
			clear: `{"event":"clear"}`,
		}
	},
	numbered: true,
}

// telnyxSpelling is how Telnyx spells.
var telnyxSpelling = spelling{stream: "stream_id", number: "sequence_number"}

// parseTelnyx reads one text message into m, as parseTwilio does.
func parseTelnyx(text []byte, m *message) error {
	if telnyxSpelling.plain(text, m) {
		return nil
	}
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	return parseTelnyxJSON(text, m)
}

// telnyxMessage is every message from Telnyx.
type telnyxMessage struct {
	Event    string `json:"event"`
	StreamID string `json:"stream_id"`
	Start    *struct {
		CallControlID string `json:"call_control_id"`
		From          string `json:"from"`
		To            string `json:"to"`
		MediaFormat   struct {
			Encoding   string      `json:"encoding"`
			SampleRate json.Number `json:"sample_rate"`
			Channels   json.Number `json:"channels"`
		} `json:"media_format"`
	} `json:"start"`
	Media *struct {
		Track     string      `json:"track"`
		Timestamp json.Number `json:"timestamp"`
		Chunk     json.Number `json:"chunk"`
		Payload   string      `json:"payload"`
	} `json:"media"`
	Mark *struct {
		Name string `json:"name"`
	} `json:"mark"`
	DTMF *struct {
		Digit string `json:"digit"`
	} `json:"dtmf"`
}

// parseTelnyxJSON reads any message. Its errors name the field.
func parseTelnyxJSON(text []byte, m *message) error {
	var t telnyxMessage
	if err := json.Unmarshal(text, &t); err != nil {
		return fmt.Errorf("parse message: %w", err)
	}
	*m = message{stream: []byte(t.StreamID), at: unstamped}
	missing := func(field string) error { return fmt.Errorf("parse message: %s without %s", t.Event, field) }
	switch t.Event {
	case "connected":
		m.kind = kindConnected
	case "start":
		if t.Start == nil {
			return missing("start")
		}
		f := t.Start.MediaFormat
		m.kind = kindStart
		m.start = &start{
			stream: t.StreamID, call: t.Start.CallControlID, from: t.Start.From, to: t.Start.To,
			encoding: f.Encoding, rate: number(f.SampleRate), channels: number(f.Channels),
		}
	case "media":
		if t.Media == nil {
			return missing("media")
		}
		m.kind, m.track, m.audio = kindMedia, []byte(t.Media.Track), []byte(t.Media.Payload)
		if at, ok := decimal([]byte(t.Media.Timestamp)); ok {
			m.at = at
		}
		if chunk, ok := decimal([]byte(t.Media.Chunk)); ok {
			m.chunk = chunk
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
