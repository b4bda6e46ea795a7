package engine

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- RFC 6455 wants it
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Dialer connects to servers. Its zero value is ready; any number of goroutines may use it.
//
// A connection to 127.0.0.1 comes from an address of its own of 127.0.0.0/8, in turn: the 28,000 ports of one address would be too few.
type Dialer struct {
	Connect string      // host:port to connect to, whatever the address asked for; empty: that one
	TLS     *tls.Config // of wss; nil: the machine's roots

	sources atomic.Uint32
}

// patience is how long a connection and its handshake may take, where ctx does not end sooner.
const patience = 10 * time.Second

// DialContext connects as net.Dialer does.
func (d *Dialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if d.Connect != "" {
		addr = d.Connect
	}
	dialer := net.Dialer{Timeout: patience, KeepAlive: -1}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() && ip.IsLoopback() {
		n := d.sources.Add(1) - 1
		dialer.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, byte(n/250%250), byte(1+n%250))}
		dialer.Control = func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) {
				_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1) // an optimisation: ports last longer
			})
		}
	}
	return dialer.DialContext(ctx, network, addr)
}

// A Refused is a server's answer to a handshake that it does not want.
type Refused struct {
	Status int
	Body   string // the first line of it
}

func (r *Refused) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s: %s", r.Status, http.StatusText(r.Status), r.Body))
}

// A Conn is a WebSocket that no Stream has taken yet.
type Conn struct {
	conn net.Conn
	rest []byte // what came with the handshake's answer
}

// Write sends frames of a client.
func (c *Conn) Write(frames []byte) (int, error) { return c.conn.Write(frames) }

// Close ends the connection.
func (c *Conn) Close() { c.conn.Close() }

// Dial connects to a ws or wss URL and shakes hands; header goes with the request. An answer that is no welcome is a *Refused.
func (d *Dialer) Dial(ctx context.Context, target string, header http.Header) (c *Conn, err error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := d.connect(ctx, u)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // it fails only on a closed connection
	defer stop()
	rest, err := shake(ctx, conn, u, header)
	if err != nil {
		if ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
		return nil, err
	}
	if !stop() {
		return nil, context.Cause(ctx)
	}
	return &Conn{conn, rest}, nil
}

// DialTCP connects to a port that speaks no WebSocket.
func (d *Dialer) DialTCP(ctx context.Context, addr string) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &Conn{conn: conn}, nil
}

// Await reads what the server says before the connection is a Stream's, until look has no more use for it: it is given all that has come, and says how
// much of it is a whole message, and whether that is enough.
func (c *Conn) Await(ctx context.Context, look func(b []byte) (size int, enough bool, err error)) error {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience)) // it fails only on a closed connection
	defer context.AfterFunc(ctx, func() { _ = c.conn.SetReadDeadline(time.Unix(1, 0)) })()
	var buf [4 << 10]byte
	for {
		size, enough, err := look(c.rest)
		if err != nil {
			return err
		}
		if c.rest = c.rest[size:]; enough {
			return nil
		}
		if size > 0 {
			continue
		}
		n, err := c.conn.Read(buf[:])
		if c.rest = append(c.rest, buf[:n]...); err != nil && n == 0 {
			return err
		}
	}
}

// connect opens the connection of a URL.
func (d *Dialer) connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	switch {
	case u.Scheme != "ws" && u.Scheme != "wss":
		return nil, fmt.Errorf("url %q: want ws:// or wss://", u)
	case port == "" && u.Scheme == "wss":
		port = "443"
	case port == "":
		port = "80"
	}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil || u.Scheme == "ws" {
		return conn, err
	}
	config := d.TLS.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return secured, nil
}

// shake asks for a WebSocket (RFC 6455, section 4.1), and returns what came behind the answer.
func shake(ctx context.Context, conn net.Conn, u *url.URL, header http.Header) (rest []byte, err error) {
	asked := *u
	asked.Scheme = "http" // net/http knows no ws; the scheme is not sent
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, asked.String(), nil)
	if err != nil {
		return nil, err
	}
	var nonce [16]byte
	rand.Read(nonce[:])
	key := base64.StdEncoding.EncodeToString(nonce[:])
	for name, values := range header {
		r.Header[name] = values
	}
	for name, value := range map[string]string{"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key} {
		r.Header.Set(name, value)
	}
	if err := r.Write(conn); err != nil {
		return nil, fmt.Errorf("send handshake: %w", err)
	}
	reader := bufio.NewReader(conn)
	answer, err := http.ReadResponse(reader, r)
	if err != nil {
		return nil, fmt.Errorf("read handshake: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusSwitchingProtocols {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 200)) // what can be read of it will do
		line, _, _ := strings.Cut(string(text), "\n")
		return nil, &Refused{answer.StatusCode, strings.TrimSpace(line)}
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if got := answer.Header.Get("Sec-WebSocket-Accept"); got != base64.StdEncoding.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("read handshake: Sec-WebSocket-Accept %q is not the answer to the key", got)
	}
	rest = make([]byte, reader.Buffered())
	_, err = io.ReadFull(reader, rest)
	return rest, err
}
