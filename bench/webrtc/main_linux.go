// Command webrtc measures what calls from browsers cost on one core: the product beside bare pion (make bench-webrtc).
//
//	core A: this process, all browsers                    core B: a server, in a process of its own, GOMAXPROCS=1
//	browsers ── offer (WHIP), ICE, DTLS ────────────────▶ product: media/webrtc, Playout, speech detection, recording
//	         ── 20 ms of Opus by SRTP, 50 a second ─────▶ leg: the same without detection and recording
//	         ◀─ the same sound, 50 packets a second ───── pion: pion/webrtc whole; packets go back as they came
//	                                                      pion-opus: the same, and each packet decoded and encoded anew
//
// All servers echo. The product and the leg do it as a call sounds: a jitter buffer, libopus, a Playout on the pacing wheel, libopus again, at 16 kHz
// with FEC. Bare pion knows no codec, which is the larger part of a call: what the house's own way of a frame adds is told by pion-opus, which
// codes with the same library and the same settings. No recogniser, model or voice is behind any of them: bench/calls has these.
//
// The browsers speak recorded sentences without their pauses, coded beforehand, with FEC. They share one socket and one thread, and are made of
// pion's parts (stun, dtls, srtp), not of media/webrtc or media/rtp, so that an error of theirs is not their own.
//
// The most calls that a server carries are found by bisection, a step of each server in turn, several times over; medians count. A server
// carries a load when p99 lateness is under 5 ms and, of 1,000 packets each way, at most one is lost. Then every server is run with the same
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
		fmt.Fprintln(os.Stderr, "bench-webrtc:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, stdin io.Reader, stdout, stderr io.Writer) error {
	if o, asked, err := floor.Asked(getenv); asked || err != nil { // this is the child that is a server
		if err != nil {
			return err
		}
		return serve(ctx, o.Name, getenv(tapesEnviron), stdin, stdout)
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

func parse(args []string, stderr io.Writer) (contest.Options, error) {
	o := contest.Options{Budget: 4 * time.Minute, Alike: 50}
	flags := flag.NewFlagSet("webrtc", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o.Flags(flags, kinds, few)
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	return o, o.Check(kinds)
}
