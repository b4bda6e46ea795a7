package media_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/media"
)

// TestTimesBounds: each bound belongs to its bucket and a nanosecond more to the next; bounds are those of native histograms.
func TestTimesBounds(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) int {
		var times media.Times
		times.Shard().Add(d)
		c := times.Counts()
		for i, n := range c.Buckets {
			if n == 1 && c.N == 1 {
				return i
			}
		}
		t.Fatalf("%v is in no bucket, or in several: %+v", d, c)
		return 0
	}
	for i := range media.TimesBuckets - 1 {
		bound := media.TimesBound(i)
		if want := math.Exp2(float64(media.NativeIndex(i)) / 8); math.Abs(bound.Seconds()/want-1) > 1e-3 {
			t.Errorf("bound %d is %v, want %v s", i, bound, want)
		}
		if got := in(bound); got != i {
			t.Errorf("%v is in bucket %d, want %d", bound, got, i)
		}
		if got := in(bound + time.Nanosecond); got != i+1 {
			t.Errorf("%v and a nanosecond is in bucket %d, want %d", bound, got, i+1)
		}
	}
	if in(-time.Second) != 0 || in(0) != 0 || in(time.Hour) != media.TimesBuckets-1 {
		t.Error("what is out of bounds is not in the outer buckets")
	}
}

func TestTimesBeyond(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		quick, slow int
		share       float64
		spare       uint64
		least, most time.Duration
	}{
		{name: "nothing", share: 0.01},
		{name: "all quick", quick: 1000, share: 0.01, least: time.Millisecond, most: 1100 * time.Microsecond},
		{name: "one of a hundred is spared", quick: 990, slow: 10, share: 0.01, least: time.Millisecond, most: 1100 * time.Microsecond},
		{name: "two are not", quick: 980, slow: 20, share: 0.01, least: 50 * time.Millisecond, most: 55 * time.Millisecond},
		{name: "few say nothing", quick: 10, slow: 4, share: 0.01, spare: 4, least: time.Millisecond, most: 1100 * time.Microsecond},
		{name: "five do", quick: 10, slow: 5, share: 0.01, spare: 4, least: 50 * time.Millisecond, most: 55 * time.Millisecond},
		{name: "as few as are spared", slow: 4, share: 0.01, spare: 4},
	} {
		var times media.Times
		shard := times.Shard()
		shard.Add(time.Second) // of before
		before := times.Counts()
		for range c.quick {
			shard.Add(time.Millisecond)
		}
		for range c.slow {
			times.Shard().Add(50 * time.Millisecond)
		}
		now := times.Counts()
		since := now.Since(&before)
		if got := since.Beyond(c.share, c.spare); got < c.least || got > c.most {
			t.Errorf("%s: %v, want %v to %v", c.name, got, c.least, c.most)
		}
		if want := time.Duration(c.quick)*time.Millisecond + time.Duration(c.slow)*50*time.Millisecond; since.Sum != want || since.N != uint64(c.quick+c.slow) {
			t.Errorf("%s: %d times of %v in all, want %d of %v", c.name, since.N, since.Sum, c.quick+c.slow, want)
		}
	}
}

// TestTimesManyWriters: nothing is lost, and nothing is allocated.
func TestTimesManyWriters(t *testing.T) {
	var times media.Times
	var writers sync.WaitGroup
	for w := range 40 {
		shard := times.Shard()
		writers.Go(func() {
			for i := range 1000 {
				shard.Add(time.Duration(w*i) * time.Microsecond)
			}
		})
	}
	writers.Wait()
	if c := times.Counts(); c.N != 40_000 {
		t.Errorf("%d counted, want 40000", c.N)
	}
	shard, d := times.Shard(), time.Duration(0)
	if n := testing.AllocsPerRun(1000, func() { shard.Add(d); d += 100 * time.Microsecond }); n != 0 {
		t.Errorf("adding allocates %v times", n)
	}
}

// BenchmarkTimesAdd is what counting a chunk costs: alone, and with as many writers as there are processors.
func BenchmarkTimesAdd(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		var times media.Times
		shard := times.Shard()
		for i := range b.N {
			shard.Add(time.Duration(i&1023) * time.Microsecond)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		var times media.Times
		b.RunParallel(func(pb *testing.PB) {
			shard := times.Shard()
			for pb.Next() {
				shard.Add(time.Millisecond)
			}
		})
	})
}

// late is a pacer that is as late as it is told.
type late struct{ by time.Duration }

func (l *late) Join(beat func(time.Time) time.Time) func() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for next := time.Now(); !next.IsZero(); {
			select {
			case <-time.After(time.Until(next) + l.by):
				next = beat(time.Now())
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() { cancel(); <-done }
}

// TestLatenessIsThePacers: what the beat sends is late by as much as the beat is, on every kind of leg, also where the clock starts anew for
// it; what a voice writes late is not.
func TestLatenessIsThePacers(t *testing.T) {
	t.Parallel()
	for _, by := range []time.Duration{0, ms(7), ms(150)} {
		for _, info := range []media.Info{plain, carrier, {Rate: 16000, Chunk: media.FrameTime, Comfort: true}} {
			var p media.Punctuality
			measured(t, info, &p, &late{by}, func(m *media.Playout) {
				u := m.Begin()
				m.Release(u)
				pcm := make([]int16, info.Rate/50)
				for range 100 { // two seconds of speech that is there in time, then of a voice that falls behind
					if err := u.Write(t.Context(), pcm); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(5 * time.Second)
				for range 100 {
					if err := u.Write(t.Context(), pcm); err != nil {
						t.Fatal(err)
					}
					time.Sleep(ms(30))
				}
				u.Cut()
			})
			c := p.Late.Counts()
			if worst := c.Beyond(0, 0); c.N < 15 || worst < by || worst > max(by+by/10, media.TimesBound(0)) {
				t.Errorf("%+v, beats %v late: of %d chunks the worst is %v late", info, by, c.N, worst)
			}
			if usual := c.Beyond(0.5, 0); by < ms(100) && usual < by { // beyond that the chunks which fill the carrier again are not late
				t.Errorf("%+v, beats %v late: half of %d chunks are %v late", info, by, c.N, usual)
			}
		}
	}
}

// TestClearIsCounted: an interruption is counted where something was taken back.
func TestClearIsCounted(t *testing.T) {
	t.Parallel()
	var p media.Punctuality
	measured(t, carrier, &p, &late{}, func(m *media.Playout) {
		u := m.Begin()
		m.Release(u)
		if err := u.Write(t.Context(), words(1, time.Second)); err != nil {
			t.Fatal(err)
		}
		u.Cut()
		u.Cut()         // is over already
		m.Begin().Cut() // has nothing to take back
	})
	if c := p.Clear.Counts(); c.N != 1 {
		t.Errorf("%d interruptions counted, want 1", c.N)
	}
}

// measured plays a score on a leg that takes everything, in a bubble.
func measured(t *testing.T, info media.Info, p *media.Punctuality, pacer media.Pacer, score func(*media.Playout)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := media.NewMeasuredPlayout(&nothing{info: info}, pacer, nil, p)
		score(m)
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}
