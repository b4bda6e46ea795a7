package main

import (
	"context"
	"sync/atomic"

	"parley/bench/stage"
)

// A task is one item in one arm.
type task struct {
	item *item
	arm  arm
}

// queue hands out tasks to players in any bubble: it holds nothing that a bubble's clock would wait for.
type queue struct {
	voices  *voices
	tasks   []task
	results []result
	next    atomic.Int64
	done    func(n int, r result) // may be called by several at once
}

// play is a stage.Play of what is left in the queue.
func (q *queue) play(outer, ctx context.Context, s stage.Stage) {
	for outer.Err() == nil {
		n := int(q.next.Add(1)) - 1
		if n >= len(q.tasks) {
			return
		}
		q.results[n] = play(ctx, q.tasks[n].item, q.tasks[n].arm, s, q.voices)
		q.done(n, q.results[n])
	}
}
