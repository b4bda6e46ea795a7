package bots

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/control/envelope"
	"parley/control/voice"
)

// Sockets tell dashboards what happens to conversations, by WebSocket. Each is one request's goroutine, which writes, and one more, which
// reads; Close ends them. Its fields are set before the first Serve. It must not be copied.
type Sockets struct {
	Feed   *Feed
	Limits voice.Limits
	Log    *slog.Logger

	mu      sync.Mutex
	open    sync.WaitGroup
	closing chan struct{} // closed by Close
	closed  bool
	pool    sync.Pool // of write buffers: between messages, a socket has none
}

// A Viewer is who wants to watch an organisation's conversations, and may.
type Viewer struct {
	Org   string
	Check func(context.Context) error // whether they still may
}

// Serve tells a viewer of conversations until the client goes or is too slow (1013), or the server stops (1001). Before the upgrade, errors
// are answered as those of the API are.
func (s *Sockets) Serve(w http.ResponseWriter, r *http.Request, v Viewer) {
	closing, ok := s.enter()
	if !ok {
		envelope.Write(w, r, envelope.Busy("the server is shutting down", nil))
		return
	}
	defer s.open.Done()
	reader, err := s.Feed.Open(v.Org)
	switch {
	case errors.Is(err, ErrFull):
		envelope.Write(w, r, envelope.TooMany(ErrFull.Error(), time.Minute))
		return
	case err != nil:
		envelope.Write(w, r, envelope.Busy("conversations cannot be watched now", err))
		return
	}
	defer reader.Close()
	up := websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second, ReadBufferSize: 1 << 10, WriteBufferPool: &s.pool,
		CheckOrigin: func(*http.Request) bool { return true }, // whoever let them in has
		Error: func(w http.ResponseWriter, r *http.Request, status int, why error) {
			envelope.Write(w, r, &envelope.Fault{Status: status, Message: "this is a WebSocket", Cause: why})
		},
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	socket := &socket{conn: conn, limits: s.Limits.OrDefaults(), reader: reader, viewer: v, heard: make(chan string, mostHeard), gone: make(chan struct{})}
	why := socket.run(r.Context(), closing)
	s.Log.DebugContext(r.Context(), "conversation socket closed", "org", v.Org, "reason", why)
}

// enter counts a socket, unless all are being closed.
func (s *Sockets) enter() (closing <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	if s.closing == nil {
		s.closing = make(chan struct{})
	}
	s.open.Add(1)
	return s.closing, true
}

// Close tells all clients that the server goes away, lets nobody in any more, and waits until all have gone.
func (s *Sockets) Close() {
	s.mu.Lock()
	if !s.closed && s.closing != nil {
		close(s.closing)
	}
	s.closed = true
	s.mu.Unlock()
	s.open.Wait()
}

const (
	mostHeard = 16 // messages of a client that wait for their answer; it need not be told of more
	mostBad   = 10 // messages that are none of ours, before a client is let go
)

// A socket is one client's. Its fields belong to the goroutine that writes, but for heard and gone.
type socket struct {
	conn   *websocket.Conn
	limits voice.Limits
	reader *Reader
	viewer Viewer
	heard  chan string   // what is wrong with what the client has sent; empty: it is a ping
	gone   chan struct{} // closed when nothing more comes of it
}

// run writes until the socket is to be closed, and returns why. When it returns, the connection is closed and its reading goroutine gone.
func (s *socket) run(ctx context.Context, closing <-chan struct{}) (why string) {
	defer func() {
		_ = s.conn.Close() // it may be gone
		<-s.gone
	}()
	go s.listen()
	ping, check := time.NewTicker(s.limits.Ping), time.NewTicker(s.limits.Check)
	defer ping.Stop()
	defer check.Stop()
	for bad := 0; ; {
		var err error
		select {
		case text, ok := <-s.reader.Events:
			if !ok {
				return s.close(websocket.CloseTryAgainLater, "too slow, or events are lost: read the lists anew")
			}
			err = s.write(text)
		case fault := <-s.heard:
			if fault != "" {
				bad++
			}
			if err = s.reply(fault); bad >= mostBad && err == nil {
				return s.close(websocket.ClosePolicyViolation, "too many messages that are not understood")
			}
		case <-ping.C:
			err = s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.limits.Write))
		case <-check.C:
			if s.barred(ctx) {
				return s.close(websocket.ClosePolicyViolation, "the key or session is not valid any more")
			}
		case <-closing:
			return s.close(websocket.CloseGoingAway, "the server is shutting down")
		case <-s.gone:
			return "the client has gone"
		}
		if err != nil {
			return err.Error()
		}
	}
}

// barred says whether the viewer may not watch any more. While that cannot be known, they may.
func (s *socket) barred(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, s.limits.Write)
	defer cancel()
	var f *envelope.Fault
	err := s.viewer.Check(ctx)
	return errors.As(err, &f) && f.Status/100 == 4
}

// listen reads until the client goes or is silent for too long.
func (s *socket) listen() {
	defer close(s.gone)
	alive := func(string) error { return s.conn.SetReadDeadline(time.Now().Add(s.limits.Idle)) }
	s.conn.SetReadLimit(s.limits.Message)
	s.conn.SetPongHandler(alive)
	_ = alive("") // ReadMessage would say so
	for {
		kind, text, err := s.conn.ReadMessage()
		if err != nil {
			return
		}
		_ = alive("")
		select {
		case s.heard <- fault(kind, text):
		default: // it has not taken the answers to those before
		}
	}
}

// fault is what is wrong with a client's message; empty: it is a ping.
func fault(kind int, text []byte) string {
	var m struct {
		Type string `json:"type"`
	}
	switch {
	case kind != websocket.TextMessage:
		return "binary messages are not understood"
	case json.Unmarshal(text, &m) != nil:
		return `not a JSON object: send {"type":"ping"}`
	case m.Type != "ping":
		return fmt.Sprintf(`messages of the type %.40q are not understood: send {"type":"ping"}`, m.Type)
	}
	return ""
}

// reply answers the client.
func (s *socket) reply(fault string) error {
	if fault == "" {
		return s.write([]byte(`{"type":"pong"}`))
	}
	text, err := json.Marshal(map[string]string{"type": "error", "error": fault})
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	return s.write(text)
}

func (s *socket) write(text []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(s.limits.Write)); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	if err := s.conn.WriteMessage(websocket.TextMessage, text); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

// close says why, and waits a moment for the client to say that it has understood.
func (s *socket) close(code int, why string) string {
	err := s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(time.Second))
	if err == nil {
		select {
		case <-s.gone:
		case <-time.After(time.Second):
		}
	}
	return why
}
