// Command store measures what the records cost on SQLite and on Postgres, at a million calls: lists, reads and writes of store/sql
// beside a floor, the same database through the bare driver (make bench-store).
//
//	           ┌─▶ store/sql ──┐
//	workload ──┤   in turn     ├──▶ driver ──▶ SQLite file, or a Postgres that is started for it
//	           └─▶ bare SQL  ──┘
//
// Each database is filled first: some thousands of calls through Recorder.Record, the rest as copies of those by SQL, with the counters
// multiplied; then every list's total is held against COUNT(*), every page against the bare query's, and every plan against what an
// index can do. The same is done with the totals at the end. Then come rounds, in which the databases take turns, and on each the store
// and the floor: every list once a pass, in another order each time. What is told are the medians of the rounds, and ratios of one run.
// Rounds in which other processes took more than 15 % of the processors do not count, and some more are tried.
//
// # What is timed
//
// Reads are begun on a schedule that takes 40 % of the time, and timed from when they were due, so that a pause counts for all that it
// delays. Meanwhile some calls a second are written, as a node writes them: each transaction takes the entries that have arrived; an
// entry is timed from its arrival until it is kept. Transactions at full speed are timed by themselves: their one writer never waits.
//
// # The API
//
// With -api (make bench-api) it is the HTTP API over the same databases that is measured: requests over a socket beside the same queries
// by store/sql and by the bare driver, one client and many.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	reports "parley/bench/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-store:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("store", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.calls, "calls", 1_000_000, "calls in each database")
	flags.StringVar(&o.dbs, "db", "sqlite,postgres", "which databases")
	flags.IntVar(&o.rounds, "rounds", 5, "calm rounds, whose medians count; up to 3 more are tried when neighbours disturb them")
	flags.IntVar(&o.passes, "passes", 120, "how often each list is read in a round, by the store and by the floor")
	flags.DurationVar(&o.write, "full", time.Second, "time at full speed: of each size of transaction and of all lists, in each round")
	flags.Float64Var(&o.live, "live", 20, "calls a second that are written while reads are timed")
	flags.StringVar(&o.dir, "dir", "", "keep the databases in this directory, and use those that an earlier run has filled; empty: a temporary one")
	flags.StringVar(&o.json, "json", "", "write the report to this file, too")
	flags.BoolVar(&o.api, "api", false, "measure what the API adds to its queries, instead of the store (make bench-api)")
	flags.BoolVar(&o.quick, "quick", false, "20,000 calls and one short round: checks that all works, not how fast")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.calls, o.rounds, o.passes, o.write = min(o.calls, 20_000), 1, 3, 100*time.Millisecond
	}
	if err := o.check(); err != nil {
		return err
	}
	report, err := o.measure(ctx, stderr)
	if err != nil {
		return err
	}
	report.print(stdout)
	if err := reports.SaveJSON(o.json, report); err != nil {
		return err
	}
	return report.verdict()
}

// A told is what was measured, of whatever it was.
type told interface {
	print(w io.Writer)
	verdict() error
}

// measure runs what was asked for.
func (o options) measure(ctx context.Context, stderr io.Writer) (told, error) {
	if o.api {
		return benchAPI(ctx, o, func(format string, args ...any) { fmt.Fprintf(stderr, format, args...) })
	}
	return bench(ctx, o, stderr)
}

// check says which option cannot be.
func (o options) check() error {
	switch {
	case o.calls < 1:
		return fmt.Errorf("-calls %d: at least one", o.calls)
	case o.rounds < 1:
		return fmt.Errorf("-rounds %d: at least one", o.rounds)
	case o.passes < 1:
		return fmt.Errorf("-passes %d: at least one", o.passes)
	case o.write <= 0:
		return fmt.Errorf("-full %v: some time", o.write)
	case o.live <= 0:
		return fmt.Errorf("-live %v: some calls", o.live)
	}
	return nil
}
