// Command crm measures what a search of contacts costs on SQLite and on Postgres, among a million of them, beside the bare query: the same
// database through the bare driver (make bench-crm).
//
//	          ┌─▶ HTTP ──▶ control/crm ──▶ store/sql ──┐
//	searches ─┤   in turn                              ├──▶ driver ──▶ SQLite file, or a Postgres that is started for it
//	          └─▶ bare SQL, rows and all ──────────────┘
//
// Each database is filled first: some thousands of contacts by the store, the rest as copies of those by SQL, each with a phone number and an
// email address of its own. Every search is checked once against the bare query: the same contacts, in the same order. Then all are asked in
// turn, the product and the bare query one after the other, so that what else the machine does falls on both.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"parley/bench/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-crm:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	contacts int
	asks     int
	dbs      string
	dir      string
	json     string
	quick    bool
}

// ceiling is how many times as long as the bare query the p99 of all searches may take.
const ceiling = 2.0

// An outcome is what was measured of a database.
type outcome struct {
	Name     string     `json:"name"`
	Contacts int        `json:"contacts"`
	FilledS  float64    `json:"filled_s"`
	Cases    []measured `json:"searches"`
	All      measured   `json:"all"`
	RSS      [2]int64   `json:"rss_bytes"` // after the first tenth of the searches, and after the last
}

// A measured is what a search took, in ms.
type measured struct {
	Name    string  `json:"name"`
	Found   int     `json:"found"` // on the page
	Asks    int     `json:"asks"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	BareP50 float64 `json:"bare_p50_ms"`
	BareP99 float64 `json:"bare_p99_ms"`
}

// Ratio is p99 beside that of the bare query.
func (m measured) Ratio() float64 { return m.P99 / m.BareP99 }

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("crm", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.contacts, "contacts", 1_000_000, "contacts in each database")
	flags.IntVar(&o.asks, "asks", 300, "how often each search is asked, by the product and by the bare query")
	flags.StringVar(&o.dbs, "db", "sqlite,postgres", "which databases")
	flags.StringVar(&o.dir, "dir", "", "keep the databases in this directory, and use those that an earlier run has filled; empty: a temporary one")
	flags.StringVar(&o.json, "json", "", "write the figures to this file, too")
	flags.BoolVar(&o.quick, "quick", false, "10,000 contacts and few searches: checks that all works, not how fast")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.contacts, o.asks = min(o.contacts, 10_000), min(o.asks, 10)
	}
	var all []outcome
	for _, name := range strings.Split(o.dbs, ",") {
		out, err := measure(ctx, name, o, func(format string, args ...any) { fmt.Fprintf(stderr, name+": "+format+"\n", args...) })
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		out.print(stdout)
		all = append(all, out)
	}
	if err := report.SaveJSON(o.json, all); err != nil {
		return err
	}
	return o.verdict(all)
}

func (o outcome) print(to io.Writer) {
	fmt.Fprintf(to, "\n%s: %d contacts, filled in %.0f s; memory %d MiB after a tenth of the searches, %d MiB after all\n\n", o.Name, o.Contacts, o.FilledS, o.RSS[0]>>20, o.RSS[1]>>20)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "search\tfound\tp50\tp99\tbare p50\tbare p99\tp99 / bare\t")
	for _, m := range append(o.Cases, o.All) {
		fmt.Fprintf(w, "%s\t%d\t%.2f ms\t%.2f ms\t%.2f ms\t%.2f ms\t%.2f\t\n", m.Name, m.Found, m.P50, m.P99, m.BareP50, m.BareP99, m.Ratio())
	}
	_ = w.Flush() // a terminal that is gone needs no figures
}

// verdict is an error where the goal is missed; a quick run has none.
func (o options) verdict(all []outcome) error {
	var missed []error
	for _, out := range all {
		if r := out.All.Ratio(); r > ceiling && !o.quick {
			missed = append(missed, fmt.Errorf("%s: the p99 of all searches is %.2f x the bare query's, and may be %.1f x", out.Name, r, ceiling))
		}
	}
	return errors.Join(missed...)
}
