package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"parley/bench/contest"
	"parley/bench/floor"
	"parley/bench/machine"
	"parley/bench/report"
	"parley/bench/vitals"
)

// kinds are the servers, in the order of a round.
var kinds = []string{"product", "leg", "pion", "pion-opus"}

// tapesEnviron names the variable that tells a child where recordings go.
const tapesEnviron = "PARLEY_BENCH_TAPES"

// loudOut is a Count: of the frames that came, those that are no silence.
const loudOut = "frames_loud"

// Times of a step, besides what is measured.
const (
	settle   = time.Second
	together = 8 // calls that are set up at once
	patience = 20 * time.Second
)

// A rig runs servers and calls them.
type rig struct {
	core   int // the server's
	hold   time.Duration
	speech [][]byte
	log    io.Writer
}

// A step under way.
type step struct {
	*rig
	server   *floor.Process
	crowd    *crowd
	browsers []*browser
	report   report.Step
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
	tapes, err := os.MkdirTemp("", "parley-bench-webrtc-")
	if err != nil {
		return made, fmt.Errorf("make directory of recordings: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tapes)) }()
	if s.server, err = b.start(ctx, kind, tapes); err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, s.server.Close()) }()
	if s.crowd, err = newCrowd(b.speech); err != nil {
		return made, err
	}
	defer func() { err = errors.Join(err, s.crowd.socket.Close()) }()
	source := vitals.Source{PID: s.server.PID()}
	idle, err := source.Read(ctx)
	if err != nil {
		return made, err
	}
	defer s.farewell()
	if err := s.connect(ctx, calls); err != nil {
		return made, err
	}
	if err := s.measure(ctx, source, idle); err != nil {
		return made, err
	}
	judge(&s.report)
	fmt.Fprintln(b.log, contest.Line(s.report))
	return s.report, nil
}

// start starts a server in a process of its own: this program again.
func (b *rig) start(ctx context.Context, kind, tapes string) (*floor.Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own binary: %w", err)
	}
	// A server's environment is this process's: what a child must know besides is in there.
	if err := os.Setenv(tapesEnviron, tapes); err != nil {
		return nil, err
	}
	return floor.Start(ctx, b.core, floor.Options{Name: kind}, self)
}

// connect sets up all calls, some at once.
func (s *step) connect(ctx context.Context, calls int) error {
	ctx, cancel := context.WithTimeout(ctx, patience+time.Duration(calls)*30*time.Millisecond)
	defer cancel()
	attending, done := context.WithCancel(ctx)
	var door sync.WaitGroup
	var doorFailed error
	door.Go(func() { doorFailed = s.crowd.attend(attending) })
	var (
		all    sync.WaitGroup
		failed = make([]error, together)
		took   = make([]time.Duration, calls)
		began  = time.Now()
	)
	for i := range calls {
		s.browsers = append(s.browsers, newBrowser(s.crowd, i))
	}
	for k := range together {
		all.Go(func() {
			for i := k; i < calls && failed[k] == nil; i += together {
				asked := time.Now()
				failed[k] = s.browsers[i].connect(ctx, s.server.Addresses[0])
				took[i] = time.Since(asked)
			}
		})
	}
	all.Wait()
	done()
	door.Wait()
	if err := errors.Join(errors.Join(failed...), doorFailed); err != nil {
		return err
	}
	s.report.Counts[contest.SetUpsASecond] = int64(float64(calls) / time.Since(began).Seconds())
	spread := report.NewHistogram()
	for _, d := range took {
		report.Record(spread, d)
	}
	s.report.Times[report.SetUp], s.report.Tally.Answered = report.SpreadOf(spread), int64(calls)
	s.crowd.begin(s.browsers)
	return nil
}

// farewell says goodbye for all browsers; the server is told once, as on any network.
func (s *step) farewell() {
	for _, b := range s.browsers {
		b.close()
	}
}

// measure lets all browsers talk, and keeps a Tally of the middle of it.
func (s *step) measure(ctx context.Context, source vitals.Source, idle vitals.Reading) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var (
		kept          tally
		from, to      vitals.Reading
		before, after floor.Counts
		failed        error
		asking        sync.WaitGroup
		meter         machine.Meter
	)
	look := func(at *vitals.Reading, counts *floor.Counts) {
		asking.Wait()
		asking.Go(func() { // beside the browsers: the server takes its time
			var cerr, verr error
			*counts, cerr = s.server.Counts()
			*at, verr = source.Read(ctx)
			failed = errors.Join(failed, cerr, verr)
		})
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begun, ended := false, false
	err := s.crowd.run(ctx, func(now time.Duration) *tally {
		switch {
		case now < settle:
			return nil
		case now < settle+s.hold:
			if !begun {
				begun, meter = true, machine.NewMeter()
				look(&from, &before)
			}
			return &kept
		case !ended:
			ended, s.report.Others = true, meter.Others()
			look(&to, &after)
		case now > settle+s.hold+300*time.Millisecond:
			stop()
		}
		return nil
	})
	asking.Wait()
	if errors.Is(err, errStood) {
		s.report.Void = err.Error()
		err = nil
	}
	if err = errors.Join(err, failed); err != nil || s.report.Void != "" {
		return err
	}
	s.fill(&kept, before, after)
	s.report.Usage = vitals.Usage(idle, from, to)
	s.report.Usage.GCs, s.report.Usage.Mallocs = int64(after.GCs-before.GCs), int64(after.Mallocs-before.Mallocs) //nolint:gosec // small
	return nil
}

// fill tells the step what was heard and said.
func (s *step) fill(t *tally, before, after floor.Counts) {
	r := &s.report
	r.Held = t.lasted.Seconds()
	r.Times[report.Lateness], r.Times[report.SendLate] = report.SpreadOf(t.late), report.SpreadOf(t.sendLate)
	r.Counts[report.FramesIn], r.Counts[report.FramesOut], r.Counts[report.FramesLost] = t.sent, t.heard, max(t.short, t.lost)
	r.Counts[contest.HeardIn], r.Counts[contest.HeardBad], r.Counts[loudOut] = after.In-before.In, after.Bad+t.foreign, t.loud
	r.Generator.Busy = t.busy
}

// judge says which bars a step has missed. A frame of each call is on its way, and the server is asked when it has time.
func judge(r *report.Step) {
	var more []string
	if came, loud := r.Counts[report.FramesOut], r.Counts[loudOut]; float64(loud) < 0.8*float64(came) {
		more = append(more, fmt.Sprintf("of %d packets that came back only %d are no silence", came, loud))
	}
	contest.Judge(r, 2, more...)
}
