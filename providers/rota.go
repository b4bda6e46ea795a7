package providers

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// What zero fields of Voices, Recognisers and Models mean.
const (
	DefaultPatience = time.Second
	DefaultRest     = 30 * time.Second
)

// How a provider that rests is asked whether it is well again.
const (
	probeLimit = 5 * time.Second  // for its answer
	mostRest   = time.Minute      // between two questions
	lockedRest = 15 * time.Minute // of one that knows our key no more: that takes a person to mend
)

// A rota says who of several providers is asked: those that are well, in the order of their merit, then those that rest since they have
// failed. It is that of all calls.
//
//	fails ──▶ rests ──time passed, or a probe answered──▶ well
//	            ▲                                          │
//	            └────── for twice as long ◀──fails at once─┘
type rota struct {
	mu      sync.Mutex
	of      map[int]*attendance
	stopped chan struct{} // closed by close; nil: nothing is probed
	closed  bool
	probes  sync.WaitGroup
}

// attendance is what a rota knows of a provider that has failed.
type attendance struct {
	till    time.Time // it rests until then
	probing bool      // it rests until it has answered
	strikes int       // failures since it last did well
}

func (a *attendance) rests() bool { return a.probing || time.Now().Before(a.till) }

// order is in which order n providers are to be tried.
func (r *rota) order(n int) (all []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var resting []int
	for i := range n {
		if a := r.of[i]; a != nil && a.rests() {
			resting = append(resting, i)
		} else {
			all = append(all, i)
		}
	}
	return append(all, resting...)
}

// well notes that a provider has done what it was asked for.
func (r *rota) well(i int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.of[i]; a != nil && !a.probing {
		delete(r.of, i)
	}
}

// fails has a provider rest, since it failed with err. With a probe it is asked in the background whether it is well again: every so often, and
// less often with each failure; seldom, if it has refused the key. Without, it is so after rest.
func (r *rota) fails(i int, err error, rest, every time.Duration, probe func(ctx context.Context, i int) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[int]*attendance{}
	}
	a := r.of[i]
	if a == nil {
		a = &attendance{}
		r.of[i] = a
	}
	if a.rests() || r.closed {
		return
	}
	a.till = time.Now().Add(cmp.Or(rest, DefaultRest))
	a.strikes++
	if every <= 0 {
		return
	}
	if r.stopped == nil {
		r.stopped = make(chan struct{})
	}
	a.probing = true
	every = pauseAfter(err, every<<min(a.strikes-1, 10))
	r.probes.Go(func() { r.probe(i, every, probe) })
}

// probe asks a provider until it has answered, or the rota is closed.
func (r *rota) probe(i int, every time.Duration, ask func(ctx context.Context, i int) error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watched := make(chan struct{})
	defer func() { cancel(); <-watched }()
	go func() {
		defer close(watched)
		select {
		case <-r.stopped:
			cancel()
		case <-ctx.Done():
		}
	}()
	timer := time.NewTimer(every)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		err := answers(ctx, i, ask)
		if err == nil {
			r.mu.Lock()
			r.of[i].probing, r.of[i].till = false, time.Time{}
			r.mu.Unlock()
			return
		}
		every = pauseAfter(err, 2*every)
		timer.Reset(every)
	}
}

// pauseAfter is how long a provider is not asked that failed with err, where it would be asked again after a time.
func pauseAfter(err error, every time.Duration) time.Duration {
	if Class(err) == Auth {
		return lockedRest
	}
	return min(every, mostRest)
}

var errCrashed = errors.New("the provider panicked")

// answers is one question, with a bound. What panics is not well.
func answers(ctx context.Context, i int, ask func(ctx context.Context, i int) error) (err error) {
	defer func() {
		if recover() != nil {
			err = errCrashed
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	return ask(ctx, i)
}

// close ends all probes and waits for them.
func (r *rota) close() {
	r.mu.Lock()
	if r.stopped != nil && !r.closed {
		close(r.stopped)
	}
	r.closed = true
	r.mu.Unlock()
	r.probes.Wait()
}
