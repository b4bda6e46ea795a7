package rtp

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	fast "math/rand/v2"
	"net/netip"
	"time"

	"github.com/pion/rtcp"
)

// How often reports go and are looked for (RFC 3550, section 6.2).
const (
	reportEvery = 5 * time.Second
	firstReport = reportEvery / 2
	lookEvery   = 500 * time.Millisecond // the kernel notes when they come
	// reconsidered makes up for a bias of the random interval (section 6.3.1): e - 3/2.
	reconsidered = 1.21828
)

// ntpEpoch is 1970 by the clock of NTP, in seconds.
const ntpEpoch = 2_208_988_800

// A report is a session's RTCP: what it tells the far end, and what the far end tells. The ear's lock guards it.
type report struct {
	ssrc   uint32 // ours
	name   string // ours: means nothing, and is of this session alone (RFC 7022)
	agreed netip.AddrPort
	to     netip.AddrPort // the agreed address, or the one found in its stead; invalid: none
	latch  bool           // it may be found

	due    time.Duration // when we report next
	looked time.Duration // when the socket was drained last

	heard   uint32 // the middle of the time that the far end's last report has; 0: there was none
	heardAt time.Duration

	trip      time.Duration
	farLost   int64
	farLoss   float64
	farJitter time.Duration
	malformed int64
}

func (r *report) begin(ssrc uint32) {
	var name [12]byte
	_, _ = rand.Read(name[:]) // it never fails (crypto/rand)
	r.ssrc, r.name = ssrc, base64.RawURLEncoding.EncodeToString(name[:])
}

// agreeControl takes what is agreed.
func (s *Session) agreeControl(a agreement) {
	s.ear.mu.Lock()
	defer s.ear.mu.Unlock()
	r := &s.report
	if a.Control != r.agreed {
		r.agreed, r.to, r.latch = a.Control, a.Control, a.Symmetric
	}
	if r.due == 0 {
		r.due = s.now() + interval(firstReport)
	}
}

// move is told that the far end's RTP comes from elsewhere: its RTCP is looked for there.
func (r *report) move(from netip.AddrPort, mux bool) {
	if mux {
		r.to, r.latch = from, false
		return
	}
	r.to, r.latch = netip.AddrPort{}, true
	if from.Port() < 65535 {
		r.to = netip.AddrPortFrom(from.Addr(), from.Port()+1)
	}
}

// interval is how long to wait for the next report, so that not all ends report at once.
func interval(mean time.Duration) time.Duration {
	return time.Duration(float64(mean) * (0.5 + fast.Float64()) / reconsidered)
}

// control does what is due besides sound. The ear's lock is held, here and in all that follows.
func (s *Session) control(now time.Duration) error {
	r := &s.report
	if now-r.looked >= lookEvery {
		if err := s.drain(s.pair.rtcp, &r.looked, now, s.controlled); err != nil {
			return fmt.Errorf("read RTCP: %w", err)
		}
	}
	if err := s.mouth.keepOpen(now); err != nil {
		return fmt.Errorf("keep the way open: %w", err)
	}
	if now < r.due {
		return nil
	}
	r.due = now + interval(reportEvery)
	return s.tell(now)
}

// tell sends a report, and last what ends it.
func (s *Session) tell(now time.Duration, last ...rtcp.Packet) error {
	r := &s.report
	if !r.to.IsValid() || r.to.Addr().IsUnspecified() {
		return nil
	}
	stamp, sent := s.mouth.sent(now)
	var packets []rtcp.Packet
	if sent.packets > 0 {
		packets = append(packets, &rtcp.SenderReport{
			SSRC: r.ssrc, NTPTime: s.ntp(now), RTPTime: stamp, PacketCount: uint32(sent.packets), OctetCount: uint32(sent.octets), //nolint:gosec // both wrap
			Reports: s.reception(now),
		})
	} else {
		packets = append(packets, &rtcp.ReceiverReport{SSRC: r.ssrc, Reports: s.reception(now)})
	}
	packets = append(packets, rtcp.NewCNAMESourceDescription(r.ssrc, r.name))
	b, err := rtcp.Marshal(append(packets, last...))
	if err != nil {
		return fmt.Errorf("write a report: %w", err)
	}
	socket := s.pair.rtcp
	if s.ear.Mux {
		socket = s.pair.rtp
	}
	return s.mouth.control(b, socket, r.to)
}

