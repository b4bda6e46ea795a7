package rime

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/speech"
	"parley/providers/wire"
)

// Speak implements [pipeline.Synthesizer]: each utterance is spoken clause by clause, with the times of its words where Rime tells them.
// Of what is cut nothing more is made: what waits is cleared, and the socket ends. An error of Rime's is a *wire.Error.
func (c *Client) Speak(ctx context.Context, said iter.Seq2[string, error], v pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	as, err := c.vendor(v)
	if err != nil {
		return func(yield func(pipeline.Speech, error) bool) { yield(pipeline.Speech{}, err) }
	}
	return c.voice.Speak(ctx, said, as)
}

// Warm opens a socket for v and leaves it idle, so that the first utterance of a call needs no handshake.
func (c *Client) Warm(ctx context.Context, v pipeline.Voice) error {
	as, err := c.vendor(v)
	if err == nil {
		err = c.voice.Warm(ctx, as)
	}
	if err != nil {
		return fmt.Errorf("warm voice: %w", err)
	}
	return nil
}

// vendor is how v is spoken.
func (c *Client) vendor(v pipeline.Voice) (as speech.Vendor, err error) {
	if err := c.Check(); err != nil {
		return as, err
	}
	enc, err := wire.EncodingFor(v.Rate)
	if err != nil {
		return as, fmt.Errorf("rime: %w", err)
	}
	address, err := c.address(v, enc)
	if err != nil {
		return as, fmt.Errorf("rime: %w", err)
	}
	return speech.Vendor{
		Key: address, Encoding: enc, Dialect: dialect{c}, Apart: true, Relentless: true,
		Dial:       func(ctx context.Context) (*websocket.Conn, error) { return c.dial(ctx, address) },
		AudioLimit: cmp.Or(c.AudioLimit, defaultAudioLimit), Idle: cmp.Or(c.Idle, defaultIdle),
	}, nil
}

// A dialect is how Rime is told to speak. It implements speech.Dialect.
type dialect struct{ client *Client }

// Say implements speech.Dialect. Texts that wait are joined as they are, so each ends with a space.
func (dialect) Say(id, clause string) ([]byte, error) {
	return json.Marshal(struct {
		Text    string `json:"text"`
		Context string `json:"contextId"`
	}{strings.TrimRight(clause, " \n") + " ", id})
}

// End implements speech.Dialect: what is said is spoken at once, and its end is told.
func (dialect) End(string) ([]byte, error) { return nil, nil }

// Cancel implements speech.Dialect: it is all that waits that is cleared, and all is of the context's utterance.
func (dialect) Cancel(string) ([]byte, error) { return []byte(`{"operation":"clear"}`), nil }

// Broken implements speech.Dialect.
func (d dialect) Broken(err error) error { return d.client.failure(err) }

// A report is what Rime says of a context. What it has besides is let through.
type report struct {
	Type    string `json:"type"` // chunk, timestamps, done, error
	Context string `json:"contextId"`
	Data    []byte `json:"data"`
	Message string `json:"message"`
	Words   struct {
		Words []string  `json:"words"`
		Start []float64 `json:"start"`
		End   []float64 `json:"end"`
	} `json:"word_timestamps"`
}

// Understand implements speech.Dialect. An error names no context: what the server does after it nobody knows, so it ends the line.
func (d dialect) Understand(text []byte) (h speech.Heard, err error) {
	var r report
	if err := json.Unmarshal(text, &r); err != nil {
		return h, fmt.Errorf("decode message: %w", err)
	}
	h.Context = r.Context
	switch r.Type {
	case "":
		return h, errors.New("decode message: field type is missing")
	case "chunk":
		h.Audio = r.Data
	case "timestamps":
		h.Words = wire.Words(min(len(r.Words.Words), len(r.Words.Start), len(r.Words.End)), func(i int) pipeline.Word {
			return pipeline.Word{Text: r.Words.Words[i], Start: wire.Seconds(r.Words.Start[i]), End: wire.Seconds(r.Words.End[i])}
		})
	case "done":
		h.Over = true
	case "error":
		h.Context, h.Failure = "", (&wire.Error{Vendor: "rime", Message: cmp.Or(r.Message, "error")}).Clean(d.client.Key)
	}
	return h, nil
}

// failure puts an error of a socket in Rime's words.
func (c *Client) failure(err error) error {
	e := wire.AsError("rime", err)
	var said struct {
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	if json.Unmarshal([]byte(e.Message), &said) == nil {
		e.Message = cmp.Or(said.Message, said.Error, e.Message)
	}
	if e.Close == websocket.ClosePolicyViolation && e.Status == 0 {
		e.Status = http.StatusForbidden
	}
	return e.Clean(c.Key)
}
