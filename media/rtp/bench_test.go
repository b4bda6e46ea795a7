package rtp

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"parley/media"
	"parley/media/g711"
)

// The packets of these are 20 ms of mu-law through sockets of the machine, each way: go test -bench . ./media/rtp

// BenchmarkEcho is the floor: a bare loop that reads a packet and sends it back. Of each turn, one packet is the far end's.
func BenchmarkEcho(b *testing.B) {
	far, near := rawPair(b)
	frame := make([]byte, headerSize+160)
	buf := make([]byte, maxPacket)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := far.WriteToUDPAddrPort(frame, addressOf(near)); err != nil {
			b.Fatal(err)
		}
		n, from, err := near.ReadFromUDPAddrPort(buf)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := near.WriteToUDPAddrPort(buf[:n], from); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFar is what of either is the far end's packet alone: to be taken off.
func BenchmarkFar(b *testing.B) {
	far, near := rawPair(b)
	frame := make([]byte, headerSize+160)
	for b.Loop() {
		if _, err := far.WriteToUDPAddrPort(frame, addressOf(near)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSession is a whole session: from a packet to a frame that a call hears, keys listened for, and from a frame to a packet.
func BenchmarkSession(b *testing.B) {
	for name, c := range map[string]struct {
		suite  Suite
		events uint8
	}{"plain": {"", 101}, "plain, tones listened for": {"", 0}, string(AES128SHA80): {AES128SHA80, 101}, string(AES128GCM): {AES128GCM, 101}} {
		b.Run(name, func(b *testing.B) {
			p := ports(b, PortsOptions{})
			near := open(b, p)
			far, _ := rawPair(b)
			agreed := Config{Remote: addressOf(far), Codec: Codec{Name: "PCMU"}, Events: c.events}
			var sealer *lock
			if c.suite != "" {
				nearKeys, _ := keysOf(b, c.suite)
				agreed.Keys = nearKeys
				var err error
				if sealer, err = sealer.of(c.suite, nearKeys.Remote); err != nil {
					b.Fatal(err)
				}
			}
			configure(b, near, agreed)
			near.ear.evented = c.events != 0
			hello := packet{ssrc: 7}
			buf := make([]byte, maxPacket)
			frame := media.Frame{PCM: make([]int16, 160), Rate: 8000}
			now := near.now()
			b.ReportAllocs()
			for b.Loop() {
				hello.seq++
				hello.time += 160
				hello.put(buf)
				for i := range 160 {
					buf[headerSize+i] = g711.Ulaw.Silence()
				}
				sent := buf[:headerSize+160]
				if sealer != nil {
					var err error
					if sent, err = sealer.seal(sent); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := far.WriteToUDPAddrPort(sent, near.Local()); err != nil {
					b.Fatal(err)
				}
				now += media.FrameTime
				near.listen(now)
				if _, ok, err := near.ear.next(); !ok || err != nil {
					b.Fatal(ok, err)
				}
				if err := near.Send(frame); err != nil {
					b.Fatal(err)
				}
			}
			if q := near.Quality(); q.Received != int64(b.N) || q.Lost != 0 {
				b.Errorf("%d turns: %+v", b.N, q)
			}
		})
	}
}

// rawPair is two sockets of loopback that others read and write.
func rawPair(b *testing.B) (far, near *net.UDPConn) {
	b.Helper()
	var both [2]*net.UDPConn
	for i := range both {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(loopback, 0)))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = conn.Close() })
		both[i] = conn
	}
	return both[0], both[1]
}

func addressOf(conn *net.UDPConn) netip.AddrPort { return conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// TestAllocatesNothing: neither direction does, nor a key, with and without keys of signalling. It is not parallel: it counts.
func TestAllocatesNothing(t *testing.T) {
	for name, suite := range map[string]Suite{"plain": "", "secured": AES128GCM, "secured by DTLS": ""} {
		p := ports(t, PortsOptions{})
		near, far := open(t, p), open(t, p)
		if name == "secured by DTLS" {
			one, other := end{near, certified(t)}, end{far, certified(t)}
			first, second := one.shake(t, other, true, nil), other.shake(t, one, false, nil)
			<-first // of RTCP too, whose handshake allocates
			<-second
			if !strings.Contains(near.String(), " DTLS A") {
				t.Fatal(near.String())
			}
		}
		for _, s := range [...][2]*Session{{near, far}, {far, near}} {
			c := pcmu(s[1])
			if suite != "" {
				c.Keys, _ = keysOf(t, suite)
				c.Keys.Remote = c.Keys.Local
			}
			c.DTLS = s[0].agreed.DTLS // the same again keeps the keys
			configure(t, s[0], c)
		}
		frame := media.Frame{PCM: make([]int16, 160), Rate: 8000}
		now := near.now()
		turns := 0
		turn := func() {
			if turns++; turns%20 == 1 {
				_ = far.Press('5', 100*time.Millisecond)
			}
			_ = far.Send(frame)
			now += media.FrameTime
			near.report.due = now + time.Second // a report allocates, every five seconds
			near.listen(now)
			for {
				if _, ok, _ := near.ear.next(); !ok {
					break
				}
			}
		}
		n := testing.AllocsPerRun(200, turn)
		for again := 0; n != 0 && again < 2; again++ { // what allocates each time does so in every measurement
			n = testing.AllocsPerRun(200, turn)
		}
		if n != 0 {
			t.Errorf("%s: %v allocations a frame", name, n)
		}
		if q := near.Quality(); q.Received < 200 || q.Unopened != 0 {
			t.Errorf("%s: %+v", name, q)
		}
	}
}
