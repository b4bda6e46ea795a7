package floor

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// rtpHeader is the length of an RTP header without extras (RFC 3550, section 5.1).
const rtpHeader = 12

// rtpPayload is the sound of a packet of PCMU (RFC 3551, section 6: payload type 0); nil: it is something else.
func rtpPayload(b []byte) []byte {
	if len(b) <= rtpHeader || b[0]>>6 != 2 || b[1]&0x7F != 0 {
		return nil
	}
	head, end := rtpHeader+4*int(b[0]&0x0F), len(b)
	if b[0]&0x10 != 0 { // an extension, in words of 32 bits
		if head+4 > end {
			return nil
		}
		head += 4 + 4*int(binary.BigEndian.Uint16(b[head+2:]))
	}
	if b[0]&0x20 != 0 { // padding, whose last byte is its length
		end -= int(b[end-1])
	}
	if head >= end {
		return nil
	}
	return b[head:end]
}

// A peer is the other side of an RTP call.
type peer struct {
	to      net.Addr       // of one socket's
	address netip.AddrPort // the same
	conn    *net.UDPConn   // the peer's own socket, where each has one
	heard   atomic.Int64   // when it last sent, in ms of rounds
	packet  [rtpHeader + frameBytes]byte
	voice   []byte
	at      int // of voice
}

// newPeer makes one that is told voice, over and over.
func newPeer(voice []byte) *peer {
	p := &peer{voice: voice}
	p.packet[0] = 2 << 6
	binary.BigEndian.PutUint32(p.packet[8:], rand.Uint32()) // SSRC
	return p
}

// next is the next packet: 20 ms of speech. It is lent until next is called again.
func (p *peer) next() []byte {
	b := p.packet[:]
	binary.BigEndian.PutUint16(b[2:], binary.BigEndian.Uint16(b[2:])+1)
	binary.BigEndian.PutUint32(b[4:], binary.BigEndian.Uint32(b[4:])+frameBytes)
	copy(b[rtpHeader:], p.voice[p.at:p.at+frameBytes])
	p.at = (p.at + frameBytes) % len(p.voice)
	return b
}

// rtpSilence ends a call, in ms.
const rtpSilence = 5000

// rounds is a wheel of 20 slots, a millisecond each: every peer is sent to once in a round. The slots are touched by run alone.
type rounds struct {
	start time.Time
	send  func(due []*peer)
	left  func(*peer) // told of each that was silent for too long

	slots [slots][]*peer
	count int

	mu      sync.Mutex
	joining []*peer
	taken   []*peer
}

// now is the time in ms since start.
func (r *rounds) now() int64 { return int64(time.Since(r.start) / time.Millisecond) }

// join has a peer sent to; any goroutine may.
func (r *rounds) join(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joining = append(r.joining, p)
}

// run sends until ctx ends, on deadlines counted from the start: what is late is made up for at once.
func (r *rounds) run(ctx context.Context) {
	for tick := int64(0); ctx.Err() == nil; {
		for now := r.now(); tick <= now; tick++ {
			r.beat(tick)
		}
		time.Sleep(time.Until(r.start.Add(time.Duration(tick) * time.Millisecond)))
	}
}

// beat sends to those of one slot.
func (r *rounds) beat(tick int64) {
	r.mu.Lock()
	r.joining, r.taken = r.taken[:0], r.joining
	r.mu.Unlock()
	for _, p := range r.taken {
		r.slots[r.count%slots] = append(r.slots[r.count%slots], p)
		r.count++
	}
	due := r.slots[tick%slots]
	for i := 0; i < len(due); {
		if p := due[i]; tick-p.heard.Load() > rtpSilence {
			due[i] = due[len(due)-1]
			due[len(due)-1] = nil
			due = due[:len(due)-1]
			r.left(p)
			continue
		}
		i++
	}
	r.slots[tick%slots] = due
	if len(due) > 0 {
		r.send(due)
	}
}
