package whatsapp

import (
	"context"
	"maps"
	"sync"
	"time"

	"parley/providers/message"
)

// What Meta allows (developers.facebook.com/docs/whatsapp/cloud-api/overview, "Throughput" and "Pair rate limits").
const (
	gap       = time.Second / 80 // between messages of a number, on average
	burst     = 40               // of a number's messages at once
	pairGap   = 6 * time.Second  // between messages to one person, on average
	pairBurst = 45
	forgetful = 1024 // people are remembered before those to whom anything may be said are forgotten
)

// A bucket says when the next message may go: each puts its time off by a gap, and a burst of them may go before theirs (GCRA).
type bucket struct{ free time.Time }

// ready is how long to wait.
func (b bucket) ready(now time.Time, gap time.Duration, burst int) time.Duration {
	if !b.free.After(now) {
		return 0
	}
	return max(0, b.free.Sub(now)-time.Duration(burst-1)*gap)
}

// take is the bucket after a message.
func (b bucket) take(now time.Time, gap time.Duration) bucket {
	if b.free.Before(now) {
		b.free = now
	}
	return bucket{b.free.Add(gap)}
}

// pace keeps a number to the rates that Meta allows. Its zero is ready.
type pace struct {
	mu    sync.Mutex
	all   bucket
	pairs map[string]bucket // by address
}

// wait waits for a message's turn, patience at most: longer is a refusal of ours, as Meta would say it.
func (p *pace) wait(ctx context.Context, to string, patience time.Duration) error {
	for began := time.Now(); ; {
		now := time.Now()
		pause, reason := p.take(now, to)
		if pause == 0 {
			return nil
		}
		if now.Sub(began)+pause > patience {
			return &message.Error{Reason: reason, Message: "too many messages in too short a time; not sent", Retry: true, After: pause}
		}
		if err := sleep(ctx, pause); err != nil {
			return &message.Error{Reason: message.Unconnected, Message: "not sent", Retry: true, Err: err}
		}
	}
}

// take takes a turn, or says how long there is none and why.
func (p *pace) take(now time.Time, to string) (time.Duration, message.Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pair := p.pairs[to]
	if pause := pair.ready(now, pairGap, pairBurst); pause > 0 {
		return pause, message.PairLimited
	}
	if pause := p.all.ready(now, gap, burst); pause > 0 {
		return pause, message.RateLimited
	}
	if p.pairs == nil {
		p.pairs = make(map[string]bucket)
	}
	if len(p.pairs) >= forgetful {
		maps.DeleteFunc(p.pairs, func(_ string, b bucket) bool { return b.free.Before(now) })
	}
	p.all, p.pairs[to] = p.all.take(now, gap), pair.take(now, pairGap)
	return 0, ""
}
