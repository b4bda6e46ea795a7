// Command amd measures what is made of who answers an outbound call: who it is thought to be, how soon, and when a message is left
// (make bench-amd).
//
//	recordings, voices, tones ──▶ sets: items ──frames──▶ pipeline.Call, local ear and recogniser ──▶ verdicts, and what sounded, and when
//	                               half held out
//
// The call is the real one, with its default manners, the real ear and recogniser; the model and the voice are scripted and take no time.
// Calls are played by virtual clocks (parley/bench/stage). What is true of an item is known from how it was put together.
//
// # The sets
//
// They are put together here, by committed code, from Debian's recorded prompts and music, from the offline voices, and from tones as the
// recommendations define them (-sets DIR writes them as WAV files with a manifest). Each has its own level, its own line noise (none to
// -45 dBFS), and comes out of mu-law. An item is recorded when every voice in it is a recording, though it is spliced and its beep may
// be made; it is synthetic when a synthetic voice speaks, or only made tones sound. Half of each set, by a hash of the item's name, is
// held out: it is measured and reported, and nothing is tuned on it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"sync"
	"syscall"

	"parley/bench/corpus"
	"parley/bench/stage"
	"parley/providers/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-amd:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	sets, speech, json, only string
	quick, tuned, items      bool
	clocks                   int
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("amd", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.sets, "sets", "", "write the sets to this directory, as WAV files and manifest.tsv, and do nothing else")
	flags.StringVar(&o.speech, "speech", local.DefaultDir(), "where the speech models are")
	flags.StringVar(&o.json, "json", "", "write every item's result to this file, too")
	flags.StringVar(&o.only, "only", "", "only items whose name, which begins with the set's, matches this regular expression")
	flags.BoolVar(&o.quick, "quick", false, "one item of each set: checks that all works, not how well")
	flags.BoolVar(&o.tuned, "tuned", false, "leave the held-out half alone: for those who tune")
	flags.BoolVar(&o.items, "items", false, "print the events of each item that went wrong, too (of the tuned half)")
	flags.IntVar(&o.clocks, "clocks", runtime.NumCPU(), "virtual clocks at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if o.clocks < 1 {
		return errors.New("-clocks is less than 1")
	}
	c, err := corpus.ReadCorpus()
	if err != nil {
		return err
	}
	v, err := rehearse(ctx, o.speech, "jenny", "slt")
	if err != nil {
		return err
	}
	all, err := allSets(c, v)
	if err != nil {
		return err
	}
	items := chosen(all, o, only)
	if len(items) == 0 {
		return fmt.Errorf("no item's name matches -only %q", o.only)
	}
	if o.sets != "" {
		return writeSets(o.sets, items)
	}
	return measure(ctx, o, items, v, stdout, stderr)
}

func chosen(all []item, o options, only *regexp.Regexp) []item {
	var items []item
	seen := map[string]int{}
	for _, i := range all {
		if !only.MatchString(i.name) || o.tuned && i.held() {
			continue
		}
		if seen[i.set]++; o.quick && seen[i.set] > 1 {
			continue
		}
		items = append(items, i)
	}
	return items
}

// measure plays the items and reports.
func measure(ctx context.Context, o options, items []item, v *voices, stdout, stderr io.Writer) error {
	q := &queue{voices: v, items: items, results: make([]result, len(items))}
	var mu sync.Mutex
	played := 0
	q.done = func() {
		mu.Lock()
		defer mu.Unlock()
		if played++; played%10 == 0 || played == len(items) {
			fmt.Fprintf(stderr, "\r%d of %d calls ", played, len(items))
		}
	}
	err := stage.Virtual(ctx, o.speech, o.clocks, q.play)
	fmt.Fprintln(stderr)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	report{q.results}.print(stdout, o.items)
	if o.json != "" {
		text, err := json.MarshalIndent(q.results, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.json, append(text, '\n'), 0o644); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return report{q.results}.sound()
}
