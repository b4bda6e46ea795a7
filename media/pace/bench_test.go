package pace_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"parley/media"
	"parley/media/pace"
)

// BenchmarkLateness paces calls of 20 ms frames for two seconds an iteration and reports how late beats come and what they cost,
// beside the usual ticker a call. Run it with -benchtime 1x; compare within one run only.
func BenchmarkLateness(b *testing.B) {
	for _, calls := range []int{100, 1000, 2000} {
		for _, kind := range []struct {
			name string
			pace func(context.Context, int, func(late time.Duration))
		}{
			{"ticker", tickers},
			{"timer", func(ctx context.Context, n int, beat func(time.Duration)) {
				wheel(ctx, &pace.Wheel{Waiter: new(pace.Timer)}, n, beat)
			}},
			{"thread", func(ctx context.Context, n int, beat func(time.Duration)) {
				wheel(ctx, &pace.Wheel{Waiter: new(pace.Thread)}, n, beat)
			}},
			{"thread-0.5ms", func(ctx context.Context, n int, beat func(time.Duration)) {
				wheel(ctx, &pace.Wheel{Waiter: new(pace.Thread), Breath: time.Millisecond / 2}, n, beat)
			}},
		} {
			b.Run(fmt.Sprintf("%s/%d", kind.name, calls), func(b *testing.B) {
				var mu sync.Mutex
				late := hdrhistogram.New(0, int64(10*time.Second), 3)
				cpu := usage(b)
				for b.Loop() {
					ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
					kind.pace(ctx, calls, func(d time.Duration) {
						mu.Lock()
						defer mu.Unlock()
						if err := late.RecordValue(int64(max(0, d))); err != nil {
							b.Error(err)
						}
					})
					cancel()
				}
				cpu = usage(b) - cpu
				ms := func(q float64) float64 { return float64(late.ValueAtQuantile(q)) / 1e6 }
				b.ReportMetric(ms(50), "p50-ms")
				b.ReportMetric(ms(99), "p99-ms")
				b.ReportMetric(ms(99.9), "p99.9-ms")
				b.ReportMetric(100*cpu.Seconds()/b.Elapsed().Seconds(), "cpu-%")
				b.ReportMetric(float64(late.TotalCount())/float64(b.N)/float64(calls), "beats/call")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// tickers is a goroutine and a time.Ticker a call.
func tickers(ctx context.Context, calls int, beat func(time.Duration)) {
	var all sync.WaitGroup
	for range calls {
		all.Go(func() {
			time.Sleep(rand.N(media.FrameTime))
			start := time.Now()
			t := time.NewTicker(media.FrameTime)
			defer t.Stop()
			for n := 1; ; n++ {
				select {
				case <-t.C:
					beat(time.Since(start.Add(time.Duration(n) * media.FrameTime)))
				case <-ctx.Done():
					return
				}
			}
		})
	}
	all.Wait()
}

// wheel is one pacing wheel for all calls.
func wheel(ctx context.Context, w *pace.Wheel, calls int, beat func(time.Duration)) {
	start := time.Now()
	for range calls {
		due := start.Add(rand.N(media.FrameTime))
		w.Join(func(now time.Time) time.Time {
			if now.Before(due) { // the first is for joining
				return due
			}
			beat(time.Since(due))
			due = due.Add(media.FrameTime)
			return due
		})
	}
	_ = w.Run(ctx)
}

// usage is the processor time that this process has used.
func usage(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
