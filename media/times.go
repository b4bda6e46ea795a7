package media

import (
	"math"
	"sync/atomic"
	"time"
)

const (
	// perOctave is how many buckets double a time: each bound is 2^(1/8), or 9 %, above the one before. That is schema 3 of Prometheus'
	// native histograms, with the same bounds.
	perOctave = 8
	// leastPower and mostPower bound what is told apart: 2^-20 s, about a microsecond, to 2^6 s, about a minute.
	leastPower, mostPower = -20, 6
	// TimesBuckets is how many buckets a Times has: the first holds all that is below a microsecond, the last all that is above a minute.
	TimesBuckets = (mostPower-leastPower)*perOctave + 2

	timesShards = 16 // a power of two
)

// steps are the bounds within an octave: 2^(k/8) / 2.
var steps = [perOctave]float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
	0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// Times counts how long something took, again and again, in buckets whose bounds grow by 9 %.
//
//	call ──▶ Shard.Add ─┐
//	call ──▶ Shard.Add ─┼─▶ Counts ──▶ Since the Counts before ──▶ Beyond: the p99 of the last seconds
//	call ──▶ Shard.Add ─┘      └─────▶ a histogram for Prometheus
//
// Its zero value is ready, it must not be copied, and any goroutine may use it. Adding allocates nothing and takes no lock; writers are
// spread over shards, so that those on several cores seldom meet.
type Times struct {
	shards [timesShards]TimesShard
	given  atomic.Uint32
}

// A TimesShard is where one writer adds. Others may add there, too.
type TimesShard struct {
	buckets [TimesBuckets]atomic.Uint64
	sum     atomic.Int64
	_       [64]byte // the next shard is on another cache line
}

// Shard is a place to add for a new writer, such as a call.
func (t *Times) Shard() *TimesShard { return &t.shards[t.given.Add(1)%timesShards] }

// Add counts d; less than nothing is nothing.
func (s *TimesShard) Add(d time.Duration) {
	d = max(d, 0)
	s.buckets[bucketOf(d)].Add(1)
	s.sum.Add(int64(d))
}

// bucketOf is the number of the first bucket whose bound is not below d.
func bucketOf(d time.Duration) int {
	fraction, power := math.Frexp(d.Seconds())
	if power <= leastPower || d == 0 {
		return 0
	}
	step := 0
	for step < perOctave && steps[step] < fraction {
		step++
	}
	return min((power-1-leastPower)*perOctave+step, TimesBuckets-1)
}

// TimesBound is the upper bound of bucket i, which belongs to it; of the last, which has none, a minute.
func TimesBound(i int) time.Duration {
	i = min(i, TimesBuckets-2)
	return time.Duration(math.Ldexp(steps[i%perOctave], leastPower+1+i/perOctave) * float64(time.Second))
}

// NativeIndex is the number of bucket i in a native histogram of schema 3; the first bucket is its zero bucket, up to TimesBound(0).
func NativeIndex(i int) int { return leastPower*perOctave + i }

// TimesCounts is what a Times had counted at a moment, or between two.
type TimesCounts struct {
	N       uint64
	Sum     time.Duration
	Buckets [TimesBuckets]uint64
}

// Counts are all that was added so far. What is added meanwhile may be in it or not.
func (t *Times) Counts() (c TimesCounts) {
	for i := range t.shards {
		s := &t.shards[i]
		c.Sum += time.Duration(s.sum.Load())
		for b := range s.buckets {
			n := s.buckets[b].Load()
			c.Buckets[b] += n
			c.N += n
		}
	}
	return c
}

// Since is what was added after the earlier counts of the same Times.
func (c *TimesCounts) Since(before *TimesCounts) TimesCounts {
	d := *c
	d.N -= before.N
	d.Sum -= before.Sum
	for b := range d.Buckets {
		d.Buckets[b] -= before.Buckets[b]
	}
	return d
}

// Beyond is the time, rounded up to a bound, that at most share of all times exceed, or at most spare of them where that is more: with
// 0.01 and 4 it is the 99th percentile, but never judged by fewer than five late ones. 0: there are not more than spare.
func (c *TimesCounts) Beyond(share float64, spare uint64) time.Duration {
	spare = max(spare, uint64(share*float64(c.N)))
	above := uint64(0)
	for b := TimesBuckets - 1; b >= 0; b-- {
		if above += c.Buckets[b]; above > spare {
			return TimesBound(b)
		}
	}
	return 0
}
