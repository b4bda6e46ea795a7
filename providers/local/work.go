package local

import (
	"time"

	"parley/media"
)

// Work is what an Engine has done for callers and has to do.
type Work struct {
	Workers int           // threads that recognise and speak
	Busy    time.Duration // of all of them, since they began, with what callers wait for or probably will; not with partial transcripts
	Waits   media.TimesCounts
	Oldest  time.Duration // how long the oldest that still waits has waited; 0: none does
	Used    time.Duration // of the processors, by all threads of low priority
}

// Work tells how much there is to do. Waits are those of final transcripts and spoken clauses for a worker.
func (e *Engine) Work() Work {
	w := e.pool.done()
	w.Used += e.judges.done().Used
	return w
}

// done is a pool's share of Work.
func (p *pool) done() Work {
	now := time.Now()
	p.mu.Lock()
	p.tally.until(now)
	w := Work{Workers: p.workers, Used: p.tally.used()}
	for _, pri := range []priority{urgent, early, guess} {
		w.Busy += p.tally.spent[pri]
	}
	if q := p.queues[urgent]; len(q) > 0 {
		w.Oldest = now.Sub(q[0].since)
	}
	p.mu.Unlock()
	w.Waits = p.waits.Counts()
	return w
}

// A tally is what a pool's workers do with their time. The pool's mu guards it.
type tally struct {
	busy    [priorities]int // workers at it
	spent   [priorities]time.Duration
	since   time.Time // spent is known until then
	threads map[int]bool
	gone    time.Duration // that threads which have ended had used
}

// enter counts the calling worker's thread, until leave.
func (t *tally) enter() (leave func()) {
	id := threadID()
	if t.threads == nil {
		t.threads = map[int]bool{}
	}
	t.threads[id] = true
	return func() {
		t.gone += timeOf(id)
		delete(t.threads, id)
	}
}

// used is the processor time of all workers.
func (t *tally) used() time.Duration {
	sum := t.gone
	for id := range t.threads {
		sum += timeOf(id)
	}
	return sum
}

func (t *tally) begin(p priority, now time.Time) { t.until(now); t.busy[p]++ }

func (t *tally) end(p priority, now time.Time) { t.until(now); t.busy[p]-- }

// until accounts for the time up to now.
func (t *tally) until(now time.Time) {
	for p, n := range t.busy {
		if n > 0 {
			t.spent[p] += time.Duration(n) * now.Sub(t.since)
		}
	}
	t.since = now
}
