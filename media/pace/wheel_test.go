package pace_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"parley/media"
	"parley/media/pace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run runs a pacer until the test ends.
func run(t *testing.T, p interface{ Run(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// waiters are the ways to sleep; each must behave alike.
var waiters = map[string]func() pace.Waiter{
	"timer":  func() pace.Waiter { return new(pace.Timer) },
	"thread": func() pace.Waiter { return new(pace.Thread) },
}

func TestBeatsComeAtTheirTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := new(pace.Wheel)
		run(t, w)
		const calls, beats = 200, 100
		start := time.Now()
		var worst time.Duration
		left := calls
		for call := range calls {
			first := start.Add(time.Duration(rand.N(int64(20 * time.Millisecond))))
			n := 0
			w.Join(func(now time.Time) time.Time {
				due := first.Add(time.Duration(n) * 20 * time.Millisecond)
				if n > 0 || call%2 == 0 { // the first comes when it joins
					if n > 0 && now.Before(due) {
						t.Errorf("beat %d of call %d came %v early", n, call, due.Sub(now))
					}
					if n > 0 {
						worst = max(worst, now.Sub(due))
					}
				}
				if n++; n > beats {
					left--
					return time.Time{}
				}
				return first.Add(time.Duration(n) * 20 * time.Millisecond)
			})
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if left != 0 || w.Len() != 0 {
			t.Errorf("%d calls have beats left, the wheel has %d", left, w.Len())
		}
		if worst > time.Millisecond {
			t.Errorf("a beat came %v late, want 1 ms at most", worst)
		}
	})
}

func TestFarBeatsStayForAnotherRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := new(pace.Wheel)
		run(t, w)
		start := time.Now()
		for _, d := range []time.Duration{time.Hour, 1024 * time.Millisecond, 1023 * time.Millisecond, 2050 * time.Millisecond, time.Millisecond, 0} {
			n := 0
			w.Join(func(now time.Time) time.Time {
				if n++; n == 1 {
					return start.Add(d)
				}
				if late := now.Sub(start.Add(d)); late < 0 || late > time.Millisecond {
					t.Errorf("the beat at %v came %v late", d, late)
				}
				return time.Time{}
			})
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if w.Len() != 0 {
			t.Errorf("%d beats are left", w.Len())
		}
	})
}

// TestLateBeatsCatchUp has a beat that asks for times that have passed: each is called, and the others are not starved.
func TestLateBeatsCatchUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := new(pace.Wheel)
		run(t, w)
		start := time.Now()
		missed, other := 0, 0
		w.Join(func(time.Time) time.Time {
			if missed++; missed == 50 {
				return time.Time{}
			}
			return start.Add(-time.Second)
		})
		w.Join(func(now time.Time) time.Time { other++; return now.Add(time.Millisecond) })
		time.Sleep(51 * time.Millisecond)
		synctest.Wait()
		if missed != 50 || other < 50 {
			t.Errorf("%d late beats and %d others within 51 ms, want 50 of each", missed, other)
		}
	})
}

func TestPanicThrowsOutOneBeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []any
		var where string
		w := &pace.Wheel{OnPanic: func(v any, stack []byte) { told, where = append(told, v), string(stack) }}
		run(t, w)
		beats := 0
		w.Join(func(now time.Time) time.Time { beats++; return now.Add(20 * time.Millisecond) })
		leave := w.Join(func(time.Time) time.Time { panic("bad call") })
		time.Sleep(time.Second)
		synctest.Wait()
		leave() // nothing to leave
		if len(told) != 1 || told[0] != "bad call" || !strings.Contains(where, "TestPanicThrowsOutOneBeat") {
			t.Errorf("told of %v at %s", told, where)
		}
		if beats < 50 || w.Len() != 1 {
			t.Errorf("the other call had %d beats, the wheel has %d calls; want 50 and 1", beats, w.Len())
		}
	})
}

// TestLeaveWaits holds leave to its promise: when it returns, the beat is not running and does not run again.
func TestLeaveWaits(t *testing.T) {
	t.Parallel()
	for name, waiter := range waiters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws := pace.Wheels{{Waiter: waiter()}, {Waiter: waiter()}}
			run(t, ws)
			var joiners sync.WaitGroup
			for range 4 {
				joiners.Go(func() {
					for range 300 {
						var in, left atomic.Bool
						began := make(chan struct{}, 1)
						leave := ws.Join(func(now time.Time) time.Time {
							if left.Load() {
								t.Error("a beat began after leave had returned")
							}
							in.Store(true)
							select {
							case began <- struct{}{}:
							default:
							}
							in.Store(false)
							return now.Add(100 * time.Microsecond)
						})
						<-began
						leave()
						left.Store(true)
						if in.Load() {
							t.Error("the beat was running when leave returned")
						}
						leave() // again is harmless
					}
				})
			}
			joiners.Wait()
			if n := ws[0].Len() + ws[1].Len(); n != 0 {
				t.Errorf("%d beats are left", n)
			}
		})
	}
}

func TestJoinWakesASleepingWheel(t *testing.T) {
	t.Parallel()
	for name, waiter := range waiters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &pace.Wheel{Waiter: waiter()}
			run(t, w)
			defer w.Join(func(now time.Time) time.Time { return now.Add(time.Hour) })()
			for range 20 {
				began := make(chan struct{})
				w.Join(func(time.Time) time.Time { close(began); return time.Time{} })
				select {
				case <-began:
				case <-time.After(time.Minute):
					t.Fatal("the wheel slept on")
				}
			}
		})
	}
}

func TestWheelsShareTheLoad(t *testing.T) {
	t.Parallel()
	ws := pace.Wheels{{}, {}, {}} // not running: nothing is called
	var leaves []func()
	for range 30 {
		leaves = append(leaves, ws.Join(func(time.Time) time.Time { panic("called") }))
	}
	for i, w := range ws {
		if w.Len() != 10 {
			t.Errorf("wheel %d has %d beats, want 10", i, w.Len())
		}
	}
	for _, leave := range leaves {
		leave()
	}
	if n := ws[0].Len(); n != 0 {
		t.Errorf("%d beats are left", n)
	}
	var _ media.Pacer = ws
}

// TestTurningAllocatesNothing is not parallel: it counts.
func TestTurningAllocatesNothing(t *testing.T) {
	for name, waiter := range waiters {
		t.Run(name, func(t *testing.T) {
			w := &pace.Wheel{Waiter: waiter()}
			run(t, w)
			beats := make(chan struct{})
			for range 10 {
				defer w.Join(func(now time.Time) time.Time {
					select {
					case beats <- struct{}{}:
					default:
					}
					return now.Add(time.Millisecond)
				})()
			}
			if n := testing.AllocsPerRun(200, func() { <-beats }); n != 0 {
				t.Errorf("a beat allocates %v times", n)
			}
		})
	}
}

// TestPerProcessor: as many wheels as processors, each of which turns.
func TestPerProcessor(t *testing.T) {
	panics := make(chan any, 1)
	wheels := pace.PerProcessor(func(v any, _ []byte) { panics <- v })
	if got, want := len(wheels), runtime.GOMAXPROCS(0); got != want {
		t.Fatalf("%d wheels, want %d", got, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- wheels.Run(ctx) }()
	for range wheels {
		wheels.Join(func(time.Time) time.Time { panic("a beat") })
		if v := <-panics; v != "a beat" {
			t.Errorf("told of %v", v)
		}
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}
