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
	"syscall"
	"time"

	"parley/bench/contest"
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
	contest.Options
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
		if serr := report.SaveJSON(o.JSON, r); err == nil {
			err = serr
		}
	}
	if err != nil {
		return err
	}
	return r.Missed()
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	o.Budget, o.Alike = 6*time.Minute, 1000
	flags := flag.NewFlagSet("sip", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o.Flags(flags, kinds, few)
	flags.StringVar(&o.profile, "profile", "", "with -at: write a CPU profile of the product's measured seconds to this file, which each step overwrites")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	return o, o.Check(kinds)
}
