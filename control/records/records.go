// Package records writes down what calls leave behind: every entry goes by one way, whether the database is well or not.
//
//	             a call's goroutine │ keeper: one goroutine        │ applier: one goroutine
//	Begin, Watch ──▶ queue ─────────┼▶ spool on disk, fsynced ─────┼▶ store.Recorder, in order ──▶ position forgotten
//	                                │   in groups                  │   away: they wait on disk
//	                                │   full: they stay in memory ─┼▶ refused: refused.jsonl beside the spool
//
// Begin and Watch do no I/O, and no lock that they take is held during I/O. The keeper fsyncs what has come while it fsynced what came
// before. The applier reads the spool back and gives it to the database in batches; while the database does not take them, they wait,
// and they are tried again every two seconds at most. A process that is killed loses what was not yet fsynced, a few milliseconds'
// worth; it may give some entries to the database a second time, which changes nothing there.
//
// While the disk takes nothing, entries stay in memory (100,000 of them, beyond which they are lost and counted), go to the database from
// there, and to the disk when it is back.
//
// A disk that neither takes nor refuses holds up all but the calls: entries gather in memory, and Run cannot return before it answers.
//
// When Run begins it looks for what a crash left, and puts a store.Crashed: behind all that earlier boots have left in the spool, but
// maybe behind first entries of this boot, which it does not concern.
package records

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"parley/control/spool"
	"parley/pipeline"
	"parley/store"
)

// lastTry is how long Run still gives entries to the database when it has been told to stop.
const lastTry = 5 * time.Second

// Options say where records wait, and where they go.
type Options struct {
	Dir   string // the spool's, and of refused.jsonl; made if missing; one process's own
	Node  string // the data directory's id
	Boot  string // this process's
	Store store.Recorder
	Log   *slog.Logger

	// Applied is told of entries when the database has them, in order. It must not wait. nil: nobody is.
	Applied func([]store.Entry)
	// Cost is what vendors charge for a call that has ended; it is asked once, and returns at once. nil: nobody knows.
	Cost func(call string) *store.Cost
	// Recording describes the recording of a call that has ended, by the time of its answer. It may read the disk. nil: there are none.
	Recording func(call string, began time.Time) (store.Recording, bool)
	// Found repairs and describes the recordings of calls that a crash ended. It may take its time. nil: there are none.
	Found func() map[string]store.Recording
}

// Records takes down calls. Its methods may be called by any goroutine.
type Records struct {
	o     Options
	disk  disk
	queue queue
	calls calls

	refusals string        // the file of what the database will never take
	ready    chan struct{} // 1: there is something to apply
	stopped  chan struct{} // closed when Run has returned
	shut     func() error  // closes the disk, once

	oldest   atomic.Pointer[time.Time] // of what the applier has in hand
	away     atomic.Bool               // the database does not take entries
	diskAway atomic.Bool               // nor does the disk
	refused  atomic.Int64
}

// A disk is what entries wait on: a spool.Spool.
type disk interface {
	Append([]spool.Record) error
	Next(limit, size int) ([]spool.Record, error)
	Done(seq uint64) error
	Last() uint64
	Applied() uint64
	Damaged() int64
	Close() error
}

// New opens the spool. It fails if another process has it.
func New(o Options) (*Records, error) {
	s, err := spool.Open(spool.Options{Dir: o.Dir, Log: o.Log})
	if err != nil {
		return nil, err
	}
	return newRecords(o, s), nil
}

func newRecords(o Options, d disk) *Records {
	r := &Records{
		o: o, disk: d,
		ready:   make(chan struct{}, 1),
		stopped: make(chan struct{}),
		shut:    sync.OnceValue(d.Close),
	}
	r.refusals = filepath.Join(o.Dir, "refused.jsonl")
	r.queue.init(d.Last(), d.Applied())
	r.calls.live = make(map[string]*live)
	return r
}

// Begin opens the record of a call. It is called before the call's first event; an id that is live already is ignored. Node and Boot
// are filled in; Status, if empty, is InProgress, and Created, if zero, is now.
func (r *Records) Begin(c store.Call) {
	c.Node, c.Boot = r.o.Node, r.o.Boot
	if c.Status == "" {
		c.Status = store.InProgress
	}
	if c.Created.IsZero() {
		c.Created = time.Now()
	}
	c = cleanCall(c)
	if r.calls.begin(c) {
		r.queue.put(store.Entry{Began: &c}, time.Time{})
	}
}

// Resume takes up the record of a call that goes on on another leg, maybe after another process had it: c, turns and messages are what the
// database has of it, as this process's. A call that is live here stays as it is. It is called before the first event of the new leg.
func (r *Records) Resume(c store.Call, turns int, messages []store.Message) {
	r.calls.resume(c, turns, messages)
}

