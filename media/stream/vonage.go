package stream

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"strconv"
	"time"
	"unicode/utf8"
)

// This file is Vonage's dialect (developer.vonage.com, "WebSockets in the Vonage Voice API"): sound is linear, in binary frames of 20 ms; a few
// events and commands are JSON. No message names the stream, whose first tells how sound is written and, beside it, what the connection
// was given as headers.

// vonageDialect is Vonage's. What we say is in frames as long as theirs, which its page recommends.
var vonageDialect = dialect{
	kind:  "vonage",
	parse: parseVonage,
	sound: func(s *start) (sounds, error) {
		if s.encoding != "audio/l16" || s.rate != 8000 && s.rate != 16000 && s.rate != 24000 {
			return sounds{}, fmt.Errorf("want audio/l16 at 8000, 16000 or 24000, not %.32q at %d", s.encoding, s.rate)
		}
		f := format{linear, s.rate}
		return sounds{hears: f, says: f}, nil
	},
	words: func(string, format) phrases {
		return phrases{
			mark: `{"action":"notify","payload":{"mark":"`, markTail: `"}}`,
			clear: `{"action":"clear"}`,
		}
	},
	binary: true, piece: 20 * time.Millisecond, whole: true,
}

// vonageEvent is every message from Vonage but the first. Some of its products tell a digit within an object.
type vonageEvent struct {
	Event   string                 `json:"event"`
	Digit   string                 `json:"digit"`
	DTMF    struct{ Digit string } `json:"dtmf"`
	Payload struct {
		Mark string `json:"mark"`
	} `json:"payload"`
}

// parseVonage reads one text message into m. Its errors name the field.
func parseVonage(text []byte, m *message) error {
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	var v vonageEvent
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("parse message: %w", err)
	}
	*m = message{at: unstamped}
	switch v.Event {
	case "websocket:connected":
		return parseVonageStart(text, m)
	case "websocket:dtmf":
		if m.kind, m.digit = kindDigit, v.Digit; m.digit == "" {
			m.digit = v.DTMF.Digit
		}
	case "websocket:notify":
		m.kind, m.mark = kindMark, []byte(v.Payload.Mark)
	case "websocket:cleared":
		m.kind = kindCleared
	case "":
		return fmt.Errorf("parse message: no event")
	}
	return nil
}

// parseVonageStart reads the first message, which has the connection's headers as fields of its own.
func parseVonageStart(text []byte, m *message) error {
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("parse message: %w", err)
	}
	kind, _ := all["content-type"].(string)
	encoding, params, err := mime.ParseMediaType(kind)
	if err != nil {
		return fmt.Errorf("parse message: websocket:connected: content-type: %w", err)
	}
	rate, err := strconv.ParseUint(params["rate"], 10, 31)
	if err != nil {
		return fmt.Errorf("parse message: websocket:connected: content-type %.64q: no rate", kind)
	}
	maps.DeleteFunc(all, func(name string, _ any) bool { return name == "event" || name == "content-type" })
	m.kind = kindStart
	m.start = &start{encoding: encoding, rate: int(rate), channels: 1, params: textFields(all)}
	return nil
}

// textFields are those of an object's fields that are texts or numbers.
func textFields(all map[string]any) map[string]string {
	params := make(map[string]string)
	for name, value := range all {
		switch v := value.(type) {
		case string:
			params[name] = v
		case float64:
			params[name] = strconv.FormatFloat(v, 'f', -1, 64)
		case bool:
			params[name] = strconv.FormatBool(v)
		}
	}
	return params
}
