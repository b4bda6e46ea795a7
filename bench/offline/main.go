// Command offline measures how many calls a machine carries whose agents hear and speak by local speech alone (make bench-offline).
//
//	callers: recorded speech, 20 ms at a time ──▶ parley serve: Silero, Moonshine, Piper ──▶ what they hear, and when
//	    1, 2, 3, 4, 6, 8, ... at once                 │
//	                                                  └──▶ /metrics: how long words took, and tasks waited for a worker
//
// Each caller says a sentence, hears the answer, and says another, call after call; the model, which is a stand-in and takes no time, never
// says the same twice, so that every answer has to be spoken anew. (With -think flow the built-in receptionist answers, most of whose
// sentences are known ahead.) For each number of callers it tells voice to voice as the callers hear it, the wait for words, the apologies
// and how busy the workers were. A number is carried while 9 of 10 turns have their words within -bar and nobody hears an apology.
//
// Until that ends admission lets everybody in. Then a second server, with the bars of the settings, is offered half as much again as was
// carried: it tells how many calls are refused, and what those hear who are not.
//
// Callers, model and server share the machine: callers take little of it, and -json has how much others took.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-offline:", err)
		os.Exit(1)
	}
}

// options are what the command was asked for.
type options struct {
	most    int
	hold    time.Duration
	bar     time.Duration
	think   string
	workers int
	binary  string
	json    string
	quick   bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var o options
	flags := flag.NewFlagSet("offline", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.most, "most", 64, "the most callers at once that are tried")
	flags.DurationVar(&o.hold, "hold", time.Minute, "how long each number of callers is held and measured; 5s or more")
	flags.DurationVar(&o.bar, "bar", time.Second, "within which 9 of 10 turns must have their words")
	flags.StringVar(&o.think, "think", "model", "who answers: model (every answer is new), or flow (the built-in receptionist)")
	flags.IntVar(&o.workers, "workers", 0, "threads of local speech (PARLEY_SPEECH_WORKERS); 0: the server's default")
	flags.StringVar(&o.binary, "binary", "", "the server's program; empty: it is built")
	flags.StringVar(&o.json, "json", "", "write the report to this file, too")
	flags.BoolVar(&o.quick, "quick", false, "two callers, a few seconds: checks that all works, not how much is carried")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.most, o.hold, o.bar = 2, 12*time.Second, time.Minute
	}
	if err := o.check(); err != nil {
		return err
	}
	return o.measure(ctx, stdout, stderr)
}

// check says which options cannot be.
func (o options) check() error {
	var bad []error
	if o.most < 1 {
		bad = append(bad, fmt.Errorf("-most is %d: want 1 or more", o.most))
	}
	if o.hold < 5*time.Second {
		bad = append(bad, fmt.Errorf("-hold is %v: want 5s or more", o.hold))
	}
	if o.bar <= 0 {
		bad = append(bad, fmt.Errorf("-bar is %v: want some time", o.bar))
	}
	if o.think != "model" && o.think != "flow" {
		bad = append(bad, fmt.Errorf("-think is %q: want model or flow", o.think))
	}
	if o.workers < 0 {
		bad = append(bad, fmt.Errorf("-workers is %d: want 0 or more", o.workers))
	}
	return errors.Join(bad...)
}
