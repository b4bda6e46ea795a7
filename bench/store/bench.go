package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"parley/bench/machine"
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

// moreRounds is how many rounds follow at most those that were asked for, while neighbours disturb them.
const moreRounds = 3

// calm says whether every subject has had so many rounds that neighbours did not disturb.
func calm(subjects []*subject, rounds int) bool {
	return !slices.ContainsFunc(subjects, func(s *subject) bool { return len(s.report.calm()) < rounds })
}

// bench runs the whole course: it opens and fills every database, and then measures them round by round in turn.
func bench(ctx context.Context, o options, stderr io.Writer) (r *report, err error) {
	began := time.Now()
	say := func(format string, args ...any) { fmt.Fprintf(stderr, format, args...) }
	dir, remove, err := place(o.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	r = newReport(o)
	if r.Priority = "as any process"; !o.quick {
		first, restore := machine.GoFirst()
		defer restore()
		if first {
			r.Priority = "before neighbours (nice -20)"
		}
	}
	rng := rand.New(rand.NewPCG(uint64(began.UnixNano()), 0))
	var subjects []*subject
	for _, name := range strings.Split(o.dbs, ",") {
		d, err := open(ctx, name, dir)
		if err != nil {
			return nil, err
		}
		defer func() { // which comes before the directory goes
			if failed := d.Close(); failed != nil {
				say("close %s: %v\n", d.name, failed)
			}
		}()
		s, err := prepare(ctx, d, o, rng, say)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		subjects = append(subjects, s)
		r.Databases = append(r.Databases, s.report)
	}
	if err := rounds(ctx, o, subjects, rng, say); err != nil {
		return nil, err
	}
	for _, s := range subjects {
		if err := s.finish(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	r.end(time.Since(began))
	return r, nil
}

// place is where the databases are: the directory that was asked for, or one that is removed at the end.
func place(asked string) (dir string, remove func() error, err error) {
	if asked != "" {
		dir, err = filepath.Abs(asked)
		return dir, func() error { return nil }, err
	}
	if dir, err = os.MkdirTemp("", "parley-bench-store-"); err != nil {
		return "", nil, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	if err := os.Chmod(dir, 0o755); err != nil { // Postgres, as another user, has its own directory in it
		return "", nil, errors.Join(err, remove())
	}
	return dir, remove, nil
}

// rounds measures the subjects in turn, as often as was asked for, and some times more if neighbours disturb them.
func rounds(ctx context.Context, o options, subjects []*subject, rng *rand.Rand, say func(string, ...any)) error {
	for round := 0; round < o.rounds || round < o.rounds+moreRounds && !o.quick && !calm(subjects, o.rounds); round++ {
		for _, s := range subjects {
			if err := s.settle(ctx); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			m := machine.NewMeter()
			if err := s.round(ctx, o, round, rng); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			s.report.Others = append(s.report.Others, m.Others())
			say("%s: round %d of %d; other processes took %.0f %%\n", s.name, round+1, max(o.rounds, round+1), 100*m.Others())
		}
		slices.Reverse(subjects)
	}
	return nil
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
