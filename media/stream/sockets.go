package stream

import (
	"context"
	"errors"
	"sync"

	"parley/media"
)

// errShutdown is the cause with which a call's context ends in Close.
var errShutdown = errors.New("the server is shutting down")

// A socket is a leg as its Host has it.
type socket interface {
	media.Leg
	face() media.Leg // as its call sees it
	mailbox() *outbox
	begun() bool // its call has
	finish()     // ends the connection and waits until nothing of it is left
}

// sockets are those that are open, and the calls that they carry. The zero value is ready.
type sockets struct {
	mu     sync.Mutex
	closed bool
	open   map[socket]context.CancelCauseFunc
	calls  map[string]socket // those that have started
	n      int               // sockets, from before the upgrade until the connection is closed
	idle   chan struct{}     // closed when n is 0 again; nil while nobody waits
}

// enter lets a socket in, unless there are limit of them or all is closed.
func (s *sockets) enter(limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.n >= limit {
		return false
	}
	s.n++
	return true
}

func (s *sockets) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n--; s.n == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// attach makes l one of those that close hangs up.
func (s *sockets) attach(l socket, cancel context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = l.Hangup(media.CauseShutdown)
	}
	if s.open == nil {
		s.open = make(map[socket]context.CancelCauseFunc)
		s.calls = make(map[string]socket)
	}
	s.open[l] = cancel
}

// claim gives the call to l; false: it has a stream.
func (s *sockets) claim(call string, l socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[call] != nil {
		return false
	}
	s.calls[call] = l
	return true
}

// has says whether a call has a stream.
func (s *sockets) has(call string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[call] != nil
}

// detach lets go of l and its call.
func (s *sockets) detach(l socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, l)
	if s.calls[l.Info().ID] == l {
		delete(s.calls, l.Info().ID)
	}
}

// wait waits until no socket is open.
func (s *sockets) wait(ctx context.Context) error {
	s.mu.Lock()
	if s.n == 0 {
		s.mu.Unlock()
		return nil
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// close lets nobody in any more and hangs up.
func (s *sockets) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for l, cancel := range s.open {
		_ = l.Hangup(media.CauseShutdown)
		cancel(errShutdown)
	}
}

// cut breaks the connections and returns how many sockets are still open.
func (s *sockets) cut() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.open {
		l.mailbox().fail(errShutdown)
	}
	return s.n
}
