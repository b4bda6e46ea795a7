package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"parley/bench/machine"
)

// settle is how long a round's readers are there, or gone, before it counts.
const settle = time.Second

// recorder keeps the lateness of a round's messages.
type recorder struct {
	mu sync.Mutex
	on bool
	at []time.Duration
}

func (r *recorder) seen(late time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.on {
		r.at = append(r.at, late)
	}
}

// listen begins a round, or ends it and returns what it saw.
func (r *recorder) listen(on bool) []time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.at
	r.on, r.at = on, nil
	return seen
}

// locked is a writer for this process and its children.
type locked struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// A child is a process of this command.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// start starts one.
func start(ctx context.Context, stderr io.Writer, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.CommandContext(ctx, self, args...)}
	c.cmd.Stderr = stderr
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.out = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %v: %w", args, err)
	}
	return c, nil
}

// line is the next that it writes.
func (c *child) line() (string, error) {
	if !c.out.Scan() {
		return "", errors.Join(errors.New("a child has ended"), c.out.Err())
	}
	return c.out.Text(), nil
}

// end ends it in good order.
func (c *child) end() error {
	return errors.Join(c.in.Close(), c.cmd.Wait())
}

// bench runs the calls, and rounds with and without readers.
func bench(ctx context.Context, o options, stderr io.Writer) (r *report, err error) {
	stderr = &locked{w: stderr}
	first := false
	if o.first {
		var restore func()
		first, restore = machine.GoFirst()
		defer restore()
	}
	server, err := start(ctx, stderr, "-be", "server")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, server.end()) }()
	addr, err := server.line()
	if err != nil {
		return nil, err
	}
	readers, err := start(ctx, stderr, "-be", "readers", "-addr", addr, "-calls", fmt.Sprint(o.calls), "-readers", fmt.Sprint(o.readers), "-stalled", fmt.Sprint(o.stalled))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, readers.end()) }()

	calling, hangUp := context.WithCancel(ctx)
	var calls sync.WaitGroup
	defer calls.Wait()
	defer hangUp()
	heard := &recorder{}
	for i := range o.calls { // evenly over a cycle
		c, err := dial(calling, addr, i, heard.seen)
		if err != nil {
			return nil, err
		}
		calls.Go(func() { c.send(calling) })
		calls.Go(c.receive)
		if err := rest(ctx, cycle/time.Duration(o.calls)); err != nil {
			return nil, err
		}
	}
	if err := rest(ctx, cycle); err != nil { // until the first caller has been answered
		return nil, err
	}
	r = &report{Calls: o.calls, Readers: o.readers, Stalled: o.stalled, Round: o.round.Seconds(), First: first}
	order := []bool{false, true}
	for began := time.Now(); !r.done(o.pairs) && (len(r.Rounds) == 0 || time.Since(began) < o.budget); slices.Reverse(order) {
		for _, watched := range order {
			if err := r.round(ctx, o, heard, readers, watched); err != nil {
				return nil, err
			}
			fmt.Fprintln(stderr, r.last())
		}
	}
	return r, nil
}

// round is one, with readers or without.
func (r *report) round(ctx context.Context, o options, heard *recorder, readers *child, watched bool) error {
	say := func(word string) (string, error) {
		if !watched {
			return "", nil
		}
		if _, err := fmt.Fprintln(readers.in, word); err != nil {
			return "", fmt.Errorf("tell the readers: %w", err)
		}
		return readers.line()
	}
	if _, err := say("on"); err != nil {
		return err
	}
	if err := rest(ctx, settle); err != nil {
		return err
	}
	meter := machine.NewMeter()
	heard.listen(true)
	if err := rest(ctx, o.round); err != nil {
		return err
	}
	late, others := heard.listen(false), meter.Others()
	told, err := say("off")
	if err != nil {
		return err
	}
	var t tally
	if watched {
		if err := json.Unmarshal([]byte(told), &t); err != nil {
			return fmt.Errorf("read the readers' tally: %w", err)
		}
	}
	n := newRound(watched, others, late, t)
	n.Void = !r.First && others > busy
	r.Rounds = append(r.Rounds, n)
	return nil
}

// rest waits.
func rest(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
