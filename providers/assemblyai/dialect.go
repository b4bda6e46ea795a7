package assemblyai

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/wire"
)

// A dialect is how AssemblyAI is spoken to on one call's sockets. It implements wire.Dialect.
type dialect struct {
	client *Client
	query  url.Values
	always []string // words that are expected throughout

	// of the socket
	order int           // of the turn that was told last
	ended bool          // it has, as it is written
	reach time.Duration // how far its words did
}

// Dial implements wire.Dialect. The server says Begin when it can hear, or closes with the reason why not.
func (d *dialect) Dial(ctx context.Context) (*websocket.Conn, error) {
	address, err := d.client.address(d.query)
	if err != nil {
		return nil, err
	}
	d.order, d.ended, d.reach = -1, false, 0
	limit := cmp.Or(d.client.DialLimit, defaultDialLimit)
	ctx, cancel := context.WithTimeoutCause(ctx, limit, wire.Late("answer", limit))
	defer cancel()
	dialer := wire.Dialer{Limit: limit, Biggest: 4096, NetDial: d.client.NetDial}
	conn, err := dialer.Dial(ctx, address, http.Header{"Authorization": {d.client.Key}})
	if err != nil {
		return nil, d.client.failure(err)
	}
	text, err := wire.First(ctx, conn, limit)
	if err != nil {
		return nil, d.client.failure(err)
	}
	m, err := decode(text)
	if err == nil && m.Type == "Error" {
		err = d.refused(&m)
	}
	if err != nil {
		_ = conn.Close()
		return nil, d.client.failure(err)
	}
	return conn, nil
}

// Audio implements wire.Dialect.
func (d *dialect) Audio(_, audio []byte) (message []byte, kind int) {
	return audio, websocket.BinaryMessage
}

var (
	forceEndpoint = []byte(`{"type":"ForceEndpoint"}`)
	keepAlive     = []byte(`{"type":"KeepAlive"}`)
	terminate     = []byte(`{"type":"Terminate"}`)
)

// Ask implements wire.Dialect.
func (d *dialect) Ask() []byte { return forceEndpoint }

// Alive implements wire.Dialect.
func (d *dialect) Alive() []byte { return keepAlive }

// Bye implements wire.Dialect.
func (d *dialect) Bye() []byte { return terminate }

// Expect implements wire.Dialect.
func (d *dialect) Expect(words []string) []byte {
	terms := keyTerms(append(slices.Clone(words), d.always...))
	if terms == nil {
		terms = []string{}
	}
	b, err := json.Marshal(struct {
		Type  string   `json:"type"`
		Terms []string `json:"keyterms_prompt"`
	}{"UpdateConfiguration", terms})
	if err != nil {
		return nil // strings always encode
	}
	return b
}

// Broken implements wire.Dialect.
func (d *dialect) Broken(err error) error { return d.client.failure(err) }

// A message is what the server says. What it has besides is let through.
type message struct {
	Type       string `json:"type"`
	Order      int    `json:"turn_order"`
	Formatted  bool   `json:"turn_is_formatted"`
	End        bool   `json:"end_of_turn"`
	Transcript string `json:"transcript"`
	Language   string `json:"language_code"`
	Words      []word `json:"words"`

	Warning     string `json:"warning"`
	WarningCode int    `json:"warning_code"`
	Error       string `json:"error"`
	ErrorCode   int    `json:"error_code"`
}

type word struct {
	Text       string  `json:"text"`
	Start      float64 `json:"start"` // ms
	End        float64 `json:"end"`
	Confidence float64 `json:"confidence"`
}

// decode reads one message.
func decode(text []byte) (m message, err error) {
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("decode message: %w", err)
	}
	if m.Type == "" {
		return m, fmt.Errorf("decode message: field type is missing")
	}
	return m, nil
}

// Understand implements wire.Dialect.
func (d *dialect) Understand(text []byte, _ time.Duration) (h wire.Heard, err error) {
	m, err := decode(text)
	if err != nil {
		return h, err
	}
	switch m.Type {
	case "Turn":
		return d.turn(&m), nil
	case "Termination":
		h.Last = true
	case "Warning":
		h.Warning = wire.Printable(fmt.Sprintf("%d %s", m.WarningCode, m.Warning))
	case "Error":
		h.Failure = d.refused(&m)
	}
	return h, nil
}

// refused is the failure that an Error tells of.
func (d *dialect) refused(m *message) error {
	e := &wire.Error{Vendor: "assemblyai", Code: strconv.Itoa(m.ErrorCode), Message: m.Error, Status: statusOf(m.ErrorCode, m.Error)}
	return e.Clean(d.client.Key)
}

// turn is what a Turn says: the words of the turn so far, or all of them. What ends as it was heard comes again as it is written, and what
// has ended so is not told again.
func (d *dialect) turn(m *message) (h wire.Heard) {
	if m.Order < d.order || m.Order == d.order && d.ended {
		return h
	}
	if m.Order != d.order {
		d.order, d.ended = m.Order, false
	}
	h = wire.Heard{Told: true, Text: strings.TrimSpace(m.Transcript), Lang: m.Language}
	h.Words = wire.Words(len(m.Words), func(i int) pipeline.Word {
		w := m.Words[i]
		return pipeline.Word{Text: w.Text, Start: wire.Seconds(w.Start / 1000), End: wire.Seconds(w.End / 1000), Confidence: w.Confidence}
	})
	if n := len(h.Words); n > 0 {
		d.reach = max(d.reach, h.Words[n-1].End)
		if !m.End {
			h.Text = wire.Joined(h.Words) // Transcript leaves out the words that may change
		}
	}
	h.End = d.reach
	switch {
	case m.End && (m.Formatted || !d.formats()):
		d.ended = true
		h.Settled, h.Over, h.Answer = true, true, true
	case m.End:
		h.Soon = true
	}
	return h
}

// formats says whether turns end a second time, as they are written.
func (d *dialect) formats() bool { return d.query.Get("format_turns") == "true" }
