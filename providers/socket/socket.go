// Package socket is the WebSocket of one call's session with a speech-to-speech model. What is to be sent waits in a queue of its own, so
// that whoever sends never waits for the vendor.
//
//	Send ──▶ queue, 12 MiB ──▶ writer ──▶ vendor ──▶ Messages
//	                            └─ ping every 15 s; 45 s without a sign of life, and it is lost
//
// Its errors are *chat.Error, as those of the vendors' other models are, and never hold the key.
package socket

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"parley/providers/chat"
)

const (
	dialLimit    = 5 * time.Second
	beat         = 15 * time.Second
	silence      = 45 * time.Second
	writeLimit   = 5 * time.Second
	queueLimit   = 12 << 20 // bytes: 90 s of 24 kHz in base64
	messageLimit = 8 << 20
)

// A Target is whom to dial.
type Target struct {
	URL    string // wss or ws
	Header http.Header
	Secret string // taken out of all errors
	// NetDial opens the connection; nil: as net/http does, by the environment's proxy. With it no proxy is used.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)
	Limit   time.Duration // for the handshake; default 5 s
}

// A Socket is open until Close. Send may be called by any goroutine, Messages by one.
type Socket struct {
	conn   *websocket.Conn
	secret string
	fresh  chan struct{}
	ended  chan struct{}
	work   sync.WaitGroup

	mu     sync.Mutex
	queue  [][]byte
	size   int
	err    error // why it has ended
	code   int   // with which the server has closed it
	closed bool
}

// Dial opens a socket.
func Dial(ctx context.Context, t Target) (*Socket, error) {
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, ReadBufferSize: 4096, WriteBufferSize: 4096}
	if t.NetDial != nil {
		dialer.Proxy, dialer.NetDialContext = nil, t.NetDial
	}
	dialing, cancel := context.WithTimeout(ctx, cmp.Or(t.Limit, dialLimit))
	defer cancel()
	conn, answer, err := dialer.DialContext(dialing, t.URL, t.Header)
	if answer != nil {
		defer func() { _ = answer.Body.Close() }() // its beginning is in memory already
	}
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, t.refused(answer, err)
	}
	conn.SetReadLimit(messageLimit)
	s := &Socket{conn: conn, secret: t.Secret, fresh: make(chan struct{}, 1), ended: make(chan struct{})}
	s.work.Go(s.write)
	return s, nil
}

// refused is why there is no socket.
func (t Target) refused(answer *http.Response, err error) error {
	e := &chat.Error{Code: "connection", Retryable: true, Err: err}
	if answer != nil {
		body, _ := io.ReadAll(io.LimitReader(answer.Body, 4096))
		e = chat.ServerError(body)
		e.Status = answer.StatusCode
		e.Message = cmp.Or(e.Message, http.StatusText(e.Status))
		e.Retryable = e.Status >= 500 || e.Kind() == chat.Rate
	}
	return hide(e, t.Secret)
}

// hide takes a secret out of what a server said, or of an address that is told.
func hide(e *chat.Error, secret string) *chat.Error {
	if secret == "" {
		return e
	}
	e.Message, e.Code = strings.ReplaceAll(e.Message, secret, "[key]"), strings.ReplaceAll(e.Code, secret, "[key]")
	if e.Err != nil && strings.Contains(e.Err.Error(), secret) {
		e.Err = errors.New(strings.ReplaceAll(e.Err.Error(), secret, "[key]"))
	}
	return e
}

// Send queues a message. It keeps it.
func (s *Socket) Send(message []byte) error {
	s.mu.Lock()
	if s.err == nil && s.size+len(message) > queueLimit {
		s.fail(&chat.Error{Code: "connection", Message: "the server takes nothing more", Retryable: true})
	}
	if s.err != nil {
		defer s.mu.Unlock()
		return s.err
	}
	s.queue, s.size = append(s.queue, message), s.size+len(message)
	s.mu.Unlock()
	select {
	case s.fresh <- struct{}{}:
	default:
	}
	return nil
}

// Fail ends the socket for a reason of its owner's; only the first counts.
func (s *Socket) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail(err)
}

func (s *Socket) fail(err error) {
	if s.err == nil {
		s.err = err
		close(s.ended)
		_ = s.conn.Close()
	}
}

// lost is that the server has gone, in its own words where it gave some.
func (s *Socket) lost(err error) error {
	e := &chat.Error{Code: "connection", Retryable: true, Err: err}
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok && closed.Text != "" {
		e.Message, e.Err = chat.Clip(closed.Text), nil
		switch words := strings.ToLower(closed.Text); { // what HTTP would have said
		case strings.Contains(words, "api key"):
			e.Status = http.StatusUnauthorized
		case strings.Contains(words, "quota"):
			e.Status = http.StatusTooManyRequests
		}
	}
	return hide(e, s.secret)
}

// write sends what is queued, and pings.
func (s *Socket) write() {
	pings := time.NewTicker(beat)
	defer pings.Stop()
	for {
		s.mu.Lock()
		batch := s.queue
		s.queue, s.size = nil, 0
		s.mu.Unlock()
		for _, m := range batch {
			err := s.conn.SetWriteDeadline(time.Now().Add(writeLimit))
			if err == nil {
				err = s.conn.WriteMessage(websocket.TextMessage, m)
			}
			if err != nil {
				s.Fail(s.lost(err))
				return
			}
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-s.fresh:
		case <-pings.C:
			if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeLimit)); err != nil {
				s.Fail(s.lost(err))
				return
			}
		case <-s.ended:
			return
		}
	}
}

// Messages yields what the server sends, until the socket ends; the error, if it was not closed by us, comes last. A message is lent.
func (s *Socket) Messages() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		listen := func() error { return s.conn.SetReadDeadline(time.Now().Add(silence)) }
		s.conn.SetPongHandler(func(string) error { return listen() })
		for {
			err := listen()
			var message []byte
			if err == nil {
				_, message, err = s.conn.ReadMessage()
			}
			if err != nil {
				s.Fail(s.lost(err))
				s.mu.Lock()
				if said, ok := errors.AsType[*websocket.CloseError](err); ok {
					s.code = said.Code
				}
				why, closed := s.err, s.closed
				s.mu.Unlock()
				if !closed {
					yield(nil, why)
				}
				return
			}
			if !yield(message, nil) {
				return
			}
		}
	}
}

// Code is that with which the server has closed it (RFC 6455, section 7.4); 0: it has not. It is known when Messages has ended.
func (s *Socket) Code() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code
}

// Leave ends it as Close does, and tells the server that all is well.
func (s *Socket) Leave() error {
	// Who cannot be told in time notices all the same.
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	return s.Close()
}

// Close ends it. What is queued is not sent any more.
func (s *Socket) Close() error {
	s.mu.Lock()
	s.closed = true
	s.fail(errors.New("closed"))
	s.mu.Unlock()
	s.work.Wait()
	return nil
}
