// Package inbox serves the bots of messaging channels: what people write, what bots and people answer, and what the channels tell of it.
//
//	channel ──webhook──▶ Door: whose bot, is it signed ──▶ event job, on disk ──▶ 200
//	                                                          │
//	   ╭────────────────────────────── crew of events ◀───────╯
//	   ├─ somebody has written ──▶ store.Threads.Receive: thread, contact, message, and the reply job that a burst puts off
//	   ╰─ how far ours has come ──▶ Receipted
//	a file ──▶ fetch job ──▶ Line.Fetch ──▶ Files.Keep ──▶ Fetched: the message says where it is, or why it is nowhere
//	a voice note ──▶ hear job ──▶ Line.Fetch ──▶ Voice.Hear ──▶ Heard: its words, and the reply job
//	reply job ──▶ crew of replies ──▶ read mark, typing ──▶ Drafter ──▶ cut to what the channel takes ──▶ Post, unless the thread has gone on
//	POST /conversations/{id}/messages ──▶ Write ──────────────────────────▶ Post
//	                                                          send job ◀───╯──▶ crew of sends ──▶ Line.Send ──▶ Sent
//
// An event is worked off at least once, and has one effect: a message is known by the channel's id of it, a receipt says more than is known or
// nothing. A message of ours is sent at most once: a node that dies while it sends leaves a message of which nobody knows whether it went out, and
// which says so until the channel tells of it.
//
// It knows no channel: a Line is one bot's way to its own, which Lines makes of the bot's config and its organisation's credentials.
package inbox

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/control/bots"
	"parley/store"
)

// Rows are what an Inbox reads and writes.
type Rows interface {
	store.Bots
	store.Agents
	store.Conversations
	store.Threads
	store.Jobs
	store.Notes
	store.Files
}

// Options are what an Inbox stands on. Store, Node, Lines and Feed must be set.
type Options struct {
	Store   Rows
	Node    string // names this process in the rows
	Lines   Lines
	Feed    *bots.Feed   // is told of what changes
	Drafter bots.Drafter // writes the bots' answers; nil: they do not answer
	Files   Files        // keeps what is sent and received; nil: nothing is
	Voice   Voice        // of whatsapp_voice bots; nil: they are as deaf and mute as others
	Secret  []byte       // of which verify tokens are made: the same on every node
	Public  string       // where channels reach this server, such as https://voice.example.com; empty: as each request says
	Timing  Timing
	Observe Observe
	Log     *slog.Logger // nil: none
}

// Timing is how patient an Inbox is. Zeros mean the value given here.
type Timing struct {
	Every time.Duration // between two looks for jobs: 500 ms
	Pause time.Duration // how long a bot waits for more before it answers: 2 s
	Burst time.Duration // and no longer in all than: 10 s
	Keep  time.Duration // how long events are known again: 8 days, since Meta tells them for 7
}

func (t Timing) orDefaults() Timing {
	return Timing{
		Every: cmp.Or(t.Every, 500*time.Millisecond), Pause: cmp.Or(t.Pause, 2*time.Second), Burst: cmp.Or(t.Burst, 10*time.Second),
		Keep: cmp.Or(t.Keep, 8*24*time.Hour),
	}
}

// Window is how long after somebody's last message they may be written to freely.
const Window = 24 * time.Hour

// An Inbox does the jobs of messaging channels. Its methods may be called by any goroutine; Run must run for anything to be done.
type Inbox struct {
	o     Options
	t     Timing
	crews []*crew
}

// New makes an Inbox.
func New(o Options) *Inbox {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b := &Inbox{o: o, t: o.Timing.orDefaults()}
	b.crews = []*crew{
		newCrew(store.EventJob, 16, time.Minute, b.event),
		newCrew(store.FetchJob, 4, 10*time.Minute, b.fetch),
		newCrew(store.WordsJob, 1, 10*time.Minute, b.tell),
		newCrew(store.HearJob, 2, 10*time.Minute, b.hear),
		newCrew(store.ReplyJob, 8, 2*time.Minute, b.reply),
		newCrew(store.SendJob, 16, 2*time.Minute, b.send),
	}
	return b
}

// Run works until ctx is done; then it waits for what is in hand, for no longer than grace.
func (b *Inbox) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, c := range b.crews {
		g.Go(func() error { return b.work(ctx, c) })
	}
	g.Go(func() error { return b.sweep(ctx) })
	g.Go(func() error { return b.count(ctx) })
	return g.Wait()
}

// A crew does the jobs of one kind.
type crew struct {
	kind  store.JobKind
	most  int           // jobs at once
	lease time.Duration // after which others do what this node has not settled
	do    func(context.Context, store.Job)
	wake  chan struct{} // 1: there may be something to do
	slots chan struct{}
	hands sync.WaitGroup
}

