package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestWindow: profiles and the last seconds of the runtime's trace are shown there, and it ends when it is told to.
func TestWindow(t *testing.T) { // not parallel: a process has one flight recorder
	c := debugging{DebugAddr: "127.0.0.1:0", DebugFlight: time.Second}
	w, err := c.openWindow(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	for path, want := range map[string]string{
		"/debug/pprof/":                  "goroutine",
		"/debug/pprof/goroutine?debug=1": "TestWindow",
		"/debug/pprof/heap":              "\x1f\x8b", // gzip
		"/debug/flight":                  "go 1.",
	} {
		resp, err := http.Get("http://" + w.ln.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s, %d bytes, %v: want %q in them", path, resp.Status, len(text), err, want)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestWindowShut: without a flight recorder that is said; without an address there is nothing.
func TestWindowShut(t *testing.T) {
	t.Parallel()
	if w, err := (&debugging{}).openWindow(t.Context(), nil); w != nil || err != nil || w.close() != nil {
		t.Errorf("no address: %v, %v", w, err)
	}
	w, err := (&debugging{DebugAddr: "127.0.0.1:0"}).openWindow(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	out := httptest.NewRecorder()
	w.fly(out, nil)
	if out.Code != http.StatusNotFound || !strings.Contains(out.Body.String(), "debug-flight") {
		t.Errorf("%d %q", out.Code, out.Body.String())
	}
}

// TestDebugRefused: what others reach is refused, unless that is meant.
func TestDebugRefused(t *testing.T) {
	t.Parallel()
	for addr, bad := range map[string]bool{
		"": false, "127.0.0.1:6060": false, "[::1]:6060": false, "localhost:6060": false, "127.8.0.1:0": false,
		":6060": true, "0.0.0.0:6060": true, "[::]:6060": true, "10.0.0.1:6060": true, "voice.example.com:6060": true, "6060": true,
	} {
		c := debugging{DebugAddr: addr}
		if got := len(c.check()) > 0; got != bad {
			t.Errorf("%q: refused %v, want %v", addr, got, bad)
		}
		if c.DebugPublic = true; addr != "6060" && len(c.check()) > 0 {
			t.Errorf("%q with --debug-public: %v", addr, c.check())
		}
	}
	if c := (debugging{DebugFlight: time.Hour}); len(c.check()) != 1 {
		t.Error("an hour of trace is taken")
	}
}
