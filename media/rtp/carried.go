package rtp

import (
	"net/netip"
)

// Carry makes a Session that has no ports of its own: another transport, such as ICE's, brings its packets to Deliver and takes ours from write,
// RTP and RTCP alike (RFC 5761), each lent for the call. Write must not wait; a packet that it refuses is lost. It is configured as any other,
// but Remote, Control, Mux and Symmetric are the transport's business, and not looked at. It must be closed.
//
//	transport ─▶ Deliver ─▶ SRTP ─▶ jitter.Buffer ─▶ Receive ─▶ the leg
//	transport ◀─ write ◀─── SRTP ◀─ coder ◀───────── Send ◀──── the leg
func Carry(write func(packet []byte) error) *Session {
	c := &carrier{out: write}
	return newSession(nil, pair{rtp: c, rtcp: c})
}

// elsewhere stands for an address that is the transport's business. It is nobody's (RFC 6890, section 2.2.2).
var elsewhere = netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 0, 8}), 9)

// A carrier is a transport in the place of a socket.
type carrier struct{ out func([]byte) error }

func (*carrier) read(b *batch) error                           { b.n = 0; return nil } // what comes is delivered
func (c *carrier) write(packet []byte, _ netip.AddrPort) error { return c.out(packet) }
func (*carrier) local() netip.AddrPort                         { return elsewhere }
func (*carrier) close() error                                  { return nil }

// carried says whether the session is a transport's.
func (s *Session) carried() bool {
	_, ok := s.pair.rtp.(*carrier)
	return ok
}

// Deliver takes a packet that the transport has brought just now; its bytes are changed. After Close it does nothing. It may be called by any
// goroutine, and does not allocate.
func (s *Session) Deliver(packet []byte) {
	e := &s.ear
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed && len(packet) <= maxPacket {
		s.heard(packet, elsewhere, s.now())
	}
}

// SSRC names what we send (RFC 3550, section 3), for signalling to tell (RFC 5576).
func (s *Session) SSRC() uint32 { return s.mouth.ssrc }
