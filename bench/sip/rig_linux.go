package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"time"

	"parley/bench/contest"
	"parley/bench/floor"
	"parley/bench/machine"
	"parley/bench/phones"
	"parley/bench/report"
	"parley/bench/vitals"
)

// kinds are the servers, in the order of a round.
var kinds = []string{"product", "leg", "floor", "baseline"}

// programs are bench/floor's, by our names.
var programs = map[string]string{"floor": "rtp", "baseline": "rtp-sockets"}

// What a child that is the product is told besides floor.Options.
const (
	tapesEnviron   = "PARLEY_BENCH_TAPES"
	profileEnviron = "PARLEY_BENCH_PROFILE"
)

// Names of Times and Counts beside those of bench/report.
const (
	skips = "skips" // a call's sound went on later than before
)

// Times of a step, besides what is measured.
const (
	settle   = time.Second
	together = 16 // calls that are set up at once
	patience = 20 * time.Second
)

// A rig runs servers and calls them.
type rig struct {
	core    int // the server's
	hold    time.Duration
	profile string
	log     io.Writer
}

// A step under way.
type step struct {
	*rig
	server *floor.Process
	air    *phones.Air
	desk   *phones.Desk // nil: the server knows no signalling
	reader sync.WaitGroup
	report report.Step
}

// step runs one server with so many calls.
func (b *rig) step(ctx context.Context, kind string, calls, round int) (made report.Step, err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%s with %d calls: %w", kind, calls, err)
		}
	}()
	runtime.GC()
	s := &step{rig: b, report: report.Step{Server: kind, Round: round, Calls: calls, Times: map[string]report.Spread{}, Counts: map[string]int64{}}}
	s.report.Tally.Offered = int64(calls)
	tapes, err := os.MkdirTemp("", "parley-bench-sip-")
	if err != nil {
		return made, fmt.Errorf("make directory of recordings: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tapes)) }()
	defer func() { err = errors.Join(err, s.farewell()) }() // the server is gone then
	if s.server, err = b.start(ctx, kind, calls, tapes); err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, s.server.Close()) }()
	if s.air, err = phones.NewAir(); err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, s.air.Close()) }()
	source := vitals.Source{PID: s.server.PID()}
	idle, err := source.Read(ctx)
	if err != nil {
		return made, err
	}
	if err := s.connect(ctx, kind, calls); err != nil {
		return made, err
	}
	if err := s.measure(ctx, source, idle); err != nil {
		return made, err
	}
	contest.Judge(&s.report, 1)
	fmt.Fprintln(b.log, contest.Line(s.report))
	return s.report, nil
}

// start starts a server in a process of its own: this program again.
func (b *rig) start(ctx context.Context, kind string, calls int, tapes string) (*floor.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	name, ok := programs[kind]
	if !ok {
		name = kind
	}
	// A floor's own environment is this process's: what a child must know besides is in there.
	if err := errors.Join(os.Setenv(tapesEnviron, tapes), os.Setenv(profileEnviron, b.profile)); err != nil {
		return nil, err
	}
	return floor.Start(ctx, b.core, floor.Options{Name: name, Sockets: calls}, self)
}

// connect gives every phone somebody to talk to.
func (s *step) connect(ctx context.Context, kind string, calls int) error {
	if _, bare := programs[kind]; bare {
		for i := range calls {
			to, err := netip.ParseAddrPort(s.server.Addresses[i%len(s.server.Addresses)])
			if err != nil {
				return err
			}
			s.air.Begin(to)
		}
		s.report.Tally.Answered = int64(calls)
		return nil
	}
	to, err := netip.ParseAddrPort(s.server.Addresses[0])
	if err != nil {
		return err
	}
	if s.desk, err = phones.Open(to); err != nil {
		return err
	}
	s.reader.Go(func() { _ = s.desk.Run() })
	return s.call(ctx, calls)
}

// farewell closes the desk, which has answered each BYE until now.
func (s *step) farewell() error {
	if s.desk == nil {
		return nil
	}
	err := s.desk.Close()
	s.reader.Wait()
	return err
}

// call sets up all calls, some at once.
func (s *step) call(ctx context.Context, calls int) error {
	ctx, cancel := context.WithTimeout(ctx, patience+time.Duration(calls)*20*time.Millisecond)
	defer cancel()
	var (
		all    sync.WaitGroup
		failed = make([]error, together)
		made   = make([]*phones.Call, calls)
		began  = time.Now()
	)
	for k := range together {
		all.Go(func() {
			for i := k; i < calls && failed[k] == nil; i += together {
				made[i], failed[k] = s.desk.Call(ctx, "+15550100002", netip.AddrPortFrom(phones.Address(i), s.air.Port()))
			}
		})
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	s.report.Counts[contest.SetUpsASecond] = int64(float64(calls) / time.Since(began).Seconds())
	spread := report.NewHistogram()
	for _, c := range made {
		s.air.Begin(c.Sound)
		report.Record(spread, c.Took)
	}
	s.report.Times[report.SetUp], s.report.Tally.Answered = report.SpreadOf(spread), int64(calls)
	return nil
}

// measure lets all phones talk, and keeps a Tally of the middle of it.
func (s *step) measure(ctx context.Context, source vitals.Source, idle vitals.Reading) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		tally         phones.Tally
		from, to      vitals.Reading
		before, after floor.Counts
		failed        error
		asking        sync.WaitGroup
		meter         machine.Meter
	)
	look := func(at *vitals.Reading, counts *floor.Counts) {
		asking.Wait()
		asking.Go(func() { // beside the phones: the server takes its time
			var cerr, verr error
			*counts, cerr = s.server.Counts()
			*at, verr = source.Read(ctx)
			failed = errors.Join(failed, cerr, verr)
		})
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun, ended := false, false
	err := s.air.Run(ctx, func(now time.Duration) *phones.Tally {
		switch {
		case now < settle:
			return nil
		case now < settle+s.hold:
			if !begun {
				begun, meter = true, machine.NewMeter()
				look(&from, &before)
			}
			return &tally
		case !ended:
			ended, s.report.Others = true, meter.Others()
			look(&to, &after)
		case now > settle+s.hold+300*time.Millisecond:
			stop()
		}
		return nil
	})
	asking.Wait()
	if errors.Is(err, phones.ErrStood) {
		s.report.Void = err.Error()
		err = nil
	}
	if err = errors.Join(err, failed); err != nil || s.report.Void != "" {
		return err
	}
	s.fill(&tally, before, after)
	s.report.Usage = vitals.Usage(idle, from, to)
	s.report.Usage.GCs, s.report.Usage.Mallocs = int64(after.GCs-before.GCs), int64(after.Mallocs-before.Mallocs) //nolint:gosec // small
	return nil
}

// fill tells the step what was heard and said.
func (s *step) fill(t *phones.Tally, before, after floor.Counts) {
	r := &s.report
	r.Held = t.Lasted.Seconds()
	r.Times[report.Lateness], r.Times[report.SendLate] = report.SpreadOf(t.Late), report.SpreadOf(t.SendLate)
	r.Counts[report.FramesIn], r.Counts[report.FramesOut], r.Counts[report.FramesLost] = t.Sent, t.Heard, max(t.Short, t.Lost)
	r.Counts[contest.HeardIn], r.Counts[contest.HeardBad], r.Counts[skips] = after.In-before.In, after.Bad+t.Foreign, t.Skips
	r.Generator.Busy = t.Busy
}
