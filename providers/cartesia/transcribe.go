package cartesia

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/wire"
)

const (
	chunk      = 100 * time.Millisecond // as Cartesia recommends
	turnsChunk = 60 * time.Millisecond  // where the last frame that a turn's end needs would wait for the message to be full
	// A turn whose audio stops would never end: after so long without it silence is sent.
	turnsStill = time.Second
)

// Transcribe opens a socket. ctx bounds the opening alone; the transcription lives until Close or until the socket is lost for good. A lost
// socket is dialled again, and what was not settled is sent again. Its errors are *wire.Error.
func (c *Client) Transcribe(ctx context.Context, o pipeline.Listening) (pipeline.Transcription, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	enc, err := wire.EncodingFor(o.Rate)
	if err != nil {
		return nil, fmt.Errorf("cartesia: %w", err)
	}
	l := wire.Listening{
		Name: "cartesia", Encoding: enc, Chunk: chunk, Exact: true, Lang: o.Lang,
		FinalLimit: cmp.Or(c.FinalLimit, defaultFinalLimit), CloseLimit: cmp.Or(c.CloseLimit, defaultCloseLimit),
		Spare: &c.spare, Log: c.log().With("provider", "cartesia"),
	}
	d := &dialect{client: c, path: "/stt/websocket", query: c.query(o, enc), ask: finalize, bye: leave}
	if turnBased(c.modelFor(o)) {
		d.path, d.ask, d.bye = "/stt/turns/websocket", nil, leaveTurns
		l.Chunk, l.Exact, l.Turns, l.Still = turnsChunk, false, true, turnsStill
	}
	t, err := wire.Open(ctx, l, d)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// modelFor is the model that listens. A recording has no turns to find, and nobody waits for it.
func (c *Client) modelFor(o pipeline.Listening) string {
	lang, _, _ := strings.Cut(o.Lang, "-")
	switch {
	case o.Patient, c.STTModel == "" && lang != "" && !strings.EqualFold(lang, "en"):
		return Whisper
	}
	return cmp.Or(c.STTModel, Turns)
}

// FindsTurns says whether a model that is asked to listen so finds the ends of turns itself; an empty one is what a Client chooses.
func FindsTurns(model string, o pipeline.Listening) bool {
	return turnBased((&Client{STTModel: model}).modelFor(o))
}

// query is how a socket is opened.
func (c *Client) query(o pipeline.Listening, enc wire.Encoding) url.Values {
	model := c.modelFor(o)
	q := url.Values{"model": {model}, "encoding": {encodingName(enc)}, "sample_rate": {strconv.Itoa(enc.Rate)}}
	if turnBased(model) {
		for _, w := range o.Words {
			q.Add("keyterm", w)
		}
		if c.Endpointing > 0 {
			q.Set("turn_end_timeout_ms", strconv.FormatInt(c.Endpointing.Milliseconds(), 10))
		}
	} else if lang, _, _ := strings.Cut(o.Lang, "-"); lang != "" {
		q.Set("language", strings.ToLower(lang))
	}
	for k, v := range c.ListenQuery {
		q[k] = v
	}
	return q
}

// A dialect is how Ink is spoken to on one call's sockets. It implements wire.Dialect.
type dialect struct {
	client   *Client
	path     string
	query    url.Values
	ask, bye []byte
}

// What a client says in text. Where the Ear ends stretches these are bare words.
var (
	finalize   = []byte("finalize")
	leave      = []byte("close")
	leaveTurns = []byte(`{"type":"close"}`)
)

// Dial implements wire.Dialect.
func (d *dialect) Dial(ctx context.Context) (*websocket.Conn, error) {
	return d.client.dial(ctx, d.path, d.query, 4096)
}

// Audio implements wire.Dialect.
func (d *dialect) Audio(_, audio []byte) (message []byte, kind int) {
	return audio, websocket.BinaryMessage
}

// Ask implements wire.Dialect.
func (d *dialect) Ask() []byte { return d.ask }

// Alive implements wire.Dialect: there is no such message, but silence.
func (d *dialect) Alive() []byte { return nil }

// Bye implements wire.Dialect.
func (d *dialect) Bye() []byte { return d.bye }

// Expect implements wire.Dialect: words are told when a socket is opened.
func (d *dialect) Expect([]string) []byte { return nil }

// Broken implements wire.Dialect.
func (d *dialect) Broken(err error) error { return d.client.failure(err) }

// A message is what Ink says, on either socket. What it has besides is let through.
type message struct {
	Type string `json:"type"`
	complaint

	// of transcript
	Final    bool   `json:"is_final"`
	Text     string `json:"text"` // since the last that was final
	Language string `json:"language"`
	// of turn.update, turn.eager_end and turn.end
	Transcript string `json:"transcript"` // of the whole turn so far
	// of both, if the model tells them: times from the socket's first sample
	Words []struct {
		Word  string  `json:"word"`
		Start float64 `json:"start"`
		End   float64 `json:"end"`
	} `json:"words"`
}

// Understand implements wire.Dialect.
func (d *dialect) Understand(text []byte, _ time.Duration) (h wire.Heard, err error) {
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		return h, fmt.Errorf("decode message: %w", err)
	}
	words := wire.Words(len(m.Words), func(i int) pipeline.Word {
		w := m.Words[i]
		return pipeline.Word{Text: w.Word, Start: wire.Seconds(w.Start), End: wire.Seconds(w.End)}
	})
	turn := wire.Heard{Text: strings.TrimSpace(m.Transcript), Words: words}
	switch m.Type {
	case "":
		return h, fmt.Errorf("decode message: field type is missing")
	case "transcript":
		return wire.Heard{Told: true, Settled: m.Final, Text: strings.TrimSpace(m.Text), Words: words, Lang: m.Language}, nil
	case "flush_done":
		h.Answer = true
	case "done":
		h.Last = true
	case "turn.update":
		turn.Told = true
		return turn, nil
	case "turn.eager_end":
		turn.Turn = wire.TurnLikelyOver
		return turn, nil
	case "turn.resume":
		h.Turn = wire.TurnGoesOn
	case "turn.end":
		turn.Turn = wire.TurnOver
		return turn, nil
	case "error":
		h.Failure = d.client.complained(&m.complaint)
	}
	return h, nil
}
