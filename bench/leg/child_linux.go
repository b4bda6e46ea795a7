package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/metrics"
	"runtime/pprof"
	"strconv"
	"sync"
	"time"

	"parley/bench/floor"
	"parley/bench/machine"
	"parley/bench/wire"
	"parley/media/pace"
)

// ready is the first line that a server's process writes.
type ready struct {
	Addr   string              `json:"addr"`
	Header map[string][]string `json:"header"` // for the handshake
}

// counts is what it writes for each line that it reads.
type counts struct {
	At     time.Duration `json:"at"`   // clock
	CPU    time.Duration `json:"cpu"`  // of the process
	Core   time.Duration `json:"core"` // of all processes, on its core
	In     int64         `json:"in"`   // media messages or frames of 20 ms read
	Bad    int64         `json:"bad"`
	Allocs uint64        `json:"allocs"`
	GCs    uint32        `json:"gcs"`
}

// subject is a server that can be measured.
type subject interface {
	// serve answers streams until ctx ends.
	serve(ctx context.Context, ln net.Listener) error
	// header is what a handshake must carry to be let in at addr.
	header(addr string) map[string][]string
	// params are what the start of a call must carry, as JSON.
	params(ctx context.Context, call string) (string, error)
	// count fills in In and Bad.
	count(*counts)
}

// kinds are the servers' names, in the order of a report.
func kinds() []string { return []string{"product", "product-20ms", "floor", "baseline"} }

func newSubject(kind, waiter string) (subject, error) {
	var sleep pace.Waiter
	switch waiter {
	case "thread":
		sleep = &pace.Thread{}
	case "timer":
		sleep = &pace.Timer{}
	default:
		return nil, fmt.Errorf("-waiter %q: want thread or timer", waiter)
	}
	switch kind {
	case "product":
		return newProduct(sleep, 0, 0), nil // as it ships
	case "product-20ms":
		// The lead is the chunk and as much again: with less, a beat that is late at all is a carrier that ran dry, and the Playout
		// begins its send clock anew.
		return newProduct(sleep, 2*wire.FrameTime, wire.FrameTime), nil
	case "floor":
		own := &floor.Own{}
		return yardstick{own.Serve, &own.Stats}, nil
	case "baseline":
		usual := &floor.Usual{}
		return yardstick{usual.Serve, &usual.Stats}, nil
	}
	return nil, fmt.Errorf("no server of the name %q", kind)
}

// yardstick is a server of bench/floor.
type yardstick struct {
	run   func(context.Context, net.Listener) error
	stats *floor.Stats
}

func (y yardstick) serve(ctx context.Context, ln net.Listener) error { return y.run(ctx, ln) }
func (y yardstick) header(string) map[string][]string                { return nil }
func (y yardstick) params(context.Context, string) (string, error)   { return "{}", nil }
func (y yardstick) count(c *counts) {
	c.In, c.Bad = y.stats.In.Load(), y.stats.Bad.Load()
}

// serveChild is the server's process: it serves on a port of its own, on one core, and answers each line of stdin: a number n with
// the params of n calls, anything else with its counts. It ends with stdin.
func serveChild(ctx context.Context, o options, stdin io.Reader, stdout io.Writer) error {
	if _, err := machine.Pin(o.core); err != nil {
		return err
	}
	s, err := newSubject(o.serve, o.waiter)
	if err != nil {
		return err
	}
	var config net.ListenConfig
	ln, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	var serving sync.WaitGroup
	defer serving.Wait()
	defer cancel()
	var failed error
	serving.Go(func() { failed = s.serve(ctx, ln) })

	out := json.NewEncoder(stdout)
	if err := out.Encode(ready{ln.Addr().String(), s.header(ln.Addr().String())}); err != nil {
		return err
	}
	p := profile{path: o.profile}
	clock, lines := machine.NewClock(), bufio.NewScanner(stdin)
	for lines.Scan() {
		n, notNumber := strconv.Atoi(lines.Text())
		if notNumber == nil {
			err = admit(ctx, s, n, out)
		} else {
			err = errors.Join(tally(s, clock, o.core, out), p.toggle())
		}
		if err != nil {
			return err
		}
	}
	cancel()
	serving.Wait()
	return failed
}

// admit writes the params of n calls.
func admit(ctx context.Context, s subject, n int, out *json.Encoder) error {
	all := make([]string, n)
	for i := range all {
		var err error
		if all[i], err = s.params(ctx, callSID(i)); err != nil {
			return err
		}
	}
	return out.Encode(all)
}

// tally writes the counts.
func tally(s subject, clock machine.Clock, core int, out *json.Encoder) error {
	busy, err := machine.CoreTime(core)
	if err != nil {
		return err
	}
	c := counts{At: clock.Now(), CPU: machine.OwnTime(), Core: busy}
	s.count(&c)
	memory := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(memory)
	c.Allocs, c.GCs = memory[0].Value.Uint64(), uint32(memory[1].Value.Uint64())
	return out.Encode(c)
}

// profile is one of the server's CPU over the measured time.
type profile struct {
	path string // empty: none is made
	file *os.File
}

// toggle begins the profile and, the second time, ends it.
func (p *profile) toggle() (err error) {
	switch {
	case p.path == "":
		return nil
	case p.file == nil:
		if p.file, err = os.Create(p.path); err != nil {
			return err
		}
		return pprof.StartCPUProfile(p.file)
	}
	pprof.StopCPUProfile()
	return p.file.Close()
}
