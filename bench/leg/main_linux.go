// Command leg measures how many Twilio-shaped streams one core carries: the product's leg beside the floor and the baseline of
// bench/floor (make bench-leg).
//
//	core A: this process, the generator            core B: a child of the same binary, the server
//	  prebuilt frames ── write ──▶ 50 messages a second and stream ──▶ parse, decode, energy
//	  schedule, lateness ◀── epoll, read ◀── 20 or 100 ms of speech a message ◀── wheel, encode
//	         └───────── "report" on stdin, counts and CPU on stdout ─────────┘
//
// The generator is one of bench/engine and bench/wire, as that of bench/load is. A step runs one server with N streams for some seconds, in a fresh child. A server carries N streams when, over the measured
// seconds, p99 lateness is under 5 ms, no frame was lost, and what it was sent was read within 100 ms. The highest such N is found
// by bisection, for all servers at once, step by step in turn, so that a neighbour's load falls on all; three times over; medians
// count. A step in which the generator used more than 85 % of its core is void: it says nothing of the server. So is one that
// failed while the generator was late itself, or while other processes had more than 3 % of the server's core; it is tried again.
//
// # Lateness
//
// A message that carries the stream's audio from offset a on is due at line + a, where line is the earliest that this stream has
// shown it can be: the least arrival - a of any message so far. So each server is held to its own schedule: one that sends 20 ms
// ahead to the millisecond is judged exactly as one that sends 100 ms at a time, 200 ms ahead, and what it holds in reserve in the
// carrier's buffer excuses nothing. (How much arrived after it had to sound, which the reserve does excuse, is told apart as "dry".)
// Each 20 ms of a message counts once. A server that has dropped time, and goes on 20 ms or so later than before, is charged twice and then
// judged on its new line; those are told as "skips". Lost is what the seconds measured hold more than what came.
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
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-leg:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	quick   bool
	json    string
	rounds  int
	measure time.Duration
	budget  time.Duration
	at      int
	profile string
	only    string
	waiter  string
	serve   string
	core    int
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("leg", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.quick, "quick", false, "50 streams for a few seconds each: checks that all works, not how fast")
	flags.StringVar(&o.json, "json", "", "write the report to this file, too")
	flags.IntVar(&o.rounds, "rounds", 3, "searches of each server")
	flags.DurationVar(&o.measure, "measure", 3*time.Second, "seconds measured in a step")
	flags.DurationVar(&o.budget, "budget", 7*time.Minute, "begin no step after so long")
	flags.IntVar(&o.at, "at", 0, "do not search: run each server once a round with so many streams")
	flags.StringVar(&o.only, "only", "", "this server alone")
	flags.StringVar(&o.profile, "profile", "", "with -at: write a CPU profile of the server's measured seconds to this file, which each step overwrites")
	flags.StringVar(&o.waiter, "waiter", "timer", "what the product's wheel sleeps in: timer (as parley serve has it on one processor) or thread")
	flags.StringVar(&o.serve, "serve", "", "be the server of that name (the command starts itself so)")
	flags.IntVar(&o.core, "core", -1, "run on that core (of -serve)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.serve != "" {
		return serveChild(ctx, o, stdin, stdout)
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
