// Command turns measures turn-taking on recorded speech: when the agent answers, when it gives way, when it does not, and what it
// then believes to have been heard (make bench-turns).
//
//	recordings ──▶ sets: items ──▶ phone ──frames──▶ pipeline.Call, local ear and recogniser ──▶ phone ──▶ what sounded, and when
//	(Debian)        half held out    ▲                                                             │
//	                                 └──────────────────────── echo ◀──────────────────────────────┘
//
// The call is the real one, with the real ear and recogniser; only the model and the voice are scripted and take no time, so that
// what is measured is turn-taking. Each item of an end-of-turn set is played in two arms: the agent's own manners, and an
// endpointing of 500 ms of silence, whatever was said; each with echo without and with the canceller of media/echo on the line. What is true of an item (when speech begins and ends, where it pauses, which
// words sounded when) is known from the clean recording or from how it was spliced, never from the code that is measured. What the
// agent did is read from the wire, and from the call's events where the wire cannot tell.
//
// # The clock
//
// By default calls are played by virtual clocks (testing/synctest), one call at a time on each: the machine's other load cannot make
// a frame late. Work then takes no time, but for the recogniser's, which takes as long as it used the processor. That is all that
// differs from run to run; neighbours who share caches make it longer, so that the load is told with the figures. What a busy scheduler
// adds is measured elsewhere (make bench-leg); -live plays the same items by the real clock, to show that the figures are the
// same, and voids those in which a frame was late.
//
// # The sets
//
// They are cut here, by committed code, from Debian's recorded prompts and a few others (-sets DIR writes them as WAV files with a
// manifest). An item is natural when its sound is one recording as it is; what is spliced, mixed or made up is synthetic and reported
// apart. Half of each set, by a hash of the item's name, is held out: it is measured and reported, and nothing is tuned on it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"parley/bench/corpus"
	reports "parley/bench/report"
	"parley/bench/stage"
	"parley/pipeline"
	"parley/providers/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-turns:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	sets   string
	speech string
	json   string
	only   string
	quick  bool
	tuned  bool
	items  bool
	events bool
	live   int
	clocks int
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("turns", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.sets, "sets", "", "write the sets to this directory, as WAV files and manifest.tsv, and do nothing else")
	flags.StringVar(&o.speech, "speech", local.DefaultDir(), "where the speech models are")
	flags.StringVar(&o.json, "json", "", "write the report and every item's result to this file, too")
	flags.StringVar(&o.only, "only", "", "only items whose name, which begins with the set's, matches this regular expression")
	flags.BoolVar(&o.quick, "quick", false, "one item of each set: checks that all works, not how well")
	flags.BoolVar(&o.tuned, "tuned", false, "leave the held-out half alone: for those who tune")
	flags.BoolVar(&o.items, "items", false, "print each item's result, too (of the tuned half)")
	flags.BoolVar(&o.events, "events", false, "print each call's events, too (of the tuned half)")
	flags.IntVar(&o.live, "live", 0, "play by the real clock, so many calls at once")
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
	if o.clocks < 1 || o.live < 0 {
		return errors.New("-clocks is less than 1 or -live less than 0")
	}
	c, err := corpus.ReadCorpus()
	if err != nil {
		return err
	}
	v, err := rehearse(ctx, c, o.speech)
	if err != nil {
		return err
	}
	items := chosen(allSets(c, v), o, only)
	if len(items) == 0 {
		return fmt.Errorf("no item's name matches -only %q", o.only)
	}
	if o.sets != "" {
		return writeSets(o.sets, items)
	}
	return measure(ctx, o, items, v, stdout, stderr)
}

// allSets cuts every set.
func allSets(c *corpus.Corpus, v *voices) []item {
	items := sentenceSets(c)
	items = append(items, mixedSets(c)...)
	for i := range items {
		items[i].after = 300*time.Millisecond + corpus.Between(corpus.Dice(items[i].name), 0, 100*time.Millisecond)
	}
	items = append(items, falseSets(c, v)...)
	items = append(items, trueSets(c)...)
	items = append(items, echoSets(c)...)
	return order(append(items, ledgerSets(c)...))
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

// The arms. The first is what the report is about.
func arms() []arm {
	fixed := pipeline.DefaultManners()
	fixed.Hangover = 500 * time.Millisecond
	fixed.Patience.Fixed = true
	return []arm{{name: product}, {name: fixed500, manners: fixed}, {name: cancelled, cancel: true}}
}

// tries says whether an arm has anything to show on an item.
func (a arm) tries(i *item) bool {
	switch a.name {
	case fixed500:
		return i.kind == endOfTurn
	case cancelled:
		return i.echo.delay > 0
	}
	return true
}

const (
	product   = "parley"
	fixed500  = "fixed 500 ms"
	cancelled = "canceller"
)

// measure plays the items and reports.
func measure(ctx context.Context, o options, items []item, v *voices, stdout, stderr io.Writer) error {
	q := &queue{voices: v}
	for k := range items {
		for _, a := range arms() {
			if a.tries(&items[k]) {
				q.tasks = append(q.tasks, task{&items[k], a})
			}
		}
	}
	q.results = make([]result, len(q.tasks))
	var mu sync.Mutex
	played := 0
	q.done = func(_ int, r result) {
		mu.Lock()
		defer mu.Unlock()
		if played++; played%10 == 0 || played == len(q.tasks) {
			fmt.Fprintf(stderr, "\r%d of %d calls ", played, len(q.tasks))
		}
	}
	report := newReport(o)
	began := time.Now()
	var err error
	if o.live > 0 {
		err = stage.Live(ctx, o.speech, o.live, q.play)
	} else {
		err = stage.Virtual(ctx, o.speech, o.clocks, q.play)
	}
	fmt.Fprintln(stderr)
	if err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return err
	}
	report.Took = math.Round(time.Since(began).Seconds())
	report.Results = q.results
	report.print(stdout, o.items)
	if o.events {
		for _, x := range q.results {
			if x.Half == "tuned" {
				fmt.Fprintf(stdout, "\n%s, %s: its sound begins at %v\n  %s\n", x.Name, x.Arm, x.From, strings.Join(x.Events, "\n  "))
			}
		}
	}
	if err := reports.SaveJSON(o.json, report); err != nil {
		return err
	}
	return report.sound()
}
