package inbox

import (
	"context"
	"errors"
	"time"

	"parley/store"
)

// Observe counts what an Inbox does. Its fields may be nil; they are called by any goroutine, and return at once.
type Observe struct {
	Hooked   func(outcome string)                                   // a channel's webhook came: one of Receptions
	Worked   func(age time.Duration)                                // what a webhook has brought is worked off, so long after it came
	Settled  func(kind store.JobKind, outcome string)               // a job was settled: one of Outcomes
	Answered func(after time.Duration)                              // a bot's answer is to be sent, so long after the message that it answers came
	Waiting  func(kind store.JobKind, jobs int, late time.Duration) // on all nodes, that many jobs are due, the first of them for so long
}

// How a webhook is received.
const (
	hookTaken   = "taken"
	hookRefused = "refused" // it is not its channel's, or cannot be read
	hookBusy    = "busy"    // the database is away: the channel comes again
)

// Receptions are how webhooks are received.
func Receptions() []string { return []string{hookTaken, hookRefused, hookBusy} }

// What becomes of a job.
const (
	jobDone   = "done"
	jobPutOff = "put_off" // it is tried again later
	jobFailed = "failed"
)

// Outcomes are what becomes of jobs. Of a SendJob, done is sent.
func Outcomes() []string { return []string{jobDone, jobPutOff, jobFailed} }

// Kinds are those of jobs.
func Kinds() []store.JobKind {
	return []store.JobKind{store.EventJob, store.FetchJob, store.WordsJob, store.HearJob, store.ReplyJob, store.SendJob}
}

func (o Observe) hooked(outcome string) {
	if o.Hooked != nil {
		o.Hooked(outcome)
	}
}

// settled tells of a job that came to an end, or was put off.
func (o Observe) settled(j store.Job, outcome string) {
	if o.Settled != nil {
		o.Settled(j.Kind, outcome)
	}
	if o.Worked != nil && j.Kind == store.EventJob && outcome != jobPutOff {
		o.Worked(max(0, time.Since(j.Created)))
	}
}

func (o Observe) answered(after time.Duration) {
	if o.Answered != nil {
		o.Answered(max(0, after))
	}
}

// failedOr is the outcome of a job that has come to an end.
func failedOr(failure string) string {
	if failure != "" {
		return jobFailed
	}
	return jobDone
}

const countEvery = 15 * time.Second

// count tells how many jobs wait, now and then.
func (b *Inbox) count(ctx context.Context) error {
	if b.o.Observe.Waiting == nil {
		return nil
	}
	again := time.NewTicker(countEvery)
	defer again.Stop()
	for {
		now := time.Now()
		all, err := b.o.Store.WaitingJobs(ctx, now)
		if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrUnavailable) {
			b.o.Log.Warn("what waits in the inbox is not counted", "error", err)
		}
		for _, kind := range Kinds() {
			if w := all[kind]; err == nil {
				late := time.Duration(0)
				if w.Jobs > 0 {
					late = max(0, now.Sub(w.Oldest))
				}
				b.o.Observe.Waiting(kind, w.Jobs, late)
			}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}
