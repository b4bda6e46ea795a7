// Package pace is the clockwork of the house: wheels that beat for many Playouts at once.
//
//	Join ──▶ 1,024 slots of 1 ms:  │···│·│····│ │··│ …  what is due later than the last slot stays for another round
//	                                   ▲
//	                          Run: sleep until the earliest beat, call all that are due, file each where it asked to be
//
// One wheel serves thousands of calls; Wheels spreads calls over one wheel a processor. Run owns a wheel's beats: they are called
// one after the other on its goroutine, and one that panics is thrown out without harm to the others.
package pace

import (
	"context"
	"fmt"
	"math/bits"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"parley/media"
)

const (
	slot  = time.Millisecond
	slots = 1024 // a power of two
)

// A Wheel is a media.Pacer. Its zero value is ready to use; set the fields before Run. A beat is called at its time or, on a busy
// wheel, up to a Breath later so that neighbours share a wake-up. Time is kept by deadlines, never by counting ticks: a beat that
// asks for a time that has passed is called again in the next round.
type Wheel struct {
	// Breath is the least time between two rounds of a busy wheel; zero: 1 ms. On a Thread, 0.5 ms halves the lateness and costs
	// about 2 % of a core more.
	Breath time.Duration
	// Waiter makes the wheel sleep; nil: a Timer.
	Waiter Waiter
	// OnPanic is told of a beat that panicked, with its stack, on Run's goroutine; nil: it is thrown out in silence.
	OnPanic func(v any, stack []byte)

	joined atomic.Int64 // beats on the wheel

	mu      sync.Mutex
	origin  time.Time // the beginning of tick 0
	hand    int64     // ticks before it have been served
	ring    [slots]*entry
	busy    [slots / 64]uint64 // which slots have entries
	running *entry             // whose beat is being called
	ended   *sync.Cond         // of mu: the running beat has ended
	waiting int                // how many wait for that
	asleep  bool               // Run waits
	until   time.Time          // and as long as this; for ever if it is zero
}

var _ media.Pacer = (*Wheel)(nil)

// entry is one beat: in a slot, among those that are due, running, or gone.
type entry struct {
	beat       func(time.Time) time.Time
	due        time.Time
	slot       int // -1: in none
	gone       bool
	prev, next *entry
}

// Join implements media.Pacer. Beats that join before Run begins wait for it; after Run has returned none is called.
func (w *Wheel) Join(beat func(now time.Time) (next time.Time)) (leave func()) {
	e := &entry{beat: beat, due: time.Now(), slot: -1}
	w.joined.Add(1)
	w.mu.Lock()
	w.file(e)
	wake := w.asleep && (w.until.IsZero() || e.due.Before(w.until))
	w.mu.Unlock()
	if wake {
		w.Waiter.Wake()
	}
	return func() { w.leave(e) }
}

// leave takes e off the wheel and waits until its beat, if it is being called, has returned.
func (w *Wheel) leave(e *entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.remove(e)
	w.waiting++
	for w.running == e {
		if w.ended == nil {
			w.ended = sync.NewCond(&w.mu)
		}
		w.ended.Wait()
	}
	w.waiting--
}

// Len is how many beats are on the wheel.
func (w *Wheel) Len() int { return int(w.joined.Load()) }

