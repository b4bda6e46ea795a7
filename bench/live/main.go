// Command live measures what those who watch calls cost the calls: the lateness of the agents' audio with readers and without, in turns
// (make bench-live).
//
//	this process: the carrier                   a child: the product              another child: the readers
//	  50 callers ── frames ──▶ stream.Leg ──▶ pipeline ──▶ live.Desk ──▶ voice.Sockets ── 100 sockets, of which some never read ──▶
//	  lateness ◀── audio ◀── Playout ◀── voice
//
// The calls go on for the whole run: every ten seconds the caller speaks, word by word, and the agent answers for six seconds, so that there
// is always something to watch. Rounds with readers and rounds without take turns, and change places in each pair. The p99 with readers must
// be within 1 ms of that without.
//
// The processes go before all others of the machine, where that is allowed (-first). Where it is not, a round in which others had more than
// 5 % of the processors is void, and there is another one, as long as the budget lasts.
//
// Lateness is told at the carrier, message by message, against the stream's own schedule: the least arrival, less the audio before it, of
// any message of the same reply so far. The first of a reply says nothing.
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
		fmt.Fprintln(os.Stderr, "bench-live:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	quick   bool
	json    string
	calls   int
	readers int
	stalled int
	pairs   int
	round   time.Duration
	budget  time.Duration
	first   bool
	be      string
	addr    string
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("live", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.quick, "quick", false, "10 calls, 20 readers, two short rounds: checks that all works, not how fast")
	flags.StringVar(&o.json, "json", "", "write the report to this file, too")
	flags.IntVar(&o.calls, "calls", 50, "calls")
	flags.IntVar(&o.readers, "readers", 100, "readers of them, evenly")
	flags.IntVar(&o.stalled, "stalled", 20, "of these, how many never read")
	flags.IntVar(&o.pairs, "pairs", 15, "rounds with readers that count, and as many without")
	flags.DurationVar(&o.round, "round", 4*time.Second, "how long a round is")
	flags.DurationVar(&o.budget, "budget", 5*time.Minute, "begin no pair after so long")
	flags.BoolVar(&o.first, "first", true, "go before all other processes of the machine, where that is allowed")
	flags.StringVar(&o.be, "be", "", "be the server or the readers (the command starts itself so)")
	flags.StringVar(&o.addr, "addr", "", "where the server is (of -be readers)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch o.be {
	case "server":
		return beServer(ctx, stdin, stdout)
	case "readers":
		return beReaders(ctx, o, stdin, stdout)
	}
	if o.quick {
		o.calls, o.readers, o.stalled, o.pairs, o.round, o.budget = 10, 20, 4, 1, 4*time.Second, 0
		o.first = false
	}
	report, err := bench(ctx, o, stderr)
	if err != nil {
		return err
	}
	report.print(stdout)
	if err := reports.SaveJSON(o.json, report); err != nil {
		return err
	}
	return report.verdict(o.quick)
}
