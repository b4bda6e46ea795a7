//go:build linux

package main

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

	"github.com/google/go-cmp/cmp"
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
func (l load) try(t *testing.T) (*outcome, error) {
	t.Helper()
	core, _, err := machine.TwoCores()
	if err != nil {
		t.Fatal(err)
	}
	return l.run(t.Context(), core)
}

// TestLoad has the floor asked at a rate: all that is due is asked and answered.
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
	l := load{addr: addr, request: post(addr, "/things", `{"name":"n"}`), status: 201, conns: 8, rate: 400, warm: 100 * time.Millisecond, measure: 500 * time.Millisecond}
	o, err := l.try(t)
	if err != nil {
		t.Fatal(err)
	}
	if o.answered != 200 || o.unheard != 0 || o.took.TotalCount() != 200 || j.Stats.In.Load() != 240 {
		t.Errorf("answered %d, unheard %d, timed %d, the server saw %d; want 200, 0, 200, 240", o.answered, o.unheard, o.took.TotalCount(), j.Stats.In.Load())
	}
	l.status = 200
	if _, err := l.try(t); err == nil || !strings.Contains(err.Error(), "status 201, want 200: HTTP/1.1 201 Created") {
		t.Errorf("another status: %v", err)
	}
	l.rate, l.status = 0, 201
	if o, err := l.try(t); err != nil || o.answered < 200 || o.unheard != 0 {
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
	l := load{addr: addr, request: get(addr, "/"), status: 200, conns: 4, rate: 1000, measure: 600 * time.Millisecond}
	o, err := l.try(t)
	if err != nil {
		t.Fatal(err)
	}
	slow := int64(0)
	for _, b := range o.took.Distribution() {
		if b.From > 50_000 {
			slow += b.Count
		}
	}
	if o.answered != 600 || slow < 200 || o.took.Max() < 290_000 {
		t.Errorf("after %v: %d answers, %d took over 50 ms, the longest %d us; want 600, 250 or so, 300 ms", time.Since(began), o.answered, slow, o.took.Max())
	}
}

// A server that never answers is told, with all that waited for it.
func TestUnheard(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	addr := listen(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-gone }))
	t.Cleanup(func() { close(gone) })
	l := load{addr: addr, request: get(addr, "/"), status: 200, conns: 2, rate: 100, measure: 100 * time.Millisecond}
	o, err := l.try(t)
	if err != nil || o.answered != 0 || o.unheard != 10 || o.took.TotalCount() != 10 {
		t.Errorf("%+v, %v; want 10 unheard and timed", o, err)
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	r := newReport(options{bar: 5 * time.Millisecond})
	add := func(server, request string, offered, answered, p99, generator, others float64) {
		s := step{Server: server, Request: request, Offered: offered, Answered: answered, P50: 1, P99: p99, Generator: generator, Others: others}
		s.judge(5 * time.Millisecond)
		r.Steps = append(r.Steps, s)
	}
	for round := range 3 {
		add("floor", "GET", 0, 1200, 100, 1, 0)
		add("floor", "GET", 1200, 1100, 100, 0.5, 0)
		add("floor", "GET", float64(1000+round), 1000, 1, 0.5, 0)
		add("parley", "GET", 0, 900, 100, 1, 0)
		add("parley", "GET", 800, 800, 2, 0.5, 0.9) // carried although others disturbed it
		add("floor", "POST", 0, 1000, 100, 1, 0)
		add("floor", "POST", 1000, 1000, 2, 0.9, 0)
		add("parley", "POST", 0, 500, 100, 1, 0)
		add("parley", "POST", 400, 400, 20, 0.5, 0.9)
	}
	r.sumUp()
	if diff := cmp.Diff(map[string]float64{"GET": 0.799, "POST": 0}, r.Ratios); diff != "" {
		t.Errorf("ratios: -want +got\n%s", diff)
	}
	if diff := cmp.Diff(map[string]float64{"GET": 0.75, "POST": 0.5}, r.Floods); diff != "" {
		t.Errorf("ratios of floods: -want +got\n%s", diff)
	}
	if r.voids() != 6 {
		t.Errorf("%d steps are void, want 6", r.voids())
	}
	if err := r.verdict(); err == nil || err.Error() != "POST: nothing to compare: floor carried 0/s, parley 0/s" {
		t.Errorf("verdict: %v", err)
	}
	var text strings.Builder
	r.print(&text)
	for _, want := range []string{"parley/floor 0.80, under a flood 0.75   goal 0.75", "POST parley carried nothing", "6 of 27 steps were void"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, &text)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{"-rounds=0": "-rounds 0: at least one", "-conns=0": "-conns 0", "-measure=0s": "-measure 0s", "-bar=-1s": "-bar -1s"} {
		if err := run(t.Context(), []string{flag}, &strings.Builder{}, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", flag, err, want)
		}
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
