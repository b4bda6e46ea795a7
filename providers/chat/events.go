package chat

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxEvent bounds a line, and the data of one event.
const maxEvent = 1 << 20

var errTooLong = errors.New("an event of more than 1 MiB")

// Events reads a stream of server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
type Events struct {
	r     *bufio.Reader
	line  []byte
	data  []byte
	begun bool // past a byte order mark
	cr    bool // the last line ended in CR; an LF behind it belongs to it
}

// NewEvents reads r in pieces of at most 1 KB: an event is smaller, and the connection has a buffer of its own.
func NewEvents(r io.Reader) *Events { return &Events{r: bufio.NewReaderSize(r, 1024)} }

// JSON says whether the stream is none, but one JSON object.
func (e *Events) JSON() bool {
	first, err := e.r.Peek(1)
	return err == nil && first[0] == '{'
}

// Next returns the data of the next event that has any; its name is passed over, as vendors say it in the data too. It is lent until the
// call after. At the end of the stream it returns the data that no blank line has followed, if any, and then io.EOF.
func (e *Events) Next() ([]byte, error) {
	e.data = e.data[:0]
	has := false
	for {
		line, err := e.readLine()
		if name, value := field(line); string(name) == "data" && (err == nil || errors.Is(err, io.EOF)) {
			if has {
				e.data = append(e.data, '\n')
			}
			if len(e.data)+len(value) > maxEvent {
				return nil, errTooLong
			}
			e.data, has = append(e.data, value...), true
		}
		if errors.Is(err, io.EOF) && has {
			return e.data, nil
		}
		if err != nil {
			return nil, err
		}
		if len(line) == 0 && has {
			return e.data, nil
		}
	}
}

// field cuts "name: value". A line that begins with a colon is a comment: its name is empty.
func field(line []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(line, []byte(":"))
	return name, bytes.TrimPrefix(value, []byte(" "))
}

// readLine reads up to LF, CR or CRLF. It never waits for a byte behind a CR. With io.EOF comes what was left.
func (e *Events) readLine() ([]byte, error) {
	e.line = e.line[:0]
	for {
		b, err := e.r.ReadByte()
		if err != nil {
			return e.line, err
		}
		after := e.cr
		e.cr = b == '\r'
		switch {
		case b == '\n' && after:
		case b == '\n' || b == '\r':
			if !e.begun {
				e.begun = true
				e.line = bytes.TrimPrefix(e.line, []byte("\xef\xbb\xbf"))
			}
			return e.line, nil
		case len(e.line) >= maxEvent:
			return nil, errTooLong
		default:
			e.line = append(e.line, b)
		}
	}
}

// Drain reads to the end of the stream, for only then can its connection be used again.
func (e *Events) Drain() { _, _ = io.Copy(io.Discard, io.LimitReader(e.r, maxEvent)) }
