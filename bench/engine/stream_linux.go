package engine

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Join gives a connection to the engine: from at on its Talker is asked every 20 ms for what it says; 0: from the next beat of those that have
// the fewest streams, so that they are spread however they come. Whoever joins has said hello. The connection is the engine's, also when
// Join fails: with ErrEnded, or for want of descriptors.
func (e *Engine) Join(c *Conn, t Talker, at time.Duration) error {
	s := &Stream{engine: e, talker: t, index: -1, starts: at}
	var err error
	if plain, ok := c.conn.(*net.TCPConn); ok {
		s.conn, err = newRaw(plain)
		c.conn.Close()
	} else {
		s.conn = e.newSecure(c.conn, s)
	}
	if err != nil {
		return fmt.Errorf("take connection: %w", err)
	}
	if !e.post(func() { e.add(s, c.rest) }) {
		s.conn.close(true)
		return ErrEnded
	}
	return nil
}

// add takes a stream in.
func (e *Engine) add(s *Stream, rest []byte) {
	if n := len(e.free); n > 0 {
		s.index, e.free = e.free[n-1], e.free[:n-1]
		e.streams[s.index] = s
	} else {
		s.index = len(e.streams)
		e.streams = append(e.streams, s)
	}
	s.talker.Joined(s)
	if fd := s.conn.descriptor(); fd >= 0 {
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(s.index)}
		if err := unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
			e.drop(s, fmt.Errorf("watch connection: %w", err))
			return
		}
	}
	if s.starts == 0 {
		s.slot = e.emptiest()
	} else {
		s.slot = &e.wheel[max(0, int64((s.starts-e.origin)/beat))%beats]
	}
	s.place = len(s.slot.streams)
	s.slot.streams = append(s.slot.streams, s)
	if secure, ok := s.conn.(*secure); ok {
		secure.start()
	}
	e.feed(s, rest, e.clock.Now())
}

// emptiest is the slot with the fewest streams, of several the one whose turn comes first.
func (e *Engine) emptiest() *slot {
	best := &e.wheel[(e.n+1)%beats]
	for i := int64(2); i <= beats; i++ {
		if w := &e.wheel[(e.n+i)%beats]; len(w.streams)-w.gone < len(best.streams)-best.gone {
			best = w
		}
	}
	return best
}

// post has f run with the next beat. false: there will be none.
func (e *Engine) post(f func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ended {
		return false
	}
	e.posted = append(e.posted, f)
	return true
}

// Do runs f on the engine's thread and waits for it. false: the engine has ended, and f has not run.
func (e *Engine) Do(f func()) bool {
	ran := make(chan struct{})
	if !e.post(func() {
		f()
		close(ran)
	}) {
		return false
	}
	<-ran
	return true
}

// obey does what was posted.
func (e *Engine) obey() {
	e.mu.Lock()
	posted := e.posted
	e.posted = e.idle[:0]
	e.mu.Unlock()
	for _, f := range posted {
		f()
	}
	clear(posted)
	e.idle = posted
}

// raw is a connection without TLS: a socket that Go's runtime knows nothing of.
type raw int

// newRaw is the socket of a connection, which can be closed then.
func newRaw(c *net.TCPConn) (raw, error) {
	_ = c.SetDeadline(time.Time{}) // of the handshake
	under, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd, failed := -1, error(nil)
	err = under.Control(func(of uintptr) { fd, failed = unix.FcntlInt(of, unix.F_DUPFD_CLOEXEC, 0) })
	return raw(fd), errors.Join(err, failed)
}

func (r raw) descriptor() int { return int(r) }

func (r raw) write(b []byte) error {
	n, err := unix.Write(int(r), b)
	switch {
	case errors.Is(err, unix.EINTR):
		return r.write(b)
	case errors.Is(err, unix.EAGAIN), err == nil && n < len(b):
		return ErrUnread // the kernel's buffers hold many seconds of what a caller says
	case errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNRESET):
		return ErrDropped
	case err != nil:
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (r raw) close(reset bool) {
	if reset {
		_ = unix.SetsockoptLinger(int(r), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	}
	_ = unix.Close(int(r))
}

// Streams is how many there are, those that have left and wait for the server included. On the engine's thread.
func (e *Engine) Streams() int { return len(e.streams) - len(e.free) }
