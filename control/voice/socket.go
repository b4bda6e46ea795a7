package voice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/control/envelope"
	"parley/control/live"
	"parley/store"
)

// Limits bound what a client can make a socket do. Zeros mean the value given here.
type Limits struct {
	Message int64         // bytes of what a client sends: 4 KiB
	Write   time.Duration // for a client to take a message, before it is let go: 5 s
	Ping    time.Duration // between pings of the protocol, which browsers answer by themselves: 20 s
	Idle    time.Duration // a client from whom nothing came for so long, not even that, is gone: 60 s
	Check   time.Duration // between looks at whether the client may still watch: 60 s
	Send    int           // bytes that the kernel holds for a client that is slow: 64 KiB
}

// OrDefaults has the values given above in place of zeros.
func (l Limits) OrDefaults() Limits {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	if l.Message <= 0 {
		l.Message = 4 << 10
	}
	if l.Send <= 0 {
		l.Send = 64 << 10
	}
	set(&l.Write, 5*time.Second)
	set(&l.Ping, 20*time.Second)
	set(&l.Idle, time.Minute)
	set(&l.Check, time.Minute)
	return l
}

const (
	mostPings = 16 // of a client that wait for their pong; it need not be told of more
	mostBad   = 10 // messages that are none of ours, before a client is let go
)

// Sockets show calls while they go on, by WebSocket. Each is one request's goroutine, which writes, and one more, which reads; Close ends
// them. Its fields are set before the first Serve. It must not be copied.
type Sockets struct {
	Desk   *live.Desk
	Limits Limits
	Log    *slog.Logger

	mu      sync.Mutex
	open    sync.WaitGroup
	closing chan struct{} // closed by Close
	closed  bool
	pool    sync.Pool // of write buffers: between messages, a socket has none
}

// A Viewer is who wants to watch a call, and may.
type Viewer struct {
	Org, Call string
	Check     func(context.Context) error // whether they still may; nil: they may until the call is over
}

// Serve shows a viewer a call until that is over (1000), the client goes or is too slow, or the server stops (1001). Before the upgrade, errors
// are answered as those of the API are.
func (s *Sockets) Serve(w http.ResponseWriter, r *http.Request, v Viewer) {
	closing, ok := s.enter()
	if !ok {
		envelope.Write(w, r, envelope.Busy("the server is shutting down", nil))
		return
	}
	defer s.open.Done()
	reader, err := s.Desk.Open(r.Context(), v.Org, v.Call)
	switch {
	case errors.Is(err, live.ErrFull):
		err = envelope.TooMany("too many readers of this call, or of all of the organisation's", time.Minute)
	case errors.Is(err, store.ErrNotFound):
		err = envelope.Missing("no such call")
	}
	if err != nil {
		envelope.Write(w, r, envelope.FaultOf(err))
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
	limits := s.Limits.OrDefaults()
	if tcp, ok := conn.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(limits.Send) // an optimisation
	}
	socket := &socket{conn: conn, limits: limits, reader: reader, viewer: v, heard: make(chan heard, mostPings), gone: make(chan struct{})}
	socket.told.send = socket.send
	why := socket.run(r.Context(), closing)
	s.Log.DebugContext(r.Context(), "live socket closed", "call", v.Call, "missed", socket.told.missed, "reason", why)
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

// Close tells all clients that the server goes away, lets nobody in any more, and waits until all have gone, which takes no longer than a
// client may take for a message.
func (s *Sockets) Close() {
	s.mu.Lock()
	if !s.closed && s.closing != nil {
		close(s.closing)
	}
	s.closed = true
	s.mu.Unlock()
	s.open.Wait()
}

// A socket is one client's. Its fields belong to the goroutine that writes, but for heard and gone.
type socket struct {
	conn   *websocket.Conn
	limits Limits
	reader *live.Reader
	viewer Viewer
	heard  chan heard    // what the client has sent
	gone   chan struct{} // closed when nothing more comes of it
	told   told
}

// heard is a message of the client's: a ping, or one that is none of ours.
type heard struct{ bad string }

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
	for bad, last := 0, false; ; {
		u, news, more := s.reader.Take()
		if news {
			if err := s.told.tell(u); err != nil {
				return err.Error()
			}
		}
		switch {
		case u.Over:
			return s.close(websocket.CloseNormalClosure, "the call is over")
		case last:
			return s.close(websocket.CloseGoingAway, "the server is shutting down")
		}
		select {
		case <-more:
		case h := <-s.heard:
			if h.bad != "" {
				bad++
			}
			if err := s.reply(h); err != nil {
				return err.Error()
			}
			if bad >= mostBad {
				return s.close(websocket.ClosePolicyViolation, "too many messages that are not understood")
			}
		case <-ping.C:
			if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.limits.Write)); err != nil {
				return err.Error()
			}
		case <-check.C:
			if s.barred(ctx) {
				return s.close(websocket.ClosePolicyViolation, "the key or session is not valid any more")
			}
		case <-closing: // the calls here are over by then, which is still to be told
			last = true
		case <-s.gone:
			return "the client has gone"
		}
	}
}

