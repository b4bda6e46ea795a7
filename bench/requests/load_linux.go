package requests

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

// A Load is one request, over and over, to one server.
type Load struct {
	Addr    netip.AddrPort // IPv4
	Request []byte         // all of it, as Get and Post write it
	Status  int            // of a good answer
	Conns   int            // kept alive
	Rate    float64        // a second; 0: as many as the connections bear
	Warm    time.Duration  // before it counts
	Measure time.Duration
}

// An Outcome is what a Load saw. Histograms are of microseconds, up to a minute.
type Outcome struct {
	Took     *hdrhistogram.Histogram // from when each was due until its last byte
	Answered int64                   // of those that were due in the measured time
	Rate     float64                 // answers a second in the measured time
	Unheard  int64                   // without an answer two seconds after the end
	Busy     float64                 // share of its core that the generator's thread had
	SendLate *hdrhistogram.Histogram // from when each was due until it was sent, where a connection was free
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
	Load
	origin   time.Time
	epoll    int
	conns    []conn
	free     []int
	asked    int64 // requests that were sent
	waiting  bool  // a request found no connection free
	busy     int64 // connections that carry a request
	out      Outcome
	inWindow int64 // answers that came in the measured time, whenever they were due
	events   [256]unix.EpollEvent
}

// Run connects, runs the load from a thread on a core, and tells what it saw. It ends early when ctx does, with an error, or when an answer is not
// the good one. No connection is left when it returns.
func (l Load) Run(ctx context.Context, core int) (o *Outcome, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore, err := machine.PinThread(core)
	if err != nil {
		return nil, err
	}
	defer restore()
	g := &generator{Load: l}
	g.out.Took, g.out.SendLate = hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3), hdrhistogram.New(1, int64(time.Minute/time.Microsecond), 3)
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
	to := unix.SockaddrInet4{Port: int(g.Addr.Port()), Addr: g.Addr.Addr().As4()}
	for i := range g.Conns {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open socket: %w", err)
		}
		g.conns = append(g.conns, conn{fd: fd, in: make([]byte, 0, 16<<10)})
		if err := unix.Connect(fd, &to); err != nil {
			return fmt.Errorf("connect to %s: %w", g.Addr, err)
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
func (g *generator) generate(ctx context.Context) (*Outcome, error) {
	g.origin = time.Now()
	end := g.Warm + g.Measure
	used, measuring := time.Duration(0), false
	for now := time.Duration(0); now < end || g.pending() && now < end+drain; now = g.now() {
		switch {
		case !measuring && now >= g.Warm && now < end:
			measuring, used = true, machine.ThreadTime()
		case measuring && now >= end:
			measuring = false
			g.out.Busy = float64(machine.ThreadTime()-used) / float64(now-g.Warm)
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
		g.out.Busy = float64(machine.ThreadTime()-used) / float64(g.now()-g.Warm)
	}
	g.out.Rate = float64(g.inWindow) / g.Measure.Seconds()
	g.giveUp()
	return &g.out, nil
}

// pending says whether something was due that is not answered.
func (g *generator) pending() bool {
	return g.busy > 0 || g.Rate > 0 && g.due(g.asked) < g.Warm+g.Measure
}

// giveUp counts what was due and never answered: it has taken at least so long.
func (g *generator) giveUp() {
	now := g.now()
	g.out.Unheard = g.busy
	for i := range g.conns {
		if c := &g.conns[i]; c.counts {
			g.took(now - c.due)
		}
	}
	if g.Rate == 0 {
		return
	}
	for due := g.due(g.asked); due < g.Warm+g.Measure; due = g.due(g.asked) { // never sent: no connection was free
		g.asked++
		g.out.Unheard++
		if due >= g.Warm {
			g.took(now - due)
		}
	}
}

// due is when the n-th request is to be sent.
func (g *generator) due(n int64) time.Duration {
	return time.Duration(float64(n) / g.Rate * float64(time.Second))
}

// ask sends what is due before the end, as far as connections are free.
func (g *generator) ask(now time.Duration) error {
	for ; len(g.free) > 0; g.asked++ {
		due := now
		if g.Rate > 0 {
			due = g.due(g.asked)
		}
		if due > now || due >= g.Warm+g.Measure {
			g.waiting = false
			return nil
		}
		at := len(g.free) - 1
		c := &g.conns[g.free[at]]
		g.free = g.free[:at]
		c.due, c.counts = due, due >= g.Warm
		if c.counts && !g.waiting {
			_ = g.out.SendLate.RecordValue((g.now() - due).Microseconds())
		}
		if n, err := unix.Write(c.fd, g.Request); err != nil || n < len(g.Request) {
			return fmt.Errorf("send request: wrote %d of %d bytes: %w", n, len(g.Request), errors.Join(err))
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
	if status != g.Status {
		return fmt.Errorf("status %d, want %d: %.500s", status, g.Status, c.in)
	}
	now := g.now()
	if now >= g.Warm && now < g.Warm+g.Measure {
		g.inWindow++
	}
	if c.counts {
		g.out.Answered++
		g.took(now - c.due)
	}
	c.in, c.counts = c.in[:0], false
	g.free = append(g.free, i)
	g.busy--
	return nil
}

func (g *generator) took(d time.Duration) {
	_ = g.out.Took.RecordValue(max(1, min(d, time.Minute).Microseconds())) // it is within the histogram's bounds
}

// rest sleeps until something may be due.
func rest() {
	t := unix.NsecToTimespec(int64(tick))
	_ = unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &t, nil) // woken early, the caller looks at the clock again
}

// Get is a GET of a path, with these headers besides ("Name: value").
func Get(addr netip.AddrPort, path string, headers ...string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", path, addr, lines(headers))
}

// Post is a POST of a body of JSON, likewise.
func Post(addr netip.AddrPort, path, body string, headers ...string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, addr, lines(headers), len(body), body)
}

func lines(headers []string) (text string) {
	for _, h := range headers {
		text += h + "\r\n"
	}
	return text
}
