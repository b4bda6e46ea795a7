package local

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestPoolTellsItsWork: what callers wait for counts as busy, partial transcripts do not; waits are counted from the queue, and the oldest is told.
func TestPoolTellsItsWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(1)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { p.run(ctx) })
		synctest.Wait()
		lasting := func(d time.Duration) *job {
			return &job{run: func(func() bool) { time.Sleep(d) }, drop: func(error) {}}
		}
		submit := func(d time.Duration, pri priority) {
			if err := p.submit(lasting(d), pri); err != nil {
				t.Fatal(err)
			}
		}
		submit(time.Second, spare)
		time.Sleep(2 * time.Second)
		if w := p.done(); w.Busy != 0 || w.Waits.N != 0 || w.Workers != 1 {
			t.Errorf("after a partial transcript: busy %v, %d waits, %d workers", w.Busy, w.Waits.N, w.Workers)
		}
		for range 3 {
			submit(time.Second, urgent)
		}
		submit(time.Second, guess)
		time.Sleep(1500 * time.Millisecond)
		if w := p.done(); w.Oldest != 1500*time.Millisecond || w.Busy != 1500*time.Millisecond {
			t.Errorf("in the midst of it: the oldest waits for %v, busy %v", w.Oldest, w.Busy)
		}
		time.Sleep(5 * time.Second)
		w := p.done()
		if w.Busy != 4*time.Second || w.Oldest != 0 {
			t.Errorf("afterwards: busy %v, the oldest waits for %v", w.Busy, w.Oldest)
		}
		if n, sum := w.Waits.N, w.Waits.Sum; n != 3 || sum != 3*time.Second { // 0, 1 and 2 s
			t.Errorf("%d waits of %v in all", n, sum)
		}
		stop()
		running.Wait()
	})
}

// TestPoolTellsItsProcessorTime: what workers use of the processor is known while they work, and afterwards.
func TestPoolTellsItsProcessorTime(t *testing.T) {
	t.Parallel()
	p := newPool(2)
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { p.run(ctx) })
	var quit atomic.Bool
	ended := make(chan struct{})
	err := p.submit(&job{drop: func(error) {}, run: func(func() bool) {
		defer close(ended)
		for !quit.Load() { // it works as hard as it can
		}
	}}, urgent)
	if err != nil {
		t.Fatal(err)
	}
	const some = 20 * time.Millisecond
	if threadTime() > 0 { // the machine tells
		for began := time.Now(); p.done().Used < some; {
			if time.Since(began) > time.Minute {
				t.Fatalf("a minute of work is %v of the processor", p.done().Used)
			}
		}
	}
	quit.Store(true)
	<-ended
	before := p.done().Used
	stop()
	running.Wait()
	if after := p.done().Used; after < before {
		t.Errorf("%v used, and %v when the workers have ended", before, after)
	}
}
