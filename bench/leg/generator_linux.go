package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"parley/bench/engine"
	"parley/bench/machine"
	spread "parley/bench/report"
	"parley/bench/wire"
)

// The generator's own clockwork.
const (
	ramp   = 700 * time.Millisecond // in which the streams start, evenly
	settle = 500 * time.Millisecond // after the last has started
	tail   = 300 * time.Millisecond // load goes on so long after the end, while the server is asked for its counts
)

// load is what a generator is to do in one step.
type load struct {
	streams int
	measure time.Duration
	addr    netip.AddrPort
	header  http.Header
	params  []string // of each stream
	began   func()   // called when the measured time begins, and when it ends: asks the server for its counts
	ended   func()
}

// line is one stream of the generator's.
type line struct {
	g        *generator
	number   int // from 1
	says     *wire.Line
	noise    *wire.Payload
	hello    []byte // nil: it has been said
	schedule wire.Schedule
	marks    wire.Marks
	counted  time.Duration // audio that came in the measured time
	out      []byte        // hello, media and mark together
	name     [64]byte      // of a mark
}

// generator runs a load. But for connecting, all of it is on the engine's thread, and allocates next to nothing once the streams run.
type generator struct {
	load
	engine *engine.Engine
	lines  []line

	begin, end time.Duration // of the measured time
	measuring  bool
	finished   bool
	cpu        time.Duration // used: at begin, and then in all
	late       *hdrhistogram.Histogram
	sendLate   *hdrhistogram.Histogram
	skips      int64
	dry        int64 // frames of 20 ms that came more than 5 ms after they had to sound
	frames     int64 // of 20 ms, in the measured time
	sent       int64
	sentAt     []sent
	failure    error
}

// sent is how many messages had been sent by a time.
type sent struct {
	at time.Duration
	n  int64
}

// outcome is what a generator saw.
type outcome struct {
	late, sendLate *hdrhistogram.Histogram // of microseconds
	skips          int64
	lost           int64 // frames of 20 ms that the measured time holds more than what came
	dry            int64
	frames         int64
	busy           float64 // the generator's share of its core
	sentAt         []sent
}

// quantile is the time that the share q of all in h does not exceed.
func quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(100*q)) * time.Microsecond
}

// sentBy is how many messages had been sent at a time.
func (o *outcome) sentBy(at time.Duration) int64 {
	i, _ := slices.BinarySearchFunc(o.sentAt, at, func(s sent, at time.Duration) int { return int(s.at - at) })
	if i == 0 {
		return 0
	}
	return o.sentAt[i-1].n
}

var (
	errStoodStill = errors.New("the generator did not run for seconds")
	errOver       = errors.New("the step is over")
)

// run connects the streams, runs the load and tells what it saw.
func (l load) run(ctx context.Context) (*outcome, error) {
	key := wire.NewKey()
	e, err := engine.New(key)
	if err != nil {
		return nil, err
	}
	g := &generator{load: l, engine: e, lines: make([]line, l.streams), late: spread.NewHistogram(), sendLate: spread.NewHistogram()}
	e.Gather, e.Beat = true, g.beat
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if err := g.connect(ctx, key); err != nil {
		stop(err) // the engine lets go of what is connected
	}
	switch err := e.Run(ctx); {
	case !errors.Is(err, errOver):
		return nil, err
	case !g.finished:
		return nil, errStoodStill
	}
	return g.outcome(), nil
}

// connect opens all streams, one after the other, up to the server's 101, and has them start one after the other.
func (g *generator) connect(ctx context.Context, key wire.Key) error {
	var dialer engine.Dialer
	conns := make([]*engine.Conn, 0, len(g.lines))
	for i := range g.lines {
		c, err := dialer.Dial(ctx, fmt.Sprintf("ws://%s/twilio/media", g.addr), g.header)
		if err != nil {
			for _, c := range conns {
				c.Close()
			}
			return fmt.Errorf("connect stream %d: %w", i+1, err)
		}
		conns = append(conns, c)
	}
	first := g.engine.Now() + time.Millisecond
	g.begin = first + ramp + settle
	g.end = g.begin + g.measure
	g.sentAt = make([]sent, 0, int((ramp+settle+g.measure+tail)/(500*time.Microsecond))+16)
	var failed error
	for i, c := range conns {
		n := &g.lines[i]
		failed = errors.Join(failed, n.prepare(g, key, i), g.engine.Join(c, n, first+ramp*time.Duration(i)/time.Duration(len(g.lines))))
	}
	return failed
}

