package access

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"parley/store"
)

const (
	// PerMinute is how many requests a key may make a minute, if nothing else is set.
	PerMinute = 1000

	blocks     = 50              // a minute's requests are told in: the fewer, the more overshoot; the more, the more queries
	settleWait = time.Second     // see Limiter.Wait
	awayFor    = 5 * time.Second // how long the database is left alone after it did not count
	most       = 100_000         // who are counted one by one in a minute; all others are counted as one
)

// A Limiter bounds the requests of each key in fixed minutes, over all nodes.
//
//	request ──▶ Take: seen + local < limit? ──▶ local++ ──▶ half a block? ──▶ Run ──▶ Rates.Use(local) ──▶ seen
//	                                             a whole block, not yet told: the request waits for it ──╯
//
// Each node leases a block of a fiftieth of the limit: so many requests it lets through before it must have told the row that all nodes
// share, and learnt from it how many there are in all. So nobody is refused before the limit, and nodes together let through fewer than
// limit + nodes × block (of 1,000: 1,060 over three nodes, exactly 1,000 on one). While the database is away each node counts by itself,
// and the overshoot is a limit a node. Nodes' clocks must agree: while they do not, each is right in its own minute.
//
// Its methods may be called by any goroutine. Without Run nothing is told ahead, and one request of each block waits.
type Limiter struct {
	Rates store.Rates   // nil: this node counts alone
	Limit int           // requests a minute; 0: PerMinute
	Wait  time.Duration // longest that a request waits for the database's count; 0: 1 s
	Log   *slog.Logger  // nil: none

	mu      sync.Mutex
	minute  int64
	tallies map[string]*tally // of this minute
	away    time.Time         // until when the database is left alone
	queue   chan *tally       // to be told by Run
}

// A tally is what one node knows of one key's minute. Its fields are guarded by the Limiter.
type tally struct {
	who    string
	minute int64
	shared bool
	seen   int           // by all nodes, as the database said last
	local  int           // here, and not told yet
	queued bool          // waits for Run
	asking chan struct{} // closed when the database has been told; nil: it is not being told
}

// An Allowance is what is left of somebody's minute.
type Allowance struct {
	OK        bool // this request is within it
	Limit     int
	Remaining int
	Reset     time.Time // when the next one begins
}

// Take counts one request. What is not shared is counted by this node alone, as are all who come after the first 100,000 of a minute.
func (l *Limiter) Take(ctx context.Context, who string, shared bool) Allowance {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		now := time.Now()
		t := l.tally(who, shared, now)
		a := Allowance{Limit: l.limit(), Reset: time.Unix((t.minute+1)*60, 0)}
		if t.seen+t.local >= a.Limit {
			return a
		}
		if t.shared && t.local >= l.block() && !now.Before(l.away) && l.settle(ctx, t) {
			continue // it may be another minute by now
		}
		t.local++
		if t.shared && t.local*2 >= l.block() && !t.queued && t.asking == nil {
			l.hand(t)
		}
		a.OK, a.Remaining = true, a.Limit-t.seen-t.local
		return a
	}
}

// tally is somebody's of this minute. The caller holds mu, as for the methods that follow.
func (l *Limiter) tally(who string, shared bool, now time.Time) *tally {
	if m := now.Unix() / 60; m > l.minute { // a clock that goes back does not open a minute again
		l.minute, l.tallies = m, make(map[string]*tally)
	}
	t := l.tallies[who]
	if t == nil {
		if len(l.tallies) >= most {
			who, shared = "", false
			if t = l.tallies[who]; t != nil {
				return t
			}
		}
		t = &tally{who: who, minute: l.minute, shared: shared && l.Rates != nil}
		l.tallies[who] = t
	}
	return t
}

func (l *Limiter) limit() int {
	if l.Limit > 0 {
		return l.Limit
	}
	return PerMinute
}

func (l *Limiter) wait() time.Duration {
	if l.Wait > 0 {
		return l.Wait
	}
	return settleWait
}

func (l *Limiter) block() int { return max(l.limit()/blocks, 1) }

// hand gives a tally to Run, if that has room.
func (l *Limiter) hand(t *tally) {
	select {
	case l.queued() <- t:
		t.queued = true
	default:
	}
}

func (l *Limiter) queued() chan *tally {
	if l.queue == nil {
		l.queue = make(chan *tally, 256)
	}
	return l.queue
}

// settle tells the database of a tally, or waits for who does so already. mu is released meanwhile. False: it was not told in time.
func (l *Limiter) settle(ctx context.Context, t *tally) bool {
	if t.asking != nil {
		done := t.asking
		l.mu.Unlock()
		defer l.mu.Lock()
		select {
		case <-done:
			return true // or the database is away, which the caller sees
		case <-ctx.Done():
		case <-time.After(l.wait()):
		}
		return false
	}
	n, done := t.local, make(chan struct{})
	t.asking = done
	l.mu.Unlock()
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.wait()) // others wait for it too
	used, err := l.Rates.Use(own, t.who, t.minute, int64(n))
	cancel()
	l.mu.Lock()
	t.asking = nil
	close(done)
	if err != nil {
		if now := time.Now(); !now.Before(l.away) {
			l.away = now.Add(awayFor)
			if l.Log != nil {
				l.Log.Warn("requests are counted by this node alone", "for", awayFor, "error", err)
			}
		}
		return false
	}
	t.local -= n
	t.seen = max(int(used), t.seen+n)
	return true
}

// Run tells the database ahead of time, so that requests need not wait for it, until ctx is done. It returns nil.
func (l *Limiter) Run(ctx context.Context) error {
	l.mu.Lock()
	queue := l.queued()
	l.mu.Unlock()
	for {
		select {
		case t := <-queue:
			l.mu.Lock()
			t.queued = false
			if t.minute == l.minute && t.asking == nil && t.local > 0 && !time.Now().Before(l.away) {
				l.settle(ctx, t)
			}
			l.mu.Unlock()
		case <-ctx.Done():
			return nil
		}
	}
}