// Run turns the wheel until ctx ends, and returns nil then; an error means that the Waiter could not start. It is called once.
func (w *Wheel) Run(ctx context.Context) error {
	w.mu.Lock()
	if w.Waiter == nil {
		w.Waiter = new(Timer)
	}
	if w.Breath == 0 {
		w.Breath = slot
	}
	w.mu.Unlock()
	if err := w.Waiter.Start(); err != nil {
		return fmt.Errorf("start the waiter of a pacing wheel: %w", err)
	}
	defer w.Waiter.Stop()
	defer context.AfterFunc(ctx, w.Waiter.Wake)()
	for ctx.Err() == nil {
		now := time.Now()
		w.turn(now)
		w.Waiter.Wait(w.nod(now.Add(w.Breath)))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asleep = false
	return nil
}

// nod notes that Run is about to sleep and says until when: the earliest beat, but not before soonest. The zero time is for ever.
func (w *Wheel) nod(soonest time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until = w.earliest()
	if !w.until.IsZero() && w.until.Before(soonest) {
		w.until = soonest
	}
	w.asleep = true
	return w.until
}

// turn calls every beat that is due at now, once.
func (w *Wheel) turn(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asleep = false
	for e := w.due(now); e != nil; {
		next := e.next
		e.next = nil
		if !e.gone {
			w.call(e, now)
		}
		e = next
	}
}

// call runs the beat of e, without the lock, and files e again.
func (w *Wheel) call(e *entry, now time.Time) {
	w.running = e
	w.mu.Unlock()
	next, v, stack := try(e.beat, now)
	if v != nil && w.OnPanic != nil {
		w.OnPanic(v, stack)
	}
	w.mu.Lock()
	w.running = nil
	if w.waiting > 0 && w.ended != nil {
		w.ended.Broadcast()
	}
	switch {
	case e.gone:
	case next.IsZero():
		w.remove(e)
	default:
		e.due = next
		w.file(e)
	}
}

// try calls beat; v is what it panicked with.
func try(beat func(time.Time) time.Time, now time.Time) (next time.Time, v any, stack []byte) {
	defer func() {
		if v = recover(); v != nil {
			next, stack = time.Time{}, debug.Stack()
		}
	}()
	return beat(now), nil, nil
}

// The slots. mu is held.

// tick is the number of the millisecond that t is in.
func (w *Wheel) tick(t time.Time) int64 {
	if w.origin.IsZero() {
		w.origin = t
	}
	return int64(t.Sub(w.origin) / slot)
}

// file puts e in the slot of its due time, or in the hand's if that has passed.
func (w *Wheel) file(e *entry) {
	e.slot = int(max(w.tick(e.due), w.hand) % slots)
	head := w.ring[e.slot]
	if e.next = head; head != nil {
		head.prev = e
	}
	w.ring[e.slot] = e
	w.busy[e.slot/64] |= 1 << (e.slot % 64)
}

// unfile takes e out of its slot.
func (w *Wheel) unfile(e *entry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		w.ring[e.slot] = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	}
	if w.ring[e.slot] == nil {
		w.busy[e.slot/64] &^= 1 << (e.slot % 64)
	}
	e.prev, e.next, e.slot = nil, nil, -1
}

// remove takes e off the wheel for good.
func (w *Wheel) remove(e *entry) {
	if e.gone {
		return
	}
	e.gone = true
	w.joined.Add(-1)
	if e.slot >= 0 {
		w.unfile(e)
	}
}

// due takes all that is due at now out of the slots: a list by next. The hand moves on to now.
func (w *Wheel) due(now time.Time) (list *entry) {
	tail := &list
	hand := w.tick(now)
	for tick := max(w.hand, hand-slots+1); tick <= hand; tick++ {
		for e := w.ring[tick%slots]; e != nil; {
			next := e.next
			if !e.due.After(now) {
				w.unfile(e)
				*tail, tail = e, &e.next
			}
			e = next
		}
	}
	w.hand = hand
	return list
}

// earliest is when the next beat is due; the zero time if there is none.
func (w *Wheel) earliest() (first time.Time) {
	for ahead := int64(0); ahead < slots; ahead++ {
		tick := w.hand + ahead
		s := int(tick % slots)
		if rest := w.busy[s/64] >> (s % 64); rest == 0 {
			ahead += int64(63 - s%64) // on to the next word
			continue
		} else if skip := bits.TrailingZeros64(rest); skip > 0 {
			ahead += int64(skip - 1)
			continue
		}
		for e := w.ring[s]; e != nil; e = e.next {
			if first.IsZero() || e.due.Before(first) {
				first = e.due
			}
		}
		if w.tick(first) <= tick {
			break // what is in later slots is due later
		}
	}
	return first
}
