package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"parley/store"
)

// reads are what the store is asked besides lists: one row, one transcript; and one change.
func (d *database) reads(ctx context.Context, rng *rand.Rand, of tenant) ([]compared, error) {
	var calls []string
	for _, offset := range offsets() {
		ids, err := d.bare.list(ctx, of.org, store.CallFilter{}, offset)
		if err != nil {
			return nil, fmt.Errorf("find calls: %w", err)
		}
		calls = append(calls, ids...)
	}
	if len(calls) == 0 {
		return nil, fmt.Errorf("organisation %s has no calls", of.org)
	}
	anyCall := func() string { return calls[rng.IntN(len(calls))] }
	anyAgent := func() string { return of.agents[rng.IntN(len(of.agents))] }
	prompt := func() string { return fmt.Sprintf("You answer the telephone of dentist number %d.", rng.Uint64()) }
	bareRows := func(what string, args ...any) func(context.Context) error {
		return func(ctx context.Context) error {
			given := make([]any, len(args))
			for i, a := range args {
				given[i] = a
				if pick, ok := a.(func() string); ok {
					given[i] = pick()
				}
			}
			_, err := rows(ctx, d.bare.one[what], given...)
			return err
		}
	}
	pair := func(name string, product, floor func(context.Context) error) compared {
		return compared{name: name, product: side{do: product, tally: newTally()}, floor: side{do: floor, tally: newTally()}}
	}
	return []compared{
		pair("read call", func(ctx context.Context) error {
			_, err := d.store.Call(ctx, of.org, anyCall())
			return err
		}, bareRows("call", of.org, anyCall)),
		pair("read transcript", func(ctx context.Context) error {
			_, err := d.store.Transcript(ctx, of.org, anyCall())
			return err
		}, bareRows("transcript", anyCall)),
		pair("read agent", func(ctx context.Context) error {
			_, err := d.store.Agent(ctx, of.org, anyAgent())
			return err
		}, bareRows("agent", of.org, anyAgent)),
		pair("update agent", func(ctx context.Context) error {
			p := prompt()
			_, err := d.store.UpdateAgent(ctx, of.org, anyAgent(), time.Now().UTC(), func(a *store.Agent) error {
				a.SystemPrompt = p
				return nil
			})
			return err
		}, func(ctx context.Context) error { return d.bare.update(ctx, anyAgent(), prompt()) }),
	}, nil
}
