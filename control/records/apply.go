package records

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	"parley/store"
)

const (
	maxBatch      = 256     // entries that the database is given together
	maxBatchBytes = 1 << 20 // and bytes, about

	// breath is how long the database is left alone after a batch that was not full. What comes first after a pause is applied at once; what
	// comes meanwhile goes together, at the price of one: two commits and a position for each turn of a thousand calls cost a tenth of a core.
	breath = 50 * time.Millisecond

	firstRetry = 100 * time.Millisecond
	lastRetry  = 2 * time.Second
	recordTime = 30 * time.Second // after which the database is thought not to answer
)

// apply gives entries to the database, in order, until stop is closed, all is written, and nothing waits or the database does not
// take it; or until ctx is done.
func (r *Records) apply(ctx context.Context, stop, written <-chan struct{}) {
	a := applier{Records: r, stop: stop}
	for {
		batch, err := a.next()
		switch {
		case err != nil && !a.troubled(ctx, err):
			return
		case err != nil:
			continue
		case len(batch) > 0:
			if !a.record(ctx, batch) {
				return
			}
			a.done(batch[len(batch)-1].seq)
			if len(batch) < maxBatch {
				a.rest(written)
			}
			continue
		}
		select {
		case <-r.ready:
		case <-written:
			if len(r.ready) == 0 {
				return
			}
		}
	}
}

// An applier is what apply's goroutine knows.
type applier struct {
	*Records
	stop  <-chan struct{} // closed when attempts are the last
	tries int             // that failed, in a row
	since time.Time       // when the first of them did
	deaf  bool            // the spool cannot be read
	vague bool            // the position cannot be written
	last  bool            // stop was seen
}

// next is the oldest entries that the database does not have: from the disk or, while that takes none and all that it has is
// applied, from memory.
func (a *applier) next() ([]item, error) {
	_, durable, _ := a.queue.progress((*queue).onDisk)
	records, err := a.disk.Next(maxBatch, maxBatchBytes)
	if err != nil {
		return nil, err
	}
	if a.deaf {
		a.deaf, a.tries = false, 0
		a.o.Log.Info("the spool can be read again")
	}
	var items []item
	for _, rec := range records {
		i := item{seq: rec.Seq, at: rec.At}
		if err := json.Unmarshal(rec.Data, &i.entry); err != nil {
			i.entry, i.raw = store.Entry{}, rec.Data // the database refuses an entry that says nothing
		}
		items = append(items, i)
	}
	if len(records) == 0 {
		a.queue.done(durable) // also what was damaged on disk is behind us
	}
	if len(records) == 0 && a.diskAway.Load() {
		items = a.queue.first(maxBatch)
	}
	if len(items) > 0 {
		a.oldest.Store(&items[0].at)
	}
	return items, nil
}

// record gives the database a batch, as often as needed. It is false when the attempts are over.
func (a *applier) record(ctx context.Context, batch []item) bool {
	for {
		switch err := a.try(ctx, batch); {
		case err == nil:
			a.well()
			return true
		case errors.Is(err, store.ErrRefused) && len(batch) == 1:
			a.well()
			a.refuse(batch[0], err)
			return true
		case errors.Is(err, store.ErrRefused):
			a.well()
			for i := range batch {
				if !a.record(ctx, batch[i:i+1]) {
					return false
				}
			}
			return true
		default:
			if !a.away.Swap(true) {
				a.since = time.Now()
				a.o.Log.Error("records wait: the database does not take them", "error", err)
			}
		}
		if !a.pause(ctx) {
			return false
		}
	}
}

// try gives the database a batch once.
func (a *applier) try(ctx context.Context, batch []item) error {
	entries := make([]store.Entry, len(batch))
	for i := range batch {
		entries[i] = batch[i].entry
	}
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	err := a.o.Store.Record(ctx, entries)
	if err == nil && a.o.Applied != nil {
		a.o.Applied(entries)
	}
	return err
}

// well notes that the database answers.
func (a *applier) well() {
	a.tries = 0
	if a.away.Swap(false) {
		waiting, _, _ := a.queue.stand()
		a.o.Log.Info("the database takes records again", "waited", waiting, "away", time.Since(a.since))
	}
}

// rest takes a breath, unless it is time to end.
func (a *applier) rest(written <-chan struct{}) {
	timer := time.NewTimer(breath)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-written:
	case <-a.stop:
	}
}

// troubled waits after the spool could not be read. It is false when the attempts are over.
func (a *applier) troubled(ctx context.Context, err error) bool {
	if !a.deaf {
		a.deaf = true
		a.o.Log.Error("records wait: the spool cannot be read", "error", err)
	}
	return a.pause(ctx)
}

// pause waits before the next try: twice as long each time, and never exactly as long as others do. When stop is closed it is short
// once, for a last try, and then the attempts are over.
func (a *applier) pause(ctx context.Context) bool {
	if a.last || ctx.Err() != nil {
		return false
	}
	delay := min(lastRetry, firstRetry<<min(a.tries, 10))
	a.tries++
	timer := time.NewTimer(delay/2 + rand.N(delay/2))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-a.stop:
		a.last = true
	}
	return true
}

// done forgets what has been applied.
func (a *applier) done(seq uint64) {
	a.oldest.Store(nil)
	a.queue.done(seq)
	err := a.disk.Done(seq)
	if err != nil && !a.vague {
		a.o.Log.Warn("the spool's position is not written: after a crash records are given out again", "error", err)
	}
	a.vague = err != nil
}
