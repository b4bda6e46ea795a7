package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/metrics"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"parley/bench/floor"
	"parley/bench/machine"
	"parley/media"
	"parley/media/pace"
	"parley/media/record"
	"parley/media/rtp"
	"parley/media/sip"
	"parley/media/sip/sdp"
	"parley/media/vad"
)

// A product is the house's own user agent and sessions as `parley serve` wires them. Each call has a Playout that always has something to
// say, and, unless it is bare, speech detection and a recording. It speaks with its parent as a program of bench/floor does.
type product struct {
	bare    bool
	dir     string // of recordings
	profile string // file of a CPU profile of the time between two questions; empty: none is written

	log    *slog.Logger
	voice  []int16 // what all calls hear, over and over
	wheel  pace.Wheel
	stats  floor.Stats
	turns  atomic.Int64 // edges of speech
	broken atomic.Int64 // recordings that were not made, or lost samples
}

// serveProduct is the child's main: it lasts until stdin ends.
func serveProduct(ctx context.Context, p *product, stdin io.Reader, stdout io.Writer) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.voice = speech()
	p.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	p.wheel.Waiter = new(pace.Timer)
	ports, err := rtp.NewPorts(rtp.PortsOptions{Bind: netip.AddrFrom4([4]byte{127, 0, 0, 1}), First: 10000, Last: 60000, Quarantine: time.Second})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ports.Close()) }()
	agent, err := sip.New(sip.Options{
		Listen: []sip.Listener{{Transport: "udp", Address: netip.MustParseAddrPort("127.0.0.1:0")}}, Ports: ports,
		Codecs: pcmu(), Open: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Admit:  func(context.Context, sip.Incoming) sip.Verdict { return sip.Verdict{} },
		Answer: p.answer, Log: p.log,
	})
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	var turned, served error
	all.Go(func() { turned = p.wheel.Run(ctx) })
	all.Go(func() { served = agent.Run(ctx) })
	err = p.tell(agent, stdin, stdout)
	cancel()
	all.Wait()
	return errors.Join(err, turned, served)
}

// pcmu is the one codec that the floors have.
func pcmu() (some []sdp.Codec) {
	for _, c := range sdp.Codecs() {
		if strings.EqualFold(c.Name, "PCMU") {
			some = append(some, c)
		}
	}
	return some
}

// tell says where the agent listens, and answers each line with what was done so far. A profile lasts from the first line to the second.
func (p *product) tell(agent *sip.Agent, stdin io.Reader, stdout io.Writer) error {
	out := json.NewEncoder(stdout)
	if err := out.Encode(map[string]any{"addresses": []string{agent.Addresses()[0].String()}}); err != nil {
		return fmt.Errorf("tell the address: %w", err)
	}
	var file *os.File
	for asked, lines := 0, bufio.NewScanner(stdin); lines.Scan(); asked++ {
		if err := out.Encode(p.counts()); err != nil {
			return fmt.Errorf("tell counts: %w", err)
		}
		if p.profile == "" {
			continue
		}
		var err error
		switch asked {
		case 0:
			if file, err = os.Create(p.profile); err == nil {
				err = pprof.StartCPUProfile(file)
			}
		case 1:
			pprof.StopCPUProfile()
			err = file.Close()
		}
		if err != nil {
			return fmt.Errorf("profile: %w", err)
		}
	}
	return nil
}

// counts are those of this process.
func (p *product) counts() floor.Counts {
	memory := []metrics.Sample{{Name: "/gc/heap/allocs:objects"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(memory)
	used, _ := machine.Used(os.Getpid())
	return floor.Counts{
		In: p.stats.In.Load(), Voiced: p.stats.Voiced.Load(), Bad: p.broken.Load(), Calls: p.stats.Calls.Load(), Turns: p.turns.Load(),
		CPU: used, Mallocs: memory[0].Value.Uint64(), GCs: memory[1].Value.Uint64(),
	}
}

// answer is one call: it speaks without end and hears every frame.
func (p *product) answer(ctx context.Context, leg media.Leg) {
	n := p.stats.Calls.Add(1)
	var tape *record.Recorder
	var tap func(time.Time, []int16)
	began := time.Now()
	if !p.bare {
		var err error
		if tape, err = record.Create(filepath.Join(p.dir, fmt.Sprintf("%d.wav", n)), leg.Info().Rate, p.log); err != nil {
			p.broken.Add(1)
			return
		}
		tap = func(at time.Time, pcm []int16) { tape.Agent(at.Sub(began), pcm) }
	}
	playout := media.NewPlayout(leg, &p.wheel, tap)
	u := playout.Begin()
	playout.Release(u)
	var feeder sync.WaitGroup
	feeder.Go(func() {
		for u.Write(ctx, p.voice) == nil {
		}
	})
	p.hear(leg, tape)
	_ = playout.Close() // the leg is gone
	feeder.Wait()
	if tape != nil {
		if err := tape.Close(); err != nil || tape.Dropped() > 0 {
			p.broken.Add(1)
		}
	}
}

// hear takes every frame of a call: it is recorded, and judged as `parley serve` does without a neural ear.
func (p *product) hear(leg media.Leg, tape *record.Recorder) {
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
		if tape == nil {
			continue
		}
		tape.Caller(f)
		speech := energy.Hear(f)
		if speech {
			p.stats.Voiced.Add(1)
		}
		if _, edge := turns.Next(vad.Likely(speech), f.At, f.At+media.FrameTime); edge {
			p.turns.Add(1)
		}
	}
}

// speech is a second of a tone that swells and fades.
func speech() []int16 {
	pcm := make([]int16, 8000)
	for i := range pcm {
		t := float64(i) / 8000
		pcm[i] = int16(9000 * math.Sin(2*math.Pi*440*t) * math.Sin(2*math.Pi*3*t))
	}
	return pcm
}
