package pipeline

import (
	"context"
	"sync"
)

// backlog is how many events wait for a slow subscriber before it misses some.
const backlog = 256

// feed passes a call's events on to its subscribers, and never waits for one.
type feed struct {
	mu          sync.Mutex
	subscribers map[*Subscription]struct{}
	closed      bool
}

// A Subscription receives a call's events in order. It is for one goroutine. It holds the newest 256: a subscriber that is slower
// misses the oldest, and is told how many.
type Subscription struct {
	feed   *feed
	fresh  chan struct{} // there is something new, or the end
	mu     sync.Mutex
	events []Event
	missed int
	ended  bool
}

func (f *feed) subscribe() *Subscription {
	s := &Subscription{feed: f, fresh: make(chan struct{}, 1)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		s.ended = true
		return s
	}
	if f.subscribers == nil {
		f.subscribers = make(map[*Subscription]struct{})
	}
	f.subscribers[s] = struct{}{}
	return s
}

func (f *feed) publish(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s := range f.subscribers {
		s.add(e)
	}
}

func (f *feed) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for s := range f.subscribers {
		s.mu.Lock()
		s.ended = true
		s.mu.Unlock()
		s.wake()
	}
	f.subscribers = nil
}

func (s *Subscription) add(e Event) {
	s.mu.Lock()
	if len(s.events) == backlog {
		s.events = s.events[1:]
		s.missed++
	}
	s.events = append(s.events, e)
	s.mu.Unlock()
	s.wake()
}

func (s *Subscription) wake() {
	select {
	case s.fresh <- struct{}{}:
	default:
	}
}

// Next waits for the next event and says how many were missed right before it. ErrEnded follows the last one.
func (s *Subscription) Next(ctx context.Context) (e Event, missed int, err error) {
	for {
		s.mu.Lock()
		if len(s.events) > 0 {
			e, missed = s.events[0], s.missed
			s.events, s.missed = s.events[1:], 0
			s.mu.Unlock()
			return e, missed, nil
		}
		ended := s.ended
		s.mu.Unlock()
		if ended {
			return Event{}, 0, ErrEnded
		}
		select {
		case <-s.fresh:
		case <-ctx.Done():
			return Event{}, 0, context.Cause(ctx)
		}
	}
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.feed.mu.Lock()
	delete(s.feed.subscribers, s)
	s.feed.mu.Unlock()
}
