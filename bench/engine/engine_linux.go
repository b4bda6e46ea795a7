package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"parley/bench/machine"
	"parley/bench/report"
	"parley/bench/wire"
)

// The engine's clockwork.
const (
	beat      = 500 * time.Microsecond
	beats     = int64(wire.FrameTime / beat)
	sendBatch = 64              // sends between two looks at what has come
	maxEvents = 512             // streams that are read from at a time
	linger    = 2 * time.Second // for a server to close after a hang-up
)

// How a stream can end that has not left by itself, beside *Closed and what wire.Dialect finds wrong.
var (
	ErrDropped = errors.New("the server dropped the connection")
	ErrUnread  = errors.New("the server does not read what it is sent")
	ErrEnded   = errors.New("the engine has ended")
)

// A Closed is a server's close frame.
type Closed struct {
	Code   uint16 // 0: none was given
	Reason string
}

func (c *Closed) Error() string {
	return fmt.Sprintf("the server closed the stream: %d %s", c.Code, c.Reason)
}

// A Talker is one stream's mind. Its methods are called on the engine's thread, and must not block.
type Talker interface {
	// Joined comes first, once, with the stream.
	Joined(s *Stream)
	// Speak is asked every 20 ms for what is to be sent: whole frames of a client, lent until the next call; none: nothing is sent.
	Speak(now time.Duration) []byte
	// Hear takes a message other than a ping or a close. An error breaks the stream.
	Hear(m wire.Message, now time.Duration) error
	// Gone is told, once, that the stream is over: with nil if it had left, else with why. After a server's close that is before the
	// connection has ended.
	Gone(err error, now time.Duration)
}

// An Engine carries streams. Make it with New and let one goroutine Run it; Join, Do and Now may be called by any. It is done with when Run
// has returned.
type Engine struct {
	// Gather lets what comes wait for the next beat: fewer system calls, and times of arrival that are up to 500 us late. Without it, it is
	// read at once.
	Gather bool
	// Beat is called every 500 us on the engine's thread; an error ends Run. nil: nobody asks.
	Beat func(now time.Duration) error
	// Dialect is what the streams speak; New makes it Twilio's.
	Dialect *wire.Dialect

	clock  machine.Clock
	key    wire.Key
	epoll  int
	origin time.Duration
	n      int64 // the next beat, counted from origin
	next   int   // of its slot
	wheel  [beats]slot
	events [maxEvents]unix.EpollEvent
	buf    [64 << 10]byte
	pong   []byte

	streams []*Stream // by what epoll calls them; nil: free
	free    []int
	leaving []*Stream
	secured sync.WaitGroup // the goroutines of secure connections

	sendLate *hdrhistogram.Histogram // nil: nobody asks

	mu     sync.Mutex
	posted []func()  // by other goroutines, to be run with the next beat
	ready  []*Stream // secure ones that something has come for
	ended  bool
	idle   []func() // the memory of posted, and of ready, while they are worked off
	none   []*Stream
}

// slot is the streams that speak with the same beat of a cycle.
type slot struct {
	streams []*Stream // nil: gone
	gone    int
}

// A Stream is one connection of the engine's. But for Join, all is done with it on the engine's thread.
type Stream struct {
	engine *Engine
	talker Talker
	conn   transport
	index  int           // in Engine.streams
	slot   *slot         // nil: it does not speak any more
	place  int           // in it
	starts time.Duration // when it speaks first
	left   time.Duration // when it has waited for long enough after it has left; 0: it has not
	told   bool          // the talker knows that it is over
	over   bool
	rest   []byte // of a frame that has not come whole
}

// A transport is how a stream's bytes travel.
type transport interface {
	// write sends all of b or fails: it does not wait.
	write(b []byte) error
	// close ends the connection at once; reset: without a trace in the kernel.
	close(reset bool)
	// descriptor is what epoll watches; -1: what comes is brought to the engine.
	descriptor() int
}

