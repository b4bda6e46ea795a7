// Package rate holds token buckets: one for each source of messages in a table that does not grow, and one for all.
//
//	source ──hash──▶ a set of 8 buckets ──▶ its own, or the place of the one that was used longest ago
//
// Everything is safe for any goroutine. Times are passed in.
package rate

import (
	"hash/maphash"
	"math"
	"net/netip"
	"sync"
	"time"
)

// A Limit is a token bucket's: how many tokens it gains a second, and how many it holds.
type Limit struct {
	PerSecond float64
	Burst     int
}

// bucket is a source's: 24 bytes. Its key is a hash under a secret seed, so that nobody can choose whom he shares one with.
type bucket struct {
	key  uint64 // 0: empty
	left float64
	at   int64 // milliseconds since the table's start
}

func (b *bucket) fill(l Limit, at int64) {
	if at > b.at { // two goroutines' times may cross
		b.left = min(b.left+float64(at-b.at)*l.PerSecond/1000, float64(l.Burst))
		b.at = at
	}
}

func (b *bucket) take(l Limit, at int64) (wait time.Duration, ok bool) {
	b.fill(l, at)
	if b.left < 1 {
		// Whole milliseconds, as buckets are filled: who came back a little early would be told again and again to wait for nothing.
		return time.Duration(math.Ceil((1-b.left)/l.PerSecond*1000)) * time.Millisecond, false
	}
	b.left--
	return 0, true
}

// ways is how many buckets a source may be in.
const ways = 8

// Sources are the buckets of all sources. A source that is pushed out of the table comes back with a full bucket: what an attacker with more addresses than
// the table has gains by that, a Gate takes back.
type Sources struct {
	limit Limit
	seed  maphash.Seed
	start time.Time
	locks [64]sync.Mutex
	table []bucket // sets of ways
}

// NewSources makes a table for at least that many sources, at 24 bytes each.
func NewSources(l Limit, sources int, now time.Time) *Sources {
	sets := 64
	for sets*ways < sources {
		sets *= 2
	}
	return &Sources{limit: l, seed: maphash.MakeSeed(), start: now, table: make([]bucket, sets*ways)}
}

// Subnet is what counts as one source: an IPv4 address, or the /64 that one customer has of IPv6.
func Subnet(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	b := a.As16()
	clear(b[8:])
	return netip.AddrFrom16(b)
}

// Take takes a token of a source's, and says how long the next one takes to come if there is none.
func (s *Sources) Take(source netip.Addr, now time.Time) (wait time.Duration, ok bool) {
	at := now.Sub(s.start).Milliseconds()
	b, lock := s.find(source, at)
	defer lock.Unlock()
	return b.take(s.limit, at)
}

// Give gives a token back.
func (s *Sources) Give(source netip.Addr, now time.Time) {
	at := now.Sub(s.start).Milliseconds()
	b, lock := s.find(source, at)
	defer lock.Unlock()
	b.fill(s.limit, at)
	b.left = min(b.left+1, float64(s.limit.Burst))
}

// find finds a source's bucket, or makes it one. The caller unlocks lock.
func (s *Sources) find(source netip.Addr, at int64) (b *bucket, lock *sync.Mutex) {
	key := maphash.Comparable(s.seed, Subnet(source)) | 1
	n := key >> 1 & uint64(len(s.table)/ways-1)
	lock = &s.locks[n%uint64(len(s.locks))]
	lock.Lock()
	set := s.table[n*ways : (n+1)*ways]
	b = &set[0]
	for i := range set {
		switch c := &set[i]; {
		case c.key == key:
			return c, lock
		case b.key != 0 && (c.key == 0 || c.at < b.at):
			b = c
		}
	}
	*b = bucket{key, float64(s.limit.Burst), at}
	return b, lock
}

// A Gate is the bucket of all.
type Gate struct {
	mu    sync.Mutex
	limit Limit
	start time.Time
	b     bucket
}

// NewGate makes one that is full.
func NewGate(l Limit, now time.Time) *Gate {
	return &Gate{limit: l, start: now, b: bucket{left: float64(l.Burst)}}
}

// Take takes a token, and says how long the next one takes to come if there is none.
func (g *Gate) Take(now time.Time) (wait time.Duration, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.take(g.limit, now.Sub(g.start).Milliseconds())
}
