package rtp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The defaults of PortsOptions.
const (
	DefaultFirst      = 10000
	DefaultLast       = 20000
	DefaultQuarantine = 30 * time.Second
)

// sweepEvery is how often packets that came to ports in quarantine are thrown away.
const sweepEvery = time.Second

// ErrNoPorts says that every pair of ports of the range is taken by a call, in quarantine, or bound by another program.
var ErrNoPorts = errors.New("no RTP port is free")

// ErrClosed is what a Session and its Ports answer after their Close.
var ErrClosed = errors.New("rtp: closed")

// PortsOptions say which ports are a Ports'. The zero value is 10000 to 20000 on all IPv4 addresses.
type PortsOptions struct {
	Bind       netip.Addr    // zero: 0.0.0.0; "::" takes IPv6 and IPv4
	First      int           // the first port, of RTP: even; zero: 10000
	Last       int           // the last port that may be used, of RTP or RTCP; zero: 20000
	Quarantine time.Duration // how long a closed port is kept from others; zero: 30 s
	Log        *slog.Logger
}

// Ports hands out pairs of UDP ports, the even one for RTP and the next for RTCP (RFC 3550, section 11), in random order, so that nobody can
// tell where the next call's will be. A pair that a call has given back stays bound for the quarantine and swallows what still comes to it,
// because the far end of a call that has ended may go on sending for a while. All methods may be called by any goroutine.
type Ports struct {
	options PortsOptions
	batches sync.Pool // of *batch: a Session has one only while it reads
	stray   atomic.Int64

	mu      sync.Mutex
	free    []uint16 // even ports
	open    map[*Session]struct{}
	resting []resting // pairs in quarantine, the oldest first
	sweep   *time.Timer
	closed  bool
}

// resting is a pair in quarantine.
type resting struct {
	pair  pair
	until time.Time
}

// A pair is the two sockets of a session.
type pair struct {
	port      uint16
	rtp, rtcp socket
}

func (p pair) close() { _, _ = p.rtp.close(), p.rtcp.close() }

// NewPorts checks the options; no port is bound before it is needed.
func NewPorts(o PortsOptions) (*Ports, error) {
	if !o.Bind.IsValid() {
		o.Bind = netip.IPv4Unspecified()
	}
	if o.First == 0 {
		o.First = DefaultFirst
	}
	if o.Last == 0 {
		o.Last = max(DefaultLast, o.First)
	}
	if o.Quarantine == 0 {
		o.Quarantine = DefaultQuarantine
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.First < 1024 || o.First > 65534 || o.First%2 != 0:
		return nil, fmt.Errorf("open RTP ports: first port %d, want an even one from 1024 to 65534", o.First)
	case o.Last <= o.First || o.Last > 65535:
		return nil, fmt.Errorf("open RTP ports: last port %d, want one from %d to 65535", o.Last, o.First+1)
	case o.Quarantine < 0:
		return nil, fmt.Errorf("open RTP ports: quarantine of %v, want none that is negative", o.Quarantine)
	}
	p := &Ports{options: o, open: map[*Session]struct{}{}}
	p.batches.New = func() any { return new(batch) }
	for port := o.First; port < o.Last; port += 2 {
		p.free = append(p.free, uint16(port))
	}
	return p, nil
}

// Open takes a pair of ports for a call. The Session must be closed. It is ErrNoPorts if there is none.
func (p *Ports) Open(ctx context.Context) (*Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("open RTP port: %w", ErrClosed)
	}
	p.release(time.Now())
	for tries := len(p.free); tries > 0; tries-- {
		i := rand.IntN(tries) // those behind have been tried
		bound, err := p.bind(ctx, p.free[i])
		if errors.Is(err, syscall.EADDRINUSE) {
			p.free[i], p.free[tries-1] = p.free[tries-1], p.free[i]
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open RTP port: %w", err)
		}
		p.free[i] = p.free[len(p.free)-1]
		p.free = p.free[:len(p.free)-1]
		s := newSession(p, bound)
		p.open[s] = struct{}{}
		return s, nil
	}
	return nil, fmt.Errorf("open RTP port: %w: of %d-%d, calls have %d, %d are in quarantine, and other programs have %d",
		ErrNoPorts, p.options.First, p.options.Last, len(p.open), len(p.resting), len(p.free))
}

// bind binds both ports of a pair.
func (p *Ports) bind(ctx context.Context, port uint16) (both pair, err error) {
	both.port = port
	if both.rtp, err = listen(ctx, netip.AddrPortFrom(p.options.Bind, port)); err != nil {
		return both, err
	}
	if both.rtcp, err = listen(ctx, netip.AddrPortFrom(p.options.Bind, port+1)); err != nil {
		_ = both.rtp.close()
	}
	return both, err
}

// giveBack takes a session's pair into quarantine.
func (p *Ports) giveBack(s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ours := p.open[s]; !ours {
		return
	}
	delete(p.open, s)
	if p.closed || p.options.Quarantine == 0 {
		s.pair.close()
		p.free = append(p.free, s.pair.port)
		return
	}
	p.resting = append(p.resting, resting{s.pair, time.Now().Add(p.options.Quarantine)})
	if len(p.resting) == 1 {
		p.schedule()
	}
}

// schedule has the quarantine swept in a while. mu is held, here and in all that follows.
func (p *Ports) schedule() {
	in := min(sweepEvery, p.options.Quarantine)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(in, p.swept)
		return
	}
	p.sweep.Reset(in)
}

// swept is called by the timer.
func (p *Ports) swept() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release(time.Now())
	for _, r := range p.resting {
		p.drain(r.pair)
	}
	if len(p.resting) > 0 {
		p.schedule()
	}
}

// release frees the pairs whose quarantine is over.
func (p *Ports) release(now time.Time) {
	done := 0
	for done < len(p.resting) && !now.Before(p.resting[done].until) {
		p.drain(p.resting[done].pair)
		p.resting[done].pair.close()
		p.free = append(p.free, p.resting[done].pair.port)
		done++
	}
	p.resting = append(p.resting[:0], p.resting[done:]...)
}

// drain counts and throws away what has come to a pair, but not for ever: who sends faster than we read is not waited for.
func (p *Ports) drain(from pair) {
	b := p.batches.Get().(*batch)
	defer p.batches.Put(b)
	for _, s := range [...]socket{from.rtp, from.rtcp} {
		for range mostReads {
			if err := s.read(b); err != nil && !errors.Is(err, net.ErrClosed) {
				p.options.Log.Debug("a port in quarantine cannot be read", "port", from.port, "error", err)
			}
			p.stray.Add(int64(b.n))
			if b.n < batchSize {
				break
			}
		}
	}
}

// PortsStats is how many pairs of ports are where.
type PortsStats struct {
	Pairs, Open, Resting int   // in all, of calls, in quarantine
	Stray                int64 // packets that came to ports in quarantine, so far: those for which the kernel had room
}

// Stats is how things stand.
func (p *Ports) Stats() PortsStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PortsStats{
		Pairs: len(p.free) + len(p.open) + len(p.resting), Open: len(p.open), Resting: len(p.resting), Stray: p.stray.Load(),
	}
}

// Close closes all sessions that are open and ends the quarantine of the others.
func (p *Ports) Close() error {
	p.mu.Lock()
	p.closed = true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	for _, r := range p.resting {
		r.pair.close()
		p.free = append(p.free, r.pair.port)
	}
	p.resting = nil
	open := make([]*Session, 0, len(p.open))
	for s := range p.open {
		open = append(open, s)
	}
	p.mu.Unlock()
	for _, s := range open {
		_ = s.Close()
	}
	return nil
}
