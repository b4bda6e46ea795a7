package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// writeLimit bounds every write: a server that reads nothing for so long is gone.
const writeLimit = 3 * time.Second

// readBuffer is a socket's, in bytes. Most messages are smaller, and larger ones are read past it.
const readBuffer = 1024

// messageLimit is the largest text message that is read; no sane answer comes near.
const messageLimit = 1 << 20

// A Dialer opens sockets.
type Dialer struct {
	Limit   time.Duration // longest wait for a socket
	Biggest int           // bytes of the largest message that is sent: a larger one would be sent in fragments

	// NetDial opens connections; nil: as net/http does, by the environment's proxy. With it no proxy is used.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Refusal is a server's answer to a handshake that it did not want.
type Refusal struct {
	Status int
	Header http.Header
	Body   []byte // its beginning
}

// StatusCode is Status, for who sorts failures (providers.Class).
func (r *Refusal) StatusCode() int { return r.Status }

// Error names the status.
func (r *Refusal) Error() string { return fmt.Sprintf("the handshake was refused: HTTP %d", r.Status) }

// Dial opens a socket at address. Its error is a *Refusal if there was an answer.
func (d Dialer) Dial(ctx context.Context, address string, header http.Header) (*websocket.Conn, error) {
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, ReadBufferSize: readBuffer, WriteBufferSize: max(d.Biggest, 512)}
	if d.NetDial != nil {
		dialer.Proxy, dialer.NetDialContext = nil, d.NetDial
	}
	ctx, cancel := context.WithTimeoutCause(ctx, d.Limit, Late("answer", d.Limit))
	defer cancel()
	conn, answer, err := dialer.DialContext(ctx, address, header)
	if err == nil {
		conn.SetReadLimit(messageLimit)
		return conn, nil
	}
	if answer != nil {
		defer func() { _ = answer.Body.Close() }()               // its beginning is in memory already
		body, _ := io.ReadAll(io.LimitReader(answer.Body, 1024)) // what could be read of it is what can be told
		return nil, &Refusal{Status: answer.StatusCode, Header: answer.Header, Body: body}
	}
	if end, _ := ctx.Deadline(); TimedOut(err) && time.Until(end) < 10*time.Millisecond {
		<-ctx.Done() // the connection's deadline is ctx's own, and may have come a moment earlier
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return nil, fmt.Errorf("dial: %w", err)
}

// Address is where to dial for path under base, which may be of http as well as of ws, with the query q.
func Address(base, path string, q url.Values) (string, error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", fmt.Errorf("base URL: %w", err)
	}
	switch u.Scheme {
	case "ws", "wss":
	case "http":
		u.Scheme = "ws"
	case "https":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("base URL %q does not begin with wss://, ws://, https:// or http://", base)
	}
	u = u.JoinPath(path)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// Write sends one message, and waits no longer than a server that reads deserves.
func Write(conn *websocket.Conn, kind int, b []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return err
	}
	return conn.WriteMessage(kind, b)
}

// Goodbye says that the other end closed the socket in good order.
func Goodbye(err error) bool {
	return websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived)
}

// TimedOut says that a read or write met its deadline.
func TimedOut(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// Printable keeps a server's words from playing tricks in a log.
func Printable(s string) string {
	s = strings.ToValidUTF8(s, "?")
	s = strings.ToValidUTF8(s[:min(len(s), 512)], "")
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
