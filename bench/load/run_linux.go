package load

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"parley/bench/engine"
	"parley/bench/machine"
	"parley/bench/report"
	"parley/bench/wire"
)

// How a run goes.
const (
	tellEvery = 500 * time.Millisecond // of progress
	farewells = 3 * time.Second        // for servers to hang up at the end
)

// Why the engine ends.
var errDone = errors.New("the run is over")

// Run runs the plan and returns what was measured of each step. progress is called about twice a second, and as a phase begins and ends, on
// the caller's goroutine; nil: nobody asks. When ctx ends, calls are hung up, and what was measured so far is returned beside its cause; a
// step of which nothing was measured is left out. No call, connection or goroutine is left when Run returns.
func (p Plan) Run(ctx context.Context, progress func(Progress)) ([]report.Step, error) {
	p, err := p.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if progress == nil {
		progress = func(Progress) {}
	}
	g := &generator{plan: p, dialect: dialects[p.Carrier], key: wire.NewKey(), now: newMeasures(), tally: newTally(), squares: squaresOf(), wake: make(chan struct{}, 1)}
	if g.program, err = compile(g.dialect, g.key, p.Script, p.Library); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if g.engine, err = engine.New(g.key); err != nil {
		return nil, err
	}
	g.engine.Beat, g.engine.Dialect = g.beat, g.dialect

	r := &running{Plan: p, g: g, office: newOffice(&p, g, rand.Uint64()), progress: progress, gone: make(chan struct{})}
	if p.Poisson {
		r.chance = rand.New(rand.NewPCG(p.Seed, 0))
	}
	r.began = g.engine.Now()
	r.lookedAt, r.used = r.began, machine.OwnTime()
	if runtime.GOMAXPROCS(0) < 2 { // the engine's thread would keep the goroutines that place calls waiting
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	}
	alive, stop := context.WithCancelCause(context.WithoutCancel(ctx)) // when ctx ends there is still to be hung up
	defer stop(errDone)
	var failed error
	go func() {
		defer close(r.gone)
		if failed = g.engine.Run(alive); errors.Is(failed, errDone) {
			failed = nil
		}
	}()
	err = r.climb(ctx)
	r.hangUp()
	r.tell("end", g.engine.Now(), 0)
	stop(errDone)
	<-r.gone
	r.office.http.CloseIdleConnections()
	for i := range r.done {
		r.tallies[i].fill(&r.done[i])
	}
	return r.done, errors.Join(err, failed)
}

// running is a run in progress.
type running struct {
	Plan
	g        *generator
	office   *office
	chance   *rand.Rand // nil: calls come evenly
	progress func(Progress)
	gone     chan struct{} // closed when the engine has ended
	began    time.Duration // of the engine's clock, as all times here

	at     int // of Steps
	step   Step
	begins time.Duration
	tally  *tally
	dues   []time.Duration // of calls that are still to be placed in the step

	told     time.Duration // when progress was
	lookedAt time.Duration // how busy the process is
	used     time.Duration // by it, then
	busy     float64
	done     []report.Step
	tallies  []*tally // of done
}

// climb goes through the steps.
func (r *running) climb(ctx context.Context) error {
	placing, cancel := context.WithCancel(ctx) // what is still being placed in the end is given up
	defer cancel()
	before := 0.0
	for r.at, r.step = range r.Steps {
		r.enter(before)
		if err := r.hold(placing); err != nil {
			return err
		}
		before = r.step.Rate
	}
	return nil
}

// enter begins a step: from here on its calls are counted.
func (r *running) enter(before float64) {
	g := r.g
	r.begins = g.engine.Now()
	r.tally = newTally()
	g.mu.Lock()
	g.tally, g.again = r.tally, nil
	g.mu.Unlock()
	missing := r.step.Calls - int(g.live.Load())
	fresh := newMeasures()
	g.engine.Do(func() {
		g.now = fresh
		if r.step.Calls > 0 && missing < 0 {
			g.hangUp(-missing)
		}
	})
	r.dues = r.step.dues(missing, before, r.Settle, r.chance)
	for i := range r.dues {
		r.dues[i] += r.begins
	}
}

