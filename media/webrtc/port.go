package webrtc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/pion/ice/v4"
	"github.com/pion/transport/v4/deadline"
)

const (
	kernelBuffer = 4 << 20 // bytes that the kernel keeps each way of a socket that all calls share
	mostQueued   = 128     // datagrams that wait for a call: 2 s of sound
)

// A port is the one UDP port of all calls, at each address of the machine, so that an answer leaves from where it was asked. It is an
// ice.UDPMux: a check (STUN) belongs to the call whose ufrag it names, all else to the one that has written to its source last. So one browser
// may check two ways for a call from the same address, the old and that of an ICE restart, which pion's own does not let it.
type port struct {
	sockets []*net.UDPConn
	reading sync.WaitGroup
	pool    sync.Pool // of *datagram

	mu     sync.RWMutex
	ufrags map[string]*guest
	from   map[netip.AddrPort]*guest
}

var _ ice.UDPMux = (*port)(nil)

type datagram struct {
	n    int
	from netip.AddrPort
	b    [maxDatagram]byte
}

// openPort binds a port at one address, or at all that the machine has now.
func openPort(ctx context.Context, at string) (*port, error) {
	addr, err := net.ResolveUDPAddr("udp", at)
	if err != nil {
		return nil, err
	}
	for tries := 1; ; tries++ {
		p, err := bindPort(ctx, addr)
		if err == nil || addr.Port != 0 || tries == 10 {
			return p, err
		} // a port that is free at one address may be taken at the next
	}
}

func bindPort(ctx context.Context, addr *net.UDPAddr) (_ *port, err error) {
	all := []netip.Addr{addr.AddrPort().Addr().Unmap()}
	if addr.IP == nil || addr.IP.IsUnspecified() {
		if all, err = addresses(); err != nil {
			return nil, err
		}
	}
	p := &port{ufrags: make(map[string]*guest), from: make(map[netip.AddrPort]*guest)}
	p.pool.New = func() any { return new(datagram) }
	number := uint16(addr.Port) //nolint:gosec // a port
	for _, a := range all {
		conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", netip.AddrPortFrom(a, number).String())
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		udp, ok := conn.(*net.UDPConn)
		if !ok {
			return nil, errors.Join(fmt.Errorf("%v is no UDP", a), conn.Close(), p.Close())
		}
		_, _ = udp.SetReadBuffer(kernelBuffer), udp.SetWriteBuffer(kernelBuffer) // an optimisation
		p.sockets = append(p.sockets, udp)
		number = localOf(udp).Port() // the same for all
	}
	for i := range p.sockets {
		p.reading.Go(func() { p.read(i) })
	}
	return p, nil
}

// addresses are those of the machine, loopback included, that have a meaning without an interface.
func addresses() (all []netip.Addr, err error) {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, f := range found {
		if p, err := netip.ParsePrefix(f.String()); err == nil && !p.Addr().IsLinkLocalUnicast() {
			all = append(all, p.Addr().Unmap())
		}
	}
	if len(all) == 0 {
		return nil, errors.New("list addresses: the machine has none")
	}
	return all, nil
}

func localOf(s *net.UDPConn) netip.AddrPort {
	at, _ := netip.ParseAddrPort(s.LocalAddr().String())
	return at
}

