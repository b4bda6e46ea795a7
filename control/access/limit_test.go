package access

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"parley/store"
)

// A rateRow is store.Rates in memory: what store/sql promises.
type rateRow struct {
	mu      sync.Mutex
	minutes map[string]int64
	used    map[string]int64
	calls   int
	down    error
	delay   func()
}

func (r *rateRow) Use(ctx context.Context, who string, minute, n int64) (int64, error) {
	if r.delay != nil {
		r.delay()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls++
	switch {
	case r.down != nil:
		return 0, r.down
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case r.minutes == nil:
		r.minutes, r.used = map[string]int64{}, map[string]int64{}
	}
	if minute < r.minutes[who] {
		return n, nil
	}
	if minute > r.minutes[who] {
		r.minutes[who], r.used[who] = minute, 0
	}
	r.used[who] += n
	return r.used[who], nil
}

// spend takes until it is refused or n were taken.
func spend(ctx context.Context, l *Limiter, who string, n int) (taken int) {
	for range n {
		if !l.Take(ctx, who, true).OK {
			break
		}
		taken++
	}
	return taken
}

func TestLimiterOnOneNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, rates := range []store.Rates{nil, &rateRow{}} {
			l := &Limiter{Rates: rates}
			reset := time.Now().Truncate(time.Minute).Add(time.Minute)
			for i := range 1000 {
				if a := l.Take(t.Context(), "a", true); !a.OK || a.Limit != 1000 || a.Remaining != 999-i || !a.Reset.Equal(reset) {
					t.Fatalf("request %d: %+v", i+1, a)
				}
			}
			for range 3 {
				if a := l.Take(t.Context(), "a", true); a.OK || a.Remaining != 0 || !a.Reset.Equal(reset) {
					t.Fatalf("request 1001: %+v", a)
				}
			}
			if !l.Take(t.Context(), "b", true).OK || !l.Take(t.Context(), "a b", false).OK {
				t.Error("another key is refused")
			}
			time.Sleep(time.Until(reset) - time.Nanosecond)
			if l.Take(t.Context(), "a", true).OK {
				t.Error("a new minute before its time")
			}
			time.Sleep(time.Nanosecond)
			if got := spend(t.Context(), l, "a", 2000); got != 1000 {
				t.Errorf("%d in the next minute, want 1000", got)
			}
		}
	})
}

// TestLimiterProperty: whatever the nodes, the limit and the order, nobody is refused before the limit, and the nodes let through fewer than
// limit + nodes × block.
func TestLimiterProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		limit, nodes := rapid.IntRange(1, 400).Draw(r, "limit"), rapid.IntRange(1, 5).Draw(r, "nodes")
		rates := &rateRow{}
		all := make([]*Limiter, nodes)
		for i := range all {
			all[i] = &Limiter{Rates: rates, Limit: limit}
		}
		weights := rapid.SliceOfN(rapid.IntRange(1, 50), nodes, nodes).Draw(r, "weights")
		taken, refused := 0, make([]bool, nodes)
		for left := nodes; left > 0; {
			i := rapid.IntRange(0, nodes-1).Draw(r, "node")
			for range weights[i] {
				if refused[i] {
					break
				}
				if all[i].Take(context.Background(), "a", true).OK {
					taken++
					continue
				}
				if taken < limit {
					r.Fatalf("refused after %d of %d", taken, limit)
				}
				refused[i] = true
				left--
			}
		}
		if bound := limit + nodes*all[0].block(); taken >= bound {
			r.Fatalf("%d of %d were let through by %d nodes: the bound is %d", taken, limit, nodes, bound)
		}
	})
}

// TestLimiterAtOnce: the same with many requests at once, with Run, and a database that takes its time.
func TestLimiterAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const nodes, limit = 3, 1000
		rates := &rateRow{delay: func() { time.Sleep(rand.N(20 * time.Millisecond)) }}
		ctx, stop := context.WithCancel(t.Context())
		var running, asking sync.WaitGroup
		var taken atomic.Int64
		for range nodes {
			l := &Limiter{Rates: rates, Limit: limit}
			running.Go(func() { _ = l.Run(ctx) })
			for range 16 {
				asking.Go(func() {
					for l.Take(ctx, "a", true).OK {
						taken.Add(1)
						time.Sleep(rand.N(5 * time.Millisecond))
					}
				})
			}
		}
		asking.Wait()
		stop()
		running.Wait()
		if got := taken.Load(); got < limit || got >= limit+nodes*limit/blocks {
			t.Errorf("%d were let through, want %d to %d", got, limit, limit+nodes*limit/blocks-1)
		}
		if rates.calls > 4*nodes*blocks {
			t.Errorf("%d queries for %d requests", rates.calls, limit)
		}
	})
}

// TestLimiterWithoutDatabase: each node counts by itself, requests do not wait for a database that is away, and once it is back it is told.
func TestLimiterWithoutDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rates := &rateRow{down: errors.New("down"), delay: func() { time.Sleep(100 * time.Millisecond) }}
		l := &Limiter{Rates: rates}
		time.Sleep(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute)))
		began := time.Now()
		if got := spend(t.Context(), l, "a", 500); got != 500 {
			t.Errorf("%d were let through, want 500", got)
		}
		if took := time.Since(began); took != 100*time.Millisecond || rates.calls != 1 {
			t.Errorf("500 requests waited %v for %d queries, want one", took, rates.calls)
		}
		rates.down = nil
		time.Sleep(awayFor)
		if got := spend(t.Context(), l, "a", 5000); got != 500 {
			t.Errorf("%d more were let through, want 500", got)
		}
		if used, err := rates.Use(t.Context(), "a", time.Now().Unix()/60, 0); err != nil || used < 980 {
			t.Errorf("the database was told of %d (%v), want almost all", used, err)
		}
	})
}

// TestLimiterSlowDatabase: one that hangs holds requests up for a second, and then no other ones.
func TestLimiterSlowDatabase(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Rates: hanging{}}
		began := time.Now()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { spend(t.Context(), l, "a", 100) })
		}
		all.Wait()
		if took := time.Since(began); took != settleWait {
			t.Errorf("800 requests took %v, want %v", took, settleWait)
		}
	})
}

type hanging struct{}

func (hanging) Use(ctx context.Context, _ string, _, _ int64) (int64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// TestLimiterBoundsItsMemory: who comes with ever new names is counted as one.
func TestLimiterBoundsItsMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter{Limit: 10}
		for i := range most + 10 {
			if !l.Take(t.Context(), fmt.Sprint(i), false).OK {
				t.Fatalf("number %d was refused", i)
			}
		}
		if l.Take(t.Context(), "one more", true).OK {
			t.Error("after the first 100,000 each is counted for itself")
		}
		if len(l.tallies) > most+1 {
			t.Errorf("%d tallies", len(l.tallies))
		}
		if !l.Take(t.Context(), "7", true).OK {
			t.Error("those who came first suffer for the others")
		}
	})
}

func BenchmarkLimiter(b *testing.B) {
	for name, l := range map[string]*Limiter{"alone": {Limit: 1 << 30}, "shared": {Limit: 1 << 30, Rates: &rateRow{}}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			who := "key " + strings.Repeat("x", 36)
			for b.Loop() {
				if !l.Take(b.Context(), who, true).OK {
					b.Fatal("refused")
				}
			}
		})
	}
}
