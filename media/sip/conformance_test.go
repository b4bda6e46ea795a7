package sip

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	pion "github.com/pion/rtp"

	"parley/media"
	"parley/media/g711"
	"parley/media/legtest"
	"parley/media/rtp"
)

// TestConformance holds a Leg to the contract of media.Leg, with a call over real sockets.
func TestConformance(t *testing.T) {
	legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
		a := newAgent(t, func(o *Options) { o.Jitter = rtp.Jitter{Fixed: time.Second} }) // the far end says all at once
		f := newTelephone(t, a.udp())
		f.send("INVITE", number, described(f.sound.LocalAddr().(*net.UDPAddr).Port))
		f.wants(200)
		f.ack(number, "")
		l := a.take(t)
		l.clears = func() {
			select {
			case f.cleared <- struct{}{}:
			default:
			}
		}
		f.leg, f.near = l, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), l.voice.session.Local().Port())
		go f.obey()
		return l, f
	})
}

// A telephone is a phone with a mouth and an ear: a socket whose packets it makes and reads by itself.
type telephone struct {
	*phone
	leg     *Leg
	near    netip.AddrPort
	sound   *net.UDPConn
	cleared chan struct{}

	mu    sync.Mutex
	seq   uint16
	stamp uint32
	came  []int16 // has not sounded
	heard []int16
}

func newTelephone(t *testing.T, to netip.AddrPort) *telephone {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadBuffer(4 << 20)
	t.Cleanup(func() { _ = c.Close() })
	return &telephone{phone: newPhone(t, to), sound: c, cleared: make(chan struct{}, 1)}
}

// obey answers what it is asked, until its socket is closed.
func (f *telephone) obey() {
	buf := make([]byte, 64<<10)
	_ = f.conn.SetReadDeadline(time.Time{})
	for {
		n, err := f.conn.Read(buf)
		if err != nil {
			return
		}
		m, err := gosip.ParseMessage(slices.Clone(buf[:n]))
		if req, ok := m.(*gosip.Request); ok && err == nil && req.Method == gosip.BYE {
			res := gosip.NewResponseFromRequest(req, 200, "OK", nil)
			_, _ = f.conn.WriteToUDPAddrPort([]byte(res.String()), f.to)
		}
	}
}

// packet sends one; mu is held.
func (f *telephone) packet(kind uint8, marker bool, stamp uint32, payload []byte) error {
	f.seq++
	b, err := (&pion.Packet{Header: pion.Header{
		Version: 2, PayloadType: kind, Marker: marker, SequenceNumber: f.seq, Timestamp: stamp, SSRC: 7,
	}, Payload: payload}).Marshal()
	if err != nil {
		return err
	}
	_, err = f.sound.WriteToUDPAddrPort(b, f.near)
	return err
}

func (f *telephone) Say(pcm []int16) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for piece := range slices.Chunk(pcm, 160) {
		payload := make([]byte, len(piece))
		g711.Ulaw.Encode(payload, piece)
		if err := f.packet(0, false, f.stamp, payload); err != nil {
			return err
		}
		f.stamp += uint32(len(piece))
	}
	return nil
}

func (f *telephone) Press(digit rune) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	event := byte(slices.Index([]rune("0123456789*#ABCD"), digit))
	for i := range 8 {
		length, end := uint16(160*min(i+1, 5)), byte(0)
		if i >= 5 {
			end = 0x80
		}
		if err := f.packet(101, i == 0, f.stamp, []byte{event, end | 10, byte(length >> 8), byte(length)}); err != nil {
			return err
		}
	}
	f.stamp += 1600
	return nil
}

func (f *telephone) Stop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.conn.WriteToUDPAddrPort([]byte(f.request("BYE", number, "")), f.to)
	return err
}

func (f *telephone) Drop() error {
	f.leg.post(func() {
		f.leg.voice.silence = 100 * time.Millisecond
		_ = f.leg.voice.apply(f.leg.voice.chosen)
	})
	return nil
}

// read takes what has come; mu is held.
func (f *telephone) read() {
	buf := make([]byte, 2048)
	for {
		_ = f.sound.SetReadDeadline(time.Now().Add(time.Millisecond))
		n, err := f.sound.Read(buf)
		if err != nil {
			return
		}
		var p pion.Packet
		if p.Unmarshal(buf[:n]) != nil || p.PayloadType != 0 {
			continue
		}
		pcm := make([]int16, len(p.Payload))
		g711.Ulaw.Decode(pcm, p.Payload)
		f.came = append(f.came, pcm...)
	}
}

func (f *telephone) Hear(ctx context.Context, n int) ([]int16, error) {
	for ctx.Err() == nil {
		f.mu.Lock()
		f.read()
		if len(f.came) >= n {
			got := f.came[:n]
			f.came, f.heard = f.came[n:], append(f.heard, got...)
			f.mu.Unlock()
			return got, nil
		}
		f.mu.Unlock()
	}
	return nil, ctx.Err()
}

func (f *telephone) Heard() []int16 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.heard)
}

func (f *telephone) Cleared(ctx context.Context) error {
	select {
	case <-f.cleared:
	case <-ctx.Done():
		return ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read()
	f.came = nil
	return nil
}

func (f *telephone) Deafen() {}
