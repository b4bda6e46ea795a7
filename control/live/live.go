// Package live shows calls while they go on: to whoever watches, on whichever node.
//
//	pipeline.Event ──▶ Desk.Watch ──▶ teller ──▶ transcript ──▶ Reader.Take: what has changed since this reader last took
//	                                               │   ▲
//	                  watched on another node ─────┘   │ the store, once a second, when nobody answers
//	                  share ──▶ ( bus ) ──▶ mirror ────╯
//
// A transcript is a state, not a stream: its final entries, which only grow, and its interim ones, which change and go. A Reader keeps
// how far it has got, and takes the difference when it has time. So it is told each final entry exactly once, in order; a slow one skips
// interim states, is told how many, and holds nothing up: there is no queue that it could fill. What it costs a call is a lock for as long
// as it takes to note a word.
//
// An entry is final when its exchange is over, as in the call's record: until then the agent may be cut off, and the caller go on. The
// agent's interim words are those that were heard.
//
// A call lives on one node. Another one that has readers for it asks that node (by its boot, which the call's row names) for the state,
// every three seconds, and is told of changes for ten seconds after each question. Nothing is published that nobody watches. While the
// call's node does not answer, the store has to do: it has what is final, and says when the call is over.
package live

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"parley/control/bus"
	"parley/control/records"
	"parley/pipeline"
	"parley/store"
)

// ErrFull says that a call, or all calls of its organisation, have as many readers on this node as they may.
var ErrFull = errors.New("too many readers")

// The most readers that there may be on one node, unless Options say otherwise.
const (
	PerCall = 100
	PerOrg  = 1000
)

const (
	linger     = time.Minute      // that a call stays known after its end, in case its row is late
	sweepEvery = 10 * time.Second // at which those that have lingered are let go
)

// Options say where calls are found. Calls is needed.
type Options struct {
	Calls   store.Calls
	Bus     bus.Bus // to other nodes; nil: there are none
	Boot    string  // this process's, as in the rows of its calls
	PerCall int     // most readers of one call; 0: PerCall
	PerOrg  int     // most readers of an organisation's calls; 0: PerOrg
	// Follow lets a call that lives here tell how far its agent is heard (pipeline.Call.Follow), until leave is called. It must not wait.
	// nil: agents' words are seen when they are final.
	Follow func(call string) (leave func())
	Log    *slog.Logger // nil: none
}

// A Desk has the transcripts of the calls that live here, and of those elsewhere that are watched here. Its methods may be called by any
// goroutine. Without Run, calls that live elsewhere stand still.
type Desk struct {
	o Options

	mu      sync.Mutex // never held during I/O
	calls   map[string]*transcript
	readers map[string]int // by organisation
	ended   []departed     // oldest first
	tasks   []func(context.Context)
	wake    chan struct{} // 1: there are tasks

	watched atomic.Int64
	mirrors atomic.Int64
}

// departed is a call that has ended, and when.
type departed struct {
	t  *transcript
	at time.Time
}

// New makes a Desk.
func New(o Options) *Desk {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.PerCall <= 0 {
		o.PerCall = PerCall
	}
	if o.PerOrg <= 0 {
		o.PerOrg = PerOrg
	}
	return &Desk{o: o, calls: make(map[string]*transcript), readers: make(map[string]int), wake: make(chan struct{}, 1)}
}

// Begin opens the transcript of a call that lives here, before its first event. Whoever has waited for its answer sees it. It never blocks.
func (d *Desk) Begin(c store.Call) {
	if c.Status == "" {
		c.Status = store.InProgress
	}
	if c.Created.IsZero() {
		c.Created = time.Now()
	}
	c.Boot = d.o.Boot
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.calls[c.ID]
	if t == nil {
		t = newTranscript(c)
		d.calls[c.ID] = t
	}
	t.settleHere(c, d.o.Follow)
}

// Resume is Begin of a call that goes on here after its leg was lost, here or elsewhere: messages are what was said before.
func (d *Desk) Resume(c store.Call, messages []store.Message) {
	d.Begin(c)
	d.mu.Lock()
	t := d.calls[c.ID]
	d.mu.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.settle(messages) {
		t.touch()
	}
}

// Forget lets go of a call that lived here and goes on elsewhere: who watches it here has to ask again.
func (d *Desk) Forget(call string) {
	d.mu.Lock()
	t := d.calls[call]
	delete(d.calls, call)
	d.mu.Unlock()
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.interim, t.over = nil, true
	t.heed(0, nil)
	t.touch()
}

