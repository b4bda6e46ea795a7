// Sipp runs sipp's scenarios against Parley, in both roles, over UDP, TCP and TLS, and prints a table of verdicts.
//
//	scenarios/callee/*.xml ─▶ sipp ── INVITE ──▶ parley serve: the real program, flite's voice, SQLite in a directory of its own
//	scenarios/caller/*.xml ─▶ sipp ◀── INVITE ── sip.Agent.Place: the user agent of that program
//	                            │
//	              exit code and outcome ──▶ table: scenario, role, transport, verdict, seconds
//
// Scenarios are sipp's XML in the words of words.go: each says what must come and what it must match, so that one which passes has seen it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sipp:", err)
		os.Exit(1)
	}
}

// settings are the command's flags.
type settings struct {
	parley string
	only   *regexp.Regexp
	atOnce int
	keep   string
}

func parse(args []string) (s settings, err error) {
	set := flag.NewFlagSet("sipp", flag.ContinueOnError)
	set.StringVar(&s.parley, "parley", "bin/parley", "the program under test")
	only := set.String("run", "", "run only scenarios whose role/name/transport matches, such as caller/digest or tcp$")
	set.IntVar(&s.atOnce, "j", 8, "scenarios at once")
	set.StringVar(&s.keep, "keep", "", "keep what sipp read and logged in this directory; empty: only shown where a scenario fails")
	if err := set.Parse(args); err != nil {
		return s, err
	}
	if s.atOnce < 1 {
		return s, fmt.Errorf("-j %d: want at least 1", s.atOnce)
	}
	if s.only, err = regexp.Compile(*only); err != nil {
		return s, fmt.Errorf("-run: %w", err)
	}
	return s, nil
}

var errMissing = errors.New("sipp is not installed: run apt-get install sip-tester, or make setup-test")

func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath("sipp"); err != nil {
		return errMissing
	}
	all, err := scenarios()
	if err != nil {
		return fmt.Errorf("read scenarios: %w", err)
	}
	trials := plan(all, s.only)
	if len(trials) == 0 {
		return fmt.Errorf("-run %s: no scenario is called so", s.only)
	}
	dir := s.keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "parley-sipp"); err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // it lies where what is forgotten is swept away
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	b, err := open(ctx, s.parley, dir, trials)
	if err != nil {
		return err
	}
	began := time.Now()
	perform(ctx, b, trials, s.atOnce, func(done, of int, t *trial) {
		if t.err != nil {
			fmt.Fprintf(out, "%s fails: %v\n", t, t.err)
		} else if done%20 == 0 {
			fmt.Fprintf(out, "%d of %d scenarios have run\n", done, of)
		}
	})
	broken := b.close()
	failed := table(out, trials)
	fmt.Fprintf(out, "%d scenarios, %d runs, %d failed, in %.0f s\n", count(trials), len(trials), failed, time.Since(began).Seconds())
	if failed > 0 {
		broken = errors.Join(fmt.Errorf("%d runs failed", failed), broken)
	}
	return broken
}

// table prints the verdicts.
func table(out io.Writer, trials []*trial) (failed int) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SCENARIO\tPARLEY IS\tOVER\tVERDICT\tSECONDS\tWHAT")
	for _, t := range trials {
		verdict := "pass"
		if t.err != nil {
			verdict = "FAIL"
			failed++
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.1f\t%s\n", t.scenario.name, t.scenario.role, t.transport, verdict, t.took.Seconds(), t.scenario.title)
	}
	_ = w.Flush() // a terminal that is gone reads nothing
	return failed
}

// count is how many scenarios there are among trials.
func count(trials []*trial) int {
	seen := map[string]bool{}
	for _, t := range trials {
		seen[t.scenario.role+"/"+t.scenario.name] = true
	}
	return len(seen)
}

// plan is what is to be run: what lasts long first.
func plan(all []*scenario, only *regexp.Regexp) (trials []*trial) {
	var short []*trial
	for _, s := range all {
		for _, transport := range s.transports() {
			t := &trial{scenario: s, transport: transport}
			switch {
			case !only.MatchString(t.String()):
			case strings.HasPrefix(s.name, "timer"):
				trials = append(trials, t)
			default:
				short = append(short, t)
			}
		}
	}
	return append(trials, short...)
}
