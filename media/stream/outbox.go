package stream

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	// outboxSize is how many messages of full size may wait for a carrier that is slow to take them.
	outboxSize = 16
	// sendBuffer is the kernel's share: four seconds of sound, so that a carrier that takes nothing is noticed soon.
	sendBuffer = 32 << 10
	// keepBuffer is how large a buffer may be that is kept for the next message.
	keepBuffer = 4 << 10
)

var (
	errBehind = errors.New("the far end does not take our messages")
	errClosed = errors.New("the stream is closed")
)

// An outbox is the only writer of a socket: of sound, marks, pongs and the close frame alike, so that no frame is cut in half.
//
// send never blocks. On plain TCP it tries a non-blocking write; what the kernel does not take, and all that is sent over TLS,
// waits in a queue. A goroutine drains the queue and exists only while it is not empty; what gathers while it writes leaves
// together. When outboxSize messages wait, or the carrier has not taken what waits within patience, the outbox fails and closes
// the socket. Over TLS the queue is longer by sendBuffer, because there all passes through it, before the kernel's buffer.
type outbox struct {
	conn     net.Conn        // what is written to
	tcp      net.Conn        // the same, or what lies under its TLS: closing it never blocks
	raw      syscall.RawConn // nil: TLS
	patience time.Duration

	drain  func() // prebuilt, because a method value allocates
	write  func(fd uintptr) bool
	direct struct { // write's arguments and results
		b   []byte
		n   int
		err error
	}

	work    sync.WaitGroup // the drain
	writing []byte         // the drain's

	mu        sync.Mutex
	waiting   []byte // whole frames, but for the part of the first that the kernel took
	room      int    // the most bytes that may wait
	draining  bool   // there is a drain: whatever is sent waits behind what it writes
	kept      []byte // sound and marks, while the far end has no room for them
	keep      int    // the most bytes of it
	full      bool   // it has none
	bye       []byte // before the close frame; nil: none
	closed    bool   // the close frame is queued or gone: nothing follows it
	finishing bool   // the socket has its last deadline: leave it alone
	err       error
}

func newOutbox(conn net.Conn, patience time.Duration) *outbox {
	o := &outbox{conn: conn, tcp: conn, patience: patience}
	o.drain, o.write = o.drainQueue, o.writeDirect
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
		o.tcp = over.NetConn()
	} else if plain, ok := conn.(syscall.Conn); ok {
		if raw, err := plain.SyscallConn(); err == nil {
			o.raw = raw
		}
	}
	o.fit(keepBuffer)
	return o
}

// fit makes room for outboxSize messages of the given number of bytes.
func (o *outbox) fit(message int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.room = outboxSize * message
	if o.raw == nil {
		o.room += sendBuffer
	}
}

// send writes or queues one whole frame; b is free again when it returns.
func (o *outbox) send(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sendLocked(b)
}

// expect says how much is kept for a far end without room for it, and what is said to it before the close frame.
func (o *outbox) expect(keep int, bye []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keep, o.bye = keep, bye
}

// say is send for sound and marks, which are kept while the far end has no room for them.
func (o *outbox) say(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.full || o.err != nil || o.closed:
		return o.sendLocked(b)
	case len(o.kept)+len(b) > o.keep:
		return o.failLocked(errBehind)
	}
	o.kept = append(o.kept, b...)
	return nil
}

// hold keeps what is said from now on.
func (o *outbox) hold() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.full = true
}

// release sends what was kept.
func (o *outbox) release() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.full = false; o.err == nil && !o.closed && len(o.kept) > 0 {
		o.queueLocked(o.kept)
	}
	o.kept = nil
}

// restart sends a frame at which the far end forgets all that it has: there is room, and nothing is kept any more.
func (o *outbox) restart(b []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.full, o.kept = false, nil
	return o.sendLocked(b)
}

// part is close, with a word before it.
func (o *outbox) part(code uint16, reason string) {
	o.mu.Lock()
	if len(o.bye) > 0 {
		_ = o.sendLocked(o.bye) // a dead socket cannot be told
	}
	o.mu.Unlock()
	o.close(code, reason)
}

// close sends a close frame, after which nothing else is sent. Only the first counts.
func (o *outbox) close(code uint16, reason string) {
	var frame [2 + maxControl]byte
	o.last(appendClose(frame[:0], code, reason))
}

// last sends a frame after which nothing else is sent. Only the first counts.
func (o *outbox) last(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.sendLocked(b) // a dead socket cannot be told
	o.closed = true
}

// sendLocked does its I/O under the lock, because it is the kind that never waits.
func (o *outbox) sendLocked(b []byte) error {
	if o.err != nil {
		return o.err
	}
	if o.closed {
		return errClosed
	}
	if !o.draining && o.raw != nil {
		n, err := o.try(b)
		if err != nil {
			return o.failLocked(err)
		}
		if b = b[n:]; len(b) == 0 {
			return nil
		}
	}
	if len(o.waiting)+len(b) > o.room {
		return o.failLocked(errBehind)
	}
	o.queueLocked(b)
	return nil
}

// queueLocked has the drain write b.
func (o *outbox) queueLocked(b []byte) {
	o.waiting = append(o.waiting, b...)
	if !o.draining {
		o.draining = true
		o.work.Add(1)
		go o.drain()
	}
}

// try writes as much of b as the kernel takes at once.
func (o *outbox) try(b []byte) (int, error) {
	o.direct.b, o.direct.n, o.direct.err = b, 0, nil
	err := o.raw.Write(o.write)
	o.direct.b = nil
	if err == nil {
		err = o.direct.err
	}
	return o.direct.n, err
}

// writeDirect is called by RawConn.Write; it always says that it is done, so that nobody waits.
func (o *outbox) writeDirect(fd uintptr) bool {
	d := &o.direct
	for d.n < len(d.b) {
		n, err := syscall.Write(int(fd), d.b[d.n:])
		if n > 0 {
			d.n += n
			continue
		}
		if err == syscall.EINTR {
			continue
		}
		if err != syscall.EAGAIN {
			d.err = err
		}
		break
	}
	return true
}

// drainQueue writes until nothing waits.
func (o *outbox) drainQueue() {
	defer o.work.Done()
	for o.swap() {
		if _, err := o.conn.Write(o.writing); err != nil {
			o.fail(err)
		}
	}
}

// swap takes all that waits for writing. false: nothing does, and the drain is over.
func (o *outbox) swap() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil && len(o.waiting) > 0 {
		o.waiting, o.writing = o.writing[:0], o.waiting
		if !o.finishing {
			_ = o.conn.SetWriteDeadline(time.Now().Add(o.patience))
		}
		return true
	}
	if max(cap(o.waiting), cap(o.writing)) > keepBuffer {
		o.waiting, o.writing = nil, nil
	}
	if o.raw != nil && !o.finishing {
		_ = o.conn.SetWriteDeadline(time.Time{}) // or the next non-blocking write would fail
	}
	o.draining = false
	return false
}

func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.failLocked(err)
}

// failLocked gives the socket up, which unblocks its reader, and returns why. Only the first error counts.
func (o *outbox) failLocked(err error) error {
	if o.err == nil {
		o.err = fmt.Errorf("send: %w", err)
		_ = o.tcp.Close()
	}
	return o.err
}

// failed is why the outbox gave up, or nil.
func (o *outbox) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// finish gives the socket its last deadline, for reading too, and waits for the drain to end.
func (o *outbox) finish(linger time.Duration) {
	o.mu.Lock()
	o.finishing = true
	_ = o.conn.SetDeadline(time.Now().Add(linger))
	o.mu.Unlock()
	o.work.Wait()
}
