package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"parley/bench/contest"
	"parley/bench/report"
)

// Goals of the product. A call costs what libopus costs (shared/PERFORMANCE.md, sections C.2 and C.3).
const (
	wantCalls = 105
	overCoded = 1.10 // processor time a packet, at most
)

// few is how many calls show that all works.
const few = 10

// guesses are where a search begins.
var guesses = map[string]int{"product": 140, "leg": 150, "pion": 600, "pion-opus": 140}

// bench measures everything and returns what there is, also beside an error.
func bench(ctx context.Context, o contest.Options, command []string, log io.Writer) (*report.Report, error) {
	speech, err := packets()
	if err != nil {
		return nil, err
	}
	r, core, restore, err := o.Prepare("Calls from browsers a core, with Opus both ways, the product beside bare pion", command)
	if err != nil {
		return nil, err
	}
	defer restore()
	b := &rig{core: core, hold: o.Held(), speech: speech, log: log}
	c := &contest.Contest{Options: o, Servers: kinds, Guesses: guesses, Few: few, Report: r, Step: b.step, Goals: goals}
	return r, c.Run(ctx)
}

// goals says what was aimed at.
func goals(c *contest.Contest) {
	rounds, same := c.Notes()
	cpu := func(kind string) float64 { return c.Same(kind, contest.PerPacket) }
	c.Add(report.Goal{Name: "calls a core, detection and recording", Unit: "calls", Got: c.Calls("product"), Want: wantCalls, Least: true, Note: rounds})
	c.Add(report.Goal{Name: "calls a core, the leg alone", Unit: "calls", Got: c.Calls("leg"), Want: wantCalls, Least: true, Note: rounds})
	c.Add(report.Goal{Name: "processor time a packet, leg to pion with Opus", Unit: "x", Got: contest.Ratio(cpu("leg"), cpu("pion-opus")), Want: overCoded, Gate: true, Note: same + "; the same library, at the same settings"})
	c.Add(report.Goal{Name: "processor time a packet, product to pion with Opus", Unit: "x", Got: contest.Ratio(cpu("product"), cpu("pion-opus")), Want: overCoded, Note: same + "; with detection and recording, which pion has not"})
	c.Add(report.Goal{Name: "calls, leg to pion with Opus", Unit: "x", Got: contest.Ratio(c.Calls("leg"), c.Calls("pion-opus")), Want: 1 / overCoded, Least: true, Note: rounds})
	c.Add(report.Goal{Name: "memory a call, leg to bare pion", Unit: "x", Got: contest.Ratio(c.Same("leg", report.MemoryPerCall), c.Same("pion", report.MemoryPerCall)), Want: 1, Note: same})
	c.Add(report.Goal{Name: "allocations a packet, the leg", Unit: "objects", Got: c.Same("leg", report.AllocsPerFrame), Want: 0.1, Note: same + "; RTCP and checks are in it"})
	c.Report.Remarks = append(c.Report.Remarks, costs(c))
}

// costs is what a packet costs each server: bare pion's is what is no codec's.
func costs(c *contest.Contest) string {
	var all []string
	for _, kind := range kinds {
		if us := c.Same(kind, contest.PerPacket); us > 0 {
			all = append(all, fmt.Sprintf("%s %.1f us (%.0f KB a call)", kind, us, c.Same(kind, report.MemoryPerCall)))
		} else {
			all = append(all, kind+" was not measured")
		}
	}
	return fmt.Sprintf("Processor time a packet, in or out, of %d calls each: %s.", c.Alike, strings.Join(all, "; "))
}