// read gives what comes to the ith socket to whom it is for. What is nobody's is dropped, and never answered.
func (p *port) read(i int) {
	d, _ := p.pool.Get().(*datagram)
	for {
		n, from, err := p.sockets[i].ReadFromUDPAddrPort(d.b[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n == 0 {
			continue // an ICMP error of somebody's: the next may be well
		}
		d.n, d.from = n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		p.mu.RLock()
		g := p.from[d.from]
		if name, check := checked(d.b[:n]); check {
			g = p.ufrags[string(name)]
		}
		var to *seat
		if g != nil {
			to = g.seats[i]
		}
		p.mu.RUnlock()
		if to == nil {
			continue
		}
		select {
		case to.queue <- d:
			d, _ = p.pool.Get().(*datagram)
		default: // lost, as on any network
		}
	}
}

// checked is the ufrag of ours that a STUN binding request names (RFC 8489, sections 5 and 14; RFC 8445, section 7.2.2); false: it is none.
func checked(b []byte) (ufrag []byte, ok bool) {
	const header, binding, cookie, username = 20, 1, 0x2112A442, 6
	if len(b) < header || binary.BigEndian.Uint16(b) != binding || binary.BigEndian.Uint32(b[4:]) != cookie {
		return nil, false
	}
	attributes := b[header:]
	if told := int(binary.BigEndian.Uint16(b[2:])); told < len(attributes) {
		attributes = attributes[:told]
	}
	for rest := attributes; len(rest) >= 4; {
		kind, size := binary.BigEndian.Uint16(rest), int(binary.BigEndian.Uint16(rest[2:]))
		if rest = rest[4:]; size > len(rest) {
			break
		}
		if kind == username {
			if i := slices.Index(rest[:size], ':'); i >= 0 {
				return rest[:i], true
			}
			break
		}
		rest = rest[min(len(rest), (size+3)&^3):]
	}
	return nil, true
}

// GetConn implements [ice.UDPMux]: it is the way of the call that has the ufrag, at one of the addresses.
func (p *port) GetConn(ufrag string, at net.Addr) (net.PacketConn, error) {
	want, err := netip.ParseAddrPort(at.String())
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(p.sockets, func(s *net.UDPConn) bool { return localOf(s) == want })
	if i < 0 {
		return nil, fmt.Errorf("%v is no address of ours", at)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.ufrags[ufrag]
	if g == nil {
		g = &guest{seats: make([]*seat, len(p.sockets))}
		p.ufrags[ufrag] = g
	}
	if g.seats[i] == nil {
		g.seats[i] = &seat{
			port: p, guest: g, socket: p.sockets[i], queue: make(chan *datagram, mostQueued), late: deadline.New(), closed: make(chan struct{}),
		}
	}
	return g.seats[i], nil
}

// RemoveConnByUfrag implements [ice.UDPMux].
func (p *port) RemoveConnByUfrag(ufrag string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	g := p.ufrags[ufrag]
	if g == nil {
		return
	}
	delete(p.ufrags, ufrag)
	for _, from := range g.from {
		if p.from[from] == g {
			delete(p.from, from)
		}
	}
}

// GetListenAddresses implements [ice.UDPMux].
func (p *port) GetListenAddresses() (all []net.Addr) {
	for _, s := range p.sockets {
		all = append(all, s.LocalAddr())
	}
	return all
}

// Close implements [ice.UDPMux].
func (p *port) Close() error {
	var errs []error
	for _, s := range p.sockets {
		errs = append(errs, s.Close())
	}
	p.reading.Wait()
	return errors.Join(errs...)
}

// claim makes what comes from an address a guest's.
func (p *port) claim(g *guest, from netip.AddrPort) {
	p.mu.RLock()
	has := p.from[from] == g
	p.mu.RUnlock()
	if has {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.from[from] = g
	if !slices.Contains(g.from, from) {
		g.from = append(g.from, from)
	}
}

// A guest is one ICE agent of a call's. The port's lock guards it.
type guest struct {
	seats []*seat          // by socket; nil: it has none there
	from  []netip.AddrPort // that were claimed, at some time
}

// A seat is a guest at one address of the port.
type seat struct {
	port   *port
	guest  *guest
	socket *net.UDPConn
	queue  chan *datagram
	late   *deadline.Deadline
	closed chan struct{}
	once   sync.Once
}

var (
	_ net.PacketConn           = (*seat)(nil)
	_ ice.AddrPortReaderWriter = (*seat)(nil)
)

// ReadFromAddrPort implements [ice.AddrPortReaderWriter].
func (s *seat) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case d := <-s.queue:
		defer s.port.pool.Put(d)
		return copy(b, d.b[:d.n]), d.from, nil
	case <-s.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	case <-s.late.Done():
		return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
	}
}

// WriteToAddrPort implements [ice.AddrPortReaderWriter]. Nothing is written before the browser has proved by a check who it is, so nobody's
// address is claimed by saying so.
func (s *seat) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	s.port.claim(s.guest, netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
	return s.socket.WriteToUDPAddrPort(b, to)
}

func (s *seat) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.ReadFromAddrPort(b)
	return n, net.UDPAddrFromAddrPort(from), err
}

func (s *seat) WriteTo(b []byte, to net.Addr) (int, error) {
	at, err := netip.ParseAddrPort(to.String())
	if err != nil {
		return 0, err
	}
	return s.WriteToAddrPort(b, at)
}

func (s *seat) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *seat) LocalAddr() net.Addr                { return s.socket.LocalAddr() }
func (s *seat) SetDeadline(t time.Time) error      { return s.SetReadDeadline(t) }
func (s *seat) SetReadDeadline(t time.Time) error  { s.late.Set(t); return nil }
func (s *seat) SetWriteDeadline(_ time.Time) error { return nil } // UDP does not wait
