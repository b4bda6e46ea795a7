package httptool

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
)

// nameserver answers every question for an address with those of the next of its answers, and the last for ever (RFC 1035, 4.1).
func nameserver(t *testing.T, answers ...[]string) (*net.Resolver, *atomic.Int32) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for b := make([]byte, 512); ; {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if n < 17 {
				continue
			}
			end := 12 + strings.IndexByte(string(b[12:n]), 0) + 5 // of the only question
			reply := append([]byte{b[0], b[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, b[12:end]...)
			if binary.BigEndian.Uint16(b[end-4:]) == 1 { // A
				now := answers[min(int(asked.Add(1)), len(answers))-1]
				reply[7] = byte(len(now))
				for _, a := range now {
					reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
					reply = append(reply, netip.MustParseAddr(a).AsSlice()...)
				}
			}
			_, _ = conn.WriteTo(reply, from)
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}, &asked
}

// A name means an address that may be asked, and then, before it is dialled again, another that may not: each dial is judged by itself.
func TestRebinding(t *testing.T) {
	t.Parallel()
	var served atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served.Add(1)
		w.Header().Set("Connection", "close")
		fmt.Fprint(w, "ok")
	}))
	ln, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = server.Listener.Close()
	server.Listener = ln
	server.Start()
	t.Cleanup(server.Close)
	port := ln.Addr().(*net.TCPAddr).Port
	for _, c := range []struct {
		name    string
		allow   []string
		answers [][]string
		want    []bool // of each request, whether it is answered
	}{
		{"a private address", nil, [][]string{{"127.0.0.1"}}, []bool{false, false}},
		{"several private addresses", nil, [][]string{{"127.0.0.1", "10.0.0.1", "169.254.169.254"}}, []bool{false}},
		{"then another", []string{"127.0.0.2"}, [][]string{{"127.0.0.2"}, {"127.0.0.1"}}, []bool{true, false, false}},
		{"one of them is allowed", []string{"127.0.0.2"}, [][]string{{"127.0.0.1", "127.0.0.2"}}, []bool{true}},
		{"the name is allowed", []string{"orders.test."}, [][]string{{"127.0.0.1"}}, []bool{true, true}},
	} {
		g, err := newGuard(c.allow)
		if err != nil {
			t.Fatal(err)
		}
		names, asked := nameserver(t, c.answers...)
		g.names = names
		client, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		client.http.Transport = g.transport()
		made, err := client.Compile(Definition{Name: "orders", Description: "Looks up orders.", URL: fmt.Sprintf("http://orders.test.:%d/", port)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			before := served.Load()
			text, _, err := made.For(nil).Run(t.Context(), nil)
			if got := err == nil && text == "ok"; got != want || !got && !strings.Contains(err.Error(), "private address") || (served.Load() > before) != want {
				t.Errorf("%s, request %d: %q %v, want %v", c.name, i+1, text, err, want)
			}
		}
		if asked.Load() == 0 {
			t.Errorf("%s: nobody asked what the name means", c.name)
		}
		client.Close()
	}
}
