package floor

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/ipv4"
)

// TestRTP has two callers talk to each server of RTP at once: both are heard, and both hear 20 ms every 20 ms.
func TestRTP(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rtp", "rtp-sockets"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, Options{Name: name, Sockets: 2})
			for i := range 2 {
				rtpCall(t, s.addresses[i%len(s.addresses)])
			}
			s.end(t)
			if s.Calls.Load() != 2 || s.In.Load() != 20 || s.Voiced.Load() != 10 || s.Out.Load() < 20 || s.Bad.Load() != 2 {
				t.Errorf("calls %d, in %d (voiced %d), out %d, bad %d; want 2, 20 (10), 20 or more, 2",
					s.Calls.Load(), s.In.Load(), s.Voiced.Load(), s.Out.Load(), s.Bad.Load())
			}
		})
	}
}

// rtpCall sends ten packets, five of them loud, and one that is no RTP, and hears ten.
func rtpCall(t *testing.T, address string) {
	t.Helper()
	conn, err := net.Dial("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.Write([]byte("not RTP"))
	voice := speech()
	began := time.Now()
	var first, last []byte
	for i := range 10 {
		packet := append(make([]byte, rtpHeader), bytes.Repeat([]byte{0xFF - 0x7F*byte(i%2)}, frameBytes)...)
		packet[0] = 0x80
		conn.Write(packet)
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		b := make([]byte, 1500)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		b = b[:n]
		if law := rtpPayload(b); n != 172 || !bytes.Equal(law, voice[i*frameBytes:(i+1)*frameBytes]) {
			t.Fatalf("packet %d: %d bytes, sound %x", i, n, law)
		}
		if i == 0 {
			first = b
		}
		last = b
	}
	if n := binary.BigEndian.Uint16(last[2:]) - binary.BigEndian.Uint16(first[2:]); n != 9 {
		t.Errorf("nine packets later the sequence number is %d more", n)
	}
	if n := binary.BigEndian.Uint32(last[4:]) - binary.BigEndian.Uint32(first[4:]); n != 9*frameBytes {
		t.Errorf("nine packets later the timestamp is %d more", n)
	}
	if !bytes.Equal(first[8:12], last[8:12]) {
		t.Error("the SSRC has changed")
	}
	if d := time.Since(began); d < 9*20*time.Millisecond-2*time.Millisecond {
		t.Errorf("ten packets in %v: faster than real time", d)
	}
}

func TestRTPPayload(t *testing.T) {
	t.Parallel()
	head := func(first, second byte) []byte { return append([]byte{first, second}, make([]byte, 10)...) }
	for name, c := range map[string]struct{ packet, want []byte }{
		"plain":               {append(head(0x80, 0), "sound"...), []byte("sound")},
		"marked":              {append(head(0x80, 0x80), "sound"...), []byte("sound")},
		"two sources":         {append(append(head(0x82, 0), make([]byte, 8)...), "sound"...), []byte("sound")},
		"an extension":        {append(append(head(0x90, 0), 0xBE, 0xDE, 0, 1, 1, 2, 3, 4), "sound"...), []byte("sound")},
		"padding":             {append(head(0xA0, 0), 's', 'o', 'u', 'n', 'd', 0, 0, 3), []byte("sound")},
		"another codec":       {append(head(0x80, 8), "sound"...), nil},
		"another version":     {append(head(0x40, 0), "sound"...), nil},
		"no sound":            {head(0x80, 0), nil},
		"short":               {[]byte{0x80}, nil},
		"too many sources":    {append(head(0x8F, 0), "sound"...), nil},
		"half an extension":   {append(head(0x90, 0), 1, 2), nil},
		"a long extension":    {append(head(0x90, 0), 0xBE, 0xDE, 0xFF, 0xFF, 1), nil},
		"nothing but padding": {append(head(0xA0, 0), 200), nil},
	} {
		if got := rtpPayload(c.packet); !bytes.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A peer is sent to every 20 ms until it has been silent for five seconds.
func TestRounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Duration
		gone := time.Duration(0)
		began := time.Now()
		r := &rounds{start: began, send: func(due []*peer) { sent = append(sent, time.Since(began)) }, left: func(*peer) { gone = time.Since(began) }}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); r.run(ctx) }()
		time.Sleep(100 * time.Millisecond)
		p := newPeer(speech())
		p.heard.Store(r.now())
		r.join(p)
		time.Sleep(10 * time.Second)
		cancel()
		<-done
		if len(sent) < 250 || len(sent) > 251 || gone < 5100*time.Millisecond || gone > 5121*time.Millisecond {
			t.Errorf("%d packets in five seconds, and the call ended after %v", len(sent), gone)
		}
		for i := 1; i < len(sent); i++ {
			if d := sent[i] - sent[i-1]; d != 20*time.Millisecond {
				t.Fatalf("packet %d came %v after the one before", i, d)
			}
		}
	})
}

// Nothing is allocated to send; what x/net allocates for every packet that it reads is told in RTP's doc.
func TestRTPAllocatesNothing(t *testing.T) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	address := conn.LocalAddr().(*net.UDPAddr)
	one, many := &RTP{}, &RTPSockets{}
	w := &writer{socket: ipv4.NewPacketConn(conn), stats: &one.Stats}
	for name, send := range map[string]func([]*peer){"one socket": w.send, "sockets": many.send} {
		r := &rounds{start: time.Now(), send: send}
		const packets = 10 // of a slot
		for range packets * slots {
			p := newPeer(speech())
			p.to, p.address, p.conn = address, netip.MustParseAddrPort(address.String()), conn
			r.join(p)
		}
		tick := int64(0)
		// The race detector has x/net lose what it keeps for its system calls now and then: less than one for a packet.
		if n := testing.AllocsPerRun(200, func() { r.beat(tick); tick++ }); n >= packets {
			t.Errorf("%s: %v allocations for %d packets, want 0", name, n, packets)
		}
	}
	if one.Stats.Out.Load() < 2000 || many.Stats.Out.Load() < 2000 {
		t.Errorf("%d and %d packets were sent", one.Stats.Out.Load(), many.Stats.Out.Load())
	}
}

// FuzzRTPPayload takes any packet: sound is of the packet, behind its header.
func FuzzRTPPayload(f *testing.F) {
	f.Add(append(make([]byte, 12), "sound"...))
	f.Add(append([]byte{0xB1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, "sound\x01"...))
	f.Fuzz(func(t *testing.T, packet []byte) {
		if law := rtpPayload(packet); len(law) > max(0, len(packet)-rtpHeader) {
			t.Fatalf("%d bytes of sound in %d", len(law), len(packet))
		}
	})
}
