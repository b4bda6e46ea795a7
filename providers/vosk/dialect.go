package vosk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/pipeline"
	"parley/providers/wire"
)

// unknown is what Vosk understands where only some words can be, and it was none of them.
const unknown = "[unk]"

// A dialect is how a vosk-server is spoken to on one call's sockets. It implements wire.Dialect.
type dialect struct {
	client *Client
	config []byte

	mu      sync.Mutex
	sent    int   // messages of this socket that are answered, so far
	asks    []int // which of them were resets, and are not answered yet
	replies int
	result  []byte // the last reply that had words which change no more
}

// Dial implements wire.Dialect. The server does not answer its configuration.
func (d *dialect) Dial(ctx context.Context) (*websocket.Conn, error) {
	address, err := d.client.address()
	if err != nil {
		return nil, err
	}
	dialer := wire.Dialer{Limit: cmp.Or(d.client.DialLimit, defaultDialLimit), Biggest: 16 * 1024, NetDial: d.client.NetDial}
	conn, err := dialer.Dial(ctx, address, d.client.header())
	if err == nil {
		err = wire.Write(conn, websocket.TextMessage, d.config)
	}
	if err != nil {
		if conn != nil {
			_ = conn.Close()
		}
		return nil, d.client.failure(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent, d.asks, d.replies, d.result = 0, nil, 0, nil
	return conn, nil
}

// Audio implements wire.Dialect.
func (d *dialect) Audio(_, audio []byte) (message []byte, kind int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent++
	return audio, websocket.BinaryMessage
}

// The server compares these byte by byte.
var (
	reset = []byte(`{"reset" : 1}`)
	eof   = []byte(`{"eof" : 1}`)
)

// Ask implements wire.Dialect.
func (d *dialect) Ask() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sent++
	d.asks = append(d.asks, d.sent)
	return reset
}

// Alive implements wire.Dialect: any text but the server's own words would be taken for audio.
func (d *dialect) Alive() []byte { return nil }

// Bye implements wire.Dialect.
func (d *dialect) Bye() []byte { return eof }

// Expect implements wire.Dialect: a server that has begun to listen knows its words.
func (d *dialect) Expect([]string) []byte { return nil }

// Broken implements wire.Dialect.
func (d *dialect) Broken(err error) error { return d.client.failure(err) }

// A reply is what the server says: a partial, or a result, of which there may be several readings.
type reply struct {
	Partial      *string `json:"partial"`
	Text         *string `json:"text"`
	Result       []word  `json:"result"`
	Alternatives []struct {
		Text   string `json:"text"`
		Result []word `json:"result"`
	} `json:"alternatives"`
}

type word struct {
	Word  string  `json:"word"`
	Start float64 `json:"start"`
	End   float64 `json:"end"`
	Conf  float64 `json:"conf"`
}

// decode reads one reply.
func decode(text []byte) (r reply, err error) {
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("decode reply: %w", err)
	}
	if len(r.Alternatives) > 0 && r.Text == nil {
		r.Text, r.Result = &r.Alternatives[0].Text, r.Alternatives[0].Result
	}
	if r.Partial == nil && r.Text == nil {
		return r, errors.New("decode reply: it has neither partial nor text")
	}
	return r, nil
}

// Understand implements wire.Dialect.
func (d *dialect) Understand(text []byte, _ time.Duration) (h wire.Heard, err error) {
	r, err := decode(text)
	if err != nil {
		return h, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Text != nil && len(r.Result) > 0 {
		if bytes.Equal(d.result, text) {
			return h, nil // it came twice
		}
		d.result = append(d.result[:0], text...)
	}
	d.replies++
	switch due := len(d.asks) > 0 && d.asks[0] <= d.replies; {
	case due && r.Text != nil:
		d.asks = append(d.asks[:0], d.asks[1:]...)
		h.Answer = true
	case due: // no reset is answered so: the server has left it out
		for i := range d.asks {
			d.asks[i]++
		}
	}
	h.Told = true
	if r.Text == nil {
		h.Text = plain(*r.Partial)
		return h, nil
	}
	h.Settled, h.Over, h.Text = true, !h.Answer, plain(*r.Text)
	h.Words = wire.Words(len(r.Result), func(i int) pipeline.Word {
		w := r.Result[i]
		return pipeline.Word{Text: plain(w.Word), Start: wire.Seconds(w.Start), End: wire.Seconds(w.End), Confidence: w.Conf}
	})
	return h, nil
}

// plain is text without what stands for what was not understood.
func plain(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, unknown, "")), " ")
}
