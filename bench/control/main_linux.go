// Command control measures how many requests a second the control plane answers on one core, beside the floor of bench/floor (net/http and
// encoding/json over a map) in the same run (make bench-control).
//
//	core A: this process                                     core B: parley serve, or the floor, GOMAXPROCS=1
//	  a schedule of so many requests a second ──▶ the first free of 64 connections ──▶ GET an agent, or POST a task
//	  when it was due until its last byte ◀───────────────── read, check, count
//
// Two pairs are measured: GET /api/v1/agents/:id beside GET of a thing, and POST /api/v1/tasks beside POST of one. parley serve is the real
// program, with its keys, limits, records and SQLite, without offline speech; its limit of requests is out of reach.
//
// The load is open loop: a request is due when the schedule says, and what waits for a free connection waits at the server's expense. A
// server carries a rate when p99 is under the bar and every request was answered well. What it carries at most is looked for from above: it
// is flooded first, and then offered less and less of what it answered until it carries what it is offered. Both servers are started anew in
// each round, in turns; medians of the rounds count. A step in which this process had over 85 % of its core, or others much of the machine, is void.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"parley/bench/floor"
	reports "parley/bench/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	if o, asked, ferr := floor.Asked(os.Getenv); asked {
		err = errors.Join(ferr, floor.Serve(ctx, o, os.Stdin, os.Stdout))
	} else {
		err = run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-control:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	quick   bool
	json    string
	parley  string
	rounds  int
	measure time.Duration
	conns   int
	bar     time.Duration
	first   bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("control", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.quick, "quick", false, "one short round at a low rate: checks that all works, not how fast")
	flags.StringVar(&o.json, "json", "", "write the report to this file, too")
	flags.StringVar(&o.parley, "parley", "", "the program to measure; empty: it is built")
	flags.IntVar(&o.rounds, "rounds", 3, "rounds, whose medians count")
	flags.DurationVar(&o.measure, "measure", 2*time.Second, "how long a step is measured")
	flags.IntVar(&o.conns, "conns", 64, "connections, kept alive")
	flags.DurationVar(&o.bar, "bar", 5*time.Millisecond, "p99 from when a request was due, over which a rate is not carried")
	flags.BoolVar(&o.first, "first", true, "go before all other processes of the machine, where that is allowed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.rounds, o.first = 1, false
	}
	switch {
	case o.rounds < 1:
		return fmt.Errorf("-rounds %d: at least one", o.rounds)
	case o.conns < 1 || o.conns > 10_000:
		return fmt.Errorf("-conns %d: want 1 to 10000", o.conns)
	case o.measure <= 0:
		return fmt.Errorf("-measure %v: some time", o.measure)
	case o.bar <= 0:
		return fmt.Errorf("-bar %v: some time", o.bar)
	}
	report, err := bench(ctx, o, stderr)
	if err != nil {
		return err
	}
	report.print(stdout)
	if err := reports.SaveJSON(o.json, report); err != nil {
		return err
	}
	return report.verdict()
}
