package edge

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"parley/media/sip/rate"
)

// Streams is a listener of TCP or TLS behind an Edge. sipgo gets a connection only when its first message passed, so that those who open connections and
// say little cost no more than they must. It is given to sipgo by Serve.
//
//	Accept ──▶ too many? ──▶ a goroutine reads the first message ──▶ ready ──▶ sipgo's Accept
//	Dial ────────────────────────────────────────────────────────────┘
type Streams struct {
	net.Listener
	e     *Edge
	ready chan *stream
	done  chan struct{}
	once  sync.Once
	wg    sync.WaitGroup
	taken chan struct{} // of the connection that Accept gave last; its own goroutine's

	mu     sync.Mutex
	all    map[*stream]struct{}
	from   map[netip.Addr]int
	begun  *list.List // *stream, those with an unfinished message or without a first, oldest first
	held   int        // bytes of unfinished messages
	closed bool
}

// Streams puts an Edge before a listener. One of TLS is what tls.NewListener makes.
func (e *Edge) Streams(l net.Listener) *Streams {
	return &Streams{Listener: l, e: e, ready: make(chan *stream), done: make(chan struct{}), all: make(map[*stream]struct{}), from: make(map[netip.Addr]int), begun: list.New()}
}

// Serve calls serve, which is sipgo's Server.ServeTCP or ServeTLS, until Close. When it returns, every connection is closed and every goroutine has ended.
func (s *Streams) Serve(serve func(net.Listener) error) error {
	s.wg.Go(s.accept)
	err := serve(s)
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	_ = s.Close()
	s.wg.Wait()
	if err != nil {
		return fmt.Errorf("serve sip over streams: %w", err)
	}
	return nil
}

// Close closes the listener and all its connections.
func (s *Streams) Close() error {
	var err error
	s.once.Do(func() {
		close(s.done)
		err = s.Listener.Close()
		s.mu.Lock()
		s.closed = true
		all := make([]*stream, 0, len(s.all))
		for c := range s.all {
			all = append(all, c)
		}
		s.mu.Unlock()
		for _, c := range all {
			c.cut()
		}
	})
	return err
}

// Accept waits for a connection whose first message passed, or that Dial made. It belongs to one goroutine.
func (s *Streams) Accept() (net.Conn, error) {
	if s.taken != nil {
		close(s.taken)
		s.taken = nil
	}
	select {
	case c := <-s.ready:
		s.taken = c.taken
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// accept takes the network's connections. Where the system has no more files, it waits a little.
func (s *Streams) accept() {
	wait := 5 * time.Millisecond
	for {
		conn, err := s.Listener.Accept()
		select {
		case <-s.done:
			if err == nil {
				conn.Close()
			}
			return
		default:
		}
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				_ = s.Close()
				return
			}
			time.Sleep(wait)
			wait = min(2*wait, time.Second)
			continue
		}
		wait = 5 * time.Millisecond
		if c := s.enrol(conn, true); c != nil {
			s.wg.Go(c.prove)
		}
	}
}

// Dial connects to a peer, by TLS if conf says how, and gives sipgo the connection: a request to that address then goes over it, and its messages are checked
// like those of any other. sipgo's own dialling would go past the Edge; see Sealed. It returns when sipgo has the connection.
func (s *Streams) Dial(ctx context.Context, to netip.AddrPort, conf *tls.Config) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return fmt.Errorf("dial sip peer: %w", err)
	}
	if conf != nil {
		t := tls.Client(conn, conf)
		if err := t.HandshakeContext(ctx); err != nil {
			conn.Close()
			return fmt.Errorf("dial sip peer: %w", err)
		}
		conn = t
	}
	c := s.enrol(conn, false)
	if c == nil {
		return fmt.Errorf("dial sip peer: %w", net.ErrClosed)
	}
	c.taken = make(chan struct{})
	if !c.hand(ctx.Done()) {
		c.cut()
		return fmt.Errorf("dial sip peer: %w", context.Cause(ctx))
	}
	select {
	case <-c.taken:
		return nil
	case <-s.done:
		return fmt.Errorf("dial sip peer: %w", net.ErrClosed)
	}
}

// unread is how many bytes the system keeps of what a peer has sent and we have not read, and of what we have sent and it has not, at most. It would
// keep megabytes: who never reads would be answered for minutes before it is noticed.
const unread = 64 << 10

// bound has the system keep no more than unread.
func bound(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	if t, ok := conn.(*net.TCPConn); ok {
		_, _ = t.SetReadBuffer(unread), t.SetWriteBuffer(unread) // where it cannot, it keeps more
	}
}

// enrol makes room for a connection, and takes it in; nil: it is closed, for there is none. Ours have no limit.
func (s *Streams) enrol(conn net.Conn, theirs bool) *stream {
	c := &stream{Conn: conn, s: s, source: addrPort(conn.RemoteAddr()), fresh: theirs, gone: make(chan struct{})}
	if theirs {
		c.rate = rate.NewGate(s.e.policy.Stream, time.Now())
		bound(conn)
	}
	from := rate.Subnet(c.source.Addr())
	s.mu.Lock()
	defer s.mu.Unlock()
	var oldest *stream
	full := theirs && len(s.all) >= s.e.policy.Connections
	if full && s.begun.Len() > 0 {
		oldest = s.begun.Front().Value.(*stream)
	}
	if s.closed || full && oldest == nil || theirs && s.from[from] >= s.e.policy.PerSource && !s.e.trusted(c.source.Addr()) {
		conn.Close()
		s.e.note(closed, c.source, "too many connections")
		return nil
	}
	if oldest != nil {
		s.drop(oldest)
		oldest.hangUp()
		s.e.note(closed, oldest.source, "too many connections, and this one had nothing whole to say")
	}
	s.all[c] = struct{}{}
	s.from[from]++
	if theirs {
		c.mark(s.begun.PushBack(c), time.Now())
	}
	return c
}

// drop forgets a connection. The caller holds mu.
func (s *Streams) drop(c *stream) {
	if _, ok := s.all[c]; !ok {
		return
	}
	delete(s.all, c)
	from := rate.Subnet(c.source.Addr())
	if s.from[from]--; s.from[from] <= 0 {
		delete(s.from, from)
	}
	s.hold(c, 0)
	if c.place != nil {
		s.begun.Remove(c.place)
		c.place = nil
	}
}

// hold counts the bytes that a connection holds of an unfinished message. The caller holds mu.
func (s *Streams) hold(c *stream, bytes int) {
	s.held += bytes - c.holds
	c.holds = bytes
}

// grown counts a connection's buffer, and closes those with the oldest unfinished messages while all of them hold too much.
func (s *Streams) grown(c *stream, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.all[c]; !ok {
		return
	}
	s.hold(c, bytes)
	for s.held > s.e.policy.Held && s.begun.Len() > 0 {
		oldest := s.begun.Front().Value.(*stream)
		s.drop(oldest)
		oldest.hangUp()
		s.e.note(closed, oldest.source, "too much is held of unfinished messages")
	}
}
