// Command flood attacks the SIP ports of a running `parley serve` while calls talk (make flood).
//
//	20 phones ── calls and their sound, all the time ────────────▶ ┐
//	127.2.0.1, and then 1,000 addresses of 127.3.0.0/16            │
//	  ── 10,000 a second of INVITE, REGISTER, OPTIONS, MESSAGE ──▶ ├─ parley serve
//	1,000 silent and 100 deaf TCP connections ───────────────────▶ │
//	a probe from elsewhere: OPTIONS, four a second ──────────────▶ ┘
//
// Held against it: the server's memory grows by 64 MB at most, and has gone back at the end; of the calls' packets at most one of 1,000 is
// lost, each way; every second probe at least is answered in a flood, and each on a new TCP connection within 200 ms. It exits non-zero where
// that is missed. The attackers are strangers: no trunk has their addresses, and PARLEY_SIP_OPEN does not either.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	reports "parley/bench/report"
	"parley/bench/vendors"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "flood:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	quick  bool
	lasts  time.Duration
	rate   int
	only   *regexp.Regexp // of the attacks' names
	binary string
	json   string
}

func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	if o, asked, err := vendors.Asked(getenv); asked || err != nil { // this is the child that is the vendors
		if err != nil {
			return err
		}
		return vendors.Serve(ctx, o, stdin, stdout)
	}
	var o options
	flags := flag.NewFlagSet("flood", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.BoolVar(&o.quick, "quick", false, "2 s of each flood; what depends on the machine's speed is told, and not held against the server")
	flags.DurationVar(&o.lasts, "lasts", 20*time.Second, "of each flood")
	flags.IntVar(&o.rate, "rate", 10_000, "messages a second")
	o.only = regexp.MustCompile("")
	flags.Func("only", "`regexp` of the attacks to run, such as 'from 1$' or TCP (default all)", func(text string) (err error) {
		o.only, err = regexp.Compile(text)
		return err
	})
	flags.StringVar(&o.binary, "binary", "bin/parley", "the server's program")
	flags.StringVar(&o.json, "json", "", "write the figures to this file, too")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.lasts = 2 * time.Second
	}
	if o.lasts < time.Second || o.rate < 1000 {
		return fmt.Errorf("-lasts %v, -rate %d: want at least 1s and 1000", o.lasts, o.rate)
	}
	if _, err := os.Stat(o.binary); err != nil {
		return fmt.Errorf("-binary: %w: make build", err)
	}
	var err error
	if o.binary, err = filepath.Abs(o.binary); err != nil {
		return fmt.Errorf("-binary: %w", err)
	}
	r, err := flood(ctx, o, stdout)
	if err != nil {
		return err
	}
	return errors.Join(reports.SaveJSON(o.json, r), r.verdict(stdout))
}
