package providertest

import (
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// A post carries one socket's text messages, some of which take their time: none overtakes another.
//
//	send ──▶ at once, if nothing waits
//	  └────▶ waiting, oldest first ──(its time has come)──▶ write
//
// The goroutine that reads the socket is never kept from it: what a recogniser hears while it thinks is heard when it comes.
type post struct {
	write func(kind int, b []byte) error
	fail  func() // called, once, when a message that waited cannot be written

	mu      sync.Mutex
	waiting []letter
	closed  bool
}

type letter struct {
	kind  int
	text  []byte
	due   time.Time
	timer *time.Timer
}

// send writes a message after a time, and after those before it. The message is copied if it has to wait. A CloseMessage is the last one.
func (p *post) send(kind int, text []byte, after time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return websocket.ErrCloseSent
	}
	if after <= 0 && len(p.waiting) == 0 {
		return p.write(kind, text)
	}
	due := time.Now().Add(after)
	if n := len(p.waiting); n > 0 && p.waiting[n-1].due.After(due) {
		due = p.waiting[n-1].due
	}
	l := letter{kind: kind, text: append([]byte(nil), text...), due: due}
	l.timer = time.AfterFunc(time.Until(due), p.deliver)
	p.waiting = append(p.waiting, l)
	return nil
}

// deliver writes the oldest message. It is called once for each, and the oldest is due when any is.
func (p *post) deliver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.waiting) == 0 {
		return
	}
	l := p.waiting[0]
	p.waiting = append(p.waiting[:0], p.waiting[1:]...)
	if err := p.write(l.kind, l.text); err != nil {
		p.close()
		p.fail()
	}
}

// end drops what waits. Nothing is written once it has returned.
func (p *post) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.close()
}

func (p *post) close() {
	p.closed = true
	for _, l := range p.waiting {
		l.timer.Stop()
	}
	p.waiting = nil
}