// New makes an engine whose streams mask what they send with key.
func New(key wire.Key) (*Engine, error) {
	e := &Engine{clock: machine.NewClock(), key: key, Dialect: wire.Twilio}
	var err error
	if e.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	e.origin = e.clock.Now()
	return e, nil
}

// Now is the time that all of the engine's times are of: CLOCK_MONOTONIC.
func (e *Engine) Now() time.Duration { return e.clock.Now() }

// Run carries streams until ctx ends, whose cause it returns, or until Beat fails. No stream is left when it returns: what had not left by
// then is gone with ErrEnded.
func (e *Engine) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer e.end()
	e.n = int64((e.clock.Now()-e.origin)/beat) + 1
	for ctx.Err() == nil {
		if err := e.await(e.due()); err != nil {
			return err
		}
		now := e.clock.Now()
		e.obey()
		e.deliver()
		e.farewell(now)
		if e.Beat != nil {
			if err := e.Beat(now); err != nil {
				return err
			}
		}
		if err := e.exchange(now); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// due is when the next beat is.
func (e *Engine) due() time.Duration { return e.origin + time.Duration(e.n)*beat }

// await reads what comes until a time.
func (e *Engine) await(until time.Duration) error {
	if e.Gather {
		machine.SleepUntil(until)
		return nil
	}
	for left := until - e.clock.Now(); left > 0; left = until - e.clock.Now() {
		t := unix.NsecToTimespec(int64(left))
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(e.epoll), uintptr(unsafe.Pointer(&e.events[0])), maxEvents, uintptr(unsafe.Pointer(&t)), 0, 0)
		switch errno {
		case 0:
			e.read(int(n))
		case unix.EINTR:
		case unix.ENOSYS: // Linux before 5.11
			e.Gather = true
			return nil
		default:
			return fmt.Errorf("wait for the server: %w", errno)
		}
	}
	return nil
}

// exchange sends what is due and reads what has come.
func (e *Engine) exchange(now time.Duration) error {
	for more := true; more; {
		more = e.send(now)
		for n := maxEvents; n == maxEvents; {
			var err error
			if n, err = unix.EpollWait(e.epoll, e.events[:], 0); err != nil && !errors.Is(err, unix.EINTR) {
				return fmt.Errorf("look for what has come: %w", err)
			}
			e.read(n)
		}
	}
	return nil
}

// send sends up to sendBatch times what is due; more says that there may be others.
func (e *Engine) send(now time.Duration) (more bool) {
	for sent := 0; sent < sendBatch; {
		due, w := e.due(), &e.wheel[e.n%beats]
		if due > now {
			return false
		}
		if e.next == len(w.streams) {
			w.close()
			e.next = 0
			e.n++
			continue
		}
		s := w.streams[e.next]
		e.next++
		if s != nil && due >= s.starts {
			e.speak(s, due)
			sent++
		}
	}
	return true
}

// close closes the gaps in a slot.
func (w *slot) close() {
	if w.gone == 0 {
		return
	}
	kept := w.streams[:0]
	for _, s := range w.streams {
		if s != nil {
			s.place = len(kept)
			kept = append(kept, s)
		}
	}
	clear(w.streams[len(kept):])
	w.streams, w.gone = kept, 0
}

// speak sends what a stream has to say now.
func (e *Engine) speak(s *Stream, due time.Duration) {
	frames := s.talker.Speak(e.clock.Now())
	if len(frames) == 0 || s.over {
		return
	}
	s.Send(frames)
	if e.sendLate != nil {
		report.Record(e.sendLate, e.clock.Now()-due)
	}
}

// read reads once from each of the first n events' streams.
func (e *Engine) read(n int) {
	for _, event := range e.events[:max(n, 0)] {
		s := e.streams[event.Fd]
		if s == nil {
			continue // it ended on the way
		}
		got, err := unix.Read(s.conn.descriptor(), e.buf[:])
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		case err != nil:
			e.drop(s, fmt.Errorf("%w: %w", ErrDropped, err))
		case got == 0:
			e.drop(s, io.EOF)
		default:
			e.feed(s, e.buf[:got], e.clock.Now())
		}
	}
}

