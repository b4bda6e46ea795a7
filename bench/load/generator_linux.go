package load

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"parley/bench/engine"
	"parley/bench/machine"
	"parley/bench/report"
	"parley/bench/wire"
)

// A generator is all calls of a run. Its fields are the engine's thread's, but for those that say otherwise.
type generator struct {
	plan    Plan
	program *program
	engine  *engine.Engine
	dialect *wire.Dialect
	key     wire.Key

	calls     []*call
	measuring bool
	now       *measures // of the step
	room      []byte    // for the sound of the message in hand
	squares   [256]uint32

	live  atomic.Int64 // calls; anybody may read it
	late  atomic.Int64 // p99 of the agents' lateness so far in microseconds, once a second; anybody may read it
	told  time.Duration
	mu    sync.Mutex // of what follows
	again []time.Duration
	wake  chan struct{} // somebody is in again
	tally *tally        // of the step in progress
}

// measures are what a generator saw of one step.
type measures struct {
	late, sendLate, ttsToFrame, toClear, toSilence, voiceVoice, greeting *hdrhistogram.Histogram // of microseconds

	in, voiced, dry, lost, afterClear, bargeIns, missed, turns, unanswered int64

	audio  time.Duration // of the agents'
	began  time.Duration
	held   time.Duration
	thread time.Duration // used by the engine's thread: when it began, and then in all
	all    time.Duration // used by the process, likewise
}

func newMeasures() *measures {
	m := &measures{}
	for _, h := range []**hdrhistogram.Histogram{&m.late, &m.sendLate, &m.ttsToFrame, &m.toClear, &m.toSilence, &m.voiceVoice, &m.greeting} {
		*h = report.NewHistogram()
	}
	return m
}

// joined takes a call in.
func (g *generator) joined(c *call) {
	c.place = len(g.calls)
	g.calls = append(g.calls, c)
}

// left lets go of a call that is over: another may take its place after a while.
func (g *generator) left(c *call, now, wait time.Duration) {
	last := len(g.calls) - 1
	g.calls[c.place] = g.calls[last]
	g.calls[c.place].place = c.place
	g.calls[last] = nil
	g.calls = g.calls[:last]
	g.live.Add(-1)
	g.replace(now + wait)
}

// replace says that a call could be placed at a time. Any goroutine may call it.
func (g *generator) replace(at time.Duration) {
	g.mu.Lock()
	i, _ := slices.BinarySearch(g.again, at)
	g.again = slices.Insert(g.again, i, at)
	g.mu.Unlock()
	select {
	case g.wake <- struct{}{}:
	default: // it is awake already
	}
}

// hangUp has the callers of up to n calls hang up; below 0: all.
func (g *generator) hangUp(n int) {
	now := g.engine.Now()
	if n < 0 {
		n = len(g.calls)
	}
	for range min(n, len(g.calls)) {
		c := g.calls[0]
		c.hangUp(now)
		g.left(c, now, 0)
	}
}

// said counts a frame of a caller's.
func (g *generator) said(spoken bool) {
	if !g.measuring {
		return
	}
	if g.now.in++; spoken {
		g.now.voiced++
	}
}

// broke counts a call that came to grief.
func (g *generator) broke(why string) {
	g.mu.Lock()
	t := g.tally
	g.mu.Unlock()
	t.breaks(why)
}

// beat tells how late the agents are, once a second.
func (g *generator) beat(now time.Duration) error {
	if now-g.told >= time.Second {
		g.told = now
		g.late.Store(g.now.late.ValueAtPercentile(99))
	}
	return nil
}

// begin begins to measure.
func (g *generator) begin() {
	g.measuring = true
	m := g.now
	g.engine.Measure(m.sendLate)
	m.began, m.thread, m.all = g.engine.Now(), machine.ThreadTime(), machine.OwnTime()
}

// end ends what begin began, and goes on with other measures.
func (g *generator) end(next *measures) *measures {
	m := g.now
	if g.measuring {
		m.held, m.thread, m.all = g.engine.Now()-m.began, machine.ThreadTime()-m.thread, machine.OwnTime()-m.all
	}
	g.engine.Measure(nil)
	g.measuring, g.now = false, next
	return m
}

// busy is how much of what it has the generator used: the engine's thread of its core, or the process of all its cores, whichever was nearer
// to its end.
func (m *measures) busy() float64 {
	if m.held <= 0 {
		return 0
	}
	return max(float64(m.thread), float64(m.all)/float64(machine.Cores())) / float64(m.held)
}

// fill puts what was measured into a report's step.
func (m *measures) fill(s *report.Step) {
	s.Held = m.held.Seconds()
	s.Generator.Busy = m.busy()
	for name, h := range map[string]*hdrhistogram.Histogram{
		report.Lateness: m.late, report.SendLate: m.sendLate, report.TTSToFrame: m.ttsToFrame, report.ToClear: m.toClear,
		report.ToSilence: m.toSilence, report.VoiceVoice: m.voiceVoice, report.Greeting: m.greeting,
	} {
		s.Times[name] = report.SpreadOf(h)
	}
	for name, n := range map[string]int64{
		report.FramesIn: m.in, report.Voiced: m.voiced, report.FramesOut: int64(m.audio / wire.FrameTime), report.FramesLost: m.lost, report.Dry: m.dry,
		report.AfterClear: m.afterClear, report.BargeIns: m.bargeIns, report.Missed: m.missed, report.Turns: m.turns, report.Unanswered: m.unanswered,
	} {
		s.Counts[name] = n
	}
}
