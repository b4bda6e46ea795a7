package rtp

import (
	"net/netip"
	"time"
)

// pauseOfSource is how long a source must have been quiet before the far end may go on as another: of two that speak at a time the first is
// heard.
const pauseOfSource = 60 * time.Millisecond

// A door knows whom we hear. An address is agreed on by signalling; if that said that it need not be true, the door opens once to another,
// and from then on to that alone (RTP bleed: see docs of rtpengine's strict source, CVE-2017-14099, CVE-2025-53399).
type door struct {
	agreed netip.AddrPort // the address of Config
	open   netip.AddrPort // that is heard
	latch  bool           // another may become it

	fixed   uint32 // the SSRC of Config; 0: none
	ssrc    uint32 // that is heard
	known   bool   // there is one
	last    time.Duration
	next    uint32 // another SSRC that has spoken
	nextSeq uint16 // and the number that its next packet must have
}

// agree is told what signalling says. What was latched stays for as long as the agreed address does.
func (d *door) agree(remote netip.AddrPort, symmetric bool, ssrc uint32) {
	if remote != d.agreed {
		d.agreed, d.open, d.latch, d.known = remote, remote, symmetric, false
	}
	if ssrc != d.fixed {
		d.fixed, d.known = ssrc, false
	}
}

// may says whether a packet from an address is to be looked at.
func (d *door) may(from netip.AddrPort) bool { return from == d.open || d.latch }

// settle is told of a packet that is as agreed: nobody else is heard from now on.
func (d *door) settle(from netip.AddrPort) (moved bool) {
	if !d.latch {
		return false
	}
	moved = from != d.open
	d.open, d.latch = from, false
	return moved
}

// admit says whether a packet's source is the one that is heard; begun: as of now, and another was before.
func (d *door) admit(ssrc uint32, seq uint16, now time.Duration) (ok, begun bool) {
	switch {
	case d.fixed != 0 && ssrc != d.fixed:
		return false, false
	case !d.known:
		begun = d.ssrc != 0
		d.known, d.ssrc = true, ssrc
	case ssrc == d.ssrc:
	case now-d.last >= pauseOfSource && d.next == ssrc && d.nextSeq == seq: // RFC 3550, appendix A.1: two in a row prove it
		d.ssrc, begun = ssrc, true
	default:
		d.next, d.nextSeq = ssrc, seq+1
		return false, false
	}
	d.last = now
	return true, begun
}
