package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// This file is Twilio's dialect: what its messages say (twilio.com/docs/voice/media-streams/websocket-messages) and how ours are
// written. All numbers of an envelope and of media are strings.

// twilioDialect is Twilio's.
var twilioDialect = dialect{
	kind:  "twilio",
	parse: parseTwilio,
	sound: func(s *start) (sounds, error) {
		if s.encoding != "audio/x-mulaw" || s.rate != 8000 || s.channels != 1 {
			return sounds{}, errors.New("want audio/x-mulaw, 8000, 1")
		}
		return sounds{telephone, telephone}, nil
	},
	words: func(stream string, _ format) phrases {
		head := `"streamSid":"` + stream + `"`
		return phrases{
			media: `{"event":"media",` + head + `,"media":{"payload":"`, mediaTail: `"}}`,
			mark: `{"event":"mark",` + head + `,"mark":{"name":"`, markTail: `"}}`,
			clear: `{"event":"clear",` + head + `}`,
		}
	},
}

// twilioSpelling is how Twilio spells.
var twilioSpelling = spelling{stream: "streamSid", number: "sequenceNumber"}

// parseTwilio reads one text message into m. Media and marks in Twilio's own plain style, which are all but a few, take no
// allocation; all else, and whatever is unusual, goes through encoding/json.
func parseTwilio(text []byte, m *message) error {
	if twilioSpelling.plain(text, m) {
		return nil
	}
	if !utf8.Valid(text) {
		return errNotUTF8 // RFC 6455, section 8.1; encoding/json would put up with it
	}
	return parseTwilioJSON(text, m)
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
