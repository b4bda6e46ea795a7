package stream

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gorilla/websocket"

	"parley/media"
)

// frame builds a client's frame: first byte, length in the form asked for (7, 16 or 64 bits), mask, payload.
func frame(first byte, form int, masked bool, payload []byte) []byte {
	bit := byte(0)
	if masked {
		bit = 0x80
	}
	b := []byte{first}
	switch n := len(payload); form {
	case 7:
		b = append(b, bit|byte(n))
	case 16:
		b = binary.BigEndian.AppendUint16(append(b, bit|126), uint16(n))
	case 64:
		b = binary.BigEndian.AppendUint64(append(b, bit|127), uint64(n))
	}
	if !masked {
		return append(b, payload...)
	}
	mask := [4]byte{0x12, 0x34, 0xAB, 0xCD}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i%4])
	}
	return b
}

// good is a frame as a client should write it.
func good(first byte, payload string) []byte {
	form := 7
	if n := len(payload); n > 65535 {
		form = 64
	} else if n > 125 {
		form = 16
	}
	return frame(first, form, true, []byte(payload))
}

const (
	fin  = 0x80
	text = fin | byte(opText)
)

// closeBody is a close frame's payload.
func closeBody(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

type frameCase struct {
	name string
	sent []byte
	code int  // with which the server closes; 0: it does not
	eof  bool // Receive ends with io.EOF
}

// frameCases are the breaches of RFC 6455 that a socket must survive, and what it must put up with.
func frameCases() []frameCase {
	var cases []frameCase
	add := func(name string, code int, sent ...[]byte) {
		cases = append(cases, frameCase{name: name, code: code, sent: bytes.Join(sent, nil)})
	}
	pong := `{"event":"new"}`
	for rsv := byte(1); rsv <= 7; rsv++ {
		add(fmt.Sprintf("rsv %03b on text", rsv), closeProtocol, good(text|rsv<<4, pong))
	}
	add("rsv on ping", closeProtocol, good(fin|0x40|byte(opPing), ""))
	add("rsv on continuation", closeProtocol, good(byte(opText), pong), good(fin|0x10, ""))
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		add(fmt.Sprintf("opcode %d", op), closeProtocol, good(fin|op, ""))
		add(fmt.Sprintf("opcode %d between fragments", op), closeProtocol, good(byte(opText), "{"), good(fin|op, ""))
	}
	for _, op := range []opcode{opText, opBinary, opPing, opPong, opClose} {
		add(fmt.Sprintf("unmasked opcode %d", op), closeProtocol, frame(fin|byte(op), 7, false, []byte("{}")))
	}
	for _, op := range []opcode{opPing, opPong, opClose} {
		add(fmt.Sprintf("control %d fragmented", op), closeProtocol, good(byte(op), ""))
		add(fmt.Sprintf("control %d of 126 bytes", op), closeProtocol, good(fin|byte(op), strings.Repeat("x", 126)))
		add(fmt.Sprintf("control %d with 64-bit length", op), closeProtocol, frame(fin|byte(op), 64, true, nil))
		add(fmt.Sprintf("control %d with 16-bit length", op), closeProtocol, frame(fin|byte(op), 16, true, nil))
	}
	add("continuation of nothing", closeProtocol, good(fin, "{}"))
	add("unfinished continuation of nothing", closeProtocol, good(0, "{}"))
	add("text between fragments", closeProtocol, good(byte(opText), "{"), good(text, "}"))
	add("binary between fragments", closeProtocol, good(byte(opText), "{"), good(fin|byte(opBinary), "}"))
	add("continuation after the last", closeProtocol, good(byte(opText), pong[:3]), good(fin, pong[3:]), good(fin, ""))
	for _, n := range []int{0, 1, 125} {
		add(fmt.Sprintf("%d bytes with 16-bit length", n), closeProtocol, frame(text, 16, true, make([]byte, n)))
		add(fmt.Sprintf("%d bytes with 64-bit length", n), closeProtocol, frame(text, 64, true, make([]byte, n)))
	}
	add("65535 bytes with 64-bit length", closeProtocol, frame(text, 64, true, make([]byte, 65535)))
	header := func(length uint64) []byte {
		return append(binary.BigEndian.AppendUint64([]byte{text, 0xFF}, length), 1, 2, 3, 4)
	}
	add("length 2^63", closeProtocol, header(1<<63))
	add("length 2^64-1", closeProtocol, header(1<<64-1))
	add("length 2^63-1", closeTooBig, header(1<<63-1))
	add("length 2^31", closeTooBig, header(1<<31))
	add("length 2^32", closeTooBig, header(1<<32))
	add("64 KiB and one", closeTooBig, header(64<<10+1))
	add("too big in fragments", closeTooBig, good(byte(opText), strings.Repeat(" ", 40<<10)), good(0, strings.Repeat(" ", 20<<10)), good(fin, strings.Repeat(" ", 8<<10)))
	add("binary too big", closeTooBig, append(binary.BigEndian.AppendUint64([]byte{fin | byte(opBinary), 0xFF}, 1<<20), 1, 2, 3, 4))
	add("text not UTF-8", closeBadData, good(text, "{\"event\":\"\xff\"}"))
	add("text cut in a rune", closeBadData, good(text, "{\"event\":\"\xc3"))
	add("surrogate in UTF-8", closeBadData, good(text, "\"\xed\xa0\x80"))
	add("overlong UTF-8", closeBadData, good(text, "\xc0\xaf"))
	add("fragments not UTF-8 together", closeBadData, good(byte(opText), "\xc3"), good(fin, "x"))
	add("100 malformed", closePolicy, bytes.Repeat(good(text, "{"), 100))
	add("close with one byte", closeProtocol, good(fin|byte(opClose), "x"))
	add("close reason not UTF-8", closeBadData, good(fin|byte(opClose), closeBody(1000, "\xff")))
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		add(fmt.Sprintf("close with code %d", code), closeProtocol, good(fin|byte(opClose), closeBody(code, "")))
	}
	for _, code := range []uint16{1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4999} {
		add(fmt.Sprintf("closed with code %d", code), int(code), good(fin|byte(opClose), closeBody(code, "why")))
	}
	for _, end := range []struct {
		body string
		code int
	}{{"", closeNoStatus}, {closeBody(1000, ""), 1000}, {closeBody(1001, "bye"), 1001}} {
		add(fmt.Sprintf("closed in good order with %d", end.code), end.code, good(fin|byte(opClose), end.body))
		cases[len(cases)-1].eof = true
	}

	ping := good(fin|byte(opPing), strings.Repeat("x", 125))
	add("99 malformed", 0, bytes.Repeat(good(text, "{"), 99))
	add("malformed and good by turns", 0, bytes.Repeat(append(bytes.Repeat(good(text, "{"), 99), good(text, pong)...), 3))
	add("ping of 125 bytes", 0, ping)
	add("pong nobody asked for", 0, good(fin|byte(opPong), "x"))
	add("ping flood", 0, bytes.Repeat(ping, 200))
	add("ping between fragments", 0, good(byte(opText), pong[:5]), ping, good(0, ""), good(fin, pong[5:]))
	add("fragments of a byte", 0, good(byte(opText), ""), bytes.Repeat(good(0, " "), 500), good(fin, pong))
	add("64 KiB", 0, good(text, pong+strings.Repeat(" ", 64<<10-len(pong))))
	add("64 KiB in fragments", 0, good(byte(opText), pong+strings.Repeat(" ", 40<<10)), good(fin, strings.Repeat(" ", 24<<10-len(pong))))
	add("126 bytes", 0, good(text, pong+strings.Repeat(" ", 126-len(pong))))
	add("125 bytes", 0, good(text, pong+strings.Repeat(" ", 125-len(pong))))
	add("empty text", 0, good(text, ""))
	add("empty binary", 0, good(fin|byte(opBinary), ""))
	return cases
}

