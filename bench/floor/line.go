package floor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	weak "math/rand/v2"
	"net"
	"net/url"
)

// binaryFrame is the opcode of binary data, with the final bit (RFC 6455, section 5.2).
const binaryFrame = 0x82

// longest is the longest frame that a line takes.
const longest = 1 << 20

// A line is a client's WebSocket to a vendor, with own framing. One goroutine reads and one at a time writes.
type line struct {
	conn       net.Conn
	in         []byte // what was read
	start, end int    // of in, what is left
	out        []byte // the last frame that was written
}

// dialLine connects to a vendor and shakes hands (RFC 6455, section 4.1).
func dialLine(ctx context.Context, target, key string) (*line, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	l := &line{conn: conn, in: make([]byte, 2048)}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	err = l.shakeHands(u, key)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to %s%s: %w", u.Host, u.Path, err)
	}
	return l, nil
}

func (l *line) shakeHands(u *url.URL, key string) error {
	var nonce [16]byte
	rand.Read(nonce[:])
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n",
		u.RequestURI(), u.Host, base64.StdEncoding.EncodeToString(nonce[:]))
	if key != "" {
		request = fmt.Appendf(request, "Authorization: Token %s\r\n", key)
	}
	if _, err := l.conn.Write(append(request, "\r\n"...)); err != nil {
		return err
	}
	for {
		head, _, whole := bytes.Cut(l.in[:l.end], []byte("\r\n\r\n"))
		if whole {
			status, _, _ := bytes.Cut(head, []byte("\r\n"))
			if !bytes.HasPrefix(status, []byte("HTTP/1.1 101 ")) {
				return fmt.Errorf("the vendor refused: %s", status)
			}
			l.start = len(head) + 4 // what follows are frames already
			return nil
		}
		if err := l.fill(0); err != nil {
			return err
		}
	}
}

// next is the next frame of text or sound, lent until next is called again. io.EOF is a close frame.
func (l *line) next() (opcode byte, payload []byte, err error) {
	for {
		b := l.in[l.start:l.end]
		size, head := 2, 2 // as far as is known
		if len(b) >= 2 {
			n := int(b[1])
			switch {
			case n == 126 && len(b) >= 4:
				n, head = int(binary.BigEndian.Uint16(b[2:])), 4
			case n == 126:
				n, head = 0, 4
			case n == 127 && len(b) >= 10:
				long := binary.BigEndian.Uint64(b[2:])
				if long > longest {
					return 0, nil, errTooLong
				}
				n, head = int(long), 10
			case n == 127:
				n, head = 0, 10
			case n > 127:
				return 0, nil, errors.New("a server's frame is masked")
			}
			size = head + n
		}
		if len(b) < size || len(b) < 2 {
			if err := l.fill(size); err != nil {
				return 0, nil, err
			}
			continue
		}
		l.start += size
		switch b[0] {
		case textFrame, binaryFrame:
			return b[0], b[head:size], nil
		case closeFrame:
			return 0, nil, io.EOF
		}
	}
}

// fill reads more behind what is left, in a buffer that holds at least so much.
func (l *line) fill(size int) error {
	if l.start > 0 {
		l.end = copy(l.in, l.in[l.start:l.end])
		l.start = 0
	}
	if size = max(size, l.end+1); size > len(l.in) {
		grown := make([]byte, max(size, 2*len(l.in)))
		copy(grown, l.in[:l.end])
		l.in = grown
	}
	n, err := l.conn.Read(l.in[l.end:])
	l.end += n
	if n > 0 {
		return nil
	}
	return err
}

// send writes frames of one kind, masked as a client's must be, at once.
func (l *line) send(opcode byte, payloads ...[]byte) error {
	b := l.out[:0]
	for _, p := range payloads {
		b = append(b, opcode)
		if len(p) < 126 {
			b = append(b, 0x80|byte(len(p)))
		} else {
			b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(p)))
		}
		key := weak.Uint32()
		b = binary.LittleEndian.AppendUint32(b, key)
		from := len(b)
		b = append(b, p...)
		unmask(b[from:], key) // it is its own inverse
	}
	l.out = b
	_, err := l.conn.Write(b)
	return err
}
