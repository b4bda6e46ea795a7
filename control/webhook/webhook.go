// Package webhook tells clients what happens to their tasks' calls.
//
//	task event ──▶ delivery, pending      (one transaction: store/sql)
//	                   │ DueHosts ──▶ lanes: how many to which host ──▶ TakeDeliveries   (a lease, on one node)
//	                   ▼
//	      settings, secret ──▶ payload, kept on the first try ──▶ sign ──▶ guard: DNS, then the address ──▶ POST, 10 s in all
//	                                                                                  │
//	   delivered, failed, or pending again ◀── verdict ◀── status, how the body begins ◀──┘
//
// A delivery is sent once, as the contract has it; where its organisation has turned redelivery on, up to ten times over three days. It has
// the same id and the same body on each try. It is sent at least once: a node that dies between sending and writing that down leaves its
// lease to run out, and another node sends again.
//
// The Sender owns one goroutine for each delivery in hand. A host has few of them, one that does not answer has one, and all that do not
// answer have half of them together: whoever answers is never kept waiting by who does not.
package webhook

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"parley/store"
)

// A Store is what a Sender needs of the database.
type Store interface {
	store.Outbox
	Transcript(ctx context.Context, org, call string) ([]store.Message, error)
}

// Reports tell what a call came to, as far as that is known without waiting for anybody; empty if it is not. A *report.Desk does.
type Reports interface {
	// Excerpt may use what was said in the call. store.ErrNotFound is as empty.
	Excerpt(ctx context.Context, org, call string, said []store.Message) (string, error)
}

// Options are what a Sender stands on. Store, Node and Secrets must be set.
type Options struct {
	Store    Store
	Node     string // names this process in the rows
	Secrets  *Secrets
	Reports  Reports        // nil: there are none
	Allow    Allow          // what may be sent to although its address is not public
	Roots    *x509.CertPool // nil: the system's
	Resolver *net.Resolver  // nil: the system's
	Timing   Timing
	Observe  func(event, outcome string, took time.Duration) // is told of each try; may be nil
	Log      *slog.Logger                                    // nil: none

	// Point is called at each place where a crash would matter, by its name, for tests that crash there; may be nil.
	Point func(name string)
}

// Timing is how patient a Sender is. Zeros mean the value given here.
type Timing struct {
	Every   time.Duration   // between two looks at the database: 500 ms
	Timeout time.Duration   // for a try, from DNS to the end of the body: 10 s
	Lease   time.Duration   // after which others send what this node has not settled: 30 s
	Retries []time.Duration // between tries, where redelivery is on: Schedule
	Deaf    time.Duration   // how long a host that did not answer has one slot alone: 5 min
	Keep    time.Duration   // how long settled deliveries stay in the log: 30 days
}

// Schedule is how long a delivery waits after each try that failed: ten tries over three days, as Standard Webhooks recommends
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Deliverability and reliability").
func Schedule() []time.Duration {
	return []time.Duration{
		5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
	}
}

func (t Timing) orDefaults() Timing {
	if t.Retries == nil {
		t.Retries = Schedule()
	}
	return Timing{
		Every: cmp.Or(t.Every, 500*time.Millisecond), Timeout: cmp.Or(t.Timeout, 10*time.Second), Lease: cmp.Or(t.Lease, 30*time.Second),
		Retries: t.Retries, Deaf: cmp.Or(t.Deaf, 5*time.Minute), Keep: cmp.Or(t.Keep, 30*24*time.Hour),
	}
}

const (
	slots      = 256 // deliveries that a node has in hand at once
	perHost    = 4   // and those to one host
	writing    = 5 * time.Second
	sweepEvery = time.Hour
	sweepBatch = 500
)

// A Sender sends deliveries. Its methods may be called by any goroutine; Run must run for anything to be sent.
type Sender struct {
	o      Options
	t      Timing
	client *http.Client
	lanes  lanes
	wake   chan struct{} // 1: there may be something to send
	work   sync.WaitGroup
}

// New makes a Sender.
func New(o Options) *Sender {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t := o.Timing.orDefaults()
	g := &guard{allow: o.Allow, resolver: o.Resolver, timeout: t.Timeout}
	return &Sender{o: o, t: t, client: g.client(o.Roots), lanes: lanes{deafFor: t.Deaf}, wake: make(chan struct{}, 1)}
}

// Wake has the Sender look for deliveries now, where it would do so within Timing.Every.
func (s *Sender) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// InHand is how many deliveries are being sent.
func (s *Sender) InHand() int { return s.lanes.busy() }

// Run sends until ctx is done; then it waits for the answers to what it has sent, no longer than for a try.
func (s *Sender) Run(ctx context.Context) error {
	defer s.work.Wait()
	s.work.Go(func() { s.sweep(ctx) })
	tick := time.NewTicker(s.t.Every)
	defer tick.Stop()
	for away := false; ; {
		err := s.round(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !away:
			s.o.Log.Warn("webhooks wait: the database refuses", "error", err)
			away = true
		case err == nil && away:
			s.o.Log.Info("webhooks go on")
			away = false
		}
		select {
		case <-tick.C:
		case <-s.wake:
		case <-ctx.Done():
			return nil
		}
	}
}

// round takes what is due, as far as there are free slots, and begins to send it.
func (s *Sender) round(ctx context.Context) error {
	now := time.Now()
	if s.lanes.full() {
		return nil
	}
	hosts, err := s.o.Store.DueHosts(ctx, now)
	if err != nil {
		return err
	}
	shares := s.lanes.shares(hosts, now)
	if len(shares) == 0 {
		return nil
	}
	taken, err := s.o.Store.TakeDeliveries(ctx, store.DeliveryTaking{Node: s.o.Node, Now: now, Until: now.Add(s.t.Lease), Hosts: shares})
	if err != nil {
		return err
	}
	if len(taken) > 0 {
		s.at("taken")
	}
	for _, d := range taken {
		s.lanes.enter(d.Host, now)
		s.work.Go(func() {
			heard := s.deliver(context.WithoutCancel(ctx), d)
			s.lanes.leave(d.Host, heard, time.Now())
			s.Wake()
		})
	}
	return nil
}

// sweep removes what has been in the log for long enough, now and then.
func (s *Sender) sweep(ctx context.Context) {
	again := time.NewTicker(sweepEvery)
	defer again.Stop()
	for {
		removed, err := s.forget(ctx, time.Now().Add(-s.t.Keep))
		switch {
		case err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrUnavailable):
			s.o.Log.Warn("the log of webhooks is not tidied", "error", err)
		case removed > 0:
			s.o.Log.Info("old deliveries of webhooks are gone", "deliveries", removed)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Sender) forget(ctx context.Context, before time.Time) (all int64, err error) {
	for {
		n, err := s.o.Store.SweepDeliveries(ctx, before, sweepBatch)
		if all += n; err != nil {
			return all, fmt.Errorf("sweep: %w", err)
		}
		if n < sweepBatch {
			return all, nil
		}
	}
}

func (s *Sender) at(point string) {
	if s.o.Point != nil {
		s.o.Point(point)
	}
}
