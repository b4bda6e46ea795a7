package bus

import (
	"context"
	"sync"
	"sync/atomic"
)

// What a subscription that is not read may hold.
const (
	maxHeld      = 256
	maxHeldBytes = 1 << 20
)

// A Subscription is one listener on one subject. One goroutine reads it; any may close it.
type Subscription struct {
	end    func()        // unsubscribes; called once
	more   chan struct{} // 1: there is something to read
	closed chan struct{}
	once   sync.Once
	lost   *atomic.Int64 // the bus's count

	mu     sync.Mutex
	held   []Message
	bytes  int
	missed int  // before the first that is held
	gap    bool // before the next that comes from elsewhere
}

// newSubscription makes one whose losses are counted by its bus. end may be nil, and set before anybody else knows the subscription.
func newSubscription(lost *atomic.Int64) *Subscription {
	return &Subscription{more: make(chan struct{}, 1), closed: make(chan struct{}), lost: lost}
}

// put queues a message and never waits: the oldest make room. Only what is remote can have followed a gap.
func (s *Subscription) put(m Message, remote bool) {
	s.mu.Lock()
	if remote {
		m.Gap, s.gap = s.gap, false
	}
	s.held = append(s.held, m)
	s.bytes += len(m.Data)
	for len(s.held) > maxHeld || s.bytes > maxHeldBytes {
		first := s.held[0]
		s.held[0] = Message{}
		s.held = s.held[1:]
		s.bytes -= len(first.Data)
		s.held[0].Gap = s.held[0].Gap || first.Gap
		s.missed++
		s.lost.Add(1)
	}
	s.mu.Unlock()
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// broken notes that the bus was away.
func (s *Subscription) broken() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gap = true
}

// Next waits for the next message: ErrClosed once the subscription or its bus is closed, or the error of ctx.
func (s *Subscription) Next(ctx context.Context) (Message, error) {
	for {
		select {
		case <-s.closed:
			return Message{}, ErrClosed
		default:
		}
		if m, ok := s.take(); ok {
			return m, nil
		}
		select {
		case <-s.more:
		case <-s.closed:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

func (s *Subscription) take() (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) == 0 {
		return Message{}, false
	}
	m := s.held[0]
	m.Missed, s.missed = s.missed, 0
	s.held[0] = Message{}
	if s.held = s.held[1:]; len(s.held) == 0 {
		s.held = nil
	}
	s.bytes -= len(m.Data)
	return m, true
}

// Close ends the subscription: what it holds is let go. Closing it again does nothing.
func (s *Subscription) Close() {
	s.once.Do(func() {
		close(s.closed)
		if s.end != nil {
			s.end()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.held, s.bytes = nil, 0
	})
}
