package main

import (
	"context"
	"fmt"
	"io"

	"parley/bench/contest"
	"parley/bench/report"
)

// Goals of the product (shared/PERFORMANCE.md, section C.3).
const (
	wantCalls    = 2600
	overFloor    = 1.25 // processor time a packet, at most
	overBaseline = 1.35 // calls, at least
)

// few is how many calls show that all works.
const few = 20

// guesses are where a search begins.
var guesses = map[string]int{"product": 1200, "leg": 1600, "floor": 3000, "baseline": 1900}

// bench measures everything and returns what there is, also beside an error.
func bench(ctx context.Context, o options, command []string, log io.Writer) (*report.Report, error) {
	r, core, restore, err := o.Prepare("Calls over SIP and RTP a core, the product beside its floors", command)
	if err != nil {
		return nil, err
	}
	defer restore()
	b := &rig{core: core, hold: o.Held(), profile: o.profile, log: log}
	c := &contest.Contest{Options: o.Options, Servers: kinds, Guesses: guesses, Few: few, Report: r, Step: b.step, Goals: goals}
	return r, c.Run(ctx)
}

// goals says what was aimed at.
func goals(c *contest.Contest) {
	rounds, same := c.Notes()
	cpu := func(kind string) float64 { return c.Same(kind, contest.PerPacket) }
	c.Add(report.Goal{Name: "calls a core, detection and recording", Unit: "calls", Got: c.Calls("product"), Want: wantCalls, Least: true, Note: rounds})
	c.Add(report.Goal{Name: "calls a core, the leg alone", Unit: "calls", Got: c.Calls("leg"), Want: wantCalls, Least: true, Note: rounds})
	c.Add(report.Goal{Name: "processor time a packet, leg to floor", Unit: "x", Got: contest.Ratio(cpu("leg"), cpu("floor")), Want: overFloor, Gate: true, Note: same + "; one socket, x/net/ipv4 in batches"})
	c.Add(report.Goal{Name: "calls, leg to a socket and goroutine each", Unit: "x", Got: contest.Ratio(c.Calls("leg"), c.Calls("baseline")), Want: overBaseline, Least: true, Gate: true, Note: rounds})
	c.Add(report.Goal{Name: "processor time a packet, product to floor", Unit: "x", Got: contest.Ratio(cpu("product"), cpu("floor")), Want: overFloor, Note: same + "; with detection and recording, which the floor has not"})
	c.Add(report.Goal{Name: "set-up p99, INVITE to 200", Unit: "ms", Got: c.Same("product", report.Percentile(report.SetUp, report.P99)), Want: 100, Note: fmt.Sprintf("%d at once", together)})
	c.Add(report.Goal{Name: "memory a call", Unit: "KB", Got: c.Same("product", report.MemoryPerCall), Want: 250, Note: same})
	c.Add(report.Goal{Name: "allocations a frame", Unit: "objects", Got: c.Same("leg", report.AllocsPerFrame), Want: 0.01, Note: same + "; RTCP and reports are in it"})
}