// feed takes what came for a stream.
func (e *Engine) feed(s *Stream, b []byte, now time.Duration) {
	if len(s.rest) > 0 {
		s.rest = append(s.rest, b...)
		b = s.rest
	}
	for !s.over {
		m, size, err := e.Dialect.Parse(b)
		if err != nil {
			e.drop(s, err)
			return
		}
		if size == 0 {
			s.rest = append(s.rest[:0], b...)
			return
		}
		b = b[size:]
		e.hear(s, m, now)
	}
}

// hear takes one message.
func (e *Engine) hear(s *Stream, m wire.Message, now time.Duration) {
	switch {
	case m.Kind == wire.Ping:
		e.pong = e.key.Pong(e.pong[:0], m.Payload)
		s.Send(e.pong)
	case m.Kind == wire.Close && s.left > 0: // the answer to ours; what is left is for the server to hang up
	case m.Kind == wire.Close:
		s.gone(&Closed{m.Code, string(m.Reason)}, now)
		s.Leave(now)
		s.Send(e.Dialect.Close(e.key, nil, m.Code))
	case s.left == 0:
		if err := s.talker.Hear(m, now); err != nil {
			e.drop(s, err)
		}
	}
}

// drop ends a stream.
func (e *Engine) drop(s *Stream, why error) {
	if s.over {
		return
	}
	s.over = true
	s.mute()
	if s.index >= 0 {
		e.streams[s.index] = nil
		e.free = append(e.free, s.index)
	}
	eof := errors.Is(why, io.EOF)
	s.conn.close(!eof) // who is hung up on leaves no trace anyway; else thousands of sockets would wait in TIME_WAIT
	if eof {
		why = ErrDropped
	}
	if s.left > 0 {
		why = nil
	}
	s.gone(why, e.clock.Now())
}

// gone tells the talker, once.
func (s *Stream) gone(why error, now time.Duration) {
	if !s.told {
		s.told = true
		s.talker.Gone(why, now)
	}
}

// mute takes a stream out of the wheel.
func (s *Stream) mute() {
	if s.slot != nil {
		s.slot.streams[s.place] = nil
		s.slot.gone++
		s.slot = nil
	}
}

// Send sends whole frames now. If that fails the stream is gone when it returns.
func (s *Stream) Send(frames []byte) {
	if s.over {
		return
	}
	if err := s.conn.write(frames); err != nil {
		s.engine.drop(s, err)
	}
}

// Leave ends the stream in good order: it does not speak any more, hears nothing, and waits a while for the server to hang up. Whoever
// leaves says so first, with wire's Stop.
func (s *Stream) Leave(now time.Duration) {
	if s.over || s.left > 0 {
		return
	}
	s.left = now + linger
	s.mute()
	s.engine.leaving = append(s.engine.leaving, s)
}

// farewell hangs up on servers that do not.
func (e *Engine) farewell(now time.Duration) {
	kept := e.leaving[:0]
	for _, s := range e.leaving {
		if !s.over && now >= s.left {
			e.drop(s, nil)
		}
		if !s.over {
			kept = append(kept, s)
		}
	}
	clear(e.leaving[len(kept):])
	e.leaving = kept
}

// Measure keeps from now on in h, one of report.NewHistogram, how late frames are sent against their beats; nil: nowhere. On the engine's
// thread.
func (e *Engine) Measure(h *hdrhistogram.Histogram) { e.sendLate = h }

// end lets go of everything.
func (e *Engine) end() {
	e.mu.Lock()
	e.ended = true
	posted := e.posted
	e.mu.Unlock()
	for _, f := range posted {
		f()
	}
	for _, s := range e.streams {
		if s != nil {
			e.drop(s, ErrEnded)
		}
	}
	e.secured.Wait()
	_ = unix.Close(e.epoll)
}
