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
	changed   func() // called, without mu, when a subject may have got its first user or lost its last; may be nil

	published, missed, asked, unanswered, refused atomic.Int64
}

var _ Bus = (*Local)(nil)

// Publish implements Bus.
func (l *Local) Publish(s Subject, data []byte) error {
	if err := check(s, data); err != nil {
		return err
	}
	l.published.Add(1)
	return l.tell(s, Message{Data: data}, false)
}

// tell gives a message to those who listen here. It is remote if it came from elsewhere.
func (l *Local) tell(s Subject, m Message, remote bool) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ErrClosed
	}
	for _, listener := range l.listeners[s] {
		listener.put(m, remote)
	}
	return nil
}

// broken tells those who listen that something from elsewhere may be missing.
func (l *Local) broken() {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, all := range l.listeners {
		for _, s := range all {
			s.broken()
		}
	}
}

// Subscribe implements Bus.
func (l *Local) Subscribe(s Subject) (*Subscription, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	listener := newSubscription(&l.missed)
	listener.end = func() {
		_ = l.change(func() { remove(l.listeners, s, listener) }) // it may be closed
	}
	err := l.change(func() {
		if l.listeners == nil {
			l.listeners = make(map[Subject][]*Subscription)
		}
		l.listeners[s] = append(l.listeners[s], listener)
	})
	if err != nil {
		return nil, err
	}
	return listener, nil
}

// Answer implements Bus.
func (l *Local) Answer(s Subject, f Handler) (stop func(), err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	a := newAnswering(f, &l.refused)
	err = l.change(func() {
		if l.answerers == nil {
			l.answerers = make(map[Subject][]*answering)
		}
		l.answerers[s] = append(l.answerers[s], a)
	})
	if err != nil {
		a.stop()
		return nil, err
	}
	return func() {
		_ = l.change(func() { remove(l.answerers, s, a) }) // it may be closed
		a.stop()
	}, nil
}

// change lets f alter who uses what.
func (l *Local) change(f func()) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	f()
	l.mu.Unlock()
	if l.changed != nil {
		l.changed()
	}
	return nil
}

// uses says whether anybody here listens on a subject, or answers.
func (l *Local) uses(s Subject) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.listeners[s]) > 0 || len(l.answerers[s]) > 0
}

// used are the subjects that are used here.
func (l *Local) used() []Subject {
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make([]Subject, 0, len(l.listeners)+len(l.answerers))
	for s := range l.listeners {
		all = append(all, s)
	}
	for s := range l.answerers {
		all = append(all, s)
	}
	return all
}

// Ask implements Bus.
func (l *Local) Ask(ctx context.Context, s Subject, data []byte) ([]byte, error) {
	if err := check(s, data); err != nil {
		return nil, err
	}
	l.asked.Add(1)
	answers, begun, err := l.ask(ctx, s, data)
	if err != nil {
		return nil, err
	}
	if begun {
		select {
		case answer := <-answers:
			return answer, nil
		case <-ctx.Done():
		}
	}
	l.unanswered.Add(1)
	return nil, ErrNoAnswer
}

// ask asks those who answer here. Their answers come to a channel that has room for all; begun is false if there will be none.
func (l *Local) ask(ctx context.Context, s Subject, data []byte) (answers <-chan []byte, begun bool, err error) {
	l.mu.RLock()
	closed, all := l.closed, l.answerers[s]
	l.mu.RUnlock()
	if closed {
		return nil, false, ErrClosed
	}
	heard := make(chan []byte, len(all))
	within := remaining(ctx)
	for _, a := range all {
		if a.begin(data, within, func(answer []byte) { heard <- answer }) {
			begun = true
		}
	}
	return heard, begun, nil
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

// remove takes one of a subject's out; whoever ranges over what was there does not notice.
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
