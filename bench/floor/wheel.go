package floor

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// slots is how many groups a wheel beats one after the other, a millisecond each.
const slots = 20

// A wheel beats every stream once in 20 ms, on deadlines counted from its start: a late beat is made up for at once.
type wheel struct {
	mu    sync.Mutex // of join and leave
	count int
	slots [slots]atomic.Pointer[[]*stream] // replaced, never changed
}

// join puts a stream into the next slot.
func (w *wheel) join(s *stream) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.slot = w.count % slots
	w.count++
	w.replace(s.slot, func(old []*stream) []*stream { return append(old, s) })
}

// leave takes a stream out; a beat in progress may still reach it.
func (w *wheel) leave(s *stream) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replace(s.slot, func(old []*stream) []*stream {
		kept := old[:0]
		for _, o := range old {
			if o != s {
				kept = append(kept, o)
			}
		}
		return kept
	})
}

func (w *wheel) replace(slot int, change func([]*stream) []*stream) {
	var copied []*stream
	if old := w.slots[slot].Load(); old != nil {
		copied = append(make([]*stream, 0, len(*old)+1), *old...)
	}
	copied = change(copied)
	w.slots[slot].Store(&copied)
}

// run beats until ctx ends.
func (w *wheel) run(ctx context.Context) {
	start := time.Now()
	for tick := int64(0); ctx.Err() == nil; {
		for now := int64(time.Since(start) / time.Millisecond); tick <= now; tick++ {
			if streams := w.slots[tick%slots].Load(); streams != nil {
				for _, s := range *streams {
					s.beat()
				}
			}
		}
		time.Sleep(time.Until(start.Add(time.Duration(tick) * time.Millisecond)))
	}
}
