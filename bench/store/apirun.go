package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"parley/bench/machine"
)

// many is how many clients ask at once at full speed.
const many = 16

// The three ways to the same rows.
const (
	overAPI = iota
	byStore
	byBare
	ways
)

// A trial is one request on one database: how long it took by each way, one client at a time, and many at once.
type trial struct {
	request
	alone, together [ways]*tally
	rate            [ways]rate // at once, a second
	aloneRate       [ways]rate
}

// do gives what is to be done by a way.
func (t *trial) do(way int, c *caller) func(context.Context) error {
	switch way {
	case byStore:
		return t.stored
	case byBare:
		return t.bare
	}
	return func(context.Context) error { return c.ask(t.request) }
}

// An apiSubject is a database with the API over it.
type apiSubject struct {
	*database
	service *service
	trials  []*trial
	others  rate
	filled  filling
}

// benchAPI measures what the API adds to its queries, on each database in turn.
func benchAPI(ctx context.Context, o options, say func(string, ...any)) (r *apiReport, err error) {
	dir, remove, err := place(o.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	r = newAPIReport(o)
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 7))
	var subjects []*apiSubject
	defer func() {
		for _, s := range subjects {
			err = errors.Join(err, s.service.Close(), s.Close())
		}
	}()
	for _, name := range o.databases() {
		s, err := openAPI(ctx, name, dir, o, say)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		subjects = append(subjects, s)
	}
	if !o.quick {
		first, restore := machine.GoFirst()
		defer restore()
		if first {
			r.Priority = "before neighbours (nice -20)"
		}
	}
	for round := range o.rounds {
		for _, s := range subjects {
			if err := s.settle(ctx); err != nil {
				return nil, err
			}
			m := machine.NewMeter()
			if err := s.round(ctx, o, rng); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			s.others = append(s.others, m.Others())
			say("%s: round %d of %d; other processes took %.0f %%\n", s.name, round+1, o.rounds, 100*m.Others())
		}
		slices.Reverse(subjects)
	}
	for _, s := range subjects {
		r.add(s)
	}
	r.end()
	return r, nil
}

// openAPI opens and fills a database, and starts the API over it.
func openAPI(ctx context.Context, name, dir string, o options, say func(string, ...any)) (s *apiSubject, err error) {
	d, err := open(ctx, name, dir)
	if err != nil {
		return nil, err
	}
	s = &apiSubject{database: d}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	var tenants []tenant
	if s.filled, tenants, err = d.fill(ctx, o.calls, say); err != nil {
		return nil, err
	}
	if s.service, err = d.serve(ctx, tenants[0]); err != nil {
		return nil, err
	}
	all, err := d.requests(ctx, tenants[0], s.service)
	if err != nil {
		return nil, errors.Join(err, s.service.Close())
	}
	for _, q := range all {
		t := &trial{request: q}
		for way := range ways {
			t.alone[way], t.together[way] = newTally(), newTally()
		}
		s.trials = append(s.trials, t)
	}
	return s, nil
}

// round measures every request once: one client, the ways in turn, request by request; then many clients, the ways one after another.
func (s *apiSubject) round(ctx context.Context, o options, rng *rand.Rand) error {
	c, err := s.service.dial(ctx)
	if err != nil {
		return err
	}
	defer c.conn.Close() //nolint:errcheck // all was read
	for _, t := range s.trials {
		if err := t.one(ctx, c, o.passes, rng); err != nil {
			return err
		}
		for _, way := range rng.Perm(ways) {
			n, err := s.full(ctx, t, way, o.write)
			if err != nil {
				return err
			}
			t.rate[way] = append(t.rate[way], n)
		}
		for way := range ways {
			t.alone[way].turn()
			t.together[way].turn()
		}
	}
	return nil
}

// one does a request so many times by each way, in another order each time, after some that do not count.
func (t *trial) one(ctx context.Context, c *caller, times int, rng *rand.Rand) error {
	var took [ways]time.Duration
	for i := range times + times/10 {
		for _, way := range rng.Perm(ways) {
			do := t.do(way, c)
			began := time.Now()
			if err := do(ctx); err != nil {
				return err
			}
			if i >= times/10 {
				took[way] += time.Since(began)
				t.alone[way].add(time.Since(began))
			}
		}
	}
	for way := range ways {
		t.aloneRate[way] = append(t.aloneRate[way], float64(times)/took[way].Seconds())
	}
	return ctx.Err()
}

// full lets many clients do a request by one way at full speed, and tells how many a second were done.
func (s *apiSubject) full(ctx context.Context, t *trial, way int, lasts time.Duration) (float64, error) {
	took := make([][]time.Duration, many)
	callers := make([]*caller, many)
	for i := range callers {
		c, err := s.service.dial(ctx)
		if err != nil {
			return 0, err
		}
		defer c.conn.Close() //nolint:errcheck // all was read
		callers[i] = c
	}
	group, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	for i, c := range callers {
		do := t.do(way, c)
		group.Go(func() error {
			for time.Since(began) < lasts {
				from := time.Now()
				if err := do(ctx); err != nil {
					return err
				}
				took[i] = append(took[i], time.Since(from))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	lasted, n := time.Since(began), 0
	for _, times := range took {
		n += len(times)
		for _, d := range times {
			t.together[way].add(d)
		}
	}
	return float64(n) / lasted.Seconds(), nil
}
