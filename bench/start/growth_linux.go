package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"parley/bench/carrier"
	"parley/bench/load"
	"parley/bench/machine"
	"parley/bench/serve"
)

// settles is how long a server may take after the last call until nothing of it is left: connections that it keeps for the next call, those to
// the model for five minutes, go by then. How many these are depends on how many calls there were at once.
const settles = 6 * time.Minute

// A sample is how a server stands while calls come and go.
type sample struct {
	Ended float64 `json:"ended"` // calls
	RSS   int64   `json:"rss"`   // bytes
	Heap  int64   `json:"heap"`  // bytes, at which the garbage collector begins next: what lives, twice
}

// grow has calls come and go.
func (b *rig) grow(ctx context.Context, r *report) (err error) {
	s := b.subject
	s.Data = b.dir + "/growth"
	if _, s.Core, err = machine.TwoCores(); err != nil {
		return err
	}
	s.Env = append(s.Env, fmt.Sprintf("PARLEY_RECORD=%t", b.record))
	p, err := s.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	g := &growth{Rate: b.rate}
	r.Growth = g
	if err := b.place(ctx, p, g, max(100, b.calls/20), "warm up"); err != nil {
		return err
	}
	if g.Before, err = b.idle(ctx, p, nil); err != nil {
		return err
	}
	g.Offered, g.Answered, g.Refused, g.Broken = 0, 0, 0, 0
	watching, stop := context.WithCancel(ctx)
	var watcher sync.WaitGroup
	watcher.Go(func() { g.Samples = watch(watching, p, g.Before.Ended) })
	err = b.place(ctx, p, g, b.calls, "calls")
	stop()
	watcher.Wait()
	if err != nil {
		return err
	}
	if g.After, err = b.idle(ctx, p, &g.Before); err != nil {
		return err
	}
	g.sumUp()
	if g.After.Goroutines > g.Before.Goroutines {
		g.Creators = creators(p.Stacks())
	}
	return nil
}

// creators counts goroutines by who has started them.
func creators(stacks string) map[string]int {
	by := map[string]int{}
	for line := range strings.Lines(stacks) {
		if who, ok := strings.CutPrefix(line, "created by "); ok {
			who, _, _ = strings.Cut(strings.TrimSpace(who), " in goroutine ")
			by[who]++
		}
	}
	return by
}

// place has so many calls come, evenly, and counts what became of them.
func (b *rig) place(ctx context.Context, p *serve.Server, g *growth, calls int, phase string) error {
	const settle = time.Millisecond // nothing to wait for before it counts
	plan := load.Plan{
		URL: p.URL + "/twilio/voice", AuthToken: serve.Token, Stamp: -1, Settle: settle, Name: "parley",
		Script: []carrier.Step{{Verb: carrier.Silent, For: b.length}, {Verb: carrier.HangUp}},
		Steps:  []load.Step{{Rate: b.rate, Hold: time.Duration(float64(calls) / b.rate * float64(time.Second))}},
	}
	told := time.Now()
	steps, err := plan.Run(ctx, func(at load.Progress) {
		if time.Since(told) > 10*time.Second {
			told = time.Now()
			fmt.Fprintf(b.log, "%s: %d of %d, %d at once, %d refused, %d broken\n", phase, at.Offered, calls, at.Calls, at.Refused, at.Broken)
		}
	})
	for _, s := range steps {
		g.Offered += s.Tally.Offered
		g.Answered += s.Tally.Answered
		for _, n := range s.Tally.Refused {
			g.Refused += n
		}
		for what, n := range s.Tally.Broken {
			g.Broken += n
			fmt.Fprintf(b.log, "%s: %d broke: %s\n", phase, n, what)
		}
		g.Generator = s.Generator.Busy
	}
	return err
}

// watch reads how a server stands each second, until ctx ends. before is how many calls had ended already.
func watch(ctx context.Context, p *serve.Server, before float64) (samples []sample) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-look.C:
		case <-ctx.Done():
			return samples
		}
		m, err := p.Metrics(ctx)
		if err != nil {
			continue // it is busy; the next will do
		}
		if memory, err := p.Memory(); err == nil {
			samples = append(samples, sample{m["parley_calls_total"] - before, memory.RSS, int64(m["go_memstats_next_gc_bytes"])})
		}
	}
}

// idle waits until a server has no call and stands still, or is back to base, and tells how it stands.
func (b *rig) idle(ctx context.Context, p *serve.Server, base *standing) (now standing, err error) {
	const stands = 5 // seconds without a change
	began := time.Now()
	for still := 0; ; {
		m, err := p.Metrics(ctx)
		if err != nil {
			return now, err
		}
		memory, err := p.Memory()
		if err != nil {
			return now, err
		}
		was := now
		now = standing{Ended: m["parley_calls_total"], Goroutines: int64(m["go_goroutines"]), Descriptors: int64(m["process_open_fds"]), RSS: memory.RSS}
		if still++; m["parley_calls_live"] > 0 || was.Goroutines != now.Goroutines || was.Descriptors != now.Descriptors {
			still = 0
		}
		waited := time.Since(began)
		switch back := base != nil && now.Goroutines <= base.Goroutines && now.Descriptors <= base.Descriptors; {
		case back && still > 0, base == nil && still >= stands:
			return now, nil
		case waited > settles && m["parley_calls_live"] > 0:
			return now, fmt.Errorf("%.0f calls are live %v after the last was hung up", m["parley_calls_live"], settles)
		case waited > settles:
			return now, nil // what is left over is told
		case int(waited.Seconds())%30 == 29:
			fmt.Fprintf(b.log, "at rest for %.0f s: %d goroutines, %d descriptors\n", waited.Seconds(), now.Goroutines, now.Descriptors)
		}
		if err := rest(ctx, time.Second); err != nil {
			return now, err
		}
	}
}
