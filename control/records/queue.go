package records

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"parley/store"
)

// maxQueued is the most entries that are kept in memory.
const maxQueued = 100_000

// An item is an entry on its way.
type item struct {
	seq   uint64 // its number in the spool
	at    time.Time
	entry store.Entry
	began time.Time // of an Ended: when its call was answered
	raw   []byte    // what stands on disk, if it is no entry
}

// A queue holds entries in memory, in order, until they are on disk or in the database, and knows how far both are. The keeper
// completes what has arrived and holds it until it is on disk; while it cannot, the applier takes it from there.
type queue struct {
	more chan struct{} // 1: something has arrived

	mu      sync.Mutex // never held during I/O
	arrived []item
	held    []item // completed, and neither on disk nor in the database
	last    uint64 // the newest entry
	durable uint64 // on disk, through this one
	applied uint64 // in the database or refused, through this one
	closed  bool
	lost    int64
	changed chan struct{} // closed when durable or applied has grown
}

func (q *queue) init(last, applied uint64) {
	q.more, q.changed = make(chan struct{}, 1), make(chan struct{})
	q.last, q.durable, q.applied = last, last, applied
}

// put takes an entry; began is the time of the answer of a call that has ended. It never blocks.
func (q *queue) put(e store.Entry, began time.Time) {
	now := time.Now()
	q.mu.Lock()
	if q.closed || q.last-max(q.durable, q.applied) >= maxQueued {
		q.lost++
	} else {
		q.last++
		q.arrived = append(q.arrived, item{seq: q.last, at: now, entry: e, began: began})
	}
	q.mu.Unlock()
	signal(q.more)
}

// close takes no more.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
}

// take gives the keeper what has arrived.
func (q *queue) take() []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.arrived
	q.arrived = nil
	return items
}

// hold keeps completed items.
func (q *queue) hold(items []item) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held = append(q.held, items...)
	q.trim()
}

// first is the oldest held items, at most limit.
func (q *queue) first(limit int) []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.held[:min(limit, len(q.held))])
}

// kept says that everything through seq is on disk, or need not be.
func (q *queue) kept(seq uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.durable = max(q.durable, seq)
	q.trim()
}

// done says that everything through seq is in the database, or refused.
func (q *queue) done(seq uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.applied = max(q.applied, seq)
	q.trim()
}

// trim lets go of what need not be held, and tells those who wait.
func (q *queue) trim() {
	past := max(q.durable, q.applied)
	n, _ := slices.BinarySearchFunc(q.held, past+1, func(i item, seq uint64) int { return cmp.Compare(i.seq, seq) })
	clear(q.held[:n])
	if q.held = q.held[n:]; len(q.held) == 0 {
		q.held = nil
	}
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *queue) onDisk() uint64     { return max(q.durable, q.applied) }
func (q *queue) inDatabase() uint64 { return q.applied }

// progress tells the newest entry, how far they have come, and what is closed when that changes.
func (q *queue) progress(far func(*queue) uint64) (last, past uint64, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.last, far(q), q.changed
}

// stand tells how many entries wait, since when the oldest of those in memory does, and how many were lost.
func (q *queue) stand() (waiting int, since time.Time, lost int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, items := range [][]item{q.held, q.arrived} {
		if len(items) > 0 && since.IsZero() {
			since = items[0].at
		}
	}
	return int(q.last - q.applied), since, q.lost
}

// left tells, at the end, how many entries wait on disk, and how many were lost.
func (q *queue) left() (waiting uint64, lost int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.durable > q.applied {
		waiting = q.durable - q.applied
	}
	q.lost += int64(len(q.held))
	q.held = nil
	return waiting, q.lost
}

// signal wakes whoever waits for a channel of capacity 1.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
