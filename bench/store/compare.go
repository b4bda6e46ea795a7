package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
)

// A compared is one thing that the store does, beside its floor.
type compared struct {
	name           string
	product, floor side
}

// A side is a thing to do and where its time is counted.
type side struct {
	do    func(context.Context) error
	tally *tally
}

// share is how much of the time paced work takes: what it does is a part of a busy day, not a burst.
const share = 0.4

// sides are all products, or all floors, in a new order.
func sides(rng *rand.Rand, all []compared, floor bool) []side {
	mixed := make([]side, len(all))
	for to, from := range rng.Perm(len(all)) {
		mixed[to] = all[from].product
		if floor {
			mixed[to] = all[from].floor
		}
	}
	return mixed
}

// compare does everything so many times, pass by pass the store and the floor in turn, each pass in another order, so that what else
// the machine does falls on all of them.
func compare(ctx context.Context, rng *rand.Rand, all []compared, times int) error {
	var every [2]time.Duration
	for i, floor := range []bool{false, true} {
		var err error
		if every[i], err = interval(ctx, sides(rng, all, floor)); err != nil {
			return fmt.Errorf("warm up: %w", err)
		}
	}
	for pass := range times {
		for turn := range 2 {
			which := (pass + turn) % 2
			if err := paced(ctx, every[which], sides(rng, all, which == 1)); err != nil {
				return err
			}
		}
	}
	for _, c := range all {
		c.product.tally.turn()
		c.floor.tally.turn()
	}
	return nil
}

// interval is how often one of these may be begun so that they take their share of the time: found by doing all three times at full speed.
func interval(ctx context.Context, all []side) (time.Duration, error) {
	const times = 3
	began := time.Now()
	for range times {
		for _, s := range all {
			if err := s.do(ctx); err != nil {
				return 0, err
			}
		}
	}
	mean := time.Since(began) / time.Duration(max(1, times*len(all)))
	return time.Duration(float64(mean) / share), nil
}

// paced does one after another, one every so often, and counts the time of each from when it was due: what waits because the one before
// took long is charged for that, so that a pause costs what it costs whoever asks at that moment (no coordinated omission). What the
// timer oversleeps while nothing is on its way is the bench's own, and is not counted.
func paced(ctx context.Context, every time.Duration, all []side) error {
	due := time.Now()
	for _, s := range all {
		from := due
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
			from = time.Now()
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.do(ctx); err != nil {
			return err
		}
		s.tally.add(time.Since(from))
		due = due.Add(every)
	}
	return nil
}

// readers is how many read at once at full speed.
const readers = 2

// throughput does all of these at full speed, again and again, and gives how many a second there were.
func throughput(ctx context.Context, all []side, lasts time.Duration) (float64, error) {
	began := time.Now()
	var done [readers]int
	group, ctx := errgroup.WithContext(ctx)
	for r := range readers {
		group.Go(func() error {
			for i := r * len(all) / readers; time.Since(began) < lasts; i++ { // each begins at another place
				if err := all[i%len(all)].do(ctx); err != nil {
					return err
				}
				done[r]++
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	sum := 0
	for _, n := range done {
		sum += n
	}
	return float64(sum) / time.Since(began).Seconds(), nil
}