// reception is what we tell of the source that is heard.
func (s *Session) reception(now time.Duration) []rtcp.ReceptionReport {
	e, r := &s.ear, &s.report
	if !e.door.known {
		return nil
	}
	share, all := e.reception.lost()
	told := rtcp.ReceptionReport{
		SSRC: e.door.ssrc, FractionLost: share, TotalLost: uint32(max(0, min(all, 1<<23-1))), //nolint:gosec // bounded
		LastSequenceNumber: e.reception.last - 1<<16, Jitter: uint32(e.reception.jitter), LastSenderReport: r.heard,
	}
	if r.heard != 0 {
		told.Delay = uint32((now - r.heardAt) * 65536 / time.Second) //nolint:gosec // hours fit
	}
	return []rtcp.ReceptionReport{told}
}

// controlled takes a packet that came to the RTCP port, or RTCP that came to the other.
func (s *Session) controlled(b []byte, from netip.AddrPort, at time.Duration) {
	e, r := &s.ear, &s.report
	found := false
	switch {
	case e.coding == nil:
		e.counts.foreign++
		return
	case e.Mux && from == e.door.open, !e.Mux && from == r.to:
	case !e.Mux && r.latch && !e.door.latch && from.Addr() == e.door.open.Addr(): // whose RTP we hear
		found = true
	default:
		e.counts.foreign++
		return
	}
	if e.association != nil && isRecord(b) {
		s.record(e.association, e.association.rtcp, b, from, at)
		return
	}
	if e.association != nil && e.openerControl == nil {
		e.counts.unopened++
		return
	}
	if e.openerControl != nil {
		opened, err := e.openerControl.openControl(b)
		if err != nil {
			e.counts.unopened++
			return
		}
		b = opened
	}
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		r.malformed++
		return
	}
	if found {
		r.to, r.latch = from, false
	}
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.SenderReport:
			if e.door.known && p.SSRC == e.door.ssrc {
				r.heard, r.heardAt = uint32(p.NTPTime>>16), at //nolint:gosec // the middle 32 bits
			}
			s.reported(p.Reports, at)
		case *rtcp.ReceiverReport:
			s.reported(p.Reports, at)
		}
	}
}

// reported takes what the far end tells of our packets.
func (s *Session) reported(reports []rtcp.ReceptionReport, at time.Duration) {
	r := &s.report
	for _, told := range reports {
		if told.SSRC != r.ssrc {
			continue
		}
		// 24 bits with a sign: less than nothing is lost of what comes twice (section 6.4.1).
		r.farLost, r.farLoss = int64(max(0, int32(told.TotalLost<<8)>>8)), float64(told.FractionLost)/256 //nolint:gosec // the sign is meant
		r.farJitter = time.Duration(told.Jitter) * time.Second / time.Duration(s.ear.coding.clock)
		if told.LastSenderReport == 0 {
			continue
		}
		// Section 6.4.1: what has passed since our report, less what the far end has waited.
		trip := int32(uint32(s.ntp(at)>>16) - told.LastSenderReport - told.Delay) //nolint:gosec // it wraps
		if trip >= 0 && trip < 60*65536 {
			r.trip = time.Duration(trip) * time.Second / 65536
		}
	}
}

// goodbye tells the far end's RTCP that we leave. It may be gone.
func (s *Session) goodbye() {
	if s.ear.coding != nil {
		_ = s.tell(s.now(), &rtcp.Goodbye{Sources: []uint32{s.report.ssrc}})
	}
}

// ntp is a time of the session's clock by NTP's: seconds, and their fraction in 32 bits.
func (s *Session) ntp(at time.Duration) uint64 {
	t := s.began.Add(at)
	return uint64(t.Unix()+ntpEpoch)<<32 | uint64(t.Nanosecond())<<32/1e9 //nolint:gosec // until 2036
}

// control seals and sends RTCP.
func (m *mouth) control(packet []byte, from socket, to netip.AddrPort) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if m.association != nil && m.sealerControl == nil {
		return nil // there are no keys yet
	}
	if m.sealerControl != nil {
		var err error
		if packet, err = m.sealerControl.sealControl(packet); err != nil {
			return fmt.Errorf("secure a report: %w", err)
		}
	}
	if err := from.write(packet, to); errors.Is(err, ErrClosed) {
		return err
	}
	return nil // lost, like any packet
}

// bare sends what is secured already.
func (m *mouth) bare(packet []byte, from socket, to netip.AddrPort) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	return from.write(packet, to)
}
