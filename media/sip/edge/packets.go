package edge

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// Packets is a UDP socket behind an Edge. ReadFrom gives what passes, and answers the rest; WriteTo sends what is well formed. It is given to sipgo
// by Serve.
type Packets struct {
	net.PacketConn
	e      *Edge
	m      Message
	out    []byte
	seen   [1 << 14]uint64 // a Bloom filter of the sources of this round
	fresh  int             // sources that it did not have
	over   bool            // this round is
	closed atomic.Bool
}

// Packets puts an Edge before a UDP socket.
func (e *Edge) Packets(conn net.PacketConn) *Packets { return &Packets{PacketConn: conn, e: e} }

// round is how many sources one of sipgo's readers may see: it keeps each one's address in two maps until it ends.
const round = 1 << 15

// settle is how long the requests of a round that ends have to find the connection of their reader.
const settle = 50 * time.Millisecond

// Serve calls serve, which is sipgo's Server.ServeUDP, again and again until the socket is closed: each time enough addresses were seen, its reader is
// told that the socket is closed, and forgets them. It returns serve's error, nil after Close.
func (p *Packets) Serve(serve func(net.PacketConn) error) error {
	for {
		err := serve(p)
		if p.closed.Load() {
			return nil
		}
		if err != nil {
			return fmt.Errorf("serve sip over udp: %w", err)
		}
		if !p.over {
			return errors.New("serve sip over udp: the reader gave up")
		}
		clear(p.seen[:])
		p.fresh, p.over = 0, false
	}
}

// Close closes the socket.
func (p *Packets) Close() error {
	p.closed.Store(true)
	return p.PacketConn.Close()
}

// ReadFrom waits for a message that passes. It belongs to one goroutine.
func (p *Packets) ReadFrom(b []byte) (int, net.Addr, error) {
	if p.fresh >= round {
		time.Sleep(settle)
		p.over = true
		return 0, nil, net.ErrClosed
	}
	for {
		n, addr, err := p.PacketConn.ReadFrom(b)
		if err != nil {
			return n, addr, err
		}
		source := addrPort(addr)
		if n, ok := p.receive(b, n, source); ok {
			p.remember(source)
			return n, addr, nil
		}
	}
}

// receive deals with the datagram in b[:n], and says how long the message is that sipgo is to have in its place.
func (p *Packets) receive(b []byte, n int, source netip.AddrPort) (int, bool) {
	if len(bytes.Trim(b[:n], "\r\n\x00 ")) == 0 {
		return 0, false // somebody keeps his hole in a wall open
	}
	if !p.e.trusted(source.Addr()) {
		if _, ok := p.e.sources.Take(source.Addr(), time.Now()); !ok {
			p.e.note(limited, source, "rate of the source")
			return 0, false
		}
	}
	var fault error
	if n == len(b) {
		fault = lost("message", "is larger than a datagram may be")
		p.m = Message{}
	} else {
		n, fault = p.m.Parse(b[:n])
	}
	reply, pass := p.e.admit(&p.m, fault, source)
	if reply != nil {
		_, _ = p.PacketConn.WriteTo(reply, net.UDPAddrFromAddrPort(returns(&p.m, source))) // a datagram may be lost anyway
	}
	if !pass || !p.m.odd {
		return n, pass
	}
	p.out = p.m.appendCanonical(p.out[:0])
	return copy(b, p.out), len(p.out) < len(b)
}

// remember counts the sources that sipgo's reader has to keep in mind.
func (p *Packets) remember(source netip.AddrPort) {
	h := maphash.Comparable(p.e.seed, source)
	known := true
	for range 3 {
		bit := h % (uint64(len(p.seen)) * 64)
		if p.seen[bit/64]&(1<<(bit%64)) == 0 {
			known = false
			p.seen[bit/64] |= 1 << (bit % 64)
		}
		h = h>>21 | h<<43
	}
	if !known {
		p.fresh++
	}
}

// WriteTo sends a message of ours, if it is well formed.
func (p *Packets) WriteTo(b []byte, to net.Addr) (int, error) {
	sound, err := p.e.sound(b)
	if err != nil {
		return 0, err
	}
	if _, err := p.PacketConn.WriteTo(sound, to); err != nil {
		return 0, err
	}
	return len(b), nil
}