// TestFrames sends each case over a raw socket, after a good start, and checks how the server closes. Where it must not, a key
// that is pressed afterwards has to arrive.
func TestFrames(t *testing.T) {
	t.Parallel()
	cases := frameCases()
	if len(cases) < 80 {
		t.Errorf("only %d cases", len(cases))
	}
	type end struct {
		keys string
		err  error
	}
	ends := make(chan end, 1)
	server := serve(t, &Twilio{Host: Host{Answer: func(_ context.Context, leg media.Leg) {
		var e end
		for {
			p, err := leg.Receive()
			if e.err = err; err != nil {
				ends <- e
				return
			}
			if p.Digit != 0 {
				e.keys += string(p.Digit)
			}
		}
	}}}, false)
	for n, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ws := call(t, server, fmt.Sprintf("CA%d", n))
			sent := c.sent
			if c.code == 0 {
				sent = bytes.Join([][]byte{sent, good(text, `{"event":"dtmf","dtmf":{"digit":"7"}}`), good(fin|byte(opClose), closeBody(1000, ""))}, nil)
			}
			if _, err := ws.NetConn().Write(sent); err != nil {
				t.Fatal(err)
			}
			want := c.code
			if want == 0 {
				want = 1000
			}
			if got := closeCode(t, ws); got != want {
				t.Errorf("closed with %d, want %d", got, want)
			}
			e := within(t, ends, "end of Receive")
			if eof := errors.Is(e.err, io.EOF); eof != (c.eof || c.code == 0) {
				t.Errorf("Receive ended with %v", e.err)
			}
			if c.code == 0 && e.keys != "7" {
				t.Errorf("keys %q, want 7", e.keys)
			}
		})
	}
}

