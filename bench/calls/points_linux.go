package main

import (
	"context"
	"fmt"
	"time"

	"parley/bench/carrier"
	"parley/bench/load"
	"parley/bench/report"
)

// Names of the points, as servers in the report: each is the product in another situation.
const (
	interrupted = "product, interrupted"  // 500 calls whose callers cut in, over and over
	plain       = "product, 500 calls"    // 500 calls whose recogniser does not guess: no answer is prepared, so that all of its way is seen
	unrecorded  = "product, not recorded" // the same without recordings
	busy        = "product, at 80 %"      // of what it carries
	thousand    = "product, 1000 calls"   // garbage collection
	neural      = "product, neural ear"   // with gated Silero instead of the energy gate
	listening   = "product, it listens"   // 1000 calls that are silent after the greeting: memory
	atOnce      = 500                     // calls of most points
	neuralCalls = 350                     // shared/PERFORMANCE.md
)

// barging is a caller who cuts in a second after the agent has begun, whatever it says.
const barging = `barge one-moment-please after=1s hush=3s`

// silent is one who says nothing.
const silent = `hear quiet=300ms most=40s
silent 9m`

// takePoints measures the product in other situations, all points in turn.
func (s *session) takePoints(ctx context.Context) error {
	cuts, err := carrier.ParseScript("barging", barging)
	if err != nil {
		return err
	}
	quiet, err := carrier.ParseScript("silent", silent)
	if err != nil {
		return err
	}
	point := func(name string, calls int, change func(*scene)) scene {
		sc := s.scene("product", calls)
		sc.name = name
		if change != nil {
			change(&sc)
		}
		return sc
	}
	points := []scene{
		point(plain, atOnce, func(sc *scene) { sc.vendors.Reticent = true }),
		point(unrecorded, atOnce, func(sc *scene) { sc.vendors.Reticent, sc.env = true, []string{"PARLEY_RECORD=false"} }),
		point(interrupted, atOnce, func(sc *scene) { sc.script = cuts }),
		point(busy, median(s.found["product"])*8/10, nil),
		point(thousand, 1000, nil),
		point(neural, neuralCalls, func(sc *scene) { sc.env = []string{"PARLEY_EAR=local"} }),
		point(listening, 1000, func(sc *scene) {
			sc.script, sc.env = quiet, []string{"PARLEY_SILENCE=10m"}
			sc.steps = []load.Step{{Calls: 1000, Ramp: 8 * time.Second, Hold: 12 * time.Second}}
		}),
	}
	for round := 1; round <= s.o.rounds; round++ {
		for _, sc := range points {
			if _, err := s.step(ctx, sc, round); err != nil {
				return err
			}
		}
	}
	return nil
}

// goals says what was aimed at (shared/PERFORMANCE.md, targets in force; section C where that is silent).
func (s *session) goals() {
	calls := map[string]float64{}
	for _, kind := range kinds {
		calls[kind] = float64(median(s.found[kind]))
	}
	add := func(g report.Goal) {
		if g.Got != 0 { // else it was not measured
			s.report.Goals = append(s.report.Goals, g.Judged())
		}
	}
	rounds := fmt.Sprintf("median of %d rounds", s.o.rounds)
	add(report.Goal{Name: "whole calls a core", Unit: "calls", Got: calls["product"], Want: 900, Least: true, Note: rounds + "; stretch 1,250"})
	if calls["floor"] > 0 && calls["baseline"] > 0 {
		add(report.Goal{Name: "whole calls, of the floor's", Unit: "x", Got: calls["product"] / calls["floor"], Want: 0.82, Least: true, Gate: true, Note: "floor: 100 ms a message, ahead of time, as the product sends"})
		add(report.Goal{Name: "whole calls, of the baseline's", Unit: "x", Got: calls["product"] / calls["baseline"], Want: 2.1, Least: true, Gate: true, Note: "gorilla/websocket, encoding/json, a ticker a call"})
	}
	p99 := func(server, name string) float64 { return s.over(server, report.Percentile(name, report.P99)) }
	add(report.Goal{Name: "frame lateness p99 at 80 % of a core", Unit: "ms", Got: p99(busy, report.Lateness), Want: 1.5, Note: "stretch 0.5; as seen by the carrier, on the other core"})
	add(report.Goal{Name: "frame in to recogniser p99, 500 calls", Unit: "ms", Got: p99(plain, report.FrameToSTT), Want: 1, Note: "of the newest frame in each message of 80 ms: before it is gathered"})
	add(report.Goal{Name: "voice to first frame p99, 500 calls", Unit: "ms", Got: p99(plain, report.TTSToFrame), Want: 1.5})
	add(report.Goal{Name: "barge-in to clear p99, 500 calls", Unit: "ms", Got: p99(interrupted, report.ToClear), Want: 1, Note: "from the caller's third voiced frame on its socket to clear on the same: the decision and both ways"})
	cycles := func(st report.Step) (float64, bool) { return float64(st.Usage.GCs) * 10 / st.Held, st.Usage.GCs > 0 }
	add(report.Goal{Name: "GC cycles in 10 s at 1,000 calls", Unit: "cycles", Got: s.over(thousand, cycles), Want: 1})
	add(report.Goal{Name: "memory a call, while it listens", Unit: "KB", Got: s.over(listening, report.MemoryPerCall), Want: 64, Note: "resident memory less that before the first call; stretch 40"})
	add(report.Goal{Name: "memory a call, in conversation", Unit: "KB", Got: s.over(thousand, report.MemoryPerCall), Want: 112, Note: "stretch 80"})
	with, without := s.over(plain, report.CPUPerCall), s.over(unrecorded, report.CPUPerCall)
	if with > 0 && without > 0 {
		add(report.Goal{Name: "recording, share of a call's CPU", Unit: "%", Got: 100 * (with - without) / with, Want: 15, Note: "the target is for speech detection and metrics besides, which cannot be turned off"})
	}
	add(report.Goal{Name: "calls a core with a neural ear", Unit: "calls", Got: s.most(neural), Want: neuralCalls, Least: true, Note: "a load that was carried, not the most"})
}

// over is the median of a figure over a server's rounds; 0: there is none.
func (s *session) over(server string, of func(report.Step) (float64, bool)) float64 {
	for _, g := range s.report.Ladder(server) {
		if v, ok := g.Median(of); ok {
			return v
		}
	}
	return 0
}

// most is the most that a server was seen to carry.
func (s *session) most(server string) float64 {
	if k := s.report.Knee(server); k.Carried != nil {
		return k.Carried.Load.Value()
	}
	return 0
}
