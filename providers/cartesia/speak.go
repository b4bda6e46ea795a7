package cartesia

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/speech"
	"parley/providers/wire"
)

// contextLapse is how long a context without text and sound is relied upon: a second after its last sound it expires.
const contextLapse = 700 * time.Millisecond

// Speak implements [pipeline.Synthesizer]: each utterance is spoken in a context of its own, clause by clause, with the times of its words.
// What is cut is cancelled: what was not made is never made, or charged. An error of Cartesia's is a *wire.Error.
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
		return as, fmt.Errorf("cartesia: %w", err)
	}
	voice, model := cmp.Or(v.Name, c.Voice, DefaultVoice), cmp.Or(v.Model, c.Model, DefaultTTSModel)
	if err := errors.Join(CheckVoice(voice), CheckModel(model)); err != nil {
		return as, fmt.Errorf("cartesia: %w", err)
	}
	s := sonic{client: c, order: order{
		Model: model, Voice: voiceID{"id", voice}, Format: format{"raw", encodingName(enc), enc.Rate}, Timestamps: true,
	}}
	if lang, _, _ := strings.Cut(v.Lang, "-"); lang != "" {
		s.order.Language = strings.ToLower(lang)
	}
	if v.Pace != 0 && v.Pace != 1 {
		s.order.Generation = &generation{v.Pace}
	}
	return speech.Vendor{
		Key: cmp.Or(c.BaseURL, BaseURL), Encoding: enc, Dialect: s, Lapse: contextLapse,
		Dial:       func(ctx context.Context) (*websocket.Conn, error) { return c.dial(ctx, "/tts/websocket", nil, 8192) },
		AudioLimit: cmp.Or(c.AudioLimit, defaultAudioLimit), Idle: cmp.Or(c.Idle, defaultIdle),
	}, nil
}

// A sonic is how Sonic is told to speak an utterance. It implements speech.Dialect.
type sonic struct {
	client *Client
	order  order // what all messages of a context have alike
}

// An order is what a client says.
type order struct {
	Model      string      `json:"model_id"`
	Transcript string      `json:"transcript"`
	Voice      voiceID     `json:"voice"`
	Language   string      `json:"language,omitempty"`
	Context    string      `json:"context_id"`
	Continue   bool        `json:"continue"`
	Format     format      `json:"output_format"`
	Timestamps bool        `json:"add_timestamps"`
	Delay      int         `json:"max_buffer_delay_ms"` // nothing is held back until there is more: clauses are what is sent
	Generation *generation `json:"generation_config,omitempty"`
}

type voiceID struct {
	Mode string `json:"mode"`
	ID   string `json:"id"`
}

type format struct {
	Container string `json:"container"`
	Encoding  string `json:"encoding"`
	Rate      int    `json:"sample_rate"`
}

type generation struct {
	Speed float64 `json:"speed"`
}

// Say implements speech.Dialect. Transcripts are joined as they are, so each ends with a space.
func (s sonic) Say(id, clause string) ([]byte, error) {
	o := s.order
	o.Context, o.Transcript, o.Continue = id, strings.TrimRight(clause, " \n")+" ", true
	return json.Marshal(o)
}

// End implements speech.Dialect.
func (s sonic) End(id string) ([]byte, error) {
	o := s.order
	o.Context = id
	return json.Marshal(o)
}

// Cancel implements speech.Dialect.
func (s sonic) Cancel(id string) ([]byte, error) {
	return json.Marshal(struct {
		Context string `json:"context_id"`
		Cancel  bool   `json:"cancel"`
	}{id, true})
}

// Broken implements speech.Dialect.
func (s sonic) Broken(err error) error { return s.client.failure(err) }

// A report is what Sonic says of a context. What it has besides is let through.
type report struct {
	Type    string `json:"type"` // chunk, timestamps, flush_done, done, error
	Context string `json:"context_id"`
	Data    []byte `json:"data"`
	Words   struct {
		Words []string  `json:"words"`
		Start []float64 `json:"start"`
		End   []float64 `json:"end"`
	} `json:"word_timestamps"`
	complaint
}

// Understand implements speech.Dialect.
func (s sonic) Understand(text []byte) (h speech.Heard, err error) {
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
		h.Over, h.Failure = true, s.client.complained(&r.complaint)
	}
	return h, nil
}