// TestHandshakes sends requests that are no proper upgrade, all of them signed.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	tw := &Twilio{Host: Host{Answer: func(context.Context, media.Leg) { t.Error("answered") }}}
	server := serve(t, tw, false)
	target := "ws" + strings.TrimPrefix(server.URL, "http") + "/twilio/media"
	type edit map[string]string
	for _, c := range []struct {
		name   string
		method string
		edit   edit
		want   int
	}{
		{"no upgrade", "GET", edit{"Upgrade": ""}, 400},
		{"another upgrade", "GET", edit{"Upgrade": "h2c"}, 400},
		{"no connection", "GET", edit{"Connection": ""}, 400},
		{"connection close", "GET", edit{"Connection": "close"}, 400},
		{"no version", "GET", edit{"Sec-WebSocket-Version": ""}, 400},
		{"version 8", "GET", edit{"Sec-WebSocket-Version": "8"}, 400},
		{"version 14", "GET", edit{"Sec-WebSocket-Version": "14"}, 400},
		{"no key", "GET", edit{"Sec-WebSocket-Key": ""}, 400},
		{"short key", "GET", edit{"Sec-WebSocket-Key": "AAAA"}, 400},
		{"key not base64", "GET", edit{"Sec-WebSocket-Key": "????????????????????????"}, 400},
		{"post", "POST", edit{}, 405},
		{"put", "PUT", edit{}, 405},
		{"browser", "GET", edit{"Origin": "https://evil.example"}, 403},
		{"browser of our own", "GET", edit{"Origin": server.URL}, 403},
		{"no signature", "GET", edit{"X-Twilio-Signature": ""}, 403},
		{"signed as https", "GET", edit{"X-Twilio-Signature": Sign(testToken, server.URL+"/twilio/media", nil)}, 403},
		{"signed with another token", "GET", edit{"X-Twilio-Signature": Sign(testToken+"x", target, nil)}, 403},
		{"another host", "GET", edit{"Host": "evil.example"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			header := edit{
				"Host": strings.TrimPrefix(server.URL, "http://"), "Upgrade": "websocket", "Connection": "Upgrade",
				"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "X-Twilio-Signature": Sign(testToken, target, nil),
			}
			for k, v := range c.edit {
				header[k] = v
			}
			request := c.method + " /twilio/media HTTP/1.1\r\n"
			for k, v := range header {
				if v != "" {
					request += k + ": " + v + "\r\n"
				}
			}
			if got := rawStatus(t, server, request+"\r\n"); got != c.want {
				t.Errorf("status %d, want %d", got, c.want)
			}
		})
	}
}

