package deepgram

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// A pool keeps the lines that nobody speaks on, so that an utterance need not wait for a handshake. It holds as many as the last few
// seconds needed, and one when nobody speaks. Its zero value is ready.
type pool struct {
	mu      sync.Mutex
	idle    []*line            // the one that was used last is at the end
	lines   map[*line]struct{} // all that live
	closed  bool
	readers sync.WaitGroup
}

var errPoolClosed = errors.New("deepgram: client is closed")

// start lets l live: its reader runs until the socket ends.
func (p *pool) start(l *line) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errPoolClosed
	}
	if p.lines == nil {
		p.lines = map[*line]struct{}{}
	}
	p.lines[l] = struct{}{}
	p.readers.Go(func() {
		l.read()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.lines, l)
		p.idle = slices.DeleteFunc(p.idle, func(i *line) bool { return i == l })
	})
	return nil
}

// take is an idle line that was opened with the query key and may be flushed; nil if there is none.
func (p *pool) take(key string) *line {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, l := range slices.Backward(p.idle) {
		if l.key == key && l.budget(time.Now()) >= sparedFlushes && l.begin() {
			p.idle = slices.Delete(p.idle, i, i+1)
			return l
		}
	}
	return nil
}

// give takes back a line that is silent and empty. Beyond most lines, the one that was idle longest goes.
func (p *pool) give(l *line, most int) {
	p.mu.Lock()
	if _, lives := p.lines[l]; !lives || p.closed {
		p.mu.Unlock()
		l.fail(errPoolClosed)
		return
	}
	p.idle = append(p.idle, l)
	var surplus *line
	if len(p.idle) > most {
		surplus = p.idle[0]
		p.idle = slices.Delete(p.idle, 0, 1)
	}
	p.mu.Unlock()
	if surplus != nil {
		surplus.fail(errPoolClosed)
	}
}

// surplus says that another line waits that was used after l.
func (p *pool) surplus(l *line) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.idle) > 0 && p.idle[len(p.idle)-1] != l
}

// close ends all lines and waits for their readers.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	lines := p.lines
	p.lines = nil
	p.mu.Unlock()
	for l := range lines {
		l.fail(errPoolClosed)
	}
	p.readers.Wait()
}
