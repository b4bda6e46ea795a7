package stream

import (
	"cmp"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// This file is Plivo's dialect. Its own page of it was not at hand: what is here is what clients and servers of others' say (pipecat,
// agent-transport, Vobiz), who agree. Numbers may be strings and strings numbers, and a message may leave out what is known already.
//
// A checkpoint is Twilio's mark, and comes back as playedStream once all before it has sounded; one that clearAudio overtook does not come
// back at all, where Twilio returns it at once. Nothing here waits for it: a leg's marks name their epoch, and Playout goes by its clock
// where none comes.

// plivoDialect is Plivo's. What is heard and said is as we have asked for.
var plivoDialect = dialect{
	kind:  "plivo",
	parse: parsePlivo,
	sound: func(s *start) (sounds, error) {
		if s.encoding != "audio/x-mulaw" || s.rate != telephone.rate {
			return sounds{}, fmt.Errorf("want audio/x-mulaw at 8000, not %.32q at %d", s.encoding, s.rate)
		}
		return sounds{telephone, telephone}, nil
	},
	words: func(stream string, f format) phrases {
		tail := `,"streamId":"` + stream + `"`
		return phrases{
			media:     fmt.Sprintf(`{"event":"playAudio","media":{"contentType":"audio/x-mulaw","sampleRate":%d,"payload":"`, f.rate),
			mediaTail: `"}` + tail + `}`,
			mark:      `{"event":"checkpoint"` + tail + `,"name":"`, markTail: `"}`,
			clear: `{"event":"clearAudio"` + tail + `}`,
			key:   `{"event":"sendDTMF","dtmf":"`, keyTail: `"}`,
		}
	},
}

// plivoSpelling is how Plivo spells.
var plivoSpelling = spelling{stream: "streamId", number: "sequenceNumber", played: "playedStream"}

// parsePlivo reads one text message into m, as parseTwilio does.
func parsePlivo(text []byte, m *message) error {
	if plivoSpelling.plain(text, m) {
		return nil
	}
	if !utf8.Valid(text) {
		return errNotUTF8
	}
	return parsePlivoJSON(text, m)
}

// plivoMessage is every message from Plivo. Samples differ in what they call the account.
type plivoMessage struct {
	Event    string `json:"event"`
	StreamID string `json:"streamId"`
	Name     string `json:"name"` // of a checkpoint that was played
	Start    *struct {
		CallID      string   `json:"callId"`
		StreamID    string   `json:"streamId"`
		AccountID   string   `json:"accountId"`
		AuthID      string   `json:"auth_id"`
		Tracks      []string `json:"tracks"`
		MediaFormat struct {
			Encoding   string      `json:"encoding"`
			SampleRate json.Number `json:"sampleRate"`
		} `json:"mediaFormat"`
	} `json:"start"`
	body
}

// parsePlivoJSON reads any message. Its errors name the field.
func parsePlivoJSON(text []byte, m *message) error {
	var p plivoMessage
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("parse message: %w", err)
	}
	*m = message{stream: []byte(p.StreamID), at: unstamped}
	switch p.Event {
	case "start":
		if p.Start == nil {
			return without(p.Event, "start")
		}
		m.kind = kindStart
		m.start = &start{
			account: cmp.Or(p.Start.AccountID, p.Start.AuthID), stream: cmp.Or(p.Start.StreamID, p.StreamID), call: p.Start.CallID,
			tracks: p.Start.Tracks, encoding: p.Start.MediaFormat.Encoding, rate: number(p.Start.MediaFormat.SampleRate),
		}
	case "playedStream":
		m.kind, m.mark = kindMark, []byte(p.Name)
	case "clearedAudio":
		m.kind = kindCleared
	case "mark": // it has none
	default:
		return p.fill(p.Event, m)
	}
	return nil
}
