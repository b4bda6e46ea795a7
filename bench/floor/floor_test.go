package floor

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

// TestMain is a floor when Start runs the test binary again.
func TestMain(m *testing.M) {
	o, asked, err := Asked(os.Getenv)
	if err == nil && asked {
		err = Serve(context.Background(), o, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if !asked {
		goleak.VerifyTestMain(m)
	}
}

const (
	startText = `{"event":"start","sequenceNumber":"1","start":{"streamSid":"MZ1","callSid":"CA1","customParameters":{}},"streamSid":"MZ1"}`
	mediaText = `{"event":"media","sequenceNumber":"4","media":{"track":"inbound","chunk":"2","timestamp":"25","payload":"%s"},"streamSid":"MZ1"}`
)

// TestServers has a WebSocket client of another make talk to both servers.
func TestServers(t *testing.T) {
	t.Parallel()
	type server interface {
		Serve(context.Context, net.Listener) error
	}
	own, usual := &Own{}, &Usual{}
	for name, c := range map[string]struct {
		server
		*Stats
	}{"own": {own, &own.Stats}, "usual": {usual, &usual.Stats}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			served := make(chan error, 1)
			go func() { served <- c.Serve(ctx, ln) }()
			talk(t, "ws://"+ln.Addr().String()+"/twilio/media", c.Stats)
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
			if c.In.Load() != 10 || c.Voiced.Load() != 5 || c.Out.Load() < 10 || c.Bad.Load() != 0 {
				t.Errorf("in %d (voiced %d), out %d, bad %d; want 10 (5), 10 or more, 0", c.In.Load(), c.Voiced.Load(), c.Out.Load(), c.Bad.Load())
			}
		})
	}
}

// talk starts a stream, hears ten messages, each of 20 ms of the same speech, and sends five silent and five loud ones.
func talk(t *testing.T, url string, stats *Stats) {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.WriteMessage(websocket.TextMessage, []byte(`{"event":"connected","protocol":"Call","version":"1.0.0"}`))
	conn.WriteMessage(websocket.TextMessage, []byte(startText))
	began, voice := time.Now(), speech()
	for i := range 10 {
		var m message
		if err := conn.ReadJSON(&m); err != nil {
			t.Fatal(err)
		}
		law, err := base64.StdEncoding.DecodeString(m.Media.Payload)
		if err != nil || m.Event != "media" || m.StreamSid != "MZ1" || !bytes.Equal(law, voice[i*frameBytes:(i+1)*frameBytes]) {
			t.Fatalf("message %d: %+v, %v", i, m, err)
		}
		in := bytes.Repeat([]byte{0xFF - 0x7F*byte(i%2)}, frameBytes)
		conn.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, mediaText, base64.StdEncoding.EncodeToString(in)))
	}
	if d := time.Since(began); d < 9*time.Second/ticksASec-time.Millisecond {
		t.Errorf("ten messages in %v: faster than real time", d)
	}
	for stats.In.Load() < 10 { // it speaks on while it hears the last of them
		if _, _, err := conn.ReadMessage(); err != nil {
			t.Fatal(err)
		}
	}
}

// masked is a client's frame.
func masked(opcode byte, text []byte, key uint32) []byte {
	b := []byte{opcode, 0x80 | byte(len(text))}
	if len(text) > 125 {
		b = binary.BigEndian.AppendUint16([]byte{opcode, 0x80 | 126}, uint16(len(text)))
	}
	b = binary.LittleEndian.AppendUint32(b, key)
	body := bytes.Clone(text)
	for i := range body {
		body[i] ^= byte(key >> (8 * (i % 4)))
	}
	return append(b, body...)
}

func TestFrames(t *testing.T) {
	t.Parallel()
	var wire []byte
	var want [][]byte
	for n := range 300 {
		text := make([]byte, n*3)
		for i := range text {
			text[i] = byte(rand.Uint32())
		}
		want = append(want, text)
		wire = append(wire, masked(textFrame, text, rand.Uint32())...)
		wire = append(wire, masked(0x89, []byte("ping"), 1)...)
	}
	wire = append(wire, masked(closeFrame, nil, 7)...)
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(wire), "bytes": iotest.OneByteReader(bytes.NewReader(wire)), "halves": iotest.HalfReader(bytes.NewReader(wire)),
	} {
		f := &frames{from: r}
		for i, w := range want {
			got, err := f.next()
			if err != nil || !bytes.Equal(got, w) {
				t.Fatalf("%s: frame %d: %d bytes, %v; want %d", name, i, len(got), err, len(w))
			}
		}
		if _, err := f.next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: close: %v", name, err)
		}
	}
	f := &frames{from: bytes.NewReader(masked(textFrame, make([]byte, 4000), 1))}
	if _, err := f.next(); !errors.Is(err, errTooLong) {
		t.Errorf("a long message: %v", err)
	}
}

type sink struct{ net.Conn }

func (sink) Write(b []byte) (int, error) { return len(b), nil }

func TestOwnAllocatesNothing(t *testing.T) {
	table := squares()
	s := &stream{own: &Own{}, conn: sink{}, table: &table, speech: speech()}
	if err := s.greet([]byte(startText)); err != nil {
		t.Fatal(err)
	}
	if s.beat(); !json.Valid(s.out[4:]) {
		t.Fatalf("message %q", s.out)
	}
	in := masked(textFrame, fmt.Appendf(nil, mediaText, base64.StdEncoding.EncodeToString(speech()[:frameBytes])), 0x12345678)
	wire := bytes.NewReader(nil)
	s.in.from = wire
	if n := testing.AllocsPerRun(1000, func() {
		wire.Reset(in)
		text, err := s.in.next()
		if err != nil {
			t.Fatal(err)
		}
		s.hear(text)
		s.beat()
	}); n != 0 {
		t.Errorf("%v allocations a frame, want 0", n)
	}
}
