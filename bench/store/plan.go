package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"parley/store"
)

// fewCalls are so few that to read them all may be the best plan.
const fewCalls = 10_000

// plan checks how the database goes about a list: by an index, in its order.
func (d *database) plan(ctx context.Context, of tenant, p page) error {
	lines, err := d.store.Plan(ctx, of.org, p.filter, store.Page{Limit: pageRows, Offset: p.offset})
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	if err := judge(lines, p.rare); err != nil {
		return fmt.Errorf("%s: %w:\n%s", p, err, strings.Join(lines, "\n"))
	}
	return nil
}

// judge reads a plan as the databases tell it, deeper steps further to the right: SQLite's EXPLAIN QUERY PLAN, Postgres' EXPLAIN. What
// stands under the step that cuts out the page may not sort, as it would sort all that match, unless that is little. Above it there is a
// page at most.
func judge(lines []string, rare bool) error {
	const above = -1
	page := above // how deep the step is that cuts out the page, while below it
	for _, line := range lines {
		depth := len(line) - len(strings.TrimLeft(line, " "))
		step := strings.TrimPrefix(strings.TrimSpace(line), "->  ")
		is := func(names ...string) bool {
			return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(step, name) })
		}
		if depth <= page {
			page = above
		}
		switch {
		case is("Seq Scan on calls", "Parallel Seq Scan on calls", "SCAN calls"):
			return errors.New("the whole table is read")
		case is("Limit", "CO-ROUTINE", "MATERIALIZE"):
			page = depth
		case is("Sort  (", "Incremental Sort", "USE TEMP B-TREE") && page != above && !rare:
			return errors.New("more than the page is sorted")
		}
	}
	return nil
}
