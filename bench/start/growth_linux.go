package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"parley/bench/carrier"
	"parley/bench/load"
	"parley/bench/machine"
	"parley/bench/serve"
)

// settles is how long a server may take after the last call until nothing of it is left: connections that it keeps for the next call go by then.
const settles = 90 * time.Second

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
	if g.Before, err = idle(ctx, p, nil); err != nil {
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
	if g.After, err = idle(ctx, p, &g.Before); err != nil {
		return err
	}
	g.sumUp()
	return nil
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

// idle waits until a server has no call, and is back to base or has stood still for a while, and tells how it stands.
func idle(ctx context.Context, p *serve.Server, base *standing) (now standing, err error) {
	ctx, cancel := context.WithTimeout(ctx, settles)
	defer cancel()
	for still := 0; ; {
		m, err := p.Metrics(ctx)
		if err != nil {
			return now, err
		}
		was := now
		now = standing{Ended: m["parley_calls_total"], Goroutines: int64(m["go_goroutines"]), Descriptors: int64(m["process_open_fds"])}
		memory, err := p.Memory()
		if err != nil {
			return now, err
		}
		now.RSS = memory.RSS
		if still++; m["parley_calls_live"] > 0 || was.Goroutines != now.Goroutines || was.Descriptors != now.Descriptors {
			still = 0
		}
		switch {
		case still > 0 && base != nil && now.Goroutines <= base.Goroutines && now.Descriptors <= base.Descriptors:
			return now, nil
		case still >= 5 && base == nil:
			return now, nil
		}
		if rest(ctx, time.Second) != nil {
			if m["parley_calls_live"] > 0 {
				return now, fmt.Errorf("%.0f calls are live %v after the last was hung up", m["parley_calls_live"], settles)
			}
			return now, nil // what is left over is told
		}
	}
}
