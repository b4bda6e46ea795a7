package floor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// RTPSockets is the baseline of RTP legs: a socket and a goroutine for each, a system call for each packet. All else is as with RTP, the
// wheel too, so that nothing but the sockets differs.
type RTPSockets struct {
	Stats Stats
}

// Serve answers a call on each of conns until ctx ends.
func (r *RTPSockets) Serve(ctx context.Context, conns []*net.UDPConn) error {
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer all.Wait()
	defer cancel()
	shut := func() {
		for _, conn := range conns {
			_ = conn.Close() // nothing waits to be written
		}
	}
	defer shut()
	defer context.AfterFunc(ctx, shut)()
	turn := &rounds{start: time.Now(), send: r.send, left: func(p *peer) { p.heard.Store(gone) }}
	all.Go(func() { turn.run(ctx) })
	table, voice := squares(), speech()
	failed := make([]error, len(conns))
	var readers sync.WaitGroup
	for i, conn := range conns {
		readers.Go(func() { failed[i] = r.read(ctx, conn, turn, &table, voice) })
	}
	readers.Wait()
	return errors.Join(failed...)
}

// gone is when a peer was heard that is not in a call.
const gone = -1

// read reads a socket until ctx ends.
func (r *RTPSockets) read(ctx context.Context, conn *net.UDPConn, turn *rounds, table *[256]int64, voice []byte) error {
	var buf [1500]byte
	p := newPeer(voice)
	p.conn = conn
	p.heard.Store(gone)
	for ctx.Err() == nil {
		n, from, err := conn.ReadFromUDPAddrPort(buf[:])
		if errors.Is(err, net.ErrClosed) && ctx.Err() == nil {
			return fmt.Errorf("read packet: %w", err)
		}
		if err != nil {
			continue // closed at last, or a peer's port unreachable has come back
		}
		law := rtpPayload(buf[:n])
		if law == nil {
			r.Stats.Bad.Add(1)
			continue
		}
		r.Stats.heard(energy(table, law))
		if p.heard.Load() == gone {
			p.address = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
			p.heard.Store(turn.now())
			r.Stats.Calls.Add(1)
			turn.join(p)
			continue
		}
		p.heard.Store(turn.now())
	}
	return nil
}

// send sends the next packet of each. What a socket has no room for is lost, as on any network.
func (r *RTPSockets) send(due []*peer) {
	for _, p := range due {
		if _, err := p.conn.WriteToUDPAddrPort(p.next(), p.address); err == nil {
			r.Stats.Out.Add(1)
		}
	}
}
