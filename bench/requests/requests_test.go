//go:build linux

package requests

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/bench/floor"
	"parley/bench/machine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhole(t *testing.T) {
	t.Parallel()
	plain := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"
	parts := "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	for text, status := range map[string]int{plain: 200, parts: 201} {
		for n := range len(text) {
			if done, _, err := whole([]byte(text[:n])); done || err != nil {
				t.Fatalf("%q: %v, %v", text[:n], done, err)
			}
		}
		if done, got, err := whole([]byte(text)); !done || got != status || err != nil {
			t.Errorf("%q: %v, %d, %v", text, done, got, err)
		}
	}
	for text, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nDate: today\r\n\r\n":       "does not tell its length",
		"HTTP/1.1 two OK\r\n\r\n":                      "no answer of HTTP/1.1",
		"SMTP\r\n\r\n":                                 "no answer of HTTP/1.1",
		"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n": "Content-Length",
		plain + "HTTP":                                 "more was answered",
	} {
		if _, _, err := whole([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// listen serves h and returns where.
func listen(t *testing.T, h http.Handler) netip.AddrPort {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, done := &http.Server{Handler: h}, make(chan struct{})
	go func() { defer close(done); server.Serve(ln) }()
	t.Cleanup(func() { server.Close(); <-done })
	return netip.MustParseAddrPort(ln.Addr().String())
}

// try runs a load from the core that is for it.
func (l Load) try(t *testing.T) (*Outcome, error) {
	t.Helper()
	core, _, err := machine.TwoCores()
	if err != nil {
		t.Fatal(err)
	}
	return l.Run(t.Context(), core)
}

// TestLoad has the floor asked at a Rate: all that is due is asked and answered.
func TestLoad(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served, j := make(chan error, 1), &floor.JSON{}
	go func() { served <- j.Serve(ctx, ln) }()
	addr := netip.MustParseAddrPort(ln.Addr().String())
	l := Load{Addr: addr, Request: Post(addr, "/things", `{"name":"n"}`), Status: 201, Conns: 8, Rate: 400, Warm: 100 * time.Millisecond, Measure: 500 * time.Millisecond}
	o, err := l.try(t)
	if err != nil {
		t.Fatal(err)
	}
	if o.Answered != 200 || o.Unheard != 0 || o.Took.TotalCount() != 200 || j.Stats.In.Load() != 240 {
		t.Errorf("answered %d, unheard %d, timed %d, the server saw %d; want 200, 0, 200, 240", o.Answered, o.Unheard, o.Took.TotalCount(), j.Stats.In.Load())
	}
	l.Status = 200
	if _, err := l.try(t); err == nil || !strings.Contains(err.Error(), "status 201, want 200: HTTP/1.1 201 Created") {
		t.Errorf("another status: %v", err)
	}
	l.Rate, l.Status = 0, 201
	if o, err := l.try(t); err != nil || o.Answered < 200 || o.Unheard != 0 {
		t.Errorf("a flood: %+v, %v", o, err)
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestWaitingCounts has a server that stands still for 300 ms: what was due meanwhile has waited, although nobody could send it.
func TestWaitingCounts(t *testing.T) {
	t.Parallel()
	began := time.Now()
	var mu sync.Mutex
	asked := 0
	addr := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		asked++
		still := asked > 100 && asked <= 104 // all connections
		mu.Unlock()
		if still {
			<-time.After(300 * time.Millisecond)
		}
		w.Write([]byte("ok"))
	}))
	l := Load{Addr: addr, Request: Get(addr, "/"), Status: 200, Conns: 4, Rate: 1000, Measure: 600 * time.Millisecond}
	o, err := l.try(t)
	if err != nil {
		t.Fatal(err)
	}
	slow := int64(0)
	for _, b := range o.Took.Distribution() {
		if b.From > 50_000 {
			slow += b.Count
		}
	}
	if o.Answered != 600 || slow < 200 || o.Took.Max() < 290_000 {
		t.Errorf("after %v: %d answers, %d took over 50 ms, the longest %d us; want 600, 250 or so, 300 ms", time.Since(began), o.Answered, slow, o.Took.Max())
	}
}

// A server that never answers is told, with all that waited for it.
func TestUnheard(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	addr := listen(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gone }))
	t.Cleanup(func() { close(gone) })
	l := Load{Addr: addr, Request: Get(addr, "/"), Status: 200, Conns: 2, Rate: 100, Measure: 100 * time.Millisecond}
	o, err := l.try(t)
	if err != nil || o.Answered != 0 || o.Unheard != 10 || o.Took.TotalCount() != 10 {
		t.Errorf("%+v, %v; want 10 unheard and timed", o, err)
	}
}

// FuzzWhole takes any answer, cut anywhere: what is whole is not whole before its last byte, unless it is chunked.
func FuzzWhole(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		done, status, err := whole(answer)
		if err != nil || !done {
			return
		}
		if status < 0 || status > 999 {
			t.Fatalf("status %d", status)
		}
		if early, _, _ := whole(answer[:len(answer)-1]); early && !bytes.Contains(answer, chunked) {
			t.Fatalf("%q is whole without its last byte", answer)
		}
	})
}
