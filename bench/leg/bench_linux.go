package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"parley/bench/machine"
	"parley/bench/search"
)

// Bars of a step.
const (
	lateBar   = 5 * time.Millisecond   // p99
	behindBar = 100 * time.Millisecond // what the server was sent before that, it must have read
	busyBar   = 0.85                   // of the generator's core
	sendBar   = 3 * time.Millisecond   // p99 of the generator's own lateness
	othersBar = 0.03                   // of the server's core, by other processes
)

// bench measures all servers and reports.
func bench(ctx context.Context, o options, log io.Writer) (*report, error) {
	generator, server, err := machine.TwoCores()
	if err != nil {
		return nil, err
	}
	if !o.quick {
		_, restore := machine.GoFirst()
		defer restore()
	}
	first, err := machine.Pin(generator)
	if err != nil {
		return nil, err
	}
	debug.SetGCPercent(-1) // collected between steps
	b := &rig{core: server, measure: o.measure, profile: o.profile, waiter: o.waiter, log: log}
	r := newReport(o, generator, server)
	if r.Priority = "as any process"; first {
		r.Priority = "before neighbours (nice -20)"
	}
	began, some := time.Now(), kinds()
	if o.only != "" {
		some = []string{o.only}
	}
	switch {
	case o.quick:
		b.measure = 2 * time.Second
		err = b.once(ctx, r, some, 50)
	case o.at > 0:
		for range o.rounds {
			err = errors.Join(err, b.once(ctx, r, some, o.at))
		}
	default:
		for round := 1; round <= o.rounds && err == nil; round++ {
			err = b.round(ctx, r, round, some, began.Add(o.budget))
		}
	}
	if err != nil {
		return nil, err
	}
	r.Took = time.Since(began).Seconds()
	return r, nil
}

// rig runs servers in processes of their own.
type rig struct {
	core    int
	measure time.Duration
	profile string
	waiter  string
	log     io.Writer
}

// once runs servers with n streams.
func (b *rig) once(ctx context.Context, r *report, some []string, n int) error {
	for _, kind := range some {
		s, err := b.step(ctx, kind, n)
		if err != nil {
			return err
		}
		r.Steps = append(r.Steps, s)
	}
	return nil
}

// round searches for the most streams of every server.
func (b *rig) round(ctx context.Context, r *report, n int, some []string, until time.Time) error {
	caps, err := search.Round{
		N: n, Servers: some, Guesses: map[string]int{"product": 2000, "product-20ms": 1200, "floor": 2000, "baseline": 450}, Fine: 1.05, Until: until,
		Step: func(ctx context.Context, server string, streams int) (search.Verdict, error) {
			s, err := b.step(ctx, server, streams)
			if err != nil {
				return search.Void, err
			}
			r.Steps = append(r.Steps, s)
			return s.verdict(), nil
		},
	}.Run(ctx, r.Found)
	for _, capped := range caps {
		r.AtLeast[capped.Server] = true
	}
	return err
}

// verdict is what a step says of its server.
func (s step) verdict() search.Verdict {
	switch {
	case s.Exhausted:
		return search.Exhausted
	case s.Void:
		return search.Void
	case s.Passed:
		return search.Carried
	}
	return search.Failed
}

// step runs one server with n streams.
func (b *rig) step(ctx context.Context, kind string, n int) (s step, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s with %d streams: %w", kind, n, err)
		}
	}()
	runtime.GC()
	s = step{Server: kind, Streams: n}
	c, err := b.start(ctx, kind)
	if err != nil {
		return s, err
	}
	defer c.stop()
	l := load{streams: n, measure: b.measure, addr: c.addr, header: c.header, began: c.ask, ended: c.ask}
	if l.params, err = c.admit(n); err != nil {
		return s, err
	}
	o, err := l.run(ctx)
	if ctx.Err() != nil {
		return s, context.Cause(ctx)
	}
	if err != nil {
		s.Failure = err.Error()
		s.Exhausted = errors.Is(err, errStoodStill)
		s.Void = s.Exhausted
		fmt.Fprintln(b.log, s)
		return s, nil
	}
	var before, after counts
	if err := errors.Join(c.read(&before), c.read(&after)); err != nil {
		return s, fmt.Errorf("read counts: %w", err)
	}
	s.judge(o, before, after)
	fmt.Fprintln(b.log, s)
	return s, nil
}

// child is a server's process.
type child struct {
	addr   netip.AddrPort
	header map[string][]string

	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *json.Decoder
}

// start starts a server and waits until it listens.
func (b *rig) start(ctx context.Context, kind string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	c := &child{cmd: exec.CommandContext(ctx, self, "-serve", kind, "-core", strconv.Itoa(b.core), "-profile", b.profile, "-waiter", b.waiter)}
	c.cmd.Stderr = os.Stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start server: %w", err)
	}
	c.out = json.NewDecoder(bufio.NewReader(stdout))
	var r ready
	if err := c.read(&r); err != nil {
		c.stop()
		return nil, fmt.Errorf("start server: %w", err)
	}
	c.header = r.Header
	if c.addr, err = netip.ParseAddrPort(r.Addr); err != nil {
		c.stop()
		return nil, fmt.Errorf("start server: %w", err)
	}
	return c, nil
}

func (c *child) read(v any) error { return c.out.Decode(v) }

// ask has the server write its counts; they are read when the load is over.
func (c *child) ask() { _, _ = io.WriteString(c.stdin, "counts\n") }

// admit is the params of n calls.
func (c *child) admit(n int) (params []string, err error) {
	if _, err := fmt.Fprintln(c.stdin, n); err != nil {
		return nil, fmt.Errorf("ask for calls: %w", err)
	}
	if err := c.read(&params); err != nil {
		return nil, fmt.Errorf("read calls: %w", err)
	}
	return params, nil
}

// stop ends the process. Its sockets are reset: it owes nobody a farewell.
func (c *child) stop() {
	_ = c.stdin.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}
