//go:build !linux

package rtp

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"
)

// rawBatch: packets are read one by one here.
type rawBatch struct{}

// udp is a socket of a system that Parley is developed on, but not run on: it is correct, and slow.
type udp struct {
	conn *net.UDPConn
	at   netip.AddrPort
}

var _ socket = (*udp)(nil)

// listen binds a port.
func listen(ctx context.Context, at netip.AddrPort) (socket, error) {
	var options net.ListenConfig
	conn, err := options.ListenPacket(ctx, "udp", at.String())
	if err != nil {
		return nil, err
	}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	return &udp{conn: conn.(*net.UDPConn), at: netip.AddrPortFrom(at.Addr(), local.Port())}, nil
}

func (u *udp) local() netip.AddrPort { return u.at }

func (u *udp) close() error { return u.conn.Close() }

func (u *udp) read(b *batch) error {
	b.n = 0
	if err := u.conn.SetReadDeadline(time.Now().Add(100 * time.Microsecond)); err != nil { // at once would not even look
		return err
	}
	for ; b.n < batchSize; b.n++ {
		n, from, err := u.conn.ReadFromUDPAddrPort(b.bytes[b.n][:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		} else if err != nil {
			return err
		}
		b.sizes[b.n], b.when[b.n] = n, 0
		b.from[b.n] = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	}
	return nil
}

func (u *udp) write(packet []byte, to netip.AddrPort) error {
	_, err := u.conn.WriteToUDPAddrPort(packet, to)
	return err
}
