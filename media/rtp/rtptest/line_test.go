package rtptest

import (
	"context"
	"math"
	"net"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fates is what becomes of n packets, 20 ms apart.
func fates(t *testing.T, how Impairment, n int) (all [][]time.Duration) {
	t.Helper()
	l, err := NewLine(how)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		all = append(all, slices.Clone(l.Fate(time.Duration(i)*20*time.Millisecond)))
	}
	return all
}

func TestFate(t *testing.T) {
	t.Parallel()
	const n = 100_000
	how := Impairment{Seed: 7, Loss: 0.1, Delay: 30 * time.Millisecond, Jitter: 200 * time.Millisecond, Reorder: 0.1, Duplicates: 0.05}
	all := fates(t, how, n)
	var lost, twice, displaced, total float64
	for _, f := range all {
		switch len(f) {
		case 0:
			lost++
			continue
		case 2:
			twice++
		}
		if f[0] < how.Delay || f[0] > how.Delay+how.Jitter+50*time.Millisecond {
			t.Fatalf("late by %v", f[0])
		}
		if f[0] > how.Delay+how.Jitter {
			displaced++
		}
		total += f[0].Seconds()
	}
	// A tenth is displaced by 50 ms, of which a quarter shows beyond the jitter.
	mean := total / (n - lost)
	for name, c := range map[string]struct{ got, want, off float64 }{
		"lost": {lost / n, 0.1, 0.005}, "twice": {twice / (n - lost), 0.05, 0.003}, "displaced": {displaced / (n - lost), 0.025, 0.003},
		"mean": {mean, 0.135, 0.001},
	} {
		if math.Abs(c.got-c.want) > c.off {
			t.Errorf("%s: %.4f, want %.4f", name, c.got, c.want)
		}
	}
	again := fates(t, how, n)
	for i := range all {
		if !slices.Equal(all[i], again[i]) {
			t.Fatalf("packet %d has another fate the second time", i)
		}
	}
	for i, f := range fates(t, Impairment{Outages: []Outage{{time.Second, 2 * time.Second}}}, 200) {
		if out := i >= 50 && i < 150; out != (len(f) == 0) {
			t.Errorf("packet %d at %v: %v", i, time.Duration(i)*20*time.Millisecond, f)
		}
	}
	for _, bad := range []Impairment{{Loss: 1.1}, {Reorder: -1}, {Duplicates: math.NaN()}, {Jitter: -1}, {Delay: -1}} {
		if _, err := NewLine(bad); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// TestProxy: what goes in comes out, both ways, as far as the line lets it.
func TestProxy(t *testing.T) {
	t.Parallel()
	far, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	p, err := NewProxy(t.Context(), far.LocalAddr().(*net.UDPAddr).AddrPort(), Impairment{Seed: 1, Loss: 0.5}, Impairment{Duplicates: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	near, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(p.Near()))
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	const n = 100
	for range n {
		if _, err := near.Write([]byte("there")); err != nil {
			t.Fatal(err)
		}
	}
	want := 0
	for _, f := range fates(t, Impairment{Seed: 1, Loss: 0.5}, n) {
		want += len(f)
	}
	buf := make([]byte, 16)
	for i := range want {
		_ = far.SetReadDeadline(time.Now().Add(time.Minute))
		size, from, err := far.ReadFromUDPAddrPort(buf)
		if err != nil || string(buf[:size]) != "there" || from != p.Far() {
			t.Fatalf("packet %d of %d: %q from %v, %v", i, want, buf[:size], from, err)
		}
	}
	if _, err := far.WriteToUDPAddrPort([]byte("back"), p.Far()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_ = near.SetReadDeadline(time.Now().Add(time.Minute))
		if size, err := near.Read(buf); err != nil || string(buf[:size]) != "back" {
			t.Fatalf("%q, %v", buf[:size], err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if p.Stats.Came.Load() != n+1 || p.Stats.Lost.Load() != int64(n-want) || p.Stats.Went.Load() != int64(want+2) {
		t.Errorf("%d came, %d were lost, %d went; want %d, %d and %d", p.Stats.Came.Load(), p.Stats.Lost.Load(), p.Stats.Went.Load(), n+1, n-want, want+2)
	}
}
