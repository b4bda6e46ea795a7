package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pion/turn/v5"
)

// An exchange makes the lines of allocations.
type exchange struct{ relay *Relay }

var _ turn.RelayAddressGenerator = (*exchange)(nil)

// Validate implements [turn.RelayAddressGenerator].
func (*exchange) Validate() error { return nil }

// errOnlyUDP is what whoever wants to relay TCP is told (RFC 6062): calls have none.
var errOnlyUDP = errors.New("only UDP is relayed")

// AllocateListener implements [turn.RelayAddressGenerator].
func (*exchange) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errOnlyUDP
}

// AllocateConn implements [turn.RelayAddressGenerator].
func (*exchange) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errOnlyUDP }

// AllocatePacketConn implements [turn.RelayAddressGenerator]. Nobody can reach the address that it tells: all that comes is the port's.
func (e *exchange) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	four := c.Network == "udp4"
	var host netip.Addr
	back := make(map[netip.AddrPort]netip.AddrPort)
	for told, way := range e.relay.o.Ways {
		if told.Addr().Is4() != four {
			continue
		}
		back[way] = told
		if !host.IsValid() || host.IsLoopback() || told.Addr().Less(host) && !told.Addr().IsLoopback() {
			host = told.Addr()
		}
	}
	if !host.IsValid() {
		return nil, nil, fmt.Errorf("%s is nowhere relayed to", c.Network)
	}
	conn, err := net.ListenUDP(c.Network, nil)
	if err != nil {
		return nil, nil, err
	}
	at, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return &line{conn, e.relay, back}, net.UDPAddrFromAddrPort(netip.AddrPortFrom(host, at.Port())), nil
}

// A line is one allocation's way to the port, and to nobody else.
type line struct {
	*net.UDPConn
	relay *Relay
	back  map[netip.AddrPort]netip.AddrPort // what browsers call the port's addresses
}

// ReadFrom is the next datagram of the port; others are dropped.
func (l *line) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := l.ReadFromUDPAddrPort(b)
		if err != nil {
			return n, nil, err
		}
		if told, ok := l.back[netip.AddrPortFrom(from.Addr().Unmap(), from.Port())]; ok {
			return n, net.UDPAddrFromAddrPort(told), nil
		}
	}
}

// WriteTo sends to the port. What is for somebody else is dropped, as TURN drops what has no permission.
func (l *line) WriteTo(b []byte, to net.Addr) (int, error) {
	at, err := netip.ParseAddrPort(to.String())
	if err != nil {
		return 0, err
	}
	way, ok := l.relay.o.Ways[netip.AddrPortFrom(at.Addr().Unmap(), at.Port())]
	if !ok {
		l.relay.Stats.Denied.Add(1)
		return len(b), nil
	}
	return l.WriteToUDPAddrPort(b, way)
}
