package providers

import (
	"cmp"
	"context"
	"slices"
	"time"

	"parley/pipeline"
)

// A racer is a model that is asked.
type racer struct {
	n        int
	next     func() (pipeline.Delta, error, bool)
	stop     func()
	cancel   context.CancelCauseFunc
	cause    func() error
	stall    time.Duration
	patience *time.Timer // nil: it has as long as it likes

	begun []pipeline.Delta // up to what it begins with
	err   error            // that came instead
	crash any
}

// first waits until the model begins to answer or fails to, and tells of it, unless somebody else was first.
func (r *racer) first(news chan<- *racer, settled <-chan struct{}) {
	r.begin()
	r.rests()
	select {
	case news <- r:
	case <-settled:
		r.end()
	}
}

// begin takes what comes up to the first word or tool call.
func (r *racer) begin() {
	defer func() { r.crash = recover() }()
	for {
		d, err, ok := r.next()
		switch {
		case err != nil:
			r.err = cmp.Or(r.cause(), err)
			return
		case !ok:
			if r.err = r.cause(); r.err == nil && !r.ended() {
				r.err = errEmpty
			}
			return
		}
		if r.begun = append(r.begun, d); begins(d) {
			return
		}
	}
}

// ended says whether the model has a reason to say nothing.
func (r *racer) ended() bool {
	return slices.ContainsFunc(r.begun, func(d pipeline.Delta) bool { return d.Finish != "" && d.Finish != "stop" })
}

// again is the next of what it answers, from the beginning.
func (r *racer) again() (pipeline.Delta, error, bool) {
	if len(r.begun) > 0 {
		d := r.begun[0]
		r.begun = r.begun[1:]
		return d, nil, true
	}
	return r.next()
}

// end lets the model go.
func (r *racer) end() {
	r.cancel(errLost)
	r.rests()
	r.stop()
}

// lives gives the model time for its next sign of life.
func (r *racer) lives() {
	if r.patience != nil {
		r.patience.Reset(r.stall)
	}
}

// rests takes all time limits off it, while it is not waited for.
func (r *racer) rests() {
	if r.patience != nil {
		r.patience.Stop()
	}
}
