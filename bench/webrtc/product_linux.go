package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"parley/bench/floor"
	"parley/media"
	"parley/media/pace"
	"parley/media/record"
	"parley/media/vad"
	"parley/media/webrtc"
)

// A product is the house's own server of browsers as `parley serve` wires it. Each call hears its own sound, by a Playout, and, unless it is
// bare, there are speech detection and a recording.
type product struct {
	*webrtc.Server
	bare  bool
	dir   string // of recordings
	stats *floor.Stats
	log   *slog.Logger

	wheel pace.Wheel
	stop  context.CancelFunc
	ended chan error // the wheel's
}

func newProduct(ctx context.Context, stats *floor.Stats, bare bool, dir string) (*product, error) {
	p := &product{bare: bare, dir: dir, stats: stats, ended: make(chan error, 1)}
	p.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	p.wheel.Waiter = new(pace.Timer)
	var err error
	p.Server, err = webrtc.Listen(context.WithoutCancel(ctx), webrtc.Options{UDP: "127.0.0.1:0", Path: whipPath, Gate: open{}, Answer: p.answer, Log: p.log})
	if err != nil {
		return nil, err
	}
	turning, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	go func() { p.ended <- p.wheel.Run(turning) }()
	return p, nil
}

func (p *product) mount(mux *http.ServeMux) { p.Mount(mux) }

func (p *product) close(ctx context.Context) error {
	err := p.Close(ctx)
	p.stop()
	return errors.Join(err, <-p.ended)
}

// open is a gate that lets everybody in.
type open struct{}

// Look implements webrtc.Gate.
func (open) Look(token string) (webrtc.Grant, error) { return webrtc.Grant{ID: token}, nil }

// Spend implements webrtc.Gate.
func (open) Spend(context.Context, webrtc.Grant) error { return nil }

// answer is one call: it hears every frame, and says it again.
func (p *product) answer(_ context.Context, leg *webrtc.Leg) {
	n := p.stats.Calls.Add(1)
	var tape *record.Recorder
	var tap func(time.Time, []int16)
	began := time.Now()
	if !p.bare {
		var err error
		if tape, err = record.Create(filepath.Join(p.dir, fmt.Sprintf("%d.wav", n)), leg.Info().Rate, p.log); err != nil {
			p.stats.Bad.Add(1)
			return
		}
		tap = func(at time.Time, pcm []int16) { tape.Agent(at.Sub(began), pcm) }
	}
	playout := media.NewPlayout(leg, &p.wheel, tap)
	back := &echo{}
	playout.Patch(back)
	p.hear(leg, back, tape)
	_ = playout.Close() // the leg is gone
	if tape != nil {
		if err := tape.Close(); err != nil || tape.Dropped() > 0 {
			p.stats.Bad.Add(1)
		}
	}
}

// hear takes every frame of a call: it is said again, recorded, and judged as `parley serve` does without a neural ear.
func (p *product) hear(leg media.Leg, back *echo, tape *record.Recorder) {
	var energy vad.Energy
	var turns vad.Turns
	for {
		packet, err := leg.Receive()
		if err != nil {
			return
		}
		f := packet.Frame
		if f.PCM == nil {
			continue
		}
		p.stats.In.Add(1)
		back.say(f.PCM)
		if tape == nil {
			continue
		}
		tape.Caller(f)
		speech := energy.Hear(f)
		if speech {
			p.stats.Voiced.Add(1)
		}
		if _, edge := turns.Next(vad.Likely(speech), f.At, f.At+media.FrameTime); edge {
			p.stats.Turns.Add(1)
		}
	}
}

// echoed is how many frames an echo holds: half of them before it sounds, as a bridge between two legs does.
const echoed = 6

// An echo is a Source of what was heard. Frames that come while it is full replace the oldest.
type echo struct {
	mu     sync.Mutex
	frames [echoed][rate / 50]int16
	first  int
	held   int
	sounds bool
}

var _ media.Source = (*echo)(nil)

func (e *echo) say(pcm []int16) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.held == echoed {
		e.first, e.held = (e.first+1)%echoed, e.held-1
	}
	copy(e.frames[(e.first+e.held)%echoed][:], pcm)
	e.held++
}

// Next implements [media.Source].
func (e *echo) Next(pcm []int16) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sounds = e.held >= echoed/2 || e.sounds && e.held > 0
	if !e.sounds {
		return false
	}
	copy(pcm, e.frames[e.first][:])
	e.first, e.held = (e.first+1)%echoed, e.held-1
	return true
}
