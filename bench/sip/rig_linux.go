package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

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
	heardIn  = "frames_heard" // by the server, of those sent
	heardBad = "server_bad"   // what the server found wrong
	skips    = "skips"        // a call's sound went on later than before
)

// Bars of a step.
const (
	lateBar = 5 * time.Millisecond // p99
	lostBar = 0.001                // of the frames each way
	busyBar = 0.85                 // of the generator's core
	sendBar = 3 * time.Millisecond // p99 of the generator's own lateness
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
	s.judge()
	fmt.Fprintln(b.log, line(s.report))
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
	s.report.Counts[setUpsASecond] = int64(float64(calls) / time.Since(began).Seconds())
	spread := report.NewHistogram()
	for _, c := range made {
		s.air.Begin(c.Sound)
		report.Record(spread, c.Took)
	}
	s.report.Times[report.SetUp], s.report.Tally.Answered = report.SpreadOf(spread), int64(calls)
	return nil
}

// setUpsASecond is a Count: calls that were set up, by the second, one after the other together.
const setUpsASecond = "set_ups_a_second"

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
	r.Counts[heardIn], r.Counts[heardBad], r.Counts[skips] = after.In-before.In, after.Bad+t.Foreign, t.Skips
	r.Generator.Busy = t.Busy
}

// judge says which bars the step has missed, or that it says nothing.
func (s *step) judge() {
	r := &s.report
	if r.Void != "" {
		return
	}
	r.Failed = report.Bars{Lateness: lateBar, Lost: lostBar, Dry: 1, Unanswered: 1}.Judge(*r)
	sent, heard := r.Counts[report.FramesIn], r.Counts[heardIn]
	if float64(heard) < (1-lostBar)*float64(sent)-float64(r.Calls) { // a frame of each is on its way
		r.Failed = append(r.Failed, fmt.Sprintf("frames heard %d of %d sent", heard, sent))
	}
	if bad := r.Counts[heardBad]; bad > 0 {
		r.Failed = append(r.Failed, fmt.Sprintf("%d packets or recordings were bad", bad))
	}
	late := r.Times[report.SendLate].P99
	switch {
	case r.Generator.Busy > busyBar:
		r.Void = fmt.Sprintf("the generator was at its end: %.0f %% of its core, at most %.0f %%", 100*r.Generator.Busy, 100*busyBar)
	case len(r.Failed) > 0 && late > float64(sendBar/time.Millisecond):
		r.Void = fmt.Sprintf("the generator was late: p99 %.1f ms", late)
	}
}

// perPacket is a step's processor time, of a packet in or out, in microseconds.
func perPacket(s report.Step) (float64, bool) {
	packets := s.Counts[report.FramesIn] + s.Counts[report.FramesOut]
	if packets == 0 || s.Usage.CPU == 0 {
		return 0, false
	}
	return 1e6 * s.Usage.CPU * s.Held / float64(packets), true
}

// line is a step in one line.
func line(s report.Step) string {
	word := "ok"
	switch {
	case s.Void != "":
		word = "void: " + s.Void
	case len(s.Failed) > 0:
		word = "over: " + s.Failed[0]
	}
	cpu, _ := perPacket(s)
	allocs, _ := report.AllocsPerFrame(s)
	memory, _ := report.MemoryPerCall(s)
	late := s.Times[report.Lateness]
	text := fmt.Sprintf("%-9s %5d calls  late p50 %.2f p99 %.2f p99.9 %.2f ms  lost %d  heard %d of %d  server %.0f %% (%.2f us a packet, %.2f allocs), %.0f KB a call, gcs %d  generator %.0f %%, late p99 %.2f ms  others %.0f %%",
		s.Server, s.Calls, late.P50, late.P99, late.P999, s.Counts[report.FramesLost], s.Counts[heardIn], s.Counts[report.FramesIn],
		100*s.Usage.CPU, cpu, allocs, memory, s.Usage.GCs, 100*s.Generator.Busy, s.Times[report.SendLate].P99, 100*s.Others)
	if up := s.Times[report.SetUp]; up.N > 0 {
		text += fmt.Sprintf("  set-ups %d a second, p90 %.1f p99 %.1f ms", s.Counts[setUpsASecond], up.P90, up.P99)
	}
	return text + "  " + word
}

// servers are those that were asked for.
func (o options) servers() []string {
	if o.only != "" {
		return []string{o.only}
	}
	return slices.Clone(kinds)
}
