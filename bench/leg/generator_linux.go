package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// The generator's own clockwork.
const (
	tick      = 500 * time.Microsecond // sends and reads are gathered so long: fewer system calls, and nothing that p99 < 5 ms would notice
	ramp      = 700 * time.Millisecond // in which the streams start, evenly
	settle    = 500 * time.Millisecond // after the last has started
	tail      = 300 * time.Millisecond // load goes on so long after the end, while the server is asked for its counts
	sendBatch = 64                     // sends between two looks at what has come
	maxEvents = 512
)

// load is what a generator is to do in one step.
type load struct {
	streams int
	measure time.Duration
	addr    netip.AddrPort
	header  http.Header
	params  []string // of each stream
	began   func()   // called when the measured time begins, and when it ends: asks the server for its counts
	ended   func()
}

// line is one stream of the generator's.
type line struct {
	fd     int
	script *script
	due    time.Duration // of the next message
	phase  time.Duration // of due, in the cycle of 20 ms
	starts time.Duration // when it says start
	begun  bool

	schedule schedule
	counted  time.Duration // audio that came in the measured time
	rest     []byte        // of a message that has not come whole
	marks    []pending
	out      []byte // media and mark together
}

// pending is a mark that is to be echoed when the audio before it has sounded.
type pending struct {
	after time.Duration // audio before it
	name  []byte
}

// generator runs a load. It is one locked thread, which allocates next to nothing once the streams run.
type generator struct {
	load
	clock  clock
	epoll  int
	lines  []line
	order  []*line // by phase
	next   int     // of order
	cycle  time.Duration
	events [maxEvents]unix.EpollEvent
	buf    [64 << 10]byte

	measuring bool
	late      histogram
	sendLate  histogram
	skips     int64
	dry       int64 // frames of 20 ms that came more than 5 ms after they had to sound
	frames    int64 // of 20 ms, in the measured time
	sent      int64
	sentAt    []sent
	failure   error
}

// sent is how many messages had been sent by a time.
type sent struct {
	at time.Duration
	n  int64
}

// outcome is what a generator saw.
type outcome struct {
	late, sendLate histogram
	skips          int64
	lost           int64 // frames of 20 ms that the measured time holds more than what came
	dry            int64
	frames         int64
	busy           float64 // the generator's share of its core
	sentAt         []sent
}

// sentBy is how many messages had been sent at a time.
func (o *outcome) sentBy(at time.Duration) int64 {
	i, _ := slices.BinarySearchFunc(o.sentAt, at, func(s sent, at time.Duration) int { return int(s.at - at) })
	if i == 0 {
		return 0
	}
	return o.sentAt[i-1].n
}

// run connects the streams, runs the load and tells what it saw.
func (l load) run(ctx context.Context) (*outcome, error) {
	g := &generator{load: l, clock: newClock(), lines: make([]line, l.streams)}
	var err error
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	defer g.close()
	if err := g.connect(); err != nil {
		return nil, err
	}
	return g.generate(ctx)
}

func (g *generator) close() {
	for i := range g.lines {
		if fd := g.lines[i].fd; fd > 0 {
			// Reset, not closed: thousands of sockets a step must not wait in TIME_WAIT.
			_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			_ = unix.Close(fd)
		}
	}
	_ = unix.Close(g.epoll)
}

// connect opens all streams, one after the other, up to the server's 101.
func (g *generator) connect() error {
	request := handshake(g.addr.String(), g.header)
	for i := range g.lines {
		n := &g.lines[i]
		n.script = newScript(callSID(i), streamSID(i), g.params[i])
		if err := n.open(i, g.addr, request); err != nil {
			return fmt.Errorf("connect stream %d: %w", i+1, err)
		}
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, n.fd, &event); err != nil {
			return fmt.Errorf("watch stream %d: %w", i+1, err)
		}
	}
	return nil
}

