package local

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"parley/media"
)

// priority orders jobs; the lowest goes first.
type priority int

const (
	urgent  priority = iota // a caller waits: final transcripts and spoken clauses
	early                   // needed for sure, but later: pieces of a long turn
	guess                   // perhaps needed: speculation on the end of a turn
	patient                 // needed, but nobody waits: recordings
	spare                   // nice to have: partial transcripts; taken only when a worker is idle
	priorities
)

// waiting is how many jobs of each priority may wait for each worker. At a tenth of a second a job, 24 urgent ones are what a
// caller can bear to wait for.
var waiting = [priorities]int{urgent: 24, early: 24, guess: 4, patient: 16, spare: 0}

// A job is work for one worker. Its run is called once, unless it was cancelled before it began or the pool closed.
type job struct {
	run  func(stop func() bool)
	drop func(error) // called in place of run when the pool closes first

	pri      priority  // guarded by pool.mu until it runs, then fixed
	state    jobState  // guarded by pool.mu
	since    time.Time // guarded by pool.mu: when it began to wait in its queue
	unwanted atomic.Bool
}

type jobState uint8

const (
	queued jobState = iota
	running
	over
)

// A pool runs jobs on a few threads of low priority: first by priority, then by age.
type pool struct {
	workers int
	wake    sync.Cond // of mu: a job was queued, or the pool closed

	mu     sync.Mutex
	queues [priorities][]*job
	busy   int
	closed bool
	tally  tally

	waits  media.Times // of urgent jobs, until a worker took them
	waited *media.TimesShard
	free   atomic.Bool // a worker is idle and nothing waits; a hint that costs no lock
	better atomic.Int64
}

func newPool(workers int) *pool {
	p := &pool{workers: workers}
	p.wake.L = &p.mu
	p.waited = p.waits.Shard()
	return p
}

// submit queues a job. It fails with ErrOverloaded when its priority's queue is full, with ErrClosed when the pool has closed.
func (p *pool) submit(j *job, pri priority) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	idle := p.workers - p.busy - p.length()
	if idle <= 0 && len(p.queues[pri]) >= waiting[pri]*p.workers {
		return ErrOverloaded
	}
	j.pri = pri
	p.push(j)
	return nil
}

// push queues j. With mu held.
func (p *pool) push(j *job) {
	j.since = time.Now()
	p.queues[j.pri] = append(p.queues[j.pri], j)
	p.note()
	p.wake.Signal()
}

// promote makes a job that waits more urgent.
func (p *pool) promote(j *job, pri priority) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.state == queued && j.pri > pri && p.unqueue(j) {
		j.pri = pri
		p.push(j)
	}
}

// cancel gives a job up: if it waits it is forgotten, if it runs it is told to stop.
func (p *pool) cancel(j *job) {
	j.unwanted.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.state == queued && p.unqueue(j) {
		j.state = over
	}
}

// forgo gives up a job that has not begun, and says whether it did: of one that runs, the outcome is still to come.
func (p *pool) forgo(j *job) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if j.state != queued || !p.unqueue(j) {
		return false
	}
	j.state = over
	return true
}

// idle says whether a worker has nothing to do.
func (p *pool) idle() bool { return p.free.Load() }

// run works until ctx ends and then drops what waits. It returns when every worker has.
func (p *pool) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, p.close)
	defer stop()
	var workers sync.WaitGroup
	for range p.workers {
		workers.Go(p.work)
	}
	p.mu.Lock()
	p.note()
	p.mu.Unlock()
	workers.Wait()
}

// close drops what waits and ends the workers.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	var dropped []*job
	for i := range p.queues {
		for _, j := range p.queues[i] {
			j.state = over
			dropped = append(dropped, j)
		}
		p.queues[i] = nil
	}
	p.note()
	p.wake.Broadcast()
	p.mu.Unlock()
	for _, j := range dropped {
		j.drop(ErrClosed)
	}
}

// work is one worker: a thread of its own, which ends with it because a lowered priority cannot be raised again.
func (p *pool) work() {
	runtime.LockOSThread()
	_ = yieldToFrames() // refused only by exotic sandboxes; frames are then merely less favoured
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.tally.enter()()
	for {
		j := p.next()
		for j == nil && !p.closed {
			p.wake.Wait()
			j = p.next()
		}
		if j == nil {
			return
		}
		j.state = running
		p.busy++
		p.note()
		began := time.Now()
		if j.pri == urgent {
			p.waited.Add(began.Sub(j.since))
		}
		p.tally.begin(j.pri, began)
		p.mu.Unlock()
		j.run(func() bool { return p.stops(j) })
		p.mu.Lock()
		p.tally.end(j.pri, time.Now())
		j.state = over
		p.busy--
		p.note()
	}
}

// stops says whether a running job should give up: nobody wants it any more, or it is mere luxury and something better waits.
func (p *pool) stops(j *job) bool {
	return j.unwanted.Load() || j.pri == spare && p.better.Load() > 0
}

// next takes the best job that waits, or nil. With mu held.
func (p *pool) next() *job {
	for i := range p.queues {
		if q := p.queues[i]; len(q) > 0 {
			j := q[0]
			q[0] = nil
			p.queues[i] = q[1:]
			return j
		}
	}
	return nil
}

// unqueue takes j out of its queue. With mu held.
func (p *pool) unqueue(j *job) bool {
	for i, q := range p.queues[j.pri] {
		if q == j {
			p.queues[j.pri] = append(p.queues[j.pri][:i:i], p.queues[j.pri][i+1:]...)
			p.note()
			return true
		}
	}
	return false
}

// length is how many jobs wait. With mu held.
func (p *pool) length() int {
	n := 0
	for i := range p.queues {
		n += len(p.queues[i])
	}
	return n
}

// note publishes the hints. With mu held.
func (p *pool) note() {
	n := p.length()
	p.free.Store(!p.closed && p.busy+n < p.workers)
	p.better.Store(int64(n - len(p.queues[spare])))
}
