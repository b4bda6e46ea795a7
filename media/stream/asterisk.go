package stream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// This file is the dialect of Asterisk's channel driver chan_websocket (docs.asterisk.org, "WebSocket"): sound is binary frames in the channel's
// codec, and all else is text, as JSON or, from versions and channels that are not told f(json), as words.
//
// Its queue of sound, 20 s of it, is beyond what is ever sent ahead: that it is full means that nothing of it sounds, and what follows has to
// wait. A flush drops the marks in the queue, too, and they do not come back.

// asteriskDialect is Asterisk's in JSON, asteriskPlain in words.
var (
	asteriskDialect = asteriskWords(phrases{
		mark: `{"command":"MARK_MEDIA","correlation_id":"`, markTail: `"}`,
		clear: `{"command":"FLUSH_MEDIA"}`, bye: `{"command":"HANGUP"}`,
	})
	asteriskPlain = asteriskWords(phrases{mark: `MARK_MEDIA `, clear: `FLUSH_MEDIA`, bye: `HANGUP`})
)

func asteriskWords(p phrases) dialect {
	return dialect{
		kind: "asterisk", parse: parseAsterisk, sound: asteriskSound,
		words:  func(string, format) phrases { return p },
		binary: true, piece: 500 * time.Millisecond, whole: true, protocol: "media", // a message of more than 65,500 bytes ends a call
	}
}

// asteriskFormats are Asterisk's names of the codecs that we speak.
var asteriskFormats = map[string]format{
	"ulaw": {ulaw, 8000}, "alaw": {alaw, 8000}, "slin": {linear, 8000}, "slin16": {linear, 16000}, "slin24": {linear, 24000}, "slin48": {linear, 48000},
}

// asteriskSound reads a channel's format. What is not a whole part of 20 ms at once would be cut, and without a size (passthrough) nothing is
// reported or forgotten.
func asteriskSound(s *start) (sounds, error) {
	f, ok := asteriskFormats[s.encoding]
	if !ok {
		return sounds{}, fmt.Errorf("want a format of ulaw, alaw, slin, slin16, slin24 or slin48, not %.32q", s.encoding)
	}
	if s.unit <= 0 || f.bytes(20*time.Millisecond)%s.unit != 0 {
		return sounds{}, fmt.Errorf("want an optimal_frame_size of 20 ms, not of %d bytes of %s", s.unit, s.encoding)
	}
	return sounds{hears: f, says: f}, nil
}

// asteriskEvent is every message from Asterisk.
type asteriskEvent struct {
	Event         string         `json:"event"`
	ChannelID     string         `json:"channel_id"`
	Format        string         `json:"format"`
	FrameSize     json.Number    `json:"optimal_frame_size"`
	Variables     map[string]any `json:"channel_variables"`
	Digit         string         `json:"digit"`
	CorrelationID string         `json:"correlation_id"`
}

// parseAsterisk reads one text message into m, of either form. Its errors name the field.
func parseAsterisk(text []byte, m *message) error {
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	var e asteriskEvent
	text = bytes.TrimSpace(text)
	plain := len(text) > 0 && text[0] != '{'
	if plain {
		e = readWords(string(text))
	} else if err := json.Unmarshal(text, &e); err != nil {
		return fmt.Errorf("parse message: %w", err)
	}
	*m = message{at: unstamped, stream: []byte(e.ChannelID)}
	switch e.Event {
	case "MEDIA_START":
		if e.Format == "" {
			return errors.New("parse message: MEDIA_START without format")
		}
		m.kind = kindStart
		m.start = &start{
			stream: e.ChannelID, call: e.ChannelID, encoding: e.Format, unit: number(e.FrameSize), channels: 1, plain: plain, params: variables(e.Variables),
		}
	case "MEDIA_MARK_PROCESSED":
		m.kind, m.mark = kindMark, []byte(e.CorrelationID)
	case "DTMF_END":
		m.kind, m.digit = kindDigit, e.Digit
	case "MEDIA_XOFF":
		m.kind = kindFull
	case "MEDIA_XON":
		m.kind = kindRoom
	case "":
		return errors.New("parse message: no event")
	}
	return nil
}

// readWords reads the older form: a word, and then name:value, or the correlation id alone.
func readWords(text string) (e asteriskEvent) {
	words := strings.Fields(text)
	if len(words) == 0 {
		return e
	}
	e.Event = words[0]
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, ":")
		switch name {
		case "channel_id":
			e.ChannelID = value
		case "format":
			e.Format = value
		case "optimal_frame_size":
			e.FrameSize = json.Number(value)
		case "digit":
			e.Digit = value
		default:
			e.CorrelationID = word
		}
	}
	return e
}

// toldPrefix is how the variables of a channel begin that are told to us.
const toldPrefix = "PARLEY_"

// variables are those of a channel that are for us, by their names in lower case: those that were inherited may have kept their underscores.
func variables(all map[string]any) map[string]string {
	params := make(map[string]string)
	for name, value := range textFields(all) {
		if rest, ok := strings.CutPrefix(strings.TrimLeft(name, "_"), toldPrefix); ok {
			params[strings.ToLower(rest)] = value
		}
	}
	return params
}
