package rate

import (
	"net/netip"
	"testing"
	"time"
	"unsafe"
)

var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestSources(t *testing.T) {
	t.Parallel()
	s := NewSources(Limit{PerSecond: 2, Burst: 3}, 100, start)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("::ffff:192.0.2.2")
	for i, step := range []struct {
		from netip.Addr
		at   time.Duration
		wait time.Duration
		ok   bool
	}{
		{a, 0, 0, true}, {a, 0, 0, true}, {a, 0, 0, true}, {a, 0, 500 * time.Millisecond, false}, {b, 0, 0, true},
		{a, 250 * time.Millisecond, 250 * time.Millisecond, false}, {a, 500 * time.Millisecond, 0, true}, {a, 400 * time.Millisecond, 500 * time.Millisecond, false},
		{a, time.Hour, 0, true}, {a, time.Hour, 0, true}, {a, time.Hour, 0, true}, {a, time.Hour, 500 * time.Millisecond, false},
	} {
		wait, ok := s.Take(step.from, start.Add(step.at))
		if wait != step.wait || ok != step.ok {
			t.Errorf("step %d: %s, %v, want %s, %v", i, wait, ok, step.wait, step.ok)
		}
	}
	s.Give(a, start.Add(time.Hour))
	if _, ok := s.Take(a, start.Add(time.Hour)); !ok {
		t.Error("a token that was given back is gone")
	}
}

// TestSourcesBounded plays a million sources to a table of 65,536: it does not grow, and who keeps talking keeps his place.
func TestSourcesBounded(t *testing.T) {
	t.Parallel()
	s := NewSources(Limit{PerSecond: 1, Burst: 2}, 1<<16, start)
	if n := uintptr(len(s.table)) * unsafe.Sizeof(bucket{}); n > 2<<20 {
		t.Errorf("the table takes %d bytes", n)
	}
	loud := netip.MustParseAddr("203.0.113.1")
	allowed, tries := 0, 0
	for i := range 1_000_000 {
		now := start.Add(time.Duration(i) * 10 * time.Microsecond)
		s.Take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
		if i%100 == 0 {
			tries++
			if _, ok := s.Take(loud, now); ok {
				allowed++
			}
		}
	}
	if allowed > 12 { // 2, and 1 for each of 10 seconds
		t.Errorf("%d of %d passed", allowed, tries)
	}
}

func TestSubnet(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ a, b string }{{"2001:db8::1", "2001:db8::ffff:1"}, {"192.0.2.1", "::ffff:192.0.2.1"}} {
		if Subnet(netip.MustParseAddr(c.a)) != Subnet(netip.MustParseAddr(c.b)) {
			t.Errorf("%s and %s are two sources", c.a, c.b)
		}
	}
	if Subnet(netip.MustParseAddr("2001:db8::1")) == Subnet(netip.MustParseAddr("2001:db8:0:1::1")) {
		t.Error("two networks are one source")
	}
}

func TestGate(t *testing.T) {
	t.Parallel()
	g := NewGate(Limit{PerSecond: 10, Burst: 1}, start)
	for i, step := range []struct {
		at time.Duration
		ok bool
	}{{0, true}, {0, false}, {99 * time.Millisecond, false}, {100 * time.Millisecond, true}} {
		if _, ok := g.Take(start.Add(step.at)); ok != step.ok {
			t.Errorf("step %d: %v", i, ok)
		}
	}
}

// TestWait: who waits as long as he is told waits once for a token, now and then twice, whenever within a millisecond he comes.
func TestWait(t *testing.T) {
	t.Parallel()
	for _, perSecond := range []float64{0.3, 7, 25, 250, 3000} {
		g, now, waits := NewGate(Limit{PerSecond: perSecond, Burst: 1}, start), start, 0
		for range 1000 {
			now = now.Add(137 * time.Microsecond)
			for wait, ok := g.Take(now); !ok; wait, ok = g.Take(now) {
				now, waits = now.Add(wait), waits+1
			}
		}
		if waits > 1500 {
			t.Errorf("%v a second: %d waits for 1,000 tokens", perSecond, waits)
		}
		if took, want := now.Sub(start).Seconds(), 999/perSecond; took < want*0.999 {
			t.Errorf("%v a second: 1,000 tokens in %.3f s, want %.3f at least", perSecond, took, want)
		}
	}
}

// TestNoAlloc holds that a flood makes no garbage here.
func TestNoAlloc(t *testing.T) {
	s, g := NewSources(Limit{1, 1}, 100, start), NewGate(Limit{1, 1}, start)
	a := netip.MustParseAddr("192.0.2.1")
	if n := testing.AllocsPerRun(1000, func() { s.Take(a, start); g.Take(start) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
