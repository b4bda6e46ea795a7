// Command floors runs a floor program of bench/floor as a server of its own, so that any load test can be pointed at it.
//
//	go run ./bench/floors -serve own-whole -deepgram ws://127.0.0.1:9000
//	  {"addresses":["127.0.0.1:40123"]}           call it: POST http://127.0.0.1:40123/twilio/voice
//	  <newline>                                   its counts so far, as a line of JSON
//	  <end of input, Ctrl-C>                      it ends
//
// parley bench vendors runs mock vendors, and tells their addresses.
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
	"slices"
	"strings"
	"syscall"
	"time"

	"parley/bench/floor"
	"parley/bench/machine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-floors:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var (
		o               floor.Options
		deepgram, model string
		hangover        time.Duration
		core            int
	)
	flags := flag.NewFlagSet("floors", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Name, "serve", "", "the program: "+strings.Join(floor.Names(), ", "))
	flags.StringVar(&o.Address, "addr", "127.0.0.1:0", "address to listen on")
	flags.IntVar(&core, "core", -1, "run on that core alone, with GOMAXPROCS=1; below 0: on any")
	flags.StringVar(&deepgram, "deepgram", "", "of whole calls: base URL of Deepgram or its stand-in, ws://host:port")
	flags.StringVar(&model, "model", "nova-3", "of whole calls: the recogniser's; flux-... tells itself when a turn is over")
	flags.DurationVar(&hangover, "hangover", 500*time.Millisecond, "of whole calls: silence after which other models are to end a turn")
	flags.StringVar(&o.Conversation.Greeting, "greeting", floor.DefaultGreeting, "of whole calls: what is said first")
	flags.StringVar(&o.Conversation.Answer, "answer", floor.DefaultAnswer, "of whole calls: what is said after each turn")
	flags.IntVar(&o.Sockets, "sockets", 1, "of rtp-sockets: how many, each for one call")
	flags.IntVar(&o.OpusRate, "rate", 48_000, "of opus: samples a second")
	flags.IntVar(&o.OpusBits, "bits", 24_000, "of opus: bits a second")
	flags.IntVar(&o.OpusEffort, "effort", 5, "of opus: the encoder's complexity, 0 to 10")
	flags.BoolVar(&o.OpusLow, "low", false, "of opus: low delay, that is CELT, instead of speech")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch whole := strings.Contains(o.Name, "whole"); {
	case !slices.Contains(floor.Names(), o.Name):
		return fmt.Errorf("-serve %q: want one of %s", o.Name, strings.Join(floor.Names(), ", "))
	case whole && deepgram == "":
		return errors.New("-deepgram is missing: whole calls need a recogniser and a voice (parley bench vendors has mock ones)")
	case whole:
		c := floor.Deepgram(deepgram, model, hangover)
		o.Conversation.Listen, o.Conversation.Speak, o.Conversation.Key = c.Listen, c.Speak, os.Getenv("DEEPGRAM_API_KEY")
	}
	if core >= 0 {
		return pinned(ctx, core, args, stdin, stdout, stderr)
	}
	return floor.Serve(ctx, o, stdin, stdout)
}

// pinned runs this command again, on one core.
func pinned(ctx context.Context, core int, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find own binary: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, append(args, "-core=-1")...) // the last one counts
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := machine.StartOn(core, cmd); err != nil {
		return fmt.Errorf("start on core %d: %w", core, err)
	}
	return cmd.Wait()
}
