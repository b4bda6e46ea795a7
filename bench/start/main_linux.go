// Command start measures what a server costs before its first call and after its last (make bench-start): how long `parley serve` takes until
// it listens, what memory it has when idle, and how much is left behind by each call that has ended.
//
//	starts   parley serve, on a new directory and again on the same ──▶ until it says where it listens; until it answers; memory after a rest
//	growth   bench/load: short calls, so many a second ──▶ parley serve, on one core ──▶ bench vendors
//	           memory and ended calls, each second: the median of the last tenth less that of the first
//	           goroutines and descriptors at rest: afterwards no more than before
//
// It is the real program, with SQLite, records and recordings, without offline speech. A call is placed as a carrier places it: the webhook is
// asked, the stream is opened, the agent greets, and after 100 ms of silence the caller hangs up. The first calls, a twentieth, fill pools and
// caches, and do not count.
//
// Memory is the resident set. It breathes with Go's garbage collector, so it is compared under the same load, by medians over a tenth of the
// run each: with 100,000 calls, a hundred seconds.
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
		fmt.Fprintln(os.Stderr, "bench-start:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	quick  bool
	json   string
	parley string
	starts int
	calls  int
	rate   float64
	length time.Duration
	rest   time.Duration
	record bool
	first  bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("start", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.quick, "quick", false, "one start and 500 calls: checks that all works and that nothing is left over, not how fast or how large")
	flags.StringVar(&o.json, "json", "", "write the report to this file, too")
	flags.StringVar(&o.parley, "parley", "", "the program to measure; empty: it is built")
	flags.IntVar(&o.starts, "starts", 10, "how often it is started on a new directory, and again on each; 0: not at all")
	flags.IntVar(&o.calls, "calls", 100_000, "calls that count; 0: none")
	flags.Float64Var(&o.rate, "rate", 100, "new calls a second; past 200, a machine may run out of ports")
	flags.DurationVar(&o.length, "length", 100*time.Millisecond, "how long a call is, in whole 20 ms")
	flags.DurationVar(&o.rest, "rest", 3*time.Second, "rest before memory at idle is read")
	flags.BoolVar(&o.record, "record", true, "record the calls")
	flags.BoolVar(&o.first, "first", true, "go before all other processes of the machine, where that is allowed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.starts, o.calls, o.rest, o.first = min(o.starts, 1), min(o.calls, 500), min(o.rest, time.Second), false
	}
	if err := o.check(); err != nil {
		return err
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

// check says which option cannot be.
func (o options) check() error {
	switch {
	case o.starts < 0:
		return fmt.Errorf("-starts %d: 0 or more", o.starts)
	case o.calls != 0 && o.calls < 100:
		return fmt.Errorf("-calls %d: 0, or 100 or more", o.calls)
	case o.rate <= 0:
		return fmt.Errorf("-rate %v: some calls", o.rate)
	case o.length < 20*time.Millisecond:
		return fmt.Errorf("-length %v: 20ms or more", o.length)
	case o.rest < 0:
		return fmt.Errorf("-rest %v: 0 or more", o.rest)
	}
	return nil
}
