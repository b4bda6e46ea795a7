// Command calls measures what whole calls cost: the product beside the floor and the baseline of bench/floor, one core each
// (make bench-calls).
//
//	core A: this process, which is the callers (bench/load),          core B: a server, in a process of its own
//	        and the vendors, in a process of their own
//	callers ── Twilio Media Streams ──────────────────────────▶ product: bin/parley serve, as it is shipped
//	        ◀─ 20 ms or 100 ms of speech a message ──────────── floor, floor-20ms: the least that could be done
//	vendors ◀─ Flux: 80 ms of sound a message ───────────────── baseline: what is usually built
//	        ── turns, answers, 100 ms of the voice a message ─▶
//
// Every server holds the same conversation: it greets, and whenever the vendor says that the caller's turn is over, it answers. The product
// asks a language model for it besides, detects speech, keeps records and recordings, and counts; the others do none of that. All sound is
// mu-law of 8 kHz from end to end, and vendors answer at once (0 ms).
//
// The most calls that a server carries are found by bisection, for all servers at once, step by step in turn, so that a neighbour's load
// falls on all; several times over; medians count. A server carries a load when p99 lateness is under 5 ms, a frame takes at most 100 ms to
// the recogniser (p99), of 1,000 frames at most one is lost and one dry, and every turn is answered. After that come the points: the
// product at 500 calls with barge-ins, at 80 % of what it carries, with half as many calls again as it may take, and so on (points_linux.go), each
// in as many rounds. -point NAME takes some of them alone, in under two minutes each. goals_linux.go says what is aimed at.
//
// A step in which generator and vendors used more than 85 % of their core is void: it says nothing of the server.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"parley/bench/floor"
	"parley/bench/report"
	"parley/bench/report/page"
	"parley/bench/vendors"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args, os.Getenv, os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-calls:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	quick      bool
	json, html string
	rounds     int
	hold       time.Duration
	budget     time.Duration
	at         int
	only       string
	points     bool
	search     bool
	point      []point
	servers    []string
	calls      int
	binary     string
	profile    string
	dir        string
}

func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	if o, asked, err := vendors.Asked(getenv); asked || err != nil { // this is the child that is the vendors
		if err != nil {
			return err
		}
		return vendors.Serve(ctx, o, stdin, stdout)
	}
	if o, asked, err := floor.Asked(getenv); asked || err != nil { // or a server
		if err != nil {
			return err
		}
		return floor.Serve(ctx, o, stdin, stdout)
	}
	o, err := parse(args[1:], stderr)
	if err != nil {
		return err
	}
	r, err := bench(ctx, o, args, stderr)
	if r != nil && len(r.Steps) > 0 {
		if perr := publish(r, o, stdout); err == nil {
			err = perr
		}
	}
	if err != nil {
		return err
	}
	return r.Missed()
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("calls", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.quick, "quick", false, "20 calls for a few seconds each: checks that all works, not how fast")
	flags.StringVar(&o.json, "json", "", "write the report to this file, too")
	flags.StringVar(&o.html, "html", "", "and as a page to this one")
	flags.IntVar(&o.rounds, "rounds", 3, "searches of each server, and rounds of each point")
	flags.DurationVar(&o.hold, "hold", 10*time.Second, "measured in a step")
	flags.DurationVar(&o.budget, "budget", 12*time.Minute, "begin no search's step after so long")
	flags.IntVar(&o.at, "at", 0, "do not search: run each server once a round with so many calls")
	flags.StringVar(&o.only, "only", "", "this server alone")
	flags.BoolVar(&o.points, "points", true, "take the points after the search")
	some := flags.String("point", "", "do not search: take these points, of way, voice, barge, busy, thousand, listen, neural, overload and api, with commas between")
	flags.IntVar(&o.calls, "calls", 0, "at most so many calls in a point, to try it: no goal is judged; 0: as many as belong to it")
	servers := flags.String("servers", strings.Join(kinds, ","), "which are searched, with commas between")
	flags.StringVar(&o.binary, "binary", "bin/parley", "the product")
	flags.StringVar(&o.profile, "profile", "", "with -at: write a profile of the product's measured seconds to this file, which each step overwrites; cpu, or of another kind: allocs:FILE, flight:FILE")
	flags.StringVar(&o.dir, "dir", "", "where the product keeps its data while it runs; empty: the directory for temporary files")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if _, err := os.Stat(o.binary); err != nil {
		return o, fmt.Errorf("-binary: %w: make build", err)
	}
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return o, fmt.Errorf("-binary: %w", err)
	}
	if o.only != "" && !known(o.only) {
		return o, fmt.Errorf("-only is %q: want one of %v", o.only, kinds)
	}
	if o.servers = strings.Split(*servers, ","); slices.ContainsFunc(o.servers, func(name string) bool { return !known(name) }) {
		return o, fmt.Errorf("-servers is %q: want some of %s, with commas between", *servers, strings.Join(kinds, ","))
	}
	if o.point, err = chosen(*some); err != nil {
		return o, err
	}
	o.search = *some == ""
	if o.rounds < 1 || o.hold < time.Second || o.at < 0 || o.calls < 0 {
		return o, fmt.Errorf("-rounds %d, -hold %v, -at %d, -calls %d: want at least 1, 1s, 0 and 0", o.rounds, o.hold, o.at, o.calls)
	}
	return o, nil
}

// publish shows the report, and writes its files.
func publish(r *report.Report, o options, stdout io.Writer) error {
	if err := r.Print(stdout); err != nil {
		return err
	}
	if o.json != "" {
		if err := report.Save(o.json, r.Write); err != nil {
			return err
		}
	}
	if o.html == "" {
		return nil
	}
	return report.Save(o.html, func(w io.Writer) error { return page.Write(w, r) })
}
