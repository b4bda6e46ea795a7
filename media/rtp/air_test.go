package rtp

import (
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"parley/media/rtp/rtptest"
)

// An air is a network in memory, for bubbles: what is written to an address arrives there at its time.
type air struct {
	t     *testing.T
	mu    sync.Mutex
	wires map[netip.AddrPort]*wire
	ports *Ports
}

func newAir(t *testing.T) *air {
	return &air{t: t, wires: map[netip.AddrPort]*wire{}, ports: ports(t, PortsOptions{})}
}

// A wire is a socket of the air.
type wire struct {
	air   *air
	at    netip.AddrPort
	line  *rtptest.Line // what becomes of what it sends; nil: it arrives at once
	began time.Time
	inbox []flight
	shut  bool
	full  bool // the kernel takes nothing
	sent  []flight
}

// wrote is what was sent since the last call.
func (w *wire) wrote() []flight {
	w.air.mu.Lock()
	defer w.air.mu.Unlock()
	sent := w.sent
	w.sent = nil
	return sent
}

// send sends a packet of the test's own.
func (w *wire) send(p packet, to *Session) {
	b := append(make([]byte, headerSize), p.payload...)
	p.put(b)
	_ = w.write(b, to.Local())
}

type flight struct {
	from   netip.AddrPort // or where to, of what was sent
	packet []byte
	lands  time.Time
}

// session is one at an address of the air, whose packets meet with an impairment.
func (a *air) session(at string, how rtptest.Impairment) *Session {
	a.t.Helper()
	address := netip.MustParseAddrPort(at)
	rtp := a.wire(address, how)
	s := newSession(a.ports, pair{port: address.Port(), rtp: rtp, rtcp: a.wire(netip.AddrPortFrom(address.Addr(), address.Port()+1), how)})
	a.t.Cleanup(func() { _ = s.Close() })
	return s
}

func (a *air) wire(at netip.AddrPort, how rtptest.Impairment) *wire {
	a.t.Helper()
	line, err := rtptest.NewLine(how)
	if err != nil {
		a.t.Fatal(err)
	}
	w := &wire{air: a, at: at, line: line, began: time.Now()}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wires[at] = w
	return w
}

func (w *wire) read(b *batch) error {
	w.air.mu.Lock()
	defer w.air.mu.Unlock()
	b.n = 0
	if w.shut {
		return net.ErrClosed
	}
	for b.n < batchSize && len(w.inbox) > 0 && !w.inbox[0].lands.After(time.Now()) {
		f := w.inbox[0]
		w.inbox = w.inbox[1:]
		b.sizes[b.n], b.from[b.n], b.when[b.n] = copy(b.bytes[b.n][:], f.packet), f.from, f.lands.UnixNano()
		b.n++
	}
	return nil
}

func (w *wire) write(packet []byte, to netip.AddrPort) error {
	w.air.mu.Lock()
	defer w.air.mu.Unlock()
	if w.full {
		return errFull
	}
	now := time.Now()
	w.sent = append(w.sent, flight{to, slices.Clone(packet), now})
	far := w.air.wires[to]
	if far == nil {
		return nil
	}
	for _, later := range w.line.Fate(now.Sub(w.began)) {
		f := flight{w.at, slices.Clone(packet), now.Add(later)}
		i, _ := slices.BinarySearchFunc(far.inbox, f, func(a, b flight) int {
			if a.lands.After(b.lands) {
				return 1
			}
			return -1 // of those that land together the first sent is first
		})
		far.inbox = slices.Insert(far.inbox, i, f)
	}
	return nil
}

func (w *wire) local() netip.AddrPort { return w.at }

func (w *wire) close() error {
	w.air.mu.Lock()
	defer w.air.mu.Unlock()
	w.shut = true
	return nil
}
