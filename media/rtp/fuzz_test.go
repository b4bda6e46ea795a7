package rtp

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	pion "github.com/pion/rtp"

	"github.com/pion/rtcp"

	"parley/media"
	"parley/media/rtp/rtptest"
)

// seeds are packets that are in order, and some that are not.
func seeds() [][]byte {
	plain := make([]byte, headerSize+4)
	(&packet{kind: 0, seq: 1, time: 160, ssrc: 7}).put(plain)
	event := make([]byte, headerSize+4)
	(&packet{kind: 101, seq: 2, time: 320, ssrc: 7, marker: true}).put(event)
	padded, extended, sourced := bytes.Clone(plain), append(bytes.Clone(plain), 0, 0, 0, 1, 1, 2, 3, 4), bytes.Clone(plain)
	padded[0] |= 0x20
	padded[len(padded)-1] = 4
	extended[0] |= 0x10
	sourced[0] |= 1
	return [][]byte{plain, event, padded, extended, sourced, plain[:11], {0x80}, nil}
}

// FuzzPacket: what is RTP to us is RTP to another implementation, with the same meaning.
func FuzzPacket(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := parse(b)
		if !ok {
			return
		}
		var want pion.Header
		n, err := want.Unmarshal(b)
		if err != nil {
			return // it reads extensions, which we pass over
		}
		if got.marker != want.Marker || got.kind != want.PayloadType || got.seq != want.SequenceNumber || got.time != want.Timestamp || got.ssrc != want.SSRC {
			t.Errorf("%+v, want %+v", got, want)
		}
		if !bytes.HasPrefix(b[n:], got.payload) {
			t.Errorf("the payload of %x is %x, want the beginning of %x", b, got.payload, b[n:])
		}
	})
}

// FuzzSession: whatever comes from the far end, a session goes on, and gives whole frames and true keys.
func FuzzSession(f *testing.F) {
	for _, b := range seeds() {
		f.Add(b, byte(0))
		f.Add(b, byte(1))
	}
	report, err := rtcp.Marshal([]rtcp.Packet{&rtcp.SenderReport{SSRC: 7, NTPTime: 1 << 40, Reports: []rtcp.ReceptionReport{{SSRC: 9, LastSenderReport: 5}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(report, byte(2))
	p := ports(f, PortsOptions{})
	a := &air{wires: map[netip.AddrPort]*wire{}, ports: p}
	f.Fuzz(func(t *testing.T, b []byte, how byte) {
		a.t = t
		s := a.session("192.0.2.1:4000", rtptest.Impairment{})
		defer s.Close()
		remote := netip.MustParseAddrPort("192.0.2.2:4000")
		c := Config{Remote: remote, Codec: Codec{Name: "PCMU"}, Events: 101, Comfort: 13, Mux: how&2 != 0, Symmetric: how&4 != 0}
		if how&1 != 0 {
			c.Codec = Codec{Name: "G722", PT: 9}
		}
		configure(t, s, c)
		if len(b) > maxPacket {
			b = b[:maxPacket]
		}
		s.ear.mu.Lock()
		defer s.ear.mu.Unlock()
		now := time.Duration(0)
		for range 5 {
			s.heard(b, remote, now)
			s.controlled(b, netip.AddrPortFrom(remote.Addr(), remote.Port()+1), now)
			s.ear.frame(now)
			now += media.FrameTime
			if len(b) > 4 {
				b[3]++ // the next packet
			}
		}
		if s.ear.err != nil {
			t.Error(s.ear.err)
		}
		for ; s.ear.from < s.ear.to; s.ear.from++ {
			if digit := s.ear.news[s.ear.from%news].Digit; digit == 0 {
				t.Errorf("news of %+v", s.ear.news[s.ear.from%news])
			}
		}
	})
}

// FuzzControl: whatever reports say of our packets, what we tell of the call's quality is possible.
func FuzzControl(f *testing.F) {
	const ours, theirs = 9, 7
	told := []rtcp.ReceptionReport{{SSRC: ours, FractionLost: 25, TotalLost: 1<<24 - 1, Jitter: 80, LastSenderReport: 5, Delay: 65536}}
	for _, packets := range [][]rtcp.Packet{
		{&rtcp.SenderReport{SSRC: theirs, NTPTime: 1 << 40, RTPTime: 160, PacketCount: 1, OctetCount: 160, Reports: told}, rtcp.NewCNAMESourceDescription(theirs, "a@192.0.2.2")},
		{&rtcp.ReceiverReport{SSRC: theirs, Reports: append(told, told...)}},
		{&rtcp.ReceiverReport{SSRC: theirs}, &rtcp.Goodbye{Sources: []uint32{theirs}, Reason: "over"}},
		{&rtcp.ApplicationDefined{SSRC: theirs, Name: "test", Data: []byte{1, 2, 3, 4}}, &rtcp.PictureLossIndication{SenderSSRC: theirs, MediaSSRC: ours}},
	} {
		b, err := rtcp.Marshal(packets)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	a := &air{wires: map[netip.AddrPort]*wire{}, ports: ports(f, PortsOptions{})}
	f.Fuzz(func(t *testing.T, b []byte) {
		a.t = t
		s := a.session("192.0.2.1:4000", rtptest.Impairment{})
		defer s.Close()
		c := Config{Remote: netip.MustParseAddrPort("192.0.2.2:4000"), Codec: Codec{Name: "PCMU"}}
		configure(t, s, c)
		sound := make([]byte, headerSize+160)
		(&packet{seq: 1, ssrc: theirs}).put(sound)
		s.ear.mu.Lock()
		s.report.ssrc = ours
		s.heard(sound, c.Remote, 0)
		for i := range time.Duration(3) {
			s.controlled(b[:min(len(b), maxPacket)], netip.MustParseAddrPort("192.0.2.2:4001"), i*media.FrameTime)
		}
		s.ear.mu.Unlock()
		q := s.Quality()
		if q.Received != 1 || q.FarLost < 0 || q.FarLost >= 1<<23 || q.FarLoss < 0 || q.FarLoss > 1 || q.FarJitter < 0 || q.Trip < 0 || q.Trip > time.Minute || q.MOS < 1 || q.MOS > 4.5 {
			t.Errorf("%x makes %+v", b, q)
		}
	})
}
