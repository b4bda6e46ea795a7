// Command heard measures what is left of speech after a bad network: the jitter buffer that calls have, beside a fixed one of 60 ms that puts
// silence where packets are missing, over the same packets (make bench-heard).
//
//	recordings ──▶ codec ──▶ packets of 20 ms ──▶ network, by a seed ──┬──▶ adaptive ──▶ heard ──┐
//	(Debian)                                                           └──▶ fixed ─────▶ heard ──┴──▶ PESQ, distance, delay
//
// PESQ (ITU-T P.862 with P.862.1's scale; P.862.2 for wideband) is what the Python package pesq 0.0.4 says: MIT, around ITU's own program, whose terms
// allow use for measuring. It is a process of its own and nothing of it is linked; -pesq names the Python that has it:
//
//	python3 -m venv ~/.cache/parley/graders && ~/.cache/parley/graders/bin/pip install numpy==2.4.6 pesq==0.0.4
//
// The distance is bench/likeness's, in dB, and needs nobody. The program fails where the adaptive buffer is not clearly better at 5 % loss.
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
	"syscall"
	"text/tabwriter"
	"time"

	"parley/bench/network"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-heard:", err)
		os.Exit(1)
	}
}

const ms = time.Millisecond

// A cell is a network to be heard through.
type cell struct {
	name string
	path network.Path
}

func cells() []cell {
	return []cell{
		{"nothing wrong", network.Path{}},
		{"loss 1 %", network.Path{Loss: 0.01}},
		{"loss 5 %", network.Path{Loss: 0.05}},
		{"loss 10 %", network.Path{Loss: 0.10}},
		{"loss 20 %", network.Path{Loss: 0.20}},
		{"loss 5 %, bursts of 3", network.Path{Loss: 0.05, Burst: 3}},
		{"loss 20 %, bursts of 3", network.Path{Loss: 0.20, Burst: 3}},
		{"jitter 50 ms", network.Path{Jitter: 50 * ms}},
		{"jitter 100 ms", network.Path{Jitter: 100 * ms}},
		{"jitter 200 ms", network.Path{Jitter: 200 * ms}},
		{"reorder 10 %", network.Path{Reorder: 0.10}},
		{"duplicates 5 %", network.Path{Twice: 0.05}},
		{"outage of 2 s", network.Path{Outage: [2]time.Duration{10 * time.Second, 12 * time.Second}}},
		{"drift +200 ppm", network.Path{Drift: 200}},
		{"drift -200 ppm", network.Path{Drift: -200}},
		{"5 %, 50 ms, 10 %, 5 %", network.Path{Loss: 0.05, Jitter: 50 * ms, Reorder: 0.10, Twice: 0.05}},
	}
}

// What "clearly better" is, at 5 % loss.
const (
	betterPESQ     = 0.3 // of the scale's 1 to 4.5
	betterDistance = 1.1 // times as near, where there is no PESQ
)

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	set := flag.NewFlagSet("heard", flag.ContinueOnError)
	set.SetOutput(errs)
	quick := set.Bool("quick", false, "some networks and seconds of speech, to see that it works")
	seed := set.Uint64("seed", 1, "of the networks")
	python := set.String("pesq", grader(), "Python that has the package pesq; empty: the distance alone")
	if err := set.Parse(args); err != nil {
		return err
	}
	var p *pesq
	if *python != "" {
		p = &pesq{python: *python}
		if err := p.check(ctx); err != nil {
			return err
		}
	} else {
		fmt.Fprintln(errs, "bench-heard: no PESQ, the distance alone: python3 -m venv ~/.cache/parley/graders && ~/.cache/parley/graders/bin/pip install numpy==2.4.6 pesq==0.0.4")
	}
	all, seconds := cells(), 60
	if *quick {
		all, seconds = []cell{all[0], all[2]}, 8
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(out, "%d s of recorded speech a cell; seed %d; PESQ (more is better) and distance in dB (less is), adaptive beside fixed; the delay is what the buffer adds\n", seconds, *seed)
	fmt.Fprintln(table, "codec\tnetwork\tPESQ\tfixed\tdistance\tfixed\tmade up\tdelay\tfixed\t")
	var missed error
	for _, codec := range codecs() {
		said, err := codec.say(seconds)
		if err != nil {
			return err
		}
		for _, c := range all {
			c.path.Seed = *seed
			r, err := compare(ctx, said, c.path, p)
			if err != nil {
				return fmt.Errorf("hear %s over %s: %w", codec.name, c.name, err)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%.1f\t%.1f\t%.1f %%\t%d ms\t%d ms\t\n", codec.name, c.name, mos(r[0].pesq), mos(r[1].pesq),
				r[0].distance, r[1].distance, 100*r[0].madeUp, r[0].delay.Milliseconds(), r[1].delay.Milliseconds())
			fmt.Fprintf(errs, "\rbench-heard: %s, %s: done        ", codec.name, c.name)
			if c.path.Loss == 0.05 && c.path.Jitter == 0 {
				missed = errors.Join(missed, judge(codec.name+", "+c.name, r))
			}
		}
	}
	fmt.Fprintln(errs)
	if err := table.Flush(); err != nil {
		return err
	}
	return missed
}

// judge says where the adaptive buffer is not clearly better than the fixed one.
func judge(name string, r [2]result) error {
	switch {
	case r[0].pesq != 0 && r[0].pesq < r[1].pesq+betterPESQ:
		return fmt.Errorf("%s: PESQ of %.2f beside %.2f, want %.1f more", name, r[0].pesq, r[1].pesq, betterPESQ)
	case r[0].pesq == 0 && r[0].distance*betterDistance > r[1].distance:
		return fmt.Errorf("%s: a distance of %.1f dB beside %.1f, want it %.1f times as near", name, r[0].distance, r[1].distance, betterDistance)
	}
	return nil
}

func mos(v float64) string {
	if v == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", v)
}

// grader is where the Python of the documentation is, if it is there.
func grader() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	path := filepath.Join(dir, "parley/graders/bin/python")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