func newCrew(kind store.JobKind, most int, lease time.Duration, do func(context.Context, store.Job)) *crew {
	return &crew{kind: kind, most: most, lease: lease, do: do, wake: make(chan struct{}, 1), slots: make(chan struct{}, most)}
}

// rouse has a crew look for jobs now.
func (b *Inbox) rouse(kind store.JobKind) {
	for _, c := range b.crews {
		if c.kind != kind {
			continue
		}
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// work takes what is due, as far as there are free hands.
func (b *Inbox) work(ctx context.Context, c *crew) error {
	defer c.hands.Wait()
	tick := time.NewTicker(b.t.Every)
	defer tick.Stop()
	for away := false; ; {
		err := b.round(ctx, c)
		switch {
		case err != nil && ctx.Err() == nil && !away:
			b.o.Log.Warn("the inbox waits: the database refuses", "jobs", c.kind, "error", err)
			away = true
		case err == nil && away:
			b.o.Log.Info("the inbox goes on", "jobs", c.kind)
			away = false
		}
		select {
		case <-tick.C:
		case <-c.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

func (b *Inbox) round(ctx context.Context, c *crew) error {
	free := c.most - len(c.slots)
	if free == 0 {
		return nil
	}
	now := time.Now()
	jobs, err := b.o.Store.TakeJobs(ctx, store.JobTaking{Kind: c.kind, Node: b.o.Node, Now: now, Until: now.Add(c.lease), Most: free})
	if err != nil {
		return err
	}
	for _, j := range jobs {
		c.slots <- struct{}{}
		c.hands.Go(func() {
			defer func() { <-c.slots; b.rouse(c.kind) }()
			ctx, cancel := outliving(ctx, j.Due)
			defer cancel()
			c.do(ctx, j)
		})
	}
	return nil
}

// grace is how long jobs go on when all has to end; then they are given up, for whoever takes them next.
const grace = 10 * time.Second

// outliving is a job's context: it lasts until it is due, and a grace longer than ctx.
func outliving(ctx context.Context, due time.Time) (job context.Context, done func()) {
	job, cancel := context.WithDeadline(context.WithoutCancel(ctx), due)
	heeding := context.AfterFunc(ctx, func() {
		late := time.NewTimer(grace)
		defer late.Stop()
		select {
		case <-late.C:
			cancel()
		case <-job.Done():
		}
	})
	return job, func() { heeding(); cancel() }
}

// settleTime is how long it may take to write down what became of a job, also of one that was given up.
const settleTime = 5 * time.Second

func settling(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}

// end says that a job is done, or why it never will be. A job that is somebody else's by now is theirs to end.
func (b *Inbox) end(ctx context.Context, j store.Job, failure string) {
	if failure != "" {
		b.o.Log.Error("a job of the inbox has failed", "job", j.ID, "kind", j.Kind, "org", j.Org, "bot", j.Bot, "reason", failure)
	}
	ctx, cancel := settling(ctx)
	defer cancel()
	err := b.o.Store.EndJob(ctx, j, failure, time.Now())
	if err == nil {
		b.o.Observe.settled(j, failedOr(failure))
	}
	if err != nil && !errors.Is(err, store.ErrConflict) {
		b.o.Log.Warn("a job of the inbox is not settled: it will be done again", "job", j.ID, "kind", j.Kind, "error", err)
	}
}

// mostTries is how often a job is put off before it fails.
const mostTries = 8

// postpone puts a job off, each time for longer; or ends it if it has been put off too often. While the database is away nothing counts.
func (b *Inbox) postpone(ctx context.Context, j store.Job, cause error) {
	if j.Settled+1 >= mostTries {
		b.end(ctx, j, cause.Error())
		return
	}
	ctx, cancel := settling(ctx)
	defer cancel()
	wait := min(time.Second<<(2*j.Settled), 10*time.Minute)
	b.o.Log.Warn("a job of the inbox is put off", "job", j.ID, "kind", j.Kind, "bot", j.Bot, "wait", wait, "error", cause)
	b.o.Observe.settled(j, jobPutOff)
	if err := b.o.Store.PutOffJob(ctx, j, time.Now().Add(wait)); err != nil && !errors.Is(err, store.ErrConflict) {
		b.o.Log.Warn("a job of the inbox is not settled: it will be done again", "job", j.ID, "kind", j.Kind, "error", err)
	}
}

const (
	sweepEvery = time.Hour
	sweepBatch = 500
)

// sweep forgets events that nobody tells again, now and then.
func (b *Inbox) sweep(ctx context.Context) error {
	again := time.NewTicker(sweepEvery)
	defer again.Stop()
	for {
		for {
			n, err := b.o.Store.SweepJobs(ctx, time.Now().Add(-b.t.Keep), sweepBatch)
			if err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrUnavailable) {
				b.o.Log.Warn("the inbox is not tidied", "error", err)
			}
			if err != nil || n < sweepBatch {
				break
			}
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}