func rawStatus(t *testing.T, server *httptest.Server, request string) int {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(testWait))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// TestFramesInPieces reads messages of many sizes, a byte at a time and with a timeout between any two bytes.
func TestFramesInPieces(t *testing.T) {
	t.Parallel()
	var sent []byte
	var want []string
	for _, n := range []int{0, 1, 7, 8, 9, 125, 126, 127, 2000, 2040, 2100, 5000, 65535, 65536, 3} {
		message := strings.Repeat(string(rune('a'+n%26)), n)
		want = append(want, message)
		sent = append(sent, good(text, message)...)
	}
	for _, read := range []struct {
		name string
		from io.Reader
	}{
		{"whole", bytes.NewReader(sent)},
		{"bytes", iotest.OneByteReader(bytes.NewReader(sent))},
		{"halves", iotest.HalfReader(bytes.NewReader(sent))},
		{"timeouts", &hesitant{from: bytes.NewReader(sent)}},
	} {
		f := newFrames(read.from, 64<<10)
		for i, message := range want {
			_, got, err := f.next()
			for errors.Is(err, os.ErrDeadlineExceeded) {
				_, got, err = f.next()
			}
			if err != nil || string(got) != message {
				t.Fatalf("%s: message %d: %d bytes, %v, want %d", read.name, i, len(got), err, len(message))
			}
		}
		if _, _, err := f.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			for errors.Is(err, os.ErrDeadlineExceeded) {
				_, _, err = f.next()
			}
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: the end is %v", read.name, err)
			}
		}
		if len(f.buf) != readBuffer {
			t.Errorf("%s: a buffer of %d bytes is kept", read.name, len(f.buf))
		}
	}
}

// hesitant times out before every read of a few bytes.
type hesitant struct {
	from io.Reader
	n    int
}

func (h *hesitant) Read(b []byte) (int, error) {
	if h.n++; h.n%2 == 1 {
		return 0, os.ErrDeadlineExceeded
	}
	return h.from.Read(b[:min(len(b), 1+h.n%97)])
}

// FuzzFrame feeds bytes to the framing. Nothing may panic or exceed the limit, and how the bytes are cut up must not matter.
func FuzzFrame(f *testing.F) {
	for _, c := range frameCases() {
		if len(c.sent) < 4096 {
			f.Add(c.sent)
		}
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		const limit = 4096
		readAll := func(r io.Reader) (all []string, end string) {
			frames := newFrames(r, limit)
			for {
				op, payload, err := frames.next()
				if err != nil {
					return all, err.Error()
				}
				if len(payload) > limit || op >= opClose && len(payload) > maxControl {
					t.Fatalf("opcode %d with %d bytes", op, len(payload))
				}
				if op == opClose {
					_, _ = closing(payload)
				}
				all = append(all, fmt.Sprintf("%d %q", op, payload))
			}
		}
		all, end := readAll(bytes.NewReader(sent))
		bytewise, bytewiseEnd := readAll(iotest.OneByteReader(bytes.NewReader(sent)))
		if end != bytewiseEnd || strings.Join(all, "\n") != strings.Join(bytewise, "\n") {
			t.Fatalf("whole: %q %s\nbytewise: %q %s", all, end, bytewise, bytewiseEnd)
		}
	})
}

// TestPongs checks that each ping is answered with its own payload.
func TestPongs(t *testing.T) {
	t.Parallel()
	tw := &Twilio{Host: Host{Answer: func(_ context.Context, leg media.Leg) {
		for {
			if _, err := leg.Receive(); err != nil {
				return
			}
		}
	}}}
	ws := call(t, serve(t, tw, false), testCall)
	var got []string
	ws.SetPongHandler(func(payload string) error { got = append(got, payload); return nil })
	want := []string{"", "a", strings.Repeat("x", 125)}
	for _, payload := range want {
		if err := ws.WriteControl(websocket.PingMessage, []byte(payload), time.Now().Add(testWait)); err != nil {
			t.Fatal(err)
		}
	}
	_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(testWait))
	if code := closeCode(t, ws); code != 1000 {
		t.Errorf("closed with %d", code)
	}
	if strings.Join(got, ",") != strings.Join(want, ",") {
		t.Errorf("pongs %q, want %q", got, want)
	}
}