// Forget lets go of a call that is live here and that another process has taken: its end is for that one to tell.
func (r *Records) Forget(call string) { r.calls.end(call) }

// Watch takes down the turns and the end of calls that have begun; other events, and other calls', are ignored. It never blocks.
func (r *Records) Watch(e pipeline.Event) {
	switch {
	case e.Kind == pipeline.TurnEnded && e.Turn != nil:
		if t, ok := r.calls.turn(e.Call, e.Turn); ok {
			r.queue.put(store.Entry{Turned: &t}, time.Time{})
		}
	case e.Kind == pipeline.CallEnded && e.Ending != nil:
		if l := r.calls.end(e.Call); l != nil {
			ended := l.ended(e.Ending)
			if r.o.Cost != nil {
				ended.End.Cost = r.o.Cost(e.Call)
			}
			r.queue.put(store.Entry{Ended: ended}, l.began())
		}
	}
}

// Run works until ctx is done: then calls that are still live end with cause shutdown, all that was put is fsynced, and for a few seconds
// more, entries are given to the database. What it does not take waits on disk for the next start. The error says what was lost.
func (r *Records) Run(ctx context.Context) error {
	defer close(r.stopped)
	works, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	stop, written := make(chan struct{}), make(chan struct{})
	var found, rest sync.WaitGroup
	found.Go(r.crashed)
	rest.Go(func() { r.keep(stop); close(written) })
	rest.Go(func() { r.apply(works, stop, written) })
	<-ctx.Done()
	found.Wait()
	r.shutDown()
	close(stop)
	timer := time.AfterFunc(lastTry, giveUp)
	rest.Wait()
	timer.Stop()
	waiting, lost := r.queue.left()
	if lost > 0 {
		return errors.Join(fmt.Errorf("%d records are lost: neither disk nor database took them", lost), r.shut())
	}
	if waiting > 0 {
		r.o.Log.Warn("records wait on disk for the next start", "entries", waiting)
	}
	return r.shut()
}

// shutDown takes no more entries, after the ends of the calls that are still live.
func (r *Records) shutDown() {
	for _, l := range r.calls.endAll() {
		r.o.Log.Warn("call outlives its records", "call", l.call.ID)
		r.queue.put(store.Entry{Ended: l.shutDown(time.Now())}, l.began())
	}
	r.queue.close()
}

// crashed says that this boot has begun, and what the crash of an earlier one left.
func (r *Records) crashed() {
	c := &store.Crashed{Node: r.o.Node, Boot: r.o.Boot}
	if r.o.Found != nil {
		c.Recordings = r.o.Found()
	}
	r.queue.put(store.Entry{Crashed: c}, time.Time{})
}

// Close lets go of the spool, where Run was never called. After Run it does nothing.
func (r *Records) Close() error { return r.shut() }

// Flush waits until all that was put before it is in the database (or refused by it).
func (r *Records) Flush(ctx context.Context) error {
	if err := r.await(ctx, (*queue).inDatabase); err != nil {
		return fmt.Errorf("flush records: %w", err)
	}
	return nil
}

// await waits until all that was put before it has come as far as is asked.
func (r *Records) await(ctx context.Context, far func(*queue) uint64) error {
	target, past, changed := r.queue.progress(far)
	for wanted := target; past < wanted; _, past, changed = r.queue.progress(far) {
		select {
		case <-changed:
		case <-r.stopped:
			return fmt.Errorf("stopped, and %d wait", wanted-past)
		case <-ctx.Done():
			return fmt.Errorf("%d wait: %w", wanted-past, ctx.Err())
		}
	}
	return nil
}

// Stats are how records stand.
type Stats struct {
	Waiting int           // entries that the database does not have yet
	Oldest  time.Duration // the age of the oldest of them
	Live    int           // calls that have begun and not ended
	Lost    int64         // entries that came while neither disk nor database took any, and memory was full
	Refused int64         // entries that the database will never take; they are in refused.jsonl
	Damaged int64         // stretches of the spool that could not be read, and were set aside
	Well    bool          // the database took what it was last given
	Disk    bool          // so did the disk
}

// Stats says how records stand now.
func (r *Records) Stats() Stats {
	s := Stats{
		Live: r.calls.count(), Refused: r.refused.Load(), Damaged: r.disk.Damaged(), Well: !r.away.Load(), Disk: !r.diskAway.Load(),
	}
	var since time.Time
	s.Waiting, since, s.Lost = r.queue.stand()
	if t := r.oldest.Load(); t != nil {
		since = *t
	}
	if s.Waiting > 0 && !since.IsZero() {
		s.Oldest = max(0, time.Since(since))
	}
	return s
}
