package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"parley/bench/machine"
	"parley/bench/serve"
	"parley/bench/vendors"
)

// A rig starts servers.
type rig struct {
	options
	subject serve.Subject
	dir     string
	log     io.Writer
}

// bench measures the starts, and then the calls.
func bench(ctx context.Context, o options, log io.Writer) (r *report, err error) {
	b := &rig{options: o, log: log}
	if b.dir, err = os.MkdirTemp("", "parley-bench-start-"); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	b.subject.Binary = o.parley
	if o.parley == "" {
		fmt.Fprintln(log, "building parley")
		if b.subject.Binary, err = serve.Build(ctx, b.dir); err != nil {
			return nil, err
		}
	}
	others, err := serve.Vendors(ctx, b.subject.Binary, vendors.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, others.Close()) }()
	b.subject.Vendors, b.subject.Core = others.Addresses, -1
	r = newReport(o)
	if o.first {
		first, restore := machine.GoFirst()
		defer restore()
		r.First = first
	}
	meter := machine.NewMeter()
	for n := range o.starts {
		if err := b.start(ctx, r, n); err != nil {
			return nil, fmt.Errorf("start %d: %w", n+1, err)
		}
	}
	if o.calls > 0 {
		if err := b.grow(ctx, r); err != nil {
			return nil, fmt.Errorf("calls: %w", err)
		}
	}
	r.Others = meter.Others()
	return r, nil
}

// start starts a server on a new directory, and again on the same.
func (b *rig) start(ctx context.Context, r *report, n int) error {
	s := b.subject
	s.Data = fmt.Sprintf("%s/start-%d", b.dir, n)
	for _, again := range []bool{false, true} {
		began := time.Now()
		p, err := s.Start(ctx)
		if err != nil {
			return err
		}
		err = p.Healthy(ctx)
		one := start{Again: again, Listening: millis(p.Listening), Healthy: millis(time.Since(began))}
		if err == nil {
			err = rest(ctx, b.rest)
		}
		var m serve.Memory
		if err == nil {
			m, err = p.Memory()
			one.RSS, one.Anon = m.RSS, m.Anon
		}
		if err := errors.Join(err, p.Stop()); err != nil {
			return err
		}
		fmt.Fprintf(b.log, "start %d of %d: %v\n", n+1, b.starts, one)
		r.Starts = append(r.Starts, one)
	}
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
