package floor

import (
	"context"
	"sync"
	"time"
)

// A rota has every call send its next message in the millisecond for which it is planned. Times are milliseconds since the rota began; a
// late one is made up for at once. The calls sit in slots of a millisecond each, which run alone touches: whoever joins leaves word.
type rota struct {
	start time.Time
	slots [rotaSlots][]*call

	mu      sync.Mutex
	joining []seat // since the last tick
	taken   []seat // of run: the slice that joining becomes next
}

// rotaSlots is how far ahead can be planned, in ms: farther than a message lasts.
const rotaSlots = 128

// A seat is a call's next message.
type seat struct {
	c  *call
	at int64
}

// now is the time.
func (r *rota) now() int64 { return int64(time.Since(r.start) / time.Millisecond) }

// join plans a call's next message; any goroutine may.
func (r *rota) join(c *call, at int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joining = append(r.joining, seat{c, at})
}

// run keeps time until ctx ends.
func (r *rota) run(ctx context.Context) {
	for tick := int64(0); ctx.Err() == nil; {
		for now := r.now(); tick <= now; tick++ {
			r.beat(tick)
		}
		time.Sleep(time.Until(r.start.Add(time.Duration(tick) * time.Millisecond)))
	}
}

// beat sends what is planned for a millisecond, and plans what follows.
func (r *rota) beat(tick int64) {
	r.mu.Lock()
	r.joining, r.taken = r.taken[:0], r.joining
	r.mu.Unlock()
	for _, s := range r.taken {
		r.plan(s.c, max(s.at, tick))
	}
	due := r.slots[tick%rotaSlots]
	r.slots[tick%rotaSlots] = due[:0]
	for _, c := range due { // plan does not reach this slot: a message lasts less than a round
		if at, more := c.beat(tick); more {
			r.plan(c, at)
		}
	}
	clear(due) // calls that have ended are let go
}

func (r *rota) plan(c *call, at int64) {
	r.slots[at%rotaSlots] = append(r.slots[at%rotaSlots], c)
}
