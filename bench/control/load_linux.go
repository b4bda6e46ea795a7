package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"parley/bench/machine"
)

// How the generator works.
const (
	tick  = 100 * time.Microsecond // it looks so often for what is due
	drain = 2 * time.Second        // requests that were due may be sent and answered so long after the end
)

// A load is one request, over and over, to one server.
type load struct {
	addr    netip.AddrPort
	request []byte
	status  int // of a good answer
	conns   int
	rate    float64       // a second; 0: as many as the connections bear
	warm    time.Duration // before it counts
	measure time.Duration
}

// An outcome is what a load saw.
type outcome struct {
	took     *hdrhistogram.Histogram // microseconds, from when each was due until its last byte
	answered int64                   // of those that were due in the measured time
	rate     float64                 // answers a second in the measured time
	unheard  int64                   // without an answer so long after the end
	busy     float64                 // share of its core that the generator had
	sendLate *hdrhistogram.Histogram // microseconds, from when each was due until it was sent, where a connection was free
}

// A conn is one connection.
type conn struct {
	fd     int
	due    time.Duration // of the request that it carries
	counts bool
	in     []byte
}

// A generator runs a load, on one locked thread.
type generator struct {
	load
	origin   time.Time
	epoll    int
	conns    []conn
	free     []int
	asked    int64 // requests that were sent
	waiting  bool  // a request found no connection free
	busy     int64 // connections that carry a request
	out      outcome
	inWindow int64 // answers that came in the measured time, whenever they were due
	events   [256]unix.EpollEvent
}

// run connects, runs the load and tells what it saw.
func (l load) run(ctx context.Context, core int) (o *outcome, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore, err := machine.PinThread(core)
	if err != nil {
		return nil, err
	}
	defer restore()
	g := &generator{load: l}
	g.out.took, g.out.sendLate = hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3), hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
	defer g.close()
	if err := g.connect(); err != nil {
		return nil, err
	}
	return g.generate(ctx)
}

func (g *generator) connect() (err error) {
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("create epoll: %w", err)
	}
	to := unix.SockaddrInet4{Port: int(g.addr.Port()), Addr: g.addr.Addr().As4()}
	for i := range g.load.conns {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open socket: %w", err)
		}
		g.conns = append(g.conns, conn{fd: fd, in: make([]byte, 0, 16<<10)})
		if err := unix.Connect(fd, &to); err != nil {
			return fmt.Errorf("connect to %s: %w", g.addr, err)
		}
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		err = errors.Join(
			unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
			unix.SetNonblock(fd, true),
			unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, fd, &event),
		)
		if err != nil {
			return fmt.Errorf("set socket up: %w", err)
		}
		g.free = append(g.free, i)
	}
	return nil
}

func (g *generator) close() {
	for _, c := range g.conns {
		_ = unix.Close(c.fd)
	}
	if g.epoll > 0 {
		_ = unix.Close(g.epoll)
	}
}

// now is the time since the load began.
func (g *generator) now() time.Duration { return time.Since(g.origin) }

// generate is the load itself, until everything that was due is answered, or it has waited long enough.
func (g *generator) generate(ctx context.Context) (*outcome, error) {
	g.origin = time.Now()
	end := g.warm + g.measure
	used, measuring := time.Duration(0), false
	for now := time.Duration(0); now < end || g.pending() && now < end+drain; now = g.now() {
		switch {
		case !measuring && now >= g.warm && now < end:
			measuring, used = true, machine.ThreadTime()
		case measuring && now >= end:
			measuring = false
			g.out.busy = float64(machine.ThreadTime()-used) / float64(now-g.warm)
		}
		patience := 0
		if g.waiting { // there is nothing to do until something comes
			patience = 1
		}
		if err := errors.Join(ctx.Err(), g.ask(now), g.hear(patience)); err != nil {
			return nil, err
		}
		if !g.waiting {
			rest()
		}
	}
	if measuring {
		g.out.busy = float64(machine.ThreadTime()-used) / float64(g.now()-g.warm)
	}
	g.out.rate = float64(g.inWindow) / g.measure.Seconds()
	g.giveUp()
	return &g.out, nil
}

// pending says whether something was due that is not answered.
func (g *generator) pending() bool {
	return g.busy > 0 || g.rate > 0 && g.due(g.asked) < g.warm+g.measure
}

// giveUp counts what was due and never answered: it has taken at least so long.
func (g *generator) giveUp() {
	now := g.now()
	g.out.unheard = g.busy
	for i := range g.conns {
		if c := &g.conns[i]; c.counts {
			g.took(now - c.due)
		}
	}
	if g.rate == 0 {
		return
	}
	for due := g.due(g.asked); due < g.warm+g.measure; due = g.due(g.asked) { // never sent: no connection was free
		g.asked++
		g.out.unheard++
		if due >= g.warm {
			g.took(now - due)
		}
	}
}

// due is when the n-th request is to be sent.
func (g *generator) due(n int64) time.Duration {
	return time.Duration(float64(n) / g.rate * float64(time.Second))
}

// ask sends what is due before the end, as far as connections are free.
func (g *generator) ask(now time.Duration) error {
	for ; len(g.free) > 0; g.asked++ {
		due := now
		if g.rate > 0 {
			due = g.due(g.asked)
		}
		if due > now || due >= g.warm+g.measure {
			g.waiting = false
			return nil
		}
		at := len(g.free) - 1
		c := &g.conns[g.free[at]]
		g.free = g.free[:at]
		c.due, c.counts = due, due >= g.warm
		if c.counts && !g.waiting {
			_ = g.out.sendLate.RecordValue((g.now() - due).Microseconds())
		}
		if n, err := unix.Write(c.fd, g.request); err != nil || n < len(g.request) {
			return fmt.Errorf("send request: wrote %d of %d bytes: %w", n, len(g.request), errors.Join(err))
		}
		g.busy++
	}
	g.waiting = true
	return nil
}

// hear reads what has come; it waits up to so many ms for something.
func (g *generator) hear(patience int) error {
	n, err := unix.EpollWait(g.epoll, g.events[:], patience)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait for answers: %w", err)
	}
	for _, e := range g.events[:max(n, 0)] {
		if err := g.read(int(e.Fd)); err != nil {
			return err
		}
	}
	return nil
}

// read reads from a connection, and counts its answer if it is whole.
func (g *generator) read(i int) error {
	c := &g.conns[i]
	if len(c.in) == cap(c.in) {
		c.in = append(c.in, 0)[:len(c.in)]
	}
	n, err := unix.Read(c.fd, c.in[len(c.in):cap(c.in)])
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
		return nil
	}
	if err != nil || n <= 0 {
		return fmt.Errorf("read answer: closed by the server: %w", errors.Join(err))
	}
	c.in = c.in[:len(c.in)+n]
	done, status, err := whole(c.in)
	if err != nil || !done {
		return err
	}
	if status != g.status {
		return fmt.Errorf("status %d, want %d: %.500s", status, g.status, c.in)
	}
	now := g.now()
	if now >= g.warm && now < g.warm+g.measure {
		g.inWindow++
	}
	if c.counts {
		g.out.answered++
		g.took(now - c.due)
	}
	c.in, c.counts = c.in[:0], false
	g.free = append(g.free, i)
	g.busy--
	return nil
}

func (g *generator) took(d time.Duration) {
	_ = g.out.took.RecordValue(max(1, min(d, time.Minute).Microseconds())) // it is within the histogram's bounds
}

// rest sleeps until something may be due.
func rest() {
	t := unix.NsecToTimespec(int64(tick))
	_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &t, nil) // woken early, the caller looks at the clock again
}
