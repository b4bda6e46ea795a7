package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"parley/bench/floor"
	"parley/bench/machine"
	"parley/bench/report"
	"parley/bench/vitals"
)

// kinds are the servers, in the order of a round.
var kinds = []string{"product", "leg", "pion", "pion-opus"}

// tapesEnviron names the variable that tells a child where recordings go.
const tapesEnviron = "PARLEY_BENCH_TAPES"

// Names of Times and Counts beside those of bench/report.
const (
	heardIn  = "frames_heard" // by the server, of those sent
	heardBad = "server_bad"   // what the server found wrong
	loudOut  = "frames_loud"  // of those that came, those that are no silence
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
	s.judge()
	fmt.Fprintln(b.log, line(s.report))
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
	s.report.Counts[setUpsASecond] = int64(float64(calls) / time.Since(began).Seconds())
	spread := report.NewHistogram()
	for _, d := range took {
		report.Record(spread, d)
	}
	s.report.Times[report.SetUp], s.report.Tally.Answered = report.SpreadOf(spread), int64(calls)
	s.crowd.begin(s.browsers)
	return nil
}

// setUpsASecond is a Count: calls that were set up, by the second, some at once.
const setUpsASecond = "set_ups_a_second"

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
	r.Counts[heardIn], r.Counts[heardBad], r.Counts[loudOut] = after.In-before.In, after.Bad+t.foreign, t.loud
	r.Generator.Busy = t.busy
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
	if came, loud := r.Counts[report.FramesOut], r.Counts[loudOut]; float64(loud) < 0.8*float64(came) {
		r.Failed = append(r.Failed, fmt.Sprintf("of %d packets that came back only %d are no silence", came, loud))
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