// barred says whether the viewer may not watch any more. While that cannot be known, they may.
func (s *socket) barred(ctx context.Context) bool {
	if s.viewer.Check == nil {
		return false
	}
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
		case s.heard <- heard{fault(kind, text)}:
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
	case m.Type != typePing:
		return fmt.Sprintf(`messages of the type %.40q are not understood: send {"type":"ping"}`, m.Type)
	}
	return ""
}

// A Line is an entry of a live transcript.
type Line struct {
	Entry

	ID    string `json:"id"`
	Final bool   `json:"final"`
}

// message is anything that the socket sends.
type message struct {
	Type  string `json:"type"`
	Data  any    `json:"data,omitempty"`
	Error string `json:"error,omitempty"`
}

// What messages carry.
type (
	connectedData struct {
		CallID     string        `json:"call_id"`
		Status     store.Status  `json:"status"`
		Transcript []Line        `json:"transcript"`
		Timestamp  envelope.Time `json:"timestamp"`
	}
	transcriptData struct {
		CallID     string        `json:"call_id"`
		Transcript []Line        `json:"transcript"`
		Removed    []string      `json:"removed,omitempty"`
		Missed     int           `json:"missed,omitempty"`
		Timestamp  envelope.Time `json:"timestamp"`
	}
	statusData struct {
		CallID    string        `json:"call_id"`
		Status    store.Status  `json:"status"`
		Timestamp envelope.Time `json:"timestamp"`
	}
)

// told is how far a client has been told of a call.
type told struct {
	send   func(message) error
	begun  bool
	missed int
}

// tell sends what has changed: that a call is over, last.
func (s *told) tell(u live.Update) error {
	now := envelope.Time(time.Now())
	lines := make([]Line, len(u.Entries))
	for i, e := range u.Entries {
		lines[i] = Line{showMessage(u.Call, e.Message), lineID(e.Key), e.Final}
	}
	status := func(final bool) error {
		for _, st := range u.Statuses {
			if st == store.Initiated || st.Final() != final { // that it is initiated, connected has said
				continue
			}
			if err := s.send(message{Type: typeStatus, Data: statusData{u.Call.ID, st, now}}); err != nil {
				return err
			}
		}
		return nil
	}
	if !s.begun {
		s.begun = true
		if err := s.send(message{Type: typeConnected, Data: connectedData{u.Call.ID, u.Call.Status, lines, now}}); err != nil {
			return err
		}
		return errors.Join(status(false), status(true))
	}
	s.missed += u.Missed
	if err := status(false); err != nil {
		return err
	}
	if len(u.Entries)+len(u.Gone)+u.Missed > 0 {
		removed := make([]string, len(u.Gone))
		for i, k := range u.Gone {
			removed[i] = lineID(k)
		}
		if err := s.send(message{Type: typeTranscript, Data: transcriptData{u.Call.ID, lines, removed, u.Missed, now}}); err != nil {
			return err
		}
	}
	return status(true)
}

// lineID names an entry: the third thing that the caller says is user-3.
func lineID(k live.Key) string { return speaker(k.Role) + "-" + strconv.Itoa(k.N) }

// reply answers the client.
func (s *socket) reply(h heard) error {
	if h.bad != "" {
		return s.send(message{Type: typeError, Error: h.bad})
	}
	return s.send(message{Type: typePong})
}

func (s *socket) send(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
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
