package edge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// rss is what this process has in memory.
func rss(t testing.TB) int {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// TestSlowHeads opens 10,000 connections, 1,000 at a time, each with half a head or a body of 4 GiB that never comes: they cost little, are closed within Head, and a probe is
// answered all the while.
func TestSlowHeads(t *testing.T) {
	u := start(t, Policy{Connections: 2048, PerSource: 2048, Head: 2 * time.Second, Source: Rate{PerSecond: 1e6, Burst: 1e6}})
	c := newCaller(t, u)
	before, most := rss(t), 0
	half := []byte("INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx\r\nX-Slow: " + strings.Repeat("a", 400))
	huge := []byte("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx\r\nContent-Length: 4294967295\r\n\r\n")
	for round := range 10 {
		var open []net.Conn
		for i := range 1000 {
			conn, err := net.Dial("tcp", u.tcp.String())
			if err != nil {
				t.Fatal(err)
			}
			open = append(open, conn)
			_, _ = conn.Write([][]byte{half, huge}[i%2]) // the Edge may have closed it
		}
		c.stream(t, options("slow-"+strconv.Itoa(round), "TCP"), false)
		most = max(most, rss(t)-before)
		for _, conn := range open {
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("a slow connection is still open")
			}
			conn.Close()
		}
	}
	t.Logf("at most %.1f MB more", float64(most)/1e6)
	if most > memory*32<<20 {
		t.Errorf("%d bytes more", most)
	}
}

// TestHeld holds that unfinished messages of all connections share one bound, and that the oldest goes.
func TestHeld(t *testing.T) {
	t.Parallel()
	u := start(t, Policy{Held: 64 << 10, Head: time.Minute, Source: Rate{PerSecond: 1e6, Burst: 1e6}})
	var open []net.Conn
	for range 8 {
		conn, err := net.Dial("tcp", u.tcp.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("INVITE sip:a@b SIP/2.0\r\nX-Long: " + strings.Repeat("a", 20<<10)))
		open = append(open, conn)
	}
	_ = open[0].SetReadDeadline(time.Now().Add(patience))
	if _, err := open[0].Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the oldest is still open: %v", err)
	}
	newCaller(t, u).stream(t, options("held", "TCP"), false)
}

// TestDeaf has peers that send requests and read no answer: each is closed after Stall, and others are answered all the while. That it is closed a
// peer's own kernel may find out much later: what it has not read is in the way of the reset.
func TestDeaf(t *testing.T) {
	t.Parallel()
	const peers = 20
	u := start(t, Policy{Stall: time.Second, Options: true, Source: Rate{PerSecond: 1e7, Burst: 1e7}, Stream: Rate{PerSecond: 1e7, Burst: 1e7}})
	c := newCaller(t, u)
	var writers sync.WaitGroup
	defer writers.Wait()
	for range peers {
		conn, err := net.Dial("tcp", u.tcp.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.(*net.TCPConn).SetReadBuffer(4096)
		writers.Go(func() {
			all := bytes.Repeat(options("deaf", "TCP"), 200)
			for {
				if _, err := conn.Write(all); err != nil {
					return
				}
			}
		})
	}
	for end := time.Now().Add(patience); u.edge.Stats().Closed < peers; {
		c.stream(t, options("hears", "TCP"), false)
		if time.Now().After(end) {
			t.Fatalf("%+v: of %d deaf peers some are still open", u.edge.Stats(), peers)
		}
	}
}

// TestGreedy has peers that write flat out, requests or keep-alives, and read no answer. No connection is answered more than is its due, though its source may
// ask for more; a new one is answered at once.
func TestGreedy(t *testing.T) {
	t.Parallel()
	const greedy, burst = 20, 10
	u := start(t, Policy{Options: true, Source: Rate{PerSecond: 1e7, Burst: 1e7}, Stream: Rate{PerSecond: 0.001, Burst: burst}})
	for i := range greedy {
		conn, err := net.Dial("tcp", u.tcp.String())
		if err != nil {
			t.Fatal(err)
		}
		wrote := make(chan error, 1)
		go func() {
			all := bytes.Repeat([][]byte{options("greedy", "TCP"), []byte("\r\n\r\n")}[i%2], 200)
			for {
				if _, err := conn.Write(all); err != nil {
					wrote <- err
					return
				}
			}
		}()
		defer func() {
			conn.Close()
			<-wrote
		}()
	}
	c := newCaller(t, u)
	for u.edge.Stats().Limited < greedy { // all wait for their next token
		c.stream(t, options("modest", "TCP"), false)
	}
	before := u.edge.Stats().Answered
	c.stream(t, options("modest", "TCP"), false)
	s := u.edge.Stats()
	if got := s.Answered - before; got != 2 {
		t.Errorf("%d were answered, want 2", got)
	}
	if s.Limited != greedy || s.Closed != 0 {
		t.Errorf("%+v: want %d that wait, and none closed", s, greedy)
	}
}

// TestKeepAlive holds that two line ends are answered by one, and that they may stand before a message, byte by byte.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	u := start(t, Policy{})
	conn, err := net.Dial("tcp", u.tcp.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = conn.Write([]byte("\r\n\r\n"))
	b := make([]byte, 4096)
	if n, err := conn.Read(b); err != nil || string(b[:n]) != "\r\n" {
		t.Fatalf("the pong is %q, %v", b[:n], err)
	}
	for _, c := range append([]byte("\r\n"), options("slowly", "TCP")...) {
		if _, err := conn.Write([]byte{c}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := conn.Read(b); err != nil || statusOf(string(b[:n])) != 200 {
		t.Fatalf("answered %q, %v", b[:n], err)
	}
}

// TestHalfLineEnd holds that the first byte of a keep-alive, which may come alone, ends no connection.
func TestHalfLineEnd(t *testing.T) {
	t.Parallel()
	for _, half := range []string{"\r", "\n"} {
		c := &stream{in: []byte(half), fresh: true}
		if n := c.message(); n != 0 || c.dead || string(c.in) != half {
			t.Errorf("%q: a message of %d bytes, dead: %v, %q is kept", half, n, c.dead, c.in)
		}
	}
}

// TestDial holds that a connection of ours is behind the Edge, too.
func TestDial(t *testing.T) {
	t.Parallel()
	peer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := testEdge()
	s := e.Streams(l)
	given := make(chan net.Conn, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- s.Serve(func(l net.Listener) error {
			for {
				conn, err := l.Accept()
				if err != nil {
					return err
				}
				given <- conn
			}
		})
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Dial(ctx, netip.MustParseAddrPort(peer.Addr().String()), nil); err != nil {
		t.Fatal(err)
	}
	far, err := peer.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	conn := <-given
	_, _ = far.Write([]byte("SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKy\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: bad\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"))
	_, _ = far.Write(options("good", "TCP"))
	b := make([]byte, 4096)
	if n, err := conn.Read(b); err != nil || idOf(string(b[:n])) != "good" {
		t.Errorf("read %q, %v", b[:n], err)
	}
	if _, err := conn.Write([]byte("OPTIONS sip:a@b SIP/2.0\r\nX: a\nb\r\n\r\n")); err == nil {
		t.Error("a malformed message of ours was sent")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
