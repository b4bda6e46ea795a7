package main

import (
	"context"
	"fmt"
	"slices"

	"parley/store"
)

// pageRows is the contract's default limit.
const pageRows = 50

// offsets are where the measured pages begin.
func offsets() []int { return []int{0, 100, 1000, 10000} }

// A query is a list's filter, by what it narrows.
type query struct {
	name   string
	filter store.CallFilter
	rare   bool // matches so little that a plan which walks the organisation's calls until it has found a page would be found out
}

// queries are the documented filters of GET /calls and all their combinations, as they match much; and some that match little or nothing.
func queries(of tenant) []query {
	busy, idle := of.agents[0], of.agents[len(of.agents)-1]
	return []query{
		{name: "none"},
		{name: "agent_id", filter: store.CallFilter{Agent: busy}},
		{name: "task_id", filter: store.CallFilter{Task: of.campaign}},
		{name: "status", filter: store.CallFilter{Status: store.Completed}},
		{name: "agent_id+task_id", filter: store.CallFilter{Agent: busy, Task: of.campaign}},
		{name: "agent_id+status", filter: store.CallFilter{Agent: busy, Status: store.Completed}},
		{name: "task_id+status", filter: store.CallFilter{Task: of.campaign, Status: store.Completed}},
		{name: "agent_id+task_id+status", filter: store.CallFilter{Agent: busy, Task: of.campaign, Status: store.Completed}},

		{name: "rare: agent_id", filter: store.CallFilter{Agent: idle}, rare: true},
		{name: "rare: status", filter: store.CallFilter{Status: store.Initiated}, rare: true},
		{name: "rare: agent_id+status", filter: store.CallFilter{Agent: idle, Status: store.Failed}, rare: true},
		{name: "rare: agent_id+task_id", filter: store.CallFilter{Agent: idle, Task: of.campaign}, rare: true},
		{name: "rare: task_id+status", filter: store.CallFilter{Task: of.campaign, Status: store.Initiated}, rare: true},
		{name: "rare: no such agent", filter: store.CallFilter{Agent: of.org, Status: store.Completed}, rare: true},
	}
}

// A page is a query from an offset.
type page struct {
	query
	offset int
}

func (p page) String() string { return fmt.Sprintf("calls by %s from %d", p.name, p.offset) }

// pages are the lists to measure. An offset beyond a query's calls is left out: at fewer than a million calls, there are such.
func (d *database) pages(ctx context.Context, of tenant) ([]page, error) {
	var pages []page
	for _, q := range queries(of) {
		_, total, err := d.store.Calls(ctx, of.org, q.filter, store.Page{Limit: 1})
		if err != nil {
			return nil, fmt.Errorf("list calls by %s: %w", q.name, err)
		}
		for _, offset := range offsets() {
			if offset > 0 && (q.rare || total < int64(offset+pageRows)) {
				break
			}
			pages = append(pages, page{q, offset})
		}
	}
	return pages, nil
}

// compared makes a page something to compare.
func (d *database) compared(of tenant, p page) compared {
	return compared{
		name: p.String(),
		product: side{tally: newTally(), do: func(ctx context.Context) error {
			_, _, err := d.store.Calls(ctx, of.org, p.filter, store.Page{Limit: pageRows, Offset: p.offset})
			return err
		}},
		floor: side{tally: newTally(), do: func(ctx context.Context) error {
			_, err := d.bare.list(ctx, of.org, p.filter, p.offset)
			return err
		}},
	}
}

// check says whether the store's page is the floor's, call by call, and its total what there is, counted.
func (d *database) check(ctx context.Context, of tenant, p page) error {
	calls, total, err := d.store.Calls(ctx, of.org, p.filter, store.Page{Limit: pageRows, Offset: p.offset})
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	got := make([]string, 0, len(calls))
	for _, call := range calls {
		got = append(got, call.ID)
	}
	want, err := d.bare.list(ctx, of.org, p.filter, p.offset)
	if err != nil {
		return fmt.Errorf("%s, bare: %w", p, err)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s: the store lists %d, the bare query %d, and they differ", p, len(got), len(want))
	}
	counted, err := d.bare.count(ctx, of.org, p.filter)
	if err != nil {
		return fmt.Errorf("%s, count: %w", p, err)
	}
	if total != counted {
		return fmt.Errorf("%s: the total is %d, but there are %d", p, total, counted)
	}
	return nil
}