// open connects from a loopback address of the stream's own range and shakes hands.
func (n *line) open(i int, addr netip.AddrPort, request []byte) (err error) {
	if n.fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	_ = unix.SetsockoptInt(n.fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	from := unix.SockaddrInet4{Addr: [4]byte{127, 0, byte(i / 250), byte(1 + i%250)}}
	if err := unix.Bind(n.fd, &from); err != nil {
		return err
	}
	patience := unix.Timeval{Sec: 5}
	if err := unix.SetsockoptTimeval(n.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		return err
	}
	to := unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	if err := unix.Connect(n.fd, &to); err != nil {
		return err
	}
	if err := unix.SetsockoptInt(n.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if _, err := unix.Write(n.fd, request); err != nil {
		return err
	}
	var answer []byte
	for !bytes.HasSuffix(answer, []byte("\r\n\r\n")) {
		var b [1024]byte
		got, err := unix.Read(n.fd, b[:])
		if errors.Is(err, unix.EINTR) {
			continue // a signal of Go's runtime: the kernel does not restart a read that has a timeout
		}
		if err != nil || got <= 0 {
			return fmt.Errorf("read handshake: %d bytes, %w", got, errors.Join(err, errClosed))
		}
		answer = append(answer, b[:got]...)
	}
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 101 ")) {
		return fmt.Errorf("refused: %q", answer)
	}
	return unix.SetNonblock(n.fd, true)
}

var (
	errClosed     = errors.New("closed by the server")
	errStoodStill = errors.New("the generator did not run for seconds")
)

// generate is the load itself.
func (g *generator) generate(ctx context.Context) (*outcome, error) {
	origin := g.clock.now() + 2*tick
	for i := range g.lines {
		n := &g.lines[i]
		n.starts = origin + ramp*time.Duration(i)/time.Duration(len(g.lines))
		n.due, n.phase = n.starts, (n.starts-origin)%frameTime
		g.order = append(g.order, n)
	}
	slices.SortStableFunc(g.order, func(a, b *line) int { return int(a.phase - b.phase) })
	g.cycle = origin
	begin := origin + ramp + settle
	end := begin + g.measure
	g.sentAt = make([]sent, 0, int((ramp+settle+g.measure+tail)/tick)+16)

	var used, cpu time.Duration
	finished := false
	for now := g.clock.now(); now < end+tail; now = g.clock.now() {
		switch {
		case !g.measuring && !finished && now >= begin:
			g.measuring, cpu = true, cpuTime()
			g.began()
		case g.measuring && now >= end:
			g.measuring, finished, used = false, true, cpuTime()-cpu
			g.ended()
		}
		if err := errors.Join(g.failure, ctx.Err()); err != nil {
			return nil, err
		}
		g.exchange(now)
		sleepUntil(now + tick)
	}
	if !finished {
		return nil, errStoodStill
	}
	return g.outcome(float64(used) / float64(g.measure)), nil
}

// exchange sends what is due and reads what has come.
func (g *generator) exchange(now time.Duration) {
	for sent := true; sent; {
		sent = g.send(now)
		for g.receive() == maxEvents {
		}
	}
	g.sentAt = append(g.sentAt, sent{g.clock.now(), g.sent})
}

// send sends up to sendBatch messages that are due; more says that there may be others.
func (g *generator) send(now time.Duration) (more bool) {
	for range sendBatch {
		n := g.order[g.next]
		due := g.cycle + n.phase
		if due > now {
			return false
		}
		if g.next++; g.next == len(g.order) {
			g.next = 0
			g.cycle += frameTime
		}
		if due >= n.starts {
			g.speak(n, now, due)
		}
	}
	return true
}

// speak sends a stream's next message, and before the first the start.
func (g *generator) speak(n *line, now, due time.Duration) {
	if !n.begun {
		n.begun = true
		g.write(n, n.script.hello)
	}
	frame := n.script.next()
	if len(n.marks) > 0 && now >= n.schedule.play+n.marks[0].after {
		n.out = append(n.out[:0], frame...)
		n.out = n.script.marked(n.out, n.marks[0].name)
		n.marks = append(n.marks[:0], n.marks[1:]...)
		frame = n.out
	}
	g.write(n, frame)
	g.sent++
	if g.measuring {
		g.sendLate.add(g.clock.now()-due, 1)
	}
}

// write sends b whole: a server that lets a quarter of a minute of messages wait has failed.
func (g *generator) write(n *line, b []byte) {
	if wrote, err := unix.Write(n.fd, b); err != nil || wrote < len(b) {
		g.failure = fmt.Errorf("the server does not read: wrote %d of %d bytes: %w", wrote, len(b), errors.Join(err))
	}
}

// receive reads once from every stream that has something, and returns how many had.
func (g *generator) receive() int {
	ready, err := unix.EpollWait(g.epoll, g.events[:], 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		g.failure = fmt.Errorf("wait for the server: %w", err)
	}
	for _, e := range g.events[:max(ready, 0)] {
		n := &g.lines[e.Fd]
		had := copy(g.buf[:], n.rest)
		got, err := unix.Read(n.fd, g.buf[had:])
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || got <= 0 {
			g.failure = fmt.Errorf("stream %d: %w", e.Fd+1, errors.Join(err, errClosed))
			return 0
		}
		if err := g.take(n, g.buf[:had+got], g.clock.now()); err != nil {
			g.failure = fmt.Errorf("stream %d: %w", e.Fd+1, err)
		}
	}
	return ready
}

// take judges what came on a stream.
func (g *generator) take(n *line, b []byte, now time.Duration) error {
	for {
		m, size, err := parse(b)
		if err != nil {
			return err
		}
		if size == 0 {
			n.rest = append(n.rest[:0], b...)
			return nil
		}
		b = b[size:]
		switch {
		case m.mark != nil:
			n.marks = append(n.marks, pending{n.schedule.audio, slices.Clone(m.mark)})
		case m.audio > 0:
			g.judge(n, now, m.audio)
		}
	}
}

func (g *generator) judge(n *line, now, audio time.Duration) {
	v := n.schedule.arrive(now, audio)
	if !g.measuring {
		return
	}
	frames := int64(audio / frameTime)
	g.frames += frames
	n.counted += audio
	g.late.add(v.late, frames)
	if v.dry > 5*time.Millisecond {
		g.dry += frames
	}
	if v.skipped {
		g.skips++
	}
}

// outcome adds up.
func (g *generator) outcome(busy float64) *outcome {
	o := &outcome{late: g.late, sendLate: g.sendLate, skips: g.skips, dry: g.dry, frames: g.frames, busy: busy, sentAt: g.sentAt}
	for i := range g.lines {
		// Both ends of the measured time fall into a message, and a message may hold 100 ms; two frames more are the skips' share.
		if missing := g.measure - g.lines[i].counted - 140*time.Millisecond; missing > 0 {
			o.lost += int64((missing + frameTime - 1) / frameTime)
		}
	}
	return o
}
