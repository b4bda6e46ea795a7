package wyoming

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"parley/providers/wire"
)

// The most that is read of an event. No sane one comes near.
const (
	mostHeader  = 64 << 10
	mostData    = 1 << 20
	mostPayload = 4 << 20
)

// writeLimit bounds every write: a server that reads nothing for so long is gone.
const writeLimit = 3 * time.Second

// An event is what either side says: a line of JSON, then more JSON, then bytes.
type event struct {
	kind    string
	data    json.RawMessage // an object; what came in the line and what came after it, if both did
	payload []byte          // lent until the next event is read
}

// header is the line of an event.
type header struct {
	Type    string          `json:"type"`
	Data    json.RawMessage `json:"data,omitempty"`
	More    int             `json:"data_length,omitempty"`
	Payload int             `json:"payload_length,omitempty"`
}

// format is what sound is like. It comes with audio-start, and again with each audio-chunk.
type format struct {
	Rate     int `json:"rate"`
	Width    int `json:"width"` // bytes a sample
	Channels int `json:"channels"`
}

// A conn is a connection. One goroutine reads it, one writes.
type conn struct {
	net.Conn
	in  *bufio.Reader
	buf []byte // of what is read
	out []byte // of what is written
}

func newConn(c net.Conn) *conn { return &conn{Conn: c, in: bufio.NewReaderSize(c, 4096)} }

// say sends an event with data that always encodes, and bytes.
func (c *conn) say(kind string, data any, payload []byte) error {
	h := header{Type: kind, Payload: len(payload)}
	if data != nil {
		b, err := json.Marshal(data)
		if err != nil {
			return fmt.Errorf("encode %s: %w", kind, err)
		}
		h.Data = b
	}
	line, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	c.out = append(append(append(c.out[:0], line...), '\n'), payload...)
	if err := c.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	_, err = c.Write(c.out)
	return err
}

// errForm is that what came is no event.
var errForm = errors.New("what came is no event of the Wyoming protocol")

// hear reads the next event.
func (c *conn) hear() (e event, err error) {
	line, err := c.line()
	if err != nil {
		return e, err
	}
	var h header
	if err := json.Unmarshal(line, &h); err != nil || h.Type == "" {
		return e, fmt.Errorf("%w: the header is no JSON with a type", errForm)
	}
	if h.More < 0 || h.More > mostData || h.Payload < 0 || h.Payload > mostPayload {
		return e, fmt.Errorf("%w: data_length is %d, payload_length %d", errForm, h.More, h.Payload)
	}
	e = event{kind: h.Type, data: h.Data}
	if h.More > 0 {
		if err := c.fill(h.More); err != nil {
			return e, err
		}
		if e.data, err = merged(h.Data, c.buf); err != nil {
			return e, err
		}
	}
	if h.Payload > 0 {
		if err := c.fill(h.Payload); err != nil {
			return e, err
		}
		e.payload = c.buf
	}
	return e, nil
}

// line is a line without its end, of no more than mostHeader bytes.
func (c *conn) line() ([]byte, error) {
	c.buf = c.buf[:0]
	for {
		piece, err := c.in.ReadSlice('\n')
		c.buf = append(c.buf, piece...)
		switch {
		case err == nil:
			return c.buf, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(c.buf) > mostHeader:
			return nil, fmt.Errorf("%w: the header is longer than %d bytes", errForm, mostHeader)
		}
	}
}

// fill reads n bytes into buf. Memory grows with what has come, and not with what is said to.
func (c *conn) fill(n int) error {
	c.buf = c.buf[:0]
	for len(c.buf) < n {
		at := len(c.buf)
		c.buf = append(c.buf, make([]byte, min(n-at, 64<<10))...)
		if _, err := io.ReadFull(c.in, c.buf[at:]); err != nil {
			return err
		}
	}
	return nil
}

// merged is an object with the members of another added, which win.
func merged(first, more []byte) (json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if len(first) > 0 && json.Unmarshal(first, &all) != nil {
		return nil, fmt.Errorf("%w: data is no object", errForm)
	}
	if json.Unmarshal(more, &all) != nil {
		return nil, fmt.Errorf("%w: what follows the header is no object", errForm)
	}
	return json.Marshal(all)
}

// into reads the event's data; what is missing stays as it is.
func (e *event) into(v any) error {
	if len(e.data) == 0 {
		return nil
	}
	if err := json.Unmarshal(e.data, v); err != nil {
		return fmt.Errorf("decode %s: %w", e.kind, err)
	}
	return nil
}

// text is the text of the event's data.
func (e *event) text() (text, lang string, err error) {
	var d struct {
		Text     string `json:"text"`
		Language string `json:"language"`
	}
	err = e.into(&d)
	return d.Text, d.Language, err
}

// failure is what an error event tells of.
func (e *event) failure() error {
	var d struct {
		Text string `json:"text"`
		Code string `json:"code"`
	}
	_ = e.into(&d) // what can be read of it is what can be told
	told := &wire.Error{Vendor: "wyoming", Status: http.StatusInternalServerError, Code: d.Code, Message: d.Text}
	return told.Clean("")
}

// info is what a server says that it can do.
type info struct {
	hears, streamsWords bool
	speaks, streamsText bool
}

// describe asks the server what it can do.
func (c *conn) describe() (i info, err error) {
	if err := c.say("describe", nil, nil); err != nil {
		return i, err
	}
	for range 10 { // it may have to say something else before
		e, err := c.hear()
		switch {
		case err != nil:
			return i, err
		case e.kind == "error":
			return i, e.failure()
		case e.kind == "info":
			return infoOf(&e)
		}
	}
	return i, fmt.Errorf("%w: describe is not answered", errForm)
}

func infoOf(e *event) (i info, err error) {
	var d struct {
		ASR []struct {
			Streams bool `json:"supports_transcript_streaming"`
		} `json:"asr"`
		TTS []struct {
			Streams bool `json:"supports_synthesize_streaming"`
		} `json:"tts"`
	}
	if err := e.into(&d); err != nil {
		return i, err
	}
	i.hears, i.speaks = len(d.ASR) > 0, len(d.TTS) > 0
	i.streamsWords = i.hears && d.ASR[0].Streams
	i.streamsText = i.speaks && d.TTS[0].Streams
	return i, nil
}
