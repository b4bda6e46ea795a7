package rtp

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
)

func TestPortsRefuse(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]PortsOptions{
		"first port 10001": {First: 10001}, "first port 80": {First: 80}, "last port 9000": {Last: 9000}, "last port 70000": {Last: 70000},
		"quarantine of -1": {Quarantine: -time.Second},
	} {
		if _, err := NewPorts(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %v, want the words %q", o, err, name)
		}
	}
}

// TestQuarantine: a closed port stays bound and swallows what comes, and is free when its time is over.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	for name, bind := range map[string]string{"IPv4": "127.0.0.1", "IPv6": "::1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := netip.MustParseAddr(bind)
			first := freePair(t, at)
			synctest.Test(t, func(t *testing.T) {
				p := ports(t, PortsOptions{Bind: at, First: first, Last: first + 1})
				s := open(t, p)
				if got := s.Local(); got != netip.AddrPortFrom(at, uint16(first)) {
					t.Fatalf("local address %v, want port %d of %v", got, first, at)
				}
				if _, err := p.Open(t.Context()); !errors.Is(err, ErrNoPorts) || !strings.Contains(err.Error(), "calls have 1, 0 are in quarantine") {
					t.Errorf("a second session on one pair: %v", err)
				}
				_ = s.Close()
				_ = s.Close() // again is harmless
				if _, err := p.Open(t.Context()); !errors.Is(err, ErrNoPorts) || !strings.Contains(err.Error(), "calls have 0, 1 are in quarantine") {
					t.Errorf("a session on a pair in quarantine: %v", err)
				}
				conn := dial(t, s.Local())
				for range 3 {
					for range 2 {
						if _, err := conn.Write(make([]byte, 172)); err != nil {
							t.Errorf("the port is not bound: %v", err)
						}
					}
					time.Sleep(2 * time.Second)
				}
				if got := p.Stats(); got != (PortsStats{Pairs: 1, Resting: 1, Stray: 6}) {
					t.Errorf("%+v", got)
				}
				time.Sleep(DefaultQuarantine)
				if got := p.Stats(); got.Resting != 0 {
					t.Errorf("after the quarantine: %+v", got)
				}
				again := open(t, p)
				if again.Local() != s.Local() {
					t.Errorf("local address %v, want %v", again.Local(), s.Local())
				}
			})
		})
	}
}

// A flood is a socket to which more comes than can be read, for a while.
type flood struct {
	carrier
	reads int
}

func (f *flood) read(b *batch) error {
	if f.reads++; f.reads < 1e5 {
		b.n = batchSize
	} else {
		b.n = 0
	}
	return nil
}

// TestFloodedQuarantine: who floods a port in quarantine keeps nobody from the others.
func TestFloodedQuarantine(t *testing.T) {
	t.Parallel()
	p := ports(t, PortsOptions{})
	var rtp, rtcp flood
	if p.drain(pair{rtp: &rtp, rtcp: &rtcp}); rtp.reads > 1000 || rtcp.reads > 1000 {
		t.Errorf("read %d and %d times at once", rtp.reads, rtcp.reads)
	}
}

