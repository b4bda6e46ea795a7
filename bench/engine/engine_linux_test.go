package engine

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"parley/bench/report"
	"parley/bench/wire"
)

// far is a server that hands its sockets to the test.
type far struct {
	*httptest.Server
	came chan net.Conn
}

func newFar(t *testing.T, secure bool) *far {
	t.Helper()
	f := &far{came: make(chan net.Conn, 100)}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Wanted") == "no" {
			http.Error(w, "too many\nreally", http.StatusServiceUnavailable)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		accept := base64.StdEncoding.EncodeToString(sum[:])
		if r.Header.Get("X-Wanted") == "wrongly" {
			accept = "x"
		}
		answer := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept + "\r\n\r\n"
		if r.Header.Get("X-Wanted") == "early" {
			answer += "\x81\x0f{\"event\":\"new\"}"
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			t.Error(err)
		}
		f.came <- conn
	}))
	if secure {
		f.StartTLS()
	} else {
		f.Start()
	}
	t.Cleanup(f.Close)
	return f
}

// accept is the server's end of a connection.
func (f *far) accept(t *testing.T) net.Conn {
	t.Helper()
	select {
	case c := <-f.came:
		t.Cleanup(func() { c.Close() })
		return c
	case <-time.After(time.Minute):
		t.Fatal("nobody came")
		return nil
	}
}

func (f *far) url() string { return strings.Replace(f.URL, "http", "ws", 1) + "/media" }

func (f *far) dialer() *Dialer {
	roots := x509.NewCertPool()
	if f.Certificate() != nil {
		roots.AddCert(f.Certificate())
	}
	return &Dialer{TLS: &tls.Config{RootCAs: roots}}
}

// talker says the same every 20 ms, and tells what becomes of its stream.
type talker struct {
	says   []byte
	stream *Stream
	heard  chan wire.Message
	gone   chan error
	fails  error // of Hear
}

func newTalker(says []byte) *talker {
	return &talker{says: says, heard: make(chan wire.Message, 100), gone: make(chan error, 1)}
}

func (t *talker) Joined(s *Stream)                { t.stream = s }
func (t *talker) Speak(time.Duration) []byte      { return t.says }
func (t *talker) Gone(err error, _ time.Duration) { t.gone <- err }
func (t *talker) Hear(m wire.Message, _ time.Duration) error {
	m.Payload, m.Name = bytes.Clone(m.Payload), bytes.Clone(m.Name)
	t.heard <- m
	return t.fails
}

// running starts an engine.
func running(t *testing.T) *Engine {
	t.Helper()
	e, err := New(wire.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(context.Background())
	var run sync.WaitGroup
	over := errors.New("over")
	run.Go(func() {
		if err := e.Run(ctx); !errors.Is(err, over) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop(over)
		run.Wait()
		if e.Streams() != 0 {
			t.Errorf("%d streams are left", e.Streams())
		}
		if e.Do(func() { t.Error("an engine that has ended does something") }) {
			t.Error("an engine that has ended says that it has done something")
		}
	})
	return e
}

// join connects a talker.
func (f *far) join(t *testing.T, e *Engine, k *talker) net.Conn {
	t.Helper()
	c, err := f.dialer().Dial(t.Context(), f.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	conn := f.accept(t)
	if err := e.Join(c, k, 0); err != nil {
		t.Fatal(err)
	}
	return conn
}

// wait is what comes out of a channel.
func wait[T any](t *testing.T, c chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(time.Minute):
		t.Fatal("nothing came")
	}
	return v
}

// both runs a test over plain sockets and over TLS.
func both(t *testing.T, f func(t *testing.T, far *far)) {
	t.Parallel()
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, newFar(t, secure))
		})
	}
}

// framed is a server's text frame.
func framed(text string) string { return "\x81" + string(byte(len(text))) + text }