// prepare makes the n-th stream what it will say.
func (n *line) prepare(g *generator, key wire.Key, i int) (err error) {
	call := wire.Call{Account: "AC" + strings.Repeat("0", 32), ID: callSID(i), Stream: wire.StreamSID(0, i), Params: g.params[i]}
	law := make([]byte, wire.Samples)
	rand.Read(law)
	n.g, n.number, n.says = g, i+1, wire.Twilio.NewLine(key, call)
	n.hello = wire.Twilio.Hello(key, nil, call)
	n.noise, err = wire.Twilio.NewPayload(key, law)
	return err
}

// callSID is the name of a step's n-th call.
func callSID(n int) string { return wire.CallSID(0, n) }

// beat is called every 500 us.
func (g *generator) beat(now time.Duration) error {
	g.sentAt = append(g.sentAt, sent{now, g.sent})
	switch {
	case g.failure != nil:
		return g.failure
	case now >= g.end+tail:
		return errOver
	case !g.measuring && !g.finished && now >= g.begin:
		g.measuring, g.cpu = true, machine.OwnTime()
		g.engine.Measure(g.sendLate)
		g.began()
	case g.measuring && now >= g.end:
		g.measuring, g.finished, g.cpu = false, true, machine.OwnTime()-g.cpu
		g.engine.Measure(nil)
		g.ended()
	}
	return nil
}

// Joined is of no interest: the stream lasts as long as the step.
func (n *line) Joined(*engine.Stream) {}

// Speak sends the stream's next message, before the first the start, and behind it a mark that has sounded.
func (n *line) Speak(now time.Duration) []byte {
	n.g.sent++
	frame := n.says.Media(n.noise)
	name := n.marks.Next(now, n.name[:0])
	if name == nil && n.hello == nil {
		return frame
	}
	n.out = append(append(n.out[:0], n.hello...), frame...)
	if n.hello = nil; name != nil {
		n.out = n.says.Mark(n.out, name)
	}
	return n.out
}

// Hear judges what came.
func (n *line) Hear(m wire.Message, now time.Duration) error {
	switch m.Kind {
	case wire.Mark:
		n.marks.Add(m.Name, max(now, n.schedule.End()))
	case wire.Media:
		n.judge(now, m.Audio)
	}
	return nil
}

func (n *line) judge(now, audio time.Duration) {
	g, v := n.g, n.schedule.Arrive(now, audio)
	if !g.measuring {
		return
	}
	frames := int64(audio / wire.FrameTime)
	g.frames += frames
	n.counted += audio
	spread.RecordN(g.late, v.Late, frames)
	if v.Dry > 5*time.Millisecond {
		g.dry += frames
	}
	if v.Skipped {
		g.skips++
	}
}

// Gone ends the step: no stream may end before it.
func (n *line) Gone(err error, _ time.Duration) {
	if n.g.failure == nil && err != nil {
		n.g.failure = fmt.Errorf("stream %d: %w", n.number, err)
	}
}

// outcome adds up.
func (g *generator) outcome() *outcome {
	o := &outcome{late: g.late, sendLate: g.sendLate, skips: g.skips, dry: g.dry, frames: g.frames, sentAt: g.sentAt}
	o.busy = float64(g.cpu) / float64(g.measure)
	for i := range g.lines {
		// Both ends of the measured time fall into a message, and a message may hold 100 ms; two frames more are the skips' share.
		if missing := g.measure - g.lines[i].counted - 140*time.Millisecond; missing > 0 {
			o.lost += int64((missing + wire.FrameTime - 1) / wire.FrameTime)
		}
	}
	return o
}
