package floor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
)

// plain is a server's frame.
func plain(opcode byte, b []byte) []byte {
	switch n := len(b); {
	case n < 126:
		return append([]byte{opcode, byte(n)}, b...)
	case n < 1<<16:
		return append(binary.BigEndian.AppendUint16([]byte{opcode, 126}, uint16(n)), b...)
	default:
		return append(binary.BigEndian.AppendUint64([]byte{opcode, 127}, uint64(n)), b...)
	}
}

func TestLineReads(t *testing.T) {
	t.Parallel()
	var wire []byte
	var want [][]byte
	for _, n := range []int{0, 1, 125, 126, 127, 800, 2000, 2048, 5000, 65535, 65536, 100_000} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rand.Uint32())
		}
		want = append(want, b)
		wire = append(wire, plain(binaryFrame, b)...)
		wire = append(wire, plain(0x89, []byte("ping"))...)
	}
	wire = append(wire, plain(closeFrame, nil)...)
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(wire), "bytes": iotest.OneByteReader(bytes.NewReader(wire)), "halves": iotest.HalfReader(bytes.NewReader(wire)),
	} {
		l := &line{conn: source{r: r}, in: make([]byte, 2048)}
		for i, w := range want {
			kind, got, err := l.next()
			if err != nil || kind != binaryFrame || !bytes.Equal(got, w) {
				t.Fatalf("%s: frame %d: kind %x, %d bytes, %v; want %d", name, i, kind, len(got), err, len(w))
			}
		}
		if _, _, err := l.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: close: %v", name, err)
		}
	}
	for name, wire := range map[string][]byte{
		"masked":   {textFrame, 0x81, 1, 2, 3, 4, 5},
		"too long": binary.BigEndian.AppendUint64([]byte{binaryFrame, 127}, 1<<40),
		"cut":      plain(textFrame, make([]byte, 300))[:200],
	} {
		l := &line{conn: source{r: bytes.NewReader(wire)}, in: make([]byte, 16)}
		if _, b, err := l.next(); err == nil {
			t.Errorf("%s: taken as %d bytes", name, len(b))
		}
	}
}

// What a line sends, a server's reader reads.
func TestLineSends(t *testing.T) {
	t.Parallel()
	var wire bytes.Buffer
	l := &line{conn: writeTo{w: &wire}}
	want := [][]byte{[]byte("short"), bytes.Repeat([]byte("long "), 100), {}}
	if err := l.send(textFrame, want...); err != nil {
		t.Fatal(err)
	}
	in := &frames{from: &wire}
	for i, w := range want {
		if got, err := in.next(); err != nil || !bytes.Equal(got, w) {
			t.Errorf("frame %d: %q, %v; want %q", i, got, err, w)
		}
	}
}

type writeTo struct {
	sink
	w io.Writer
}

func (w writeTo) Write(b []byte) (int, error) { return w.w.Write(b) }

func TestLineRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	at := "ws" + strings.TrimPrefix(server.URL, "http")
	if _, err := dialLine(t.Context(), at+"/v1/listen?x=1", ""); err == nil || !strings.Contains(err.Error(), "/v1/listen: the vendor refused: HTTP/1.1 404 Not Found") {
		t.Errorf("got %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	if _, err := dialLine(t.Context(), "ws://"+ln.Addr().String(), ""); err == nil {
		t.Error("connected to nobody")
	}
}

// FuzzLine reads whatever a vendor may send: frames or an error, never more than came.
func FuzzLine(f *testing.F) {
	f.Add(append(plain(textFrame, []byte("hello")), plain(binaryFrame, make([]byte, 300))...))
	f.Add([]byte{binaryFrame, 127, 0, 0, 0, 0, 0, 1, 0, 0})
	f.Add([]byte{textFrame, 126, 1})
	f.Fuzz(func(t *testing.T, wire []byte) {
		l := &line{conn: source{r: iotest.OneByteReader(bytes.NewReader(wire))}, in: make([]byte, 16)}
		for n := 0; ; {
			_, b, err := l.next()
			if err != nil {
				return
			}
			if n += 2 + len(b); n > len(wire) {
				t.Fatalf("%d bytes of frames in %d", n, len(wire))
			}
		}
	})
}
