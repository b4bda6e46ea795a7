package engine

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// mostWaiting is how many bytes may wait for a server that is slow to read: ten seconds of what a caller says.
const mostWaiting = 256 << 10

// secure is a connection with TLS. Its two goroutines end with it.
//
//	engine ── write ──▶ out ── goroutine: encrypt ──▶ socket
//	engine ◀─ deliver ── in ◀─ goroutine: decrypt, the time ── socket
type secure struct {
	engine *Engine
	stream *Stream
	conn   net.Conn

	mu      sync.Mutex
	more    *sync.Cond // something is in out, or it is all over
	out     []byte
	writing []byte
	in      []byte
	parts   []part // of in, as they came
	err     error  // that ended the reading
	told    bool   // the engine knows that something is in in
	over    bool

	spare      []byte // the engine's: the memory of in and parts while they are worked off
	spareParts []part
}

// part is what one read brought.
type part struct {
	at time.Duration
	n  int
}

func (e *Engine) newSecure(c net.Conn, s *Stream) *secure {
	_ = c.SetDeadline(time.Time{}) // of the handshake
	t := &secure{engine: e, stream: s, conn: c}
	t.more = sync.NewCond(&t.mu)
	return t
}

// start begins to read and write.
func (t *secure) start() {
	t.engine.secured.Go(t.read)
	t.engine.secured.Go(t.send)
}

func (t *secure) descriptor() int { return -1 }

func (t *secure) write(b []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.out)+len(b) > mostWaiting {
		return ErrUnread
	}
	t.out = append(t.out, b...)
	t.more.Signal()
	return nil
}

// send writes what waits, until the connection is over. That a write failed shows in read, too.
func (t *secure) send() {
	for {
		t.mu.Lock()
		for len(t.out) == 0 && !t.over {
			t.more.Wait()
		}
		if t.over {
			t.mu.Unlock()
			return
		}
		t.out, t.writing = t.writing[:0], t.out
		t.mu.Unlock()
		if _, err := t.conn.Write(t.writing); err != nil {
			_ = under(t.conn).Close()
			return
		}
	}
}

// read takes what comes until the connection ends.
func (t *secure) read() {
	buf := make([]byte, 4<<10)
	for {
		n, err := t.conn.Read(buf)
		if n == 0 && err == nil {
			continue
		}
		now := t.engine.clock.Now()
		t.mu.Lock()
		t.in = append(t.in, buf[:n]...)
		t.parts = append(t.parts, part{now, n})
		t.err = err
		told := t.told
		t.told = true
		t.mu.Unlock()
		if !told {
			t.engine.tell(t.stream)
		}
		if err != nil {
			return
		}
	}
}

func (t *secure) close(bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	t.more.Signal()
	_ = under(t.conn).Close() // TLS would try to say goodbye, and wait
}

// under is the connection below TLS.
func under(c net.Conn) net.Conn {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok {
		return over.NetConn()
	}
	return c
}

// tell has the engine deliver what has come for a secure stream.
func (e *Engine) tell(s *Stream) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ready = append(e.ready, s)
}

// deliver takes what has come for secure streams.
func (e *Engine) deliver() {
	e.mu.Lock()
	ready := e.ready
	e.ready = e.none[:0]
	e.mu.Unlock()
	for _, s := range ready {
		if t, ok := s.conn.(*secure); ok && !s.over {
			t.deliver()
		}
	}
	clear(ready)
	e.none = ready
}

// deliver hands over what has come, each part with its time.
func (t *secure) deliver() {
	t.mu.Lock()
	in, parts, err := t.in, t.parts, t.err
	t.in, t.parts, t.told = t.spare[:0], t.spareParts[:0], false
	t.mu.Unlock()
	rest := in
	for _, p := range parts {
		t.engine.feed(t.stream, rest[:p.n], p.at)
		rest = rest[p.n:]
	}
	t.spare, t.spareParts = in, parts
	switch {
	case errors.Is(err, io.EOF):
		t.engine.drop(t.stream, io.EOF)
	case err != nil:
		t.engine.drop(t.stream, errors.Join(ErrDropped, err))
	}
}
