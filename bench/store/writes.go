package main

import (
	"context"
	"fmt"
	"time"

	"parley/store"
)

// sizes are how many entries a transaction has: 1 when little happens, up to 256 when the queue is behind (control/records).
func sizes() []int { return []int{1, 4, 16, 64, 256} }

// A write is one size of transaction, measured: by the store, and by the floor.
type write struct {
	size           int
	product, floor writing
}

// A writing is how fast transactions went: each began when the one before was done, so none waited uncounted.
type writing struct {
	calls rate // a second
	each  *tally
}

func newWrites() []write {
	var writes []write
	for _, n := range sizes() {
		writes = append(writes, write{size: n, product: writing{each: newTally()}, floor: writing{each: newTally()}})
	}
	return writes
}

// record is Recorder.Record, or its floor.
type record func(context.Context, []store.Entry) error

// run writes transactions of a stream at full speed for a while.
func (w *writing) run(ctx context.Context, to record, s *stream, size int, lasts time.Duration) error {
	began, entries := time.Now(), 0
	var busy time.Duration // without the making of the entries
	for time.Since(began) < lasts {
		batch := s.take(size)
		at := time.Now()
		if err := to(ctx, batch); err != nil {
			return fmt.Errorf("record %d entries: %w", size, err)
		}
		took := time.Since(at)
		w.each.add(took)
		busy += took
		entries += size
	}
	w.calls = append(w.calls, float64(entries)/entriesEach/busy.Seconds())
	w.each.turn()
	return nil
}

// entriesEach is how many entries a live call has on average: see traffic.call.
const entriesEach = 0.005*1 + 0.015*(1+turnsEach) + 0.98*(2+turnsEach)

// record measures each size of transaction for so long, the store and its floor in turn.
func (d *database) record(ctx context.Context, ours, floors *stream, writes []write, lasts time.Duration, floorFirst bool) error {
	for i := range writes {
		w := &writes[i]
		for turn := range 2 {
			var err error
			if floorFirst == (turn == 0) {
				err = w.floor.run(ctx, d.bare.record, floors, w.size, lasts)
			} else {
				err = w.product.run(ctx, d.store.Record, ours, w.size, lasts)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// most is how many entries a live transaction has at most.
const most = 256

// A live is a node's writer while other things are measured: entries arrive on a schedule, and each transaction takes all that have arrived.
type live struct {
	late         *tally // of each entry, from its arrival until it is kept
	entries      int
	transactions int
}

// run writes so many calls a second until ctx ends.
func (l *live) run(ctx context.Context, to record, s *stream, calls float64) error {
	every := time.Duration(float64(time.Second) / (calls * entriesEach))
	due := time.Now().Add(every) // when the next entry arrives
	for ctx.Err() == nil {
		if wait := time.Until(due); wait > 0 {
			select {
			case <-ctx.Done():
				continue
			case <-time.After(wait):
			}
			due = time.Now() // what the timer oversleeps is the bench's own
		}
		n := min(most, 1+int(time.Since(due)/every))
		// A transaction that is cut off when the measuring ends would be a fault that is none.
		if err := to(context.WithoutCancel(ctx), s.take(n)); err != nil {
			return fmt.Errorf("record %d live entries: %w", n, err)
		}
		for range n {
			l.late.add(time.Since(due))
			due = due.Add(every)
		}
		l.entries += n
		l.transactions++
	}
	return nil
}

// beside runs f while a live writer writes; its error, or the writer's.
func (d *database) beside(ctx context.Context, l *live, s *stream, calls float64, f func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	writer, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		err := l.run(writer, d.store.Record, s, calls)
		if err != nil {
			cancel(err)
		}
		done <- err
	}()
	err := f(ctx)
	stop()
	if failed := <-done; failed != nil {
		err = failed
	}
	cancel(nil)
	l.late.turn()
	return err
}