// TestOtherPrograms: a port that another program has bound is passed over.
func TestOtherPrograms(t *testing.T) {
	t.Parallel()
	first := freePair(t, loopback)
	other, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: first + 1})
	if err != nil {
		t.Fatal(err)
	}
	p := ports(t, PortsOptions{First: first, Last: first + 1})
	if _, err := p.Open(t.Context()); !errors.Is(err, ErrNoPorts) || !strings.Contains(err.Error(), "other programs have 1") {
		t.Errorf("%v", err)
	}
	_ = other.Close()
	open(t, p)
	_ = p.Close()
	if _, err := p.Open(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestBackToBack: of many calls, one after the other on few ports, no packet reaches another's ears, though all far ends go on sending.
func TestBackToBack(t *testing.T) {
	t.Parallel()
	count := 10_000
	if testing.Short() {
		count = 1000
	}
	const pairs, at, quarantine = 100, 8, 300 * time.Millisecond
	first := freeRange(t, 2*pairs)
	synctest.Test(t, func(t *testing.T) {
		p := ports(t, PortsOptions{First: first, Last: first + 2*pairs - 1, Quarantine: quarantine})
		sprayer := listenOn(t)
		address := sprayer.LocalAddr().(*net.UDPAddr).AddrPort()
		// All calls are with the same far end, so that only the quarantine keeps one's packets from the next. Each call's are of a payload and
		// a source of its own; each far end goes on for as long as the quarantine lasts.
		type call struct {
			s     *Session
			id    uint32
			seq   uint16
			until time.Time
		}
		var live, gone []*call
		begun, waits := 0, 0
		var heard, sent int64
		send := func(c *call) {
			b := make([]byte, headerSize+160)
			p := packet{kind: 0, seq: c.seq, time: uint32(c.seq) * 160, ssrc: c.id}
			p.put(b)
			c.seq++
			sent++
			if _, err := sprayer.WriteToUDPAddrPort(b, c.s.Local()); err != nil {
				t.Errorf("the port of a call that has ended is not bound: %v", err)
			}
		}
		for begun < count || len(live)+len(gone) > 0 {
			for len(live) < at && begun < count {
				s, err := p.Open(t.Context())
				if errors.Is(err, ErrNoPorts) {
					waits++
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				begun++
				configure(t, s, Config{Remote: address, Codec: Codec{Name: "PCMU"}})
				live = append(live, &call{s: s, id: uint32(begun)})
			}
			for _, c := range gone {
				send(c)
			}
			if len(live) == 0 {
				time.Sleep(media.FrameTime) // all ports rest
			}
			for _, c := range live {
				send(c)
				if _, err := c.s.Receive(); err != nil {
					t.Fatal(err)
				}
				if door := &c.s.ear.door; door.ssrc != c.id || c.s.ear.counts.strange+c.s.ear.counts.foreign != 0 {
					t.Fatalf("call %d hears call %d: %+v", c.id, door.ssrc, c.s.Quality())
				}
			}
			gone = slices.DeleteFunc(gone, func(c *call) bool { return time.Now().After(c.until) })
			for _, c := range live {
				heard += c.s.Quality().Received
				_ = c.s.Close()
				c.until = time.Now().Add(quarantine - media.FrameTime)
				gone = append(gone, c)
			}
			live = live[:0]
		}
		time.Sleep(quarantine)
		got := p.Stats()
		t.Logf("%d calls on %d pairs: %d packets sent, %d heard by their own call, %d swallowed in quarantine, %d waits for a port",
			begun, pairs, sent, heard, got.Stray, waits)
		if heard != int64(count) || got.Stray != sent-heard {
			t.Errorf("%d of %d packets are heard, and %d swallowed; want %d and %d", heard, sent, got.Stray, count, sent-heard)
		}
	})
}

// freePair is an even port that is free, and the next is.
func freePair(t *testing.T, at netip.Addr) int {
	t.Helper()
	p := ports(t, PortsOptions{Bind: at, First: 2000, Last: 9999, Quarantine: time.Nanosecond})
	defer p.Close()
	return int(open(t, p).Local().Port())
}

// freeRange is where a stretch of free ports begins.
func freeRange(t *testing.T, n int) int {
	t.Helper()
	for first := 10000; first+n < 20000; first += n {
		p := ports(t, PortsOptions{First: first, Last: first + n - 1})
		free := 0
		for range n / 2 {
			if _, err := p.Open(t.Context()); err == nil {
				free++
			}
		}
		_ = p.Close()
		if free == n/2 {
			return first
		}
	}
	t.Fatalf("no %d ports in a row are free on this machine", n)
	return 0
}

func listenOn(t *testing.T) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func dial(t *testing.T, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
