package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	calls  int
	dbs    string
	rounds int
	passes int
	write  time.Duration
	live   float64
	dir    string
	json   string
	quick  bool
}

// A subject is a database, what is measured of it, and its outcome.
type subject struct {
	*database
	of     tenant
	pages  []page
	lists  []compared
	reads  []compared
	writes []write
	live   live
	report *outcome
}

// bench runs the whole course: it opens and fills every database, and then measures them round by round in turn.
func bench(ctx context.Context, o options, stderr io.Writer) (r *report, err error) {
	began := time.Now()
	dir := o.dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "parley-bench-store-"); err != nil {
			return nil, err
		}
		defer func() {
			if gone := os.RemoveAll(dir); gone != nil && err == nil {
				err = fmt.Errorf("remove the databases: %w", gone)
			}
		}()
		if err := os.Chmod(dir, 0o755); err != nil { // Postgres, as another user, has its own directory in it
			return nil, err
		}
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	say := func(format string, args ...any) { fmt.Fprintf(stderr, format, args...) }
	r = newReport(o)
	first, restore := goFirst()
	defer restore()
	if r.Priority = "as any process"; first {
		r.Priority = "before neighbours (nice -20)"
	}
	rng := rand.New(rand.NewPCG(uint64(began.UnixNano()), 0))
	var subjects []*subject
	for _, name := range strings.Split(o.dbs, ",") {
		d, err := open(ctx, name, dir)
		if err != nil {
			return nil, err
		}
		defer func() {
			if failed := d.Close(); failed != nil && err == nil {
				err = fmt.Errorf("close %s: %w", d.name, failed)
			}
		}()
		s, err := prepare(ctx, d, o, rng, say)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		subjects = append(subjects, s)
		r.Databases = append(r.Databases, s.report)
	}
	for round := range o.rounds {
		for _, s := range subjects {
			say("round %d of %d: %s\n", round+1, o.rounds, s.name)
			m := newMeter()
			if err := s.round(ctx, o, round, rng); err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			s.report.Others = append(s.report.Others, m.others())
		}
		slices.Reverse(subjects)
	}
	for _, s := range subjects {
		if err := s.finish(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	r.end(time.Since(began))
	return r, nil
}

// prepare fills a database, and checks that it answers rightly before anything is timed.
func prepare(ctx context.Context, d *database, o options, rng *rand.Rand, say func(string, ...any)) (*subject, error) {
	s := &subject{database: d, writes: newWrites(), live: live{late: newTally()}, report: &outcome{Name: d.name, Settings: d.settings}}
	filled, tenants, err := d.fill(ctx, o.calls, say)
	if err != nil {
		return nil, err
	}
	filled.Bytes = d.size()
	s.report.Filling, s.of = filled, tenants[0]
	if err := d.bare.prepareTables(ctx); err != nil {
		return nil, err
	}
	if err := d.bare.prepareLists(ctx, queries(s.of)); err != nil {
		return nil, err
	}
	if s.pages, err = d.pages(ctx, s.of); err != nil {
		return nil, err
	}
	for _, p := range s.pages {
		if err := d.check(ctx, s.of, p); err != nil {
			return nil, err
		}
		if o.calls >= fewCalls {
			if err := d.plan(ctx, s.of, p); err != nil {
				return nil, err
			}
		}
		s.lists = append(s.lists, d.compared(s.of, p))
	}
	s.reads, err = d.reads(ctx, rng, s.of)
	return s, err
}

// round measures everything once: reads while a live writer writes, then writes by themselves.
func (s *subject) round(ctx context.Context, o options, round int, rng *rand.Rand) error {
	// Two streams: a call that the floor has kept began in no table of the store's.
	ours := newStream(newTraffic(rng.Uint64(), []tenant{s.of}))
	floors := newStream(newTraffic(rng.Uint64(), []tenant{s.of}))
	err := s.beside(ctx, &s.live, ours, o.live, func(ctx context.Context) error {
		if err := compare(ctx, rng, s.lists, o.passes); err != nil {
			return fmt.Errorf("lists: %w", err)
		}
		if err := compare(ctx, rng, s.reads, o.passes); err != nil {
			return fmt.Errorf("reads: %w", err)
		}
		for turn := range 2 {
			floor := (round+turn)%2 == 1
			n, err := throughput(ctx, sides(rng, s.lists, floor), o.write)
			if err != nil {
				return fmt.Errorf("lists at full speed: %w", err)
			}
			if floor {
				s.report.ListsFloor = append(s.report.ListsFloor, n)
			} else {
				s.report.ListsProduct = append(s.report.ListsProduct, n)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.record(ctx, ours, floors, s.writes, o.write, round%2 == 1)
}

// finish checks that all that was written meanwhile was counted, and sums up.
func (s *subject) finish(ctx context.Context) error {
	if err := s.verify(ctx, []tenant{s.of}); err != nil {
		return err
	}
	if err := s.bare.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM calls").Scan(&s.report.Calls); err != nil {
		return fmt.Errorf("count calls: %w", err)
	}
	s.report.sum(s)
	return nil
}