// What a talker says comes every 20 ms; what the server says is heard, however it is cut; a ping is answered.
func TestStream(t *testing.T) {
	both(t, func(t *testing.T, f *far) {
		e, k := running(t), newTalker([]byte("frame!"))
		conn := f.join(t, e, k)
		var got [60]byte
		if _, err := io.ReadFull(conn, got[:]); err != nil || string(got[:]) != strings.Repeat("frame!", 10) {
			t.Fatalf("%q: %v", got, err)
		}
		mark := framed(`{"event":"mark","streamSid":"MZ1","mark":{"name":"a"}}`)
		for _, part := range []string{mark + mark[:7], mark[7:], framed(`{"event":"clear"}`) + "\x89\x01x"} {
			if _, err := io.WriteString(conn, part); err != nil {
				t.Fatal(err)
			}
		}
		want := []wire.Message{{Kind: wire.Mark, Name: []byte("a")}, {Kind: wire.Mark, Name: []byte("a")}, {Kind: wire.Clear}}
		for _, m := range want {
			if diff := cmp.Diff(m, wait(t, k.heard)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		}
		pong := e.key.Pong(nil, []byte("x"))
		said := make([]byte, 0, 1000)
		for !bytes.Contains(said, pong) && len(said) < 900 {
			n, err := conn.Read(said[len(said):cap(said)])
			if err != nil {
				t.Fatal(err)
			}
			said = said[:len(said)+n]
		}
		if !bytes.Contains(said, pong) {
			t.Errorf("no pong in %q", said)
		}
	})
}

// A stream ends once, and says how.
func TestEnds(t *testing.T) {
	both(t, func(t *testing.T, f *far) {
		e := running(t)
		over := func(k *talker) error { return wait(t, k.gone) }

		k := newTalker(nil)
		conn := f.join(t, e, k)
		_, _ = io.WriteString(conn, "\x88\x05\x03\xf0bad")
		var closed *Closed
		if err := over(k); !errors.As(err, &closed) || closed.Code != 1008 || closed.Reason != "bad" {
			t.Errorf("closed: %v", err)
		}

		k = newTalker(nil)
		f.join(t, e, k).Close()
		if err := over(k); !errors.Is(err, ErrDropped) {
			t.Errorf("dropped: %v", err)
		}

		k = newTalker(nil)
		_, _ = io.WriteString(f.join(t, e, k), "\x81\x01x")
		if err := over(k); err == nil || !strings.HasPrefix(err.Error(), "read the server's message") {
			t.Errorf("nonsense: %v", err)
		}

		k = newTalker(nil)
		k.fails = errors.New("enough")
		_, _ = io.WriteString(f.join(t, e, k), framed(`{"event":"clear"}`))
		if err := over(k); !errors.Is(err, k.fails) {
			t.Errorf("Hear failed: %v", err)
		}

		k = newTalker(make([]byte, 64<<10))
		f.join(t, e, k)
		if err := over(k); !errors.Is(err, ErrUnread) {
			t.Errorf("unread: %v", err)
		}

		k = newTalker(nil)
		f.join(t, e, k)
		e.Do(func() {
			k.stream.Send([]byte("bye"))
			k.stream.Leave(e.Now())
		})
		if err := over(k); err != nil {
			t.Errorf("left: %v", err)
		}
	})
}

// Who leaves waits for the server, which may take its time to hang up, and hears nothing more.
func TestLeave(t *testing.T) {
	both(t, func(t *testing.T, f *far) {
		e, k := running(t), newTalker([]byte("x"))
		conn := f.join(t, e, k)
		e.Do(func() {
			k.stream.Send([]byte("bye"))
			k.stream.Leave(e.Now())
		})
		_, _ = io.WriteString(conn, framed(`{"event":"clear"}`)+"\x88\x00")
		said, err := bufio.NewReader(conn).ReadString('e')
		if err != nil || !strings.HasSuffix(said, "bye") {
			t.Errorf("%q: %v", said, err)
		}
		conn.Close()
		if err := wait(t, k.gone); err != nil || len(k.heard) > 0 {
			t.Errorf("%v; %d messages were heard", err, len(k.heard))
		}
	})
}

func TestDial(t *testing.T) {
	both(t, func(t *testing.T, f *far) {
		d := f.dialer()
		_, err := d.Dial(t.Context(), f.url(), http.Header{"X-Wanted": {"no"}})
		var refused *Refused
		if !errors.As(err, &refused) || *refused != (Refused{503, "too many"}) {
			t.Errorf("refused: %v", err)
		}
		if _, err := d.Dial(t.Context(), f.url(), http.Header{"X-Wanted": {"wrongly"}}); err == nil || !strings.Contains(err.Error(), "Sec-WebSocket-Accept") {
			t.Errorf("wrong accept: %v", err)
		}
		if _, err := d.Dial(t.Context(), "http://localhost/", nil); err == nil || !strings.Contains(err.Error(), "want ws:// or wss://") {
			t.Errorf("http: %v", err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Dial(ended, f.url(), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}

		e, k := running(t), newTalker(nil)
		c, err := d.Dial(t.Context(), f.url(), http.Header{"X-Wanted": {"early"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Join(c, k, 0); err != nil {
			t.Fatal(err)
		}
		if m := wait(t, k.heard); m.Kind != wire.Other {
			t.Errorf("what came with the handshake: %+v", m)
		}
	})
}

// Calls to this machine come from many addresses, so that ports last.
func TestSources(t *testing.T) {
	t.Parallel()
	f := newFar(t, false)
	d, from := f.dialer(), map[string]bool{}
	for range 20 {
		c, err := d.Dial(t.Context(), f.url(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		host, _, err := net.SplitHostPort(f.accept(t).RemoteAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		from[host] = true
	}
	if len(from) != 20 {
		t.Errorf("20 connections from %d addresses", len(from))
	}
}

// Streams that come at once are spread over the beats of a cycle.
func TestSpread(t *testing.T) {
	t.Parallel()
	e, err := New(wire.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	defer e.end()
	for range 3 * beats {
		w := e.emptiest()
		w.streams = append(w.streams, nil)
	}
	for i := range e.wheel {
		if n := len(e.wheel[i].streams); n != 3 {
			t.Errorf("beat %d has %d streams", i, n)
		}
		e.wheel[i].streams = nil
	}
}

// pair is a stream of an engine that nobody runs, and the far end of its socket.
func pair(t *testing.T, e *Engine, k Talker) (far int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fds[1]) })
	e.add(&Stream{engine: e, talker: k, conn: raw(fds[0]), index: -1}, nil)
	return fds[1]
}

// quiet is a talker that keeps nothing.
type quiet struct{ says []byte }

func (quiet) Joined(*Stream)                         {}
func (q quiet) Speak(time.Duration) []byte           { return q.says }
func (quiet) Hear(wire.Message, time.Duration) error { return nil }
func (quiet) Gone(error, time.Duration)              {}

// Nothing allocates for a frame, either way.
func TestFramesAllocateNothing(t *testing.T) {
	e, err := New(wire.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	defer e.end()
	e.Measure(report.NewHistogram())
	far := pair(t, e, quiet{make([]byte, 380)})
	in, sink := []byte(framed(`{"event":"mark","streamSid":"MZ1","mark":{"name":"0:4000"}}`)), make([]byte, 64<<10)
	if n := testing.AllocsPerRun(500, func() {
		if _, err := unix.Write(far, in[:9]); err != nil {
			t.Fatal(err)
		}
		if err := e.exchange(e.Now()); err != nil { // what is due since the last
			t.Fatal(err)
		}
		if _, err := unix.Write(far, in[9:]); err != nil {
			t.Fatal(err)
		}
		if err := e.await(e.due()); err != nil {
			t.Fatal(err)
		}
		e.obey()
		e.deliver()
		e.farewell(e.Now())
		_, _ = unix.Read(far, sink)
	}); n != 0 {
		t.Errorf("%v allocations a beat", n)
	}
	if e.sendLate.TotalCount() < 3 {
		t.Errorf("%d frames were sent", e.sendLate.TotalCount())
	}
}

// A connection that comes too late is closed.
func TestJoinTooLate(t *testing.T) {
	both(t, func(t *testing.T, f *far) {
		e, err := New(wire.NewKey())
		if err != nil {
			t.Fatal(err)
		}
		c, err := f.dialer().Dial(t.Context(), f.url(), nil)
		if err != nil {
			t.Fatal(err)
		}
		conn := f.accept(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := e.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := e.Join(c, newTalker(nil), 0); !errors.Is(err, ErrEnded) {
			t.Error(err)
		}
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is still there")
		}
	})
}
