package floor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
)

// RTP is the floor of RTP legs: one socket for all calls, read and written in batches (recvmmsg, sendmmsg by way of x/net).
//
// There is no signalling: the first packet from an address begins a call, and five seconds without one end it. Meanwhile that address gets
// 20 ms of speech every 20 ms. The package x/net/ipv4 allocates an address for every packet that it reads; nothing else is allocated.
type RTP struct {
	Stats Stats
}

// batch is how many packets are read at once.
const batch = 64

// Serve answers calls on conn until ctx ends.
func (r *RTP) Serve(ctx context.Context, conn *net.UDPConn) error {
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer all.Wait()
	defer cancel()
	shut := func() { _ = conn.Close() } // nothing waits to be written
	defer shut()
	defer context.AfterFunc(ctx, shut)()
	socket := ipv4.NewPacketConn(conn)
	w := &writer{socket: socket, stats: &r.Stats}
	switchboard := &exchange{peers: map[netip.AddrPort]*peer{}, voice: speech()}
	turn := &rounds{start: time.Now(), send: w.send, left: switchboard.forget}
	all.Go(func() { turn.run(ctx) })

	table := squares()
	packets := make([]ipv4.Message, batch)
	for i := range packets {
		packets[i].Buffers = [][]byte{make([]byte, 1500)}
	}
	for ctx.Err() == nil {
		n, err := socket.ReadBatch(packets, 0)
		if errors.Is(err, net.ErrClosed) && ctx.Err() == nil {
			return fmt.Errorf("read packets: %w", err)
		}
		if err != nil {
			continue // closed at last, or a peer's port unreachable has come back
		}
		now := turn.now()
		for _, p := range packets[:n] {
			law := rtpPayload(p.Buffers[0][:p.N])
			if law == nil {
				r.Stats.Bad.Add(1)
				continue
			}
			r.Stats.heard(energy(&table, law))
			if c, begun := switchboard.heard(p.Addr, now); begun {
				r.Stats.Calls.Add(1)
				turn.join(c)
			}
		}
	}
	return nil
}

// An exchange knows the calls of one socket by their addresses.
type exchange struct {
	voice []byte // that all hear

	mu    sync.Mutex
	peers map[netip.AddrPort]*peer
}

// heard finds who sent a packet; begun says that it is the first.
func (e *exchange) heard(from net.Addr, now int64) (p *peer, begun bool) {
	address := from.(*net.UDPAddr).AddrPort() // a UDPConn has no others
	e.mu.Lock()
	defer e.mu.Unlock()
	if p = e.peers[address]; p == nil {
		begun, p = true, newPeer(e.voice)
		p.to, p.address = from, address
		e.peers[address] = p
	}
	p.heard.Store(now)
	return p, begun
}

func (e *exchange) forget(p *peer) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.peers, p.address)
}

// A writer sends a slot's packets through one socket.
type writer struct {
	socket   *ipv4.PacketConn
	stats    *Stats
	messages []ipv4.Message
}

// send sends the next packet of each. What the socket has no room for is lost, as on any network.
func (w *writer) send(due []*peer) {
	for len(w.messages) < len(due) {
		w.messages = append(w.messages, ipv4.Message{Buffers: make([][]byte, 1)})
	}
	for i, p := range due {
		w.messages[i].Buffers[0], w.messages[i].Addr = p.next(), p.to
	}
	for rest := w.messages[:len(due)]; len(rest) > 0; {
		n, err := w.socket.WriteBatch(rest, 0)
		if err != nil {
			n = max(n, 1) // the first could not be sent
		} else {
			w.stats.Out.Add(int64(n))
		}
		rest = rest[n:]
	}
}
