package bus

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Local is a Bus within one process: all of its users have the same Local. Its zero value is ready.
type Local struct {
	mu        sync.RWMutex
	closed    bool
	listeners map[Subject][]*Subscription
	answerers map[Subject][]*answering

	published, missed, asked, unanswered, refused atomic.Int64
}

var _ Bus = (*Local)(nil)

// Publish implements Bus.
func (l *Local) Publish(s Subject, data []byte) error {
	if err := check(s, data); err != nil {
		return err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ErrClosed
	}
	l.published.Add(1)
	for _, listener := range l.listeners[s] {
		listener.put(data)
	}
	return nil
}

// Subscribe implements Bus.
func (l *Local) Subscribe(s Subject) (*Subscription, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	listener := newSubscription(&l.missed)
	listener.end = func() { l.mu.Lock(); defer l.mu.Unlock(); remove(l.listeners, s, listener) }
	if l.listeners == nil {
		l.listeners = make(map[Subject][]*Subscription)
	}
	l.listeners[s] = append(l.listeners[s], listener)
	return listener, nil
}

// Ask implements Bus.
func (l *Local) Ask(ctx context.Context, s Subject, data []byte) ([]byte, error) {
	if err := check(s, data); err != nil {
		return nil, err
	}
	l.mu.RLock()
	closed, all := l.closed, slices.Clone(l.answerers[s])
	l.mu.RUnlock()
	if closed {
		return nil, ErrClosed
	}
	l.asked.Add(1)
	answers, heard := make(chan []byte, len(all)), 0
	for _, a := range all {
		if a.begin(data, remaining(ctx), func(answer []byte) { answers <- answer }) {
			heard++
		}
	}
	if heard > 0 {
		select {
		case answer := <-answers:
			if len(answer) <= MaxData {
				return answer, nil
			}
		case <-ctx.Done():
		}
	}
	l.unanswered.Add(1)
	return nil, ErrNoAnswer
}

// Answer implements Bus.
func (l *Local) Answer(s Subject, f Handler) (stop func(), err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	a := newAnswering(f, &l.refused)
	if l.answerers == nil {
		l.answerers = make(map[Subject][]*answering)
	}
	l.answerers[s] = append(l.answerers[s], a)
	return func() {
		l.mu.Lock()
		remove(l.answerers, s, a)
		l.mu.Unlock()
		a.stop()
	}, nil
}

// Stats implements Bus.
func (l *Local) Stats() Stats {
	return Stats{
		Well: true, Published: l.published.Load(), Missed: l.missed.Load(),
		Asked: l.asked.Load(), Unanswered: l.unanswered.Load(), Refused: l.refused.Load(),
	}
}

// Close implements Bus.
func (l *Local) Close() error {
	l.mu.Lock()
	l.closed = true
	listeners, answerers := l.listeners, l.answerers
	l.listeners, l.answerers = nil, nil
	l.mu.Unlock()
	for _, all := range listeners {
		for _, s := range all {
			s.Close()
		}
	}
	for _, all := range answerers {
		for _, a := range all {
			a.stop()
		}
	}
	return nil
}

// remove takes one of a subject's out; those that were cloned or are being ranged over stay as they are.
func remove[T comparable](all map[Subject][]T, s Subject, one T) {
	rest := slices.DeleteFunc(slices.Clone(all[s]), func(v T) bool { return v == one })
	if len(rest) == 0 {
		delete(all, s)
		return
	}
	all[s] = rest
}

// longest is how long a request is worked on whose asker has set no limit.
const longest = time.Minute

// remaining is how long an asker still waits.
func remaining(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(time.Until(deadline), longest)
	}
	return longest
}
