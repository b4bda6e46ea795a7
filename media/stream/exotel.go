package stream

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// This file is Exotel's dialect (developer.exotel.com, AgentStream, "WebSocket protocol"): Twilio's with other names, whose sound is linear and
// is wanted in large pieces.

const (
	// exotelLeast is the least sound in a message. Exotel calls that 100 ms; at 8 kHz it is 200 ms. Pieces are multiples of 320 bytes besides,
	// which whole frames are at every rate.
	exotelLeast = 3200
)

// exotelEncodings are the names under which Exotel's linear sound has been seen: the page's, and older ones.
var exotelEncodings = []string{"audio/x-raw", "raw", "raw/slin", "slin", "base64", ""}

// exotelDialect is Exotel's. The rate is what the URL of the applet asked for: start tells.
var exotelDialect = dialect{
	kind:  "exotel",
	parse: parseExotel,
	sound: func(s *start) (sounds, error) {
		f := format{linear, s.rate}
		if !slices.Contains(exotelEncodings, s.encoding) || !slices.Contains([]int{8000, 16000, 24000}, s.rate) {
			return sounds{}, fmt.Errorf("want audio/x-raw at 8000, 16000 or 24000, not %.32q at %d", s.encoding, s.rate)
		}
		return sounds{f, f}, nil
	},
	words: func(stream string, _ format) phrases {
		head := `"stream_sid":"` + stream + `"`
		return phrases{
			media: `{"event":"media",` + head + `,"media":{"payload":"`, mediaTail: `"}}`,
			mark: `{"event":"mark",` + head + `,"mark":{"name":"`, markTail: `"}}`,
			clear: `{"event":"clear",` + head + `}`,
		}
	},
	least: exotelLeast,
}

// exotelSpelling is how Exotel spells.
var exotelSpelling = spelling{stream: "stream_sid", number: "sequence_number"}

// parseExotel reads one text message into m, as parseTwilio does.
func parseExotel(text []byte, m *message) error {
	if exotelSpelling.plain(text, m) {
		return nil
	}
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	return parseExotelJSON(text, m)
}

// exotelMessage is every message from Exotel.
type exotelMessage struct {
	Event     string `json:"event"`
	StreamSID string `json:"stream_sid"`
	Start     *struct {
		StreamSID   string `json:"stream_sid"`
		CallSID     string `json:"call_sid"`
		AccountSID  string `json:"account_sid"`
		From        string `json:"from"`
		To          string `json:"to"`
		MediaFormat struct {
			Encoding   string      `json:"encoding"`
			SampleRate json.Number `json:"sample_rate"`
		} `json:"media_format"`
		CustomParameters map[string]string `json:"custom_parameters"`
	} `json:"start"`
	body
}

// parseExotelJSON reads any message. Its errors name the field.
func parseExotelJSON(text []byte, m *message) error {
	var e exotelMessage
	if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("parse message: %w", err)
	}
	*m = message{stream: []byte(e.StreamSID), at: unstamped}
	if e.Event != "start" {
		return e.fill(e.Event, m)
	}
	if e.Start == nil {
		return without(e.Event, "start")
	}
	m.kind = kindStart
	m.start = &start{
		account: e.Start.AccountSID, stream: cmp.Or(e.Start.StreamSID, e.StreamSID), call: e.Start.CallSID,
		from: international(e.Start.From), to: international(e.Start.To),
		encoding: e.Start.MediaFormat.Encoding, rate: number(e.Start.MediaFormat.SampleRate), params: e.Start.CustomParameters,
	}
	return nil
}