// Watch takes note of what happens on calls that live here; other calls' events are ignored. It is called on each call's own goroutine,
// and never blocks.
func (d *Desk) Watch(e pipeline.Event) {
	d.mu.Lock()
	t := d.calls[e.Call]
	if t != nil && e.Kind == pipeline.CallEnded {
		d.ended = append(d.ended, departed{t, time.Now()})
	}
	d.mu.Unlock()
	if t != nil {
		t.take(e)
	}
}

// Open begins to read a call of an organisation, on whichever node it is, before its answer, while it goes on, or when it is over.
// store.ErrNotFound if there is no such call; ErrFull; or what is wrong with the database. The Reader must be closed.
func (d *Desk) Open(ctx context.Context, org, call string) (*Reader, error) {
	if r, err := d.join(org, call, nil); r != nil || err != nil {
		return r, err
	}
	row, messages, err := d.stored(ctx, org, call)
	if err != nil {
		return nil, err
	}
	t := newTranscript(row)
	t.settle(messages)
	t.over = row.Status.Final()
	return d.join(org, call, t)
}

// join makes a reader of a call that is known, or of t, unless that is nil.
func (d *Desk) join(org, call string, fresh *transcript) (*Reader, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.calls[call]
	switch {
	case t != nil && t.org != org:
		return nil, fmt.Errorf("read call: %w", store.ErrNotFound)
	case t == nil && fresh == nil:
		return nil, nil
	case t == nil:
		t = fresh
	}
	if d.readers[org] >= d.o.PerOrg || t.readers >= d.o.PerCall {
		return nil, ErrFull
	}
	if t == fresh && !t.over {
		d.calls[call] = t
		d.start(func(ctx context.Context) { d.mirror(ctx, t) })
	}
	d.readers[org]++
	d.watched.Add(1)
	t.readers++
	return t.reader(d.o.Follow, sync.OnceFunc(func() { d.leave(t) })), nil
}

// leave is a reader's end.
func (d *Desk) leave(t *transcript) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watched.Add(-1)
	t.readers--
	if d.readers[t.org]--; d.readers[t.org] == 0 {
		delete(d.readers, t.org)
	}
}

// stored is what the store has of a call.
func (d *Desk) stored(ctx context.Context, org, call string) (store.Call, []store.Message, error) {
	row, err := d.o.Calls.Call(ctx, org, call)
	if err != nil {
		return row, nil, fmt.Errorf("read call: %w", err)
	}
	if row.Status == store.Initiated {
		return row, nil, nil
	}
	messages, err := d.o.Calls.Transcript(ctx, org, call)
	if err != nil {
		return row, nil, fmt.Errorf("read transcript: %w", err)
	}
	return row, messages, nil
}

// Run has other nodes' calls followed for the readers here, and the calls here told of to readers there, until ctx is done. It returns
// when all that it began has ended. The error says that the bus takes no questions.
func (d *Desk) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if d.o.Bus != nil {
		stop, err := d.o.Bus.Answer(questions(d.o.Boot), d.answer)
		if err != nil {
			return fmt.Errorf("answer for live calls: %w", err)
		}
		defer stop()
	}
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-d.wake:
			for _, f := range d.pending() {
				work.Go(func() { f(ctx) })
			}
		case now := <-sweep.C:
			d.forget(now.Add(-linger))
		case <-ctx.Done():
			return nil
		}
	}
}

// start has Run begin something. The caller holds mu.
func (d *Desk) start(f func(context.Context)) {
	d.tasks = append(d.tasks, f)
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

func (d *Desk) pending() []func(context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	tasks := d.tasks
	d.tasks = nil
	return tasks
}

// forget lets go of calls that ended before then. Those who read them still have them.
func (d *Desk) forget(before time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for ; n < len(d.ended) && d.ended[n].at.Before(before); n++ {
		if t := d.ended[n].t; d.calls[t.id] == t {
			delete(d.calls, t.id)
		}
	}
	clear(d.ended[:n])
	d.ended = d.ended[n:]
}

// Stats are how a Desk stands.
type Stats struct {
	Readers int // of calls, here or elsewhere
	Mirrors int // calls elsewhere that they read
}

// Stats says how the Desk stands now.
func (d *Desk) Stats() Stats {
	return Stats{Readers: int(d.watched.Load()), Mirrors: int(d.mirrors.Load())}
}

// statusOf is the status of a call that has ended.
func statusOf(e *pipeline.Ending) store.Status { return records.StatusOf(e.Cause) }
