package bus

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// maxAnswering is how many requests a subject's handler has in hand at once.
const maxAnswering = 64

// An answering is one Handler at work. Whoever receives a request calls begin, which never waits.
type answering struct {
	f       Handler
	within  func(time.Duration) (context.Context, context.CancelFunc) // a request's context, which also ends with stop
	end     context.CancelFunc
	hands   chan struct{}
	refused *atomic.Int64 // the bus's count

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup
}

func newAnswering(f Handler, refused *atomic.Int64) *answering {
	ctx, end := context.WithCancel(context.Background()) // stop ends it: a bus has no context of its own
	within := func(d time.Duration) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
	return &answering{f: f, within: within, end: end, hands: make(chan struct{}, maxAnswering), refused: refused}
}

// begin has a request answered within a time, and its answer given to reply. False: it will not be.
func (a *answering) begin(data []byte, within time.Duration, reply func([]byte)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	select {
	case a.hands <- struct{}{}:
	default:
		a.refused.Add(1)
		return false
	}
	a.work.Go(func() {
		defer func() { <-a.hands }()
		ctx, cancel := a.within(within)
		defer cancel()
		if answer := a.f(ctx, data); len(answer) <= MaxData {
			reply(answer)
			return
		}
		a.refused.Add(1)
	})
	return true
}

// stop lets no more begin, and waits for those that have.
func (a *answering) stop() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.end()
	a.work.Wait()
}
