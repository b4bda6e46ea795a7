// Package pool keeps a vendor's voice sockets between utterances, so that an utterance need not wait for a handshake.
//
//	utterance ──Take──▶ idle lines ◀──Give── utterance that has ended
//	    └─ there is none: it dials ──Start──▶ all that live, each with its reader, until the socket ends
//
// It knows no vendor: what a line is, when it may be used again and when it has waited for too long is the vendor's to say.
package pool

import (
	"errors"
	"slices"
	"sync"
)

// A Line is a vendor's socket, on which one utterance at a time is spoken. Its methods are called by any goroutine.
type Line interface {
	comparable
	Key() string // what it was opened for, such as its voice: nobody else is given it
	Begin() bool // makes an idle line one that speaks; false if it cannot be, just now or ever
	Read()       // is the socket's one reader, and returns when the socket has ended
	Fail(error)  // ends the socket; only the first reason counts
}

// A Pool keeps the lines that nobody speaks on: as many as the last few seconds needed, and one of each key when nobody speaks, if the
// lines go that are Surplus. Its zero value is ready. It must not be copied once used; its methods may be called by any goroutine.
type Pool[L Line] struct {
	mu      sync.Mutex
	idle    []L            // the one that was used last is at the end
	lines   map[L]struct{} // all that live
	closed  bool
	readers sync.WaitGroup
}

// ErrClosed is why lines of a closed Pool end, or of a full one.
var ErrClosed = errors.New("the voice's sockets are closed")

// Start lets l live: its reader runs until the socket ends.
func (p *Pool[L]) Start(l L) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if p.lines == nil {
		p.lines = map[L]struct{}{}
	}
	p.lines[l] = struct{}{}
	p.readers.Go(func() {
		l.Read()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.lines, l)
		p.idle = slices.DeleteFunc(p.idle, func(i L) bool { return i == l })
	})
	return nil
}

// Take is an idle line that was opened for key, and has begun; not ok if there is none.
func (p *Pool[L]) Take(key string) (l L, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, l := range slices.Backward(p.idle) {
		if l.Key() == key && l.Begin() {
			p.idle = slices.Delete(p.idle, i, i+1)
			return l, true
		}
	}
	return l, false
}

// Give takes back a line that is silent and empty. Beyond most lines, the one that was idle longest goes.
func (p *Pool[L]) Give(l L, most int) {
	p.mu.Lock()
	if _, lives := p.lines[l]; !lives || p.closed {
		p.mu.Unlock()
		l.Fail(ErrClosed)
		return
	}
	p.idle = append(p.idle, l)
	var surplus []L
	if len(p.idle) > most {
		surplus = append(surplus, p.idle[0])
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	p.mu.Unlock()
	for _, l := range surplus {
		l.Fail(ErrClosed)
	}
}

// Surplus says that another line waits that was used after l, and serves as well.
func (p *Pool[L]) Surplus(l L) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.Index(p.idle, l)
	return at >= 0 && slices.ContainsFunc(p.idle[at+1:], func(other L) bool { return other.Key() == l.Key() })
}

// Idle are the lines that nobody speaks on now, the one that was used last at the end.
func (p *Pool[L]) Idle() []L {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.idle)
}

// Close ends all lines and waits for their readers. What is given or started after it ends at once.
func (p *Pool[L]) Close() {
	p.mu.Lock()
	p.closed = true
	lines := p.lines
	p.lines = nil
	p.mu.Unlock()
	for l := range lines {
		l.Fail(ErrClosed)
	}
	p.readers.Wait()
}
