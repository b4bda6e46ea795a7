// Package socket is what the server's WebSockets have in common: who is let in and out, and what any client is owed besides news.
//
//	Door.Enter ─▶ Door.Upgrade ─▶ Conn ─▶ Next: news, pings, answers to what the client says, looks at whether it may still watch
//	                                 ╰──▶ Write, Close
package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/control/envelope"
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

// orDefaults has the values given above in place of zeros.
func (l Limits) orDefaults() Limits {
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
	mostHeard = 16 // messages of a client that wait for their answer; it need not be told of more
	mostBad   = 10 // messages that are none of ours, before a client is let go
)

// A Door lets clients in until it is closed. Its zero is open. It must not be copied.
type Door struct {
	mu      sync.Mutex
	open    sync.WaitGroup
	closing chan struct{} // closed by Close
	closed  bool
	pool    sync.Pool // of write buffers: between messages, a socket has none
}

// Enter counts a request, which leaves when its Conn is done. While the door is closed, the request is answered, and ok is false.
func (d *Door) Enter(w http.ResponseWriter, r *http.Request) (leave func(), ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		envelope.Write(w, r, envelope.Busy("the server is shutting down", nil))
		return nil, false
	}
	if d.closing == nil {
		d.closing = make(chan struct{})
	}
	d.open.Add(1)
	return d.open.Done, true
}

// Close tells all clients that the server goes away, lets nobody in any more, and waits until all have gone, which takes no longer than a
// client may take for a message.
func (d *Door) Close() {
	d.mu.Lock()
	if !d.closed && d.closing != nil {
		close(d.closing)
	}
	d.closed = true
	d.mu.Unlock()
	d.open.Wait()
}

// A Conn is one client's. It belongs to one goroutine, which writes; one more, which it starts, reads.
type Conn struct {
	conn        *websocket.Conn
	limits      Limits
	may         func(context.Context) error
	closing     <-chan struct{}
	heard       chan string   // what is wrong with what the client has sent; empty: it is a ping
	gone        chan struct{} // closed when nothing more comes of it
	bad         int           // messages that were none of ours
	ping, check *time.Ticker
}

// Upgrade makes a socket of a request that has entered. may says whether the client may still watch; nil: nobody asks. When it fails, the
// request is answered.
func (d *Door) Upgrade(w http.ResponseWriter, r *http.Request, l Limits, may func(context.Context) error) (*Conn, error) {
	up := websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second, ReadBufferSize: 1 << 10, WriteBufferPool: &d.pool,
		CheckOrigin: func(*http.Request) bool { return true }, // whoever let them in has
		Error: func(w http.ResponseWriter, r *http.Request, status int, why error) {
			envelope.Write(w, r, &envelope.Fault{Status: status, Message: "this is a WebSocket", Cause: why})
		},
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	l = l.orDefaults()
	if tcp, ok := conn.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(l.Send) // an optimisation
	}
	c := &Conn{
		conn: conn, limits: l, may: may, closing: d.closing, heard: make(chan string, mostHeard), gone: make(chan struct{}),
		ping: time.NewTicker(l.Ping), check: time.NewTicker(l.Check),
	}
	go c.listen()
	return c, nil
}

// Release closes the connection. When it returns, the goroutine that reads is gone.
func (c *Conn) Release() {
	c.ping.Stop()
	c.check.Stop()
	_ = c.conn.Close() // it may be gone
	<-c.gone
}

// Why a socket ends.
var (
	ErrClosing = errors.New("the server is shutting down") // the client is not told yet: see Conn.Close
	errGone    = errors.New("the client has gone")
)

// Next waits for news, and meanwhile does what the client is owed. ok is false when news was closed. After an error the socket is over, but for
// ErrClosing: then there may be something left to tell.
func Next[T any](ctx context.Context, c *Conn, news <-chan T) (item T, ok bool, err error) {
	for err == nil {
		select {
		case item, ok = <-news:
			return item, ok, nil
		case fault := <-c.heard:
			err = c.answer(fault)
		case <-c.ping.C:
			err = c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.limits.Write))
		case <-c.check.C:
			if c.barred(ctx) {
				err = c.Close(websocket.ClosePolicyViolation, "the key or session is not valid any more")
			}
		case <-c.closing:
			err = ErrClosing
		case <-c.gone:
			err = errGone
		}
	}
	return item, false, err
}

// barred says whether the client may not watch any more. While that cannot be known, it may.
func (c *Conn) barred(ctx context.Context) bool {
	if c.may == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, c.limits.Write)
	defer cancel()
	var f *envelope.Fault
	err := c.may(ctx)
	return errors.As(err, &f) && f.Status/100 == 4
}

// listen reads until the client goes or is silent for too long.
func (c *Conn) listen() {
	defer close(c.gone)
	alive := func(string) error { return c.conn.SetReadDeadline(time.Now().Add(c.limits.Idle)) }
	c.conn.SetReadLimit(c.limits.Message)
	c.conn.SetPongHandler(alive)
	_ = alive("") // ReadMessage would say so
	for {
		kind, text, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		_ = alive("")
		select {
		case c.heard <- fault(kind, text):
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

// answer answers a message of the client's. One whose messages are mostly none of ours is let go.
func (c *Conn) answer(fault string) error {
	type message struct {
		Type  string `json:"type"`
		Error string `json:"error,omitempty"`
	}
	if fault == "" {
		return c.Send(message{Type: "pong"})
	}
	c.bad++
	if err := c.Send(message{"error", fault}); err != nil {
		return err
	}
	if c.bad >= mostBad {
		return c.Close(websocket.ClosePolicyViolation, "too many messages that are not understood")
	}
	return nil
}

// Send writes a message as JSON.
func (c *Conn) Send(message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	return c.Write(text)
}

// Write writes a message. A client that does not take it in time is let go.
func (c *Conn) Write(text []byte) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(c.limits.Write)); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	if err := c.conn.WriteMessage(websocket.TextMessage, text); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

// Close says why the socket ends, waits a moment for the client to say that it has understood, and returns that as an error.
func (c *Conn) Close(code int, why string) error {
	err := c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(time.Second))
	if err == nil {
		select {
		case <-c.gone:
		case <-time.After(time.Second):
		}
	}
	return errors.New(why)
}
