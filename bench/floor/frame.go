package floor

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Opcodes of RFC 6455, section 5.2, with the final bit.
const (
	textFrame  = 0x81
	closeFrame = 0x88
)

var (
	errTooLong     = errors.New("message is longer than the buffer")
	errNoHandshake = errors.New("not a WebSocket handshake")
)

// upgrade answers the opening handshake of RFC 6455, section 4.
func upgrade(conn net.Conn) error {
	r := bufio.NewReaderSize(conn, 1024)
	req, err := http.ReadRequest(r)
	if err != nil {
		return fmt.Errorf("read handshake: %w", err)
	}
	if r.Buffered() > 0 {
		return errNoHandshake
	}
	return welcome(conn, req)
}

// welcome answers a request that opens a stream.
func welcome(conn net.Conn, req *http.Request) error {
	key := req.Header.Get("Sec-WebSocket-Key")
	if key == "" {
		return errNoHandshake
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, err := fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	return err
}

// frames reads a client's frames in a buffer of its own.
type frames struct {
	from       io.Reader
	buf        [2048]byte
	start, end int
}

// next is the payload of the next text frame, unmasked, in the buffer until next is called again. io.EOF is a close frame.
func (f *frames) next() ([]byte, error) {
	for {
		opcode, payload, size, err := f.parse()
		switch {
		case err != nil:
			return nil, err
		case size == 0:
			if err := f.fill(); err != nil {
				return nil, err
			}
			continue
		}
		f.start += size
		switch opcode {
		case textFrame:
			return payload, nil
		case closeFrame:
			return nil, io.EOF
		}
	}
}

// parse looks for a whole frame; its size is 0 when there is none yet.
func (f *frames) parse() (opcode byte, payload []byte, size int, err error) {
	b := f.buf[f.start:f.end]
	if len(b) < 6 {
		return 0, nil, 0, nil
	}
	n, head := int(b[1]&0x7F), 2
	switch n {
	case 126:
		n, head = int(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		return 0, nil, 0, errTooLong
	}
	if size = head + 4 + n; size > len(f.buf) {
		return 0, nil, 0, errTooLong
	}
	if len(b) < size {
		return 0, nil, 0, nil
	}
	key := binary.LittleEndian.Uint32(b[head:])
	payload = b[head+4 : size]
	unmask(payload, key)
	return b[0], payload, size, nil
}

// fill reads more, behind what is left of the last read.
func (f *frames) fill() error {
	if f.start > 0 {
		f.end = copy(f.buf[:], f.buf[f.start:f.end])
		f.start = 0
	}
	n, err := f.from.Read(f.buf[f.end:])
	f.end += n
	if n > 0 {
		return nil
	}
	return err
}

// unmask applies a client's key, eight bytes at a time.
func unmask(b []byte, key uint32) {
	long := uint64(key)<<32 | uint64(key)
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^long)
	}
	for i := range b {
		b[i] ^= byte(key >> (8 * (i & 3)))
	}
}
