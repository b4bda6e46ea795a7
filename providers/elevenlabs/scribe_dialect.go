package elevenlabs

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/wire"
)

// sinceSlack is how far before the last commit a word may begin whose time counts from the socket's beginning.
const sinceSlack = 500 * time.Millisecond

// A scribeDialect is how Scribe is spoken to on one call's sockets. It implements wire.Dialect.
type scribeDialect struct {
	scribe *Scribe
	query  url.Values
	rate   string // as the end of a message has it

	// of the socket
	parts bool   // times count from the last commit
	empty bool   // the commit that was answered last had no words, and may be answered so again
	said  string // what was committed last; empty once there are words after it
	last  string // its words, with their times
}

func newScribeDialect(s *Scribe, o pipeline.Listening, enc wire.Encoding) *scribeDialect {
	return &scribeDialect{scribe: s, query: s.query(o, enc), rate: strconv.Itoa(enc.Rate)}
}

// Dial implements wire.Dialect. The server says session_started when it can hear.
func (d *scribeDialect) Dial(ctx context.Context) (*websocket.Conn, error) {
	address, err := d.scribe.address(d.query)
	if err != nil {
		return nil, err
	}
	d.parts, d.empty, d.said, d.last = false, false, "", ""
	limit := cmp.Or(d.scribe.DialLimit, defaultDialLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, wire.Late("answer", limit))
	defer cancel()
	dialer := wire.Dialer{Limit: limit, Biggest: 16 * 1024, NetDial: d.scribe.NetDial}
	conn, err := dialer.Dial(ctx, address, http.Header{"xi-api-key": {d.scribe.Key}})
	if err != nil {
		return nil, d.scribe.failure(err)
	}
	text, err := wire.First(ctx, conn, limit)
	if err != nil {
		return nil, d.scribe.failure(err)
	}
	h, err := d.Understand(text, 0)
	if err = cmp.Or(err, h.Failure); err != nil {
		_ = conn.Close()
		return nil, d.scribe.failure(err)
	}
	return conn, nil
}

// Audio implements wire.Dialect.
func (d *scribeDialect) Audio(dst, audio []byte) (message []byte, kind int) {
	dst = append(dst, `{"message_type":"input_audio_chunk","audio_base_64":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, audio)
	dst = append(dst, `","commit":false,"sample_rate":`...)
	dst = append(dst, d.rate...)
	return append(dst, '}'), websocket.TextMessage
}

// Ask implements wire.Dialect.
func (d *scribeDialect) Ask() []byte {
	return []byte(`{"message_type":"input_audio_chunk","audio_base_64":"","commit":true,"sample_rate":` + d.rate + `}`)
}

// Alive implements wire.Dialect: silence keeps a socket open.
func (d *scribeDialect) Alive() []byte { return nil }

// Bye implements wire.Dialect: there is none but a last commit.
func (d *scribeDialect) Bye() []byte { return nil }

// Expect implements wire.Dialect: words are told when a socket is opened.
func (d *scribeDialect) Expect([]string) []byte { return nil }

// Broken implements wire.Dialect.
func (d *scribeDialect) Broken(err error) error { return d.scribe.failure(err) }

// A scribeMessage is what the server says. What it has besides is let through.
type scribeMessage struct {
	Type  string       `json:"message_type"`
	Text  string       `json:"text"`
	Lang  string       `json:"language_code"`
	Words []scribeWord `json:"words"`
	Error loose        `json:"error"`
}

type scribeWord struct {
	Text    string  `json:"text"`
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	Type    string  `json:"type"` // word, spacing, audio_event
	Logprob float64 `json:"logprob"`
}

// Understand implements wire.Dialect.
func (d *scribeDialect) Understand(text []byte, since time.Duration) (h wire.Heard, err error) {
	var m scribeMessage
	if err := json.Unmarshal(text, &m); err != nil {
		return h, fmt.Errorf("decode message: %w", err)
	}
	switch m.Type {
	case "":
		return h, errors.New("decode message: field message_type is missing")
	case "partial_transcript":
		d.said = ""
		return wire.Heard{Told: true, Text: strings.TrimSpace(m.Text), Lang: m.Lang}, nil
	case "committed_transcript", "final_transcript":
		return d.committed(&m), nil
	case "committed_transcript_with_timestamps", "final_transcript_with_timestamps":
		return d.timed(&m, since), nil
	case "commit_throttled": // there was too little to commit, and what there was waits for the next commit
		return wire.Heard{Answer: true, Warning: wire.Printable("commit_throttled " + string(m.Error))}, nil
	case "insufficient_audio_activity": // nobody speaks
		return wire.Heard{Warning: wire.Printable(m.Type + " " + string(m.Error))}, nil
	}
	if m.Error != "" || m.Type == "error" {
		e := &wire.Error{Vendor: "elevenlabs", Code: m.Type, Message: string(m.Error), Status: scribeStatus(m.Type)}
		h.Failure = e.Clean(d.scribe.Key)
	}
	return h, nil
}

// committed takes the first answer to a commit. Its words come again with their times, if there are any.
func (d *scribeDialect) committed(m *scribeMessage) wire.Heard {
	text := strings.TrimSpace(m.Text)
	if text != "" && text == d.said {
		return wire.Heard{} // it came twice
	}
	d.empty = text == ""
	return wire.Heard{Told: true, Text: text, Lang: m.Lang, Soon: !d.empty, Settled: d.empty, Answer: d.empty}
}

// timed takes the second.
func (d *scribeDialect) timed(m *scribeMessage, since time.Duration) (h wire.Heard) {
	text := strings.TrimSpace(m.Text)
	if text == "" && d.empty {
		d.empty = false
		return h
	}
	d.said = text
	h = wire.Heard{Told: true, Settled: true, Answer: true, Text: text, Lang: m.Lang}
	h.Words = wire.Words(len(m.Words), func(i int) pipeline.Word {
		w := m.Words[i]
		if w.Type != "" && w.Type != "word" {
			return pipeline.Word{}
		}
		return pipeline.Word{Text: w.Text, Start: wire.Seconds(w.Start), End: wire.Seconds(w.End), Confidence: math.Exp(w.Logprob)}
	})
	if len(h.Words) == 0 {
		return h
	}
	said := fmt.Sprint(h.Words)
	if said == d.last {
		return wire.Heard{} // it came twice
	}
	d.last = said
	d.parts = d.parts || h.Words[0].Start+sinceSlack < since
	for i := range h.Words {
		if d.parts {
			h.Words[i].Start += since
			h.Words[i].End += since
		}
	}
	return h
}
