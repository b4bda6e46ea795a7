package socket_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/providers/chat"
	"parley/providers/socket"
)

// server upgrades, and lets f have the connection.
func server(t *testing.T, f func(*websocket.Conn)) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		f(conn)
	}))
	t.Cleanup(s.Close)
	return "ws" + strings.TrimPrefix(s.URL, "http")
}

func dial(t *testing.T, target socket.Target) *socket.Socket {
	t.Helper()
	s, err := socket.Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestMessagesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	s := dial(t, socket.Target{URL: server(t, func(c *websocket.Conn) {
		for {
			kind, m, err := c.ReadMessage()
			if err != nil || c.WriteMessage(kind, m) != nil {
				return
			}
		}
	})})
	const sent = 1000
	for n := range sent {
		if err := s.Send([]byte{byte(n), byte(n >> 8)}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for m, err := range s.Messages() {
		if err != nil || int(m[0])|int(m[1])<<8 != n {
			t.Fatalf("message %d is %v (%v)", n, m, err)
		}
		if n++; n == sent {
			break
		}
	}
}

// How a server leaves is told in its words, as HTTP would have said it, and without the key.
func TestLost(t *testing.T) {
	t.Parallel()
	for words, status := range map[string]int{"API key sk-secret not valid": 401, "You exceeded your current quota": 429, "Internal error": 0} {
		s := dial(t, socket.Target{Secret: "sk-secret", URL: server(t, func(c *websocket.Conn) {
			_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1008, words), time.Now().Add(time.Second))
			_, _, _ = c.ReadMessage()
		})})
		var last error
		for _, err := range s.Messages() {
			last = err
		}
		e := chat.AsError(last)
		if e == nil || e.Status != status || strings.Contains(e.Error(), "sk-secret") || !strings.Contains(e.Error(), words[:3]) {
			t.Errorf("%s: %v", words, last)
		}
		if err := s.Send(nil); !errors.Is(err, last) {
			t.Errorf("%s: then sending fails with %v", words, err)
		}
	}
}

// Who does not read is no reason to wait, or to keep all for them.
func TestSendNeverWaits(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	defer close(done)
	s := dial(t, socket.Target{URL: server(t, func(*websocket.Conn) { <-done })})
	message := make([]byte, 1<<20)
	for n := 0; ; n++ {
		if err := s.Send(message); err != nil {
			break
		}
		if n > 100 {
			t.Fatal("100 MiB are kept")
		}
	}
}

func TestDialIsLimited(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	if _, err := socket.Dial(t.Context(), socket.Target{URL: "ws" + strings.TrimPrefix(silent.URL, "http"), Limit: 50 * time.Millisecond}); chat.AsError(err) == nil {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	if _, err := socket.Dial(ctx, socket.Target{URL: "ws" + strings.TrimPrefix(silent.URL, "http")}); err == nil || err.Error() != "gone" {
		t.Errorf("error %v", err)
	}
}
