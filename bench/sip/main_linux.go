// Command sip measures what calls over SIP and RTP cost on one core: the product beside the floors of bench/floor (make bench-sip).
//
//	core A: this process, all phones (bench/phones)      core B: a server, in a process of its own, GOMAXPROCS=1
//	phones ── INVITE, 200, ACK ─────────────────────▶ product: media/sip, media/rtp, Playout, speech detection, recording
//	       ── 20 ms of PCMU, 50 a second ───────────▶ leg: the same without detection and recording
//	       ◀─ 20 ms of PCMU, 50 a second ──────────── floor: one socket, in batches (x/net/ipv4); no signalling
//	                                                  baseline: a socket and a goroutine a call, ReadFromUDPAddrPort; no signalling
//
// All do the same for the wire: what comes is decoded, and speech goes out. The floors know no jitter buffer, no order, no source, no RTCP and
// no keys; the product does all that. No recogniser, model or voice is behind any of them: bench/calls has these.
//
// The most calls that a server carries are found by bisection, a step of each server in turn, several times over; medians count. A server
// carries a load when p99 lateness is under 5 ms and, of 1,000 frames each way, at most one is lost. Then every server is run with the same
// number of calls (-alike), which gives the processor time a packet. A step in which the generator used more than 85 % of its core, or was late
// itself, is void: it says nothing of the server.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"parley/bench/floor"
	"parley/bench/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args, os.Getenv, os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-sip:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	quick   bool
	json    string
	rounds  int
	hold    time.Duration
	budget  time.Duration
	at      int
	alike   int
	only    string
	profile string
}

func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	if o, asked, err := floor.Asked(getenv); asked || err != nil { // this is the child that is a server
		switch {
		case err != nil:
			return err
		case o.Name == "product" || o.Name == "leg":
			return serveProduct(ctx, &product{bare: o.Name == "leg", dir: getenv(tapesEnviron), profile: getenv(profileEnviron)}, stdin, stdout)
		}
		return floor.Serve(ctx, o, stdin, stdout)
	}
	o, err := parse(args[1:], stderr)
	if err != nil {
		return err
	}
	r, err := bench(ctx, o, args, stderr)
	if r != nil && len(r.Steps) > 0 {
		if perr := r.Print(stdout); err == nil {
			err = perr
		}
		if serr := report.SaveJSON(o.json, r); err == nil {
			err = serr
		}
	}
	if err != nil {
		return err
	}
	return r.Missed()
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("sip", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.quick, "quick", false, "20 calls for two seconds each: checks that all works, not how fast")
	flags.StringVar(&o.json, "json", "", "write the report to this file, too")
	flags.IntVar(&o.rounds, "rounds", 2, "searches of each server, and rounds of the steps with as many calls")
	flags.DurationVar(&o.hold, "hold", 3*time.Second, "measured in a step")
	flags.DurationVar(&o.budget, "budget", 6*time.Minute, "begin no search's step after so long")
	flags.IntVar(&o.at, "at", 0, "do not search: run each server once a round with so many calls")
	flags.IntVar(&o.alike, "alike", 1000, "calls of the steps that all servers are compared by")
	flags.StringVar(&o.only, "only", "", "this server alone: product, leg, floor or baseline")
	flags.StringVar(&o.profile, "profile", "", "with -at: write a CPU profile of the product's measured seconds to this file, which each step overwrites")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.only != "" && !slices.Contains(kinds, o.only) {
		return o, fmt.Errorf("-only is %q: want one of %v", o.only, kinds)
	}
	if o.rounds < 1 || o.hold < time.Second || o.at < 0 || o.alike < 1 {
		return o, fmt.Errorf("-rounds %d, -hold %v, -at %d, -alike %d: want at least 1, 1s, 0 and 1", o.rounds, o.hold, o.at, o.alike)
	}
	return o, nil
}