// hold goes through the phases of a step, and keeps what was measured.
func (r *running) hold(ctx context.Context) error {
	for _, phase := range []struct {
		name string
		ends time.Duration
	}{{"ramp", r.begins + r.step.Ramp}, {"settle", r.begins + r.step.Ramp + r.Settle}} {
		if err := r.place(ctx, phase.name, phase.ends); err != nil {
			return err
		}
	}
	meter := machine.NewMeter()
	step := report.Step{
		Server: r.Name, Round: r.Round, At: (r.g.engine.Now() - r.began).Seconds(), Calls: r.step.Calls, Rate: r.step.Rate,
		Times: map[string]report.Spread{}, Counts: map[string]int64{},
	}
	r.g.engine.Do(r.g.begin)
	err := r.place(ctx, "hold", r.g.engine.Now()+r.step.Hold)
	var m *measures
	next := newMeasures()
	if !r.g.engine.Do(func() { m = r.g.end(next) }) {
		return err
	}
	m.fill(&step)
	if !r.g.dialect.Clears {
		delete(step.Counts, report.AfterClear) // there is nothing that it could follow
	}
	step.Others = meter.Others()
	step.Void = r.void(&step)
	r.done, r.tallies = append(r.done, step), append(r.tallies, r.tally)
	return err
}

// void is why a step says nothing of the server.
func (r *running) void(s *report.Step) string {
	late := s.Times[report.SendLate].P99
	switch {
	case s.Generator.Busy > r.MostBusy:
		return fmt.Sprintf("the generator was at its end: %.0f %% of its core, at most %.0f %%", 100*s.Generator.Busy, 100*r.MostBusy)
	case late > float64(r.MostLate)/float64(time.Millisecond):
		return fmt.Sprintf("the generator was late itself: p99 %.1f ms, at most %v", late, r.MostLate)
	case r.MostOthers > 0 && s.Others > r.MostOthers:
		return fmt.Sprintf("others had %.0f %% of the machine, at most %.0f %%", 100*s.Others, 100*r.MostOthers)
	}
	return ""
}

var errGone = errors.New("the generator's engine has ended")

// place places the calls that are due until a time, each from when it was due, however late it is.
func (r *running) place(ctx context.Context, phase string, until time.Duration) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	r.tell(phase, r.g.engine.Now(), until)
	for {
		now := r.g.engine.Now()
		next := min(until, r.placeDue(ctx, now), r.placeAgain(ctx, now))
		if now >= until {
			r.tell(phase, now, until)
			return nil
		}
		if now-r.told >= tellEvery {
			r.tell(phase, now, until)
		}
		timer.Reset(min(next, r.told+tellEvery) - now)
		select {
		case <-timer.C:
		case <-r.g.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.gone:
			return errGone
		}
	}
}

const never = time.Duration(1<<63 - 1)

// placeDue places the step's own calls; next is when the next one is due.
func (r *running) placeDue(ctx context.Context, now time.Duration) (next time.Duration) {
	for len(r.dues) > 0 && r.dues[0] <= now {
		r.office.place(ctx, r.dues[0], r.tally)
		r.dues = r.dues[1:]
	}
	if len(r.dues) == 0 {
		return never
	}
	return r.dues[0]
}

// placeAgain places calls where others have ended; next is when it has to be asked again.
func (r *running) placeAgain(ctx context.Context, now time.Duration) (next time.Duration) {
	g := r.g
	for {
		g.mu.Lock()
		if len(g.again) == 0 {
			g.mu.Unlock()
			return never
		}
		due := g.again[0]
		if due > now {
			g.mu.Unlock()
			return due
		}
		g.again = g.again[:copy(g.again, g.again[1:])]
		g.mu.Unlock()
		if !r.Once && int(g.live.Load()) < r.step.Calls-len(r.dues) {
			r.office.place(ctx, due, r.tally)
		}
	}
}

// tell tells how far the run is.
func (r *running) tell(phase string, now, until time.Duration) {
	p := Progress{
		Step: r.at + 1, Steps: len(r.Steps), Phase: phase, Left: max(0, until-now), Calls: int(r.g.live.Load()), Rate: r.step.Rate,
		Lateness: float64(r.g.late.Load()) / 1000,
	}
	p.Offered, p.Answered, p.Refused, p.Broken = r.tally.counts()
	if took := now - r.lookedAt; took >= tellEvery {
		used := machine.OwnTime()
		r.busy = float64(used-r.used) / float64(took) / float64(machine.Cores())
		r.lookedAt, r.used = now, used
	}
	r.told, p.Busy = now, r.busy
	r.progress(p)
}

// hangUp ends all calls, and waits until nobody is on the line nor on the way to it.
func (r *running) hangUp() {
	r.office.waiting.Wait()
	r.g.engine.Do(func() { r.g.hangUp(-1) })
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for until := r.g.engine.Now() + farewells; r.g.engine.Now() < until; <-look.C {
		left := 0
		r.g.engine.Do(func() { left = r.g.engine.Streams() })
		if left == 0 {
			return
		}
	}
}
