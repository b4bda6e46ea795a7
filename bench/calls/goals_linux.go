package main

import (
	"fmt"
	"time"

	"parley/bench/report"
	"parley/bench/search"
)

// asides are what goals need besides the report.
type asides struct {
	found             search.Found  // the most calls of each search that came to its end, by server
	rounds            int           // searches that were begun
	hearing, counting time.Duration // what speech detection and metrics cost for a frame
}

// A jury judges what was measured.
type jury struct {
	asides
	r     *report.Report
	goals []report.Goal
}

// goals says what was aimed at (shared/PERFORMANCE.md, targets in force; section C where that is silent), of all that was measured. Only ratios to
// floor and baseline fail a run.
func goals(r *report.Report, a asides) []report.Goal {
	j := &jury{asides: a, r: r}
	j.capacity()
	j.way()
	j.memory()
	j.features()
	j.overload()
	j.api()
	for i := range j.goals {
		j.goals[i].Command = "make bench-calls"
	}
	return j.goals
}

// add takes a goal that was measured.
func (j *jury) add(told bool, g report.Goal) {
	if told {
		j.goals = append(j.goals, g.Judged())
	}
}

// over is the median of a figure over a server's rounds, at the least of its loads that tells it.
func (j *jury) over(server string, of func(report.Step) (float64, bool)) (median float64, told bool) {
	for _, g := range j.r.Ladder(server) {
		if v, ok := g.Median(of); ok {
			return v, true
		}
	}
	return 0, false
}

// sum is a figure of all steps of a server that say something.
func (j *jury) sum(server string, of func(report.Step) int64) (all int64) {
	for _, g := range j.r.Ladder(server) {
		for _, s := range g.Sound() {
			all += of(s)
		}
	}
	return all
}

// p99 adds a goal that a p99 has to stay under, in milliseconds.
func (j *jury) p99(server, name, title string, want float64, note string) {
	got, ok := j.over(server, report.Percentile(name, report.P99))
	j.add(ok, report.Goal{Name: title, Unit: "ms", Got: got, Want: want, Note: note})
}

// capacity is how many calls a core carries, and what floor and baseline make of that.
func (j *jury) capacity() {
	calls := map[string]float64{}
	for _, kind := range kinds {
		calls[kind] = float64(j.found.Median(kind))
	}
	product := calls["product"]
	note := fmt.Sprintf("median of %d searches, of %d that were begun; stretch 1,250", len(j.found["product"]), j.rounds)
	j.add(product > 0, report.Goal{Name: "whole calls a core", Unit: "calls", Got: product, Want: 900, Least: true, Note: note})
	for _, against := range []struct {
		kind string
		want float64
		note string
	}{
		{"floor", 0.82, "floor: 100 ms a message, ahead of time, as the product sends; no model, records or recordings"},
		{"baseline", 2.1, "gorilla/websocket, encoding/json, a ticker a call; no model, records or recordings"},
	} {
		if base := calls[against.kind]; base > 0 {
			j.add(true, report.Goal{Name: "whole calls, of the " + against.kind + "'s", Unit: "x", Got: product / base, Want: against.want, Least: true, Gate: true, Note: against.note})
		}
	}
}

// way is how long frames, voices and decisions take on theirs.
func (j *jury) way() {
	j.p99(busy, report.Lateness, "frame lateness p99 at 80 % of a core", 1.5, "stretch 0.5; as seen by the carrier, on the other core")
	j.p99(plain, report.FrameToSTT, "frame in to recogniser p99, 500 calls", 1, "of the newest frame in each message of 80 ms: before it is gathered")
	j.p99(plain, report.TTSToFrame, "voice to first frame p99, 500 calls", 1.5, "from the voice vendor's write to the carrier's read")
	j.p99(voices, report.Added, "added voice to voice p99", 40, "300 calls, vendors of 0 ms; beyond the recogniser's hangover of 300 ms, after recordings that end abruptly; stretch 25")
	j.p99(interrupted, report.DecisionClear, "barge-in, decision to clear p99", 1, "the server's own parley_clear_seconds, at 500 calls of which some 35 a second are interrupted")
	j.p99(interrupted, report.ToClear, "barge-in, third voiced frame to clear p99", 25, "the same on the wire: at most one frame and 5 ms, since carrier and server each have their own third voiced frame")
	cuts := j.sum(interrupted, func(s report.Step) int64 { return s.Counts[report.BargeIns] })
	after := j.sum(interrupted, func(s report.Step) int64 { return s.Counts[report.AfterClear] })
	j.add(cuts > 0, report.Goal{Name: "media after clear", Unit: "messages", Got: float64(after), Want: 0, Note: fmt.Sprintf("of %d barge-ins", cuts)})
}

// memory is what calls hold, and what the collector does about it.
func (j *jury) memory() {
	cycles, ok := j.over(thousand, func(s report.Step) (float64, bool) {
		return float64(s.Usage.GCs) * 10 / max(s.Held, 1), s.Usage.CPU > 0
	})
	j.add(ok, report.Goal{Name: "GC cycles in 10 s at 1,000 calls", Unit: "cycles", Got: cycles, Want: 1})
	for _, m := range []struct {
		server, title, note string
		want                float64
	}{
		{listening, "memory a call, while it listens", "resident memory less that before the first call; stretch 40", 64},
		{thousand, "memory a call, in conversation", "likewise; stretch 80", 112},
	} {
		kb, ok := j.over(m.server, report.MemoryPerCall)
		j.add(ok, report.Goal{Name: m.title, Unit: "KB", Got: kb, Want: m.want, Note: m.note})
	}
}

// features is what can be turned off, and what can be turned up.
func (j *jury) features() {
	with, ok := j.over(plain, report.CPUPerCall)
	without, other := j.over(unrecorded, report.CPUPerCall)
	if ok && other {
		recording := max(0, with-without)
		percent := 100 * (recording + 100*50*(j.hearing+j.counting).Seconds()) / with
		j.add(true, report.Goal{
			Name: "speech detection, metrics and recording, share of a call's CPU", Unit: "%", Got: percent, Want: 15,
			Note: fmt.Sprintf("recording %s %%: with and without, in turn; detection %v and metrics %v a frame, timed by themselves, since they cannot be turned off; scrapes are left out; stretch 10", report.Number(100*recording/with), j.hearing, j.counting),
		})
	}
	k := j.r.Knee(neural)
	if k.Carried == nil && k.Broke == nil {
		return
	}
	carried := 0.0
	if k.Carried != nil {
		carried = k.Carried.Load.Value()
	}
	speech, _ := j.over(neural, func(s report.Step) (float64, bool) {
		return 100 * report.Share(s.Counts[report.Voiced], s.Counts[report.FramesIn]), s.Counts[report.FramesIn] > 0
	})
	j.add(true, report.Goal{
		Name: "calls a core with a neural ear", Unit: "calls", Got: carried, Want: neuralCalls, Least: true,
		Note: fmt.Sprintf("the most carried of 150, 250 and 350; callers speak for %.0f %% of the time", speech),
	})
}

// overload is what becomes of calls past the limit, and of those within.
func (j *jury) overload() {
	tally := func(of func(report.Tally) int64) int64 {
		return j.sum(overloaded, func(s report.Step) int64 { return of(s.Tally) })
	}
	offered := tally(func(t report.Tally) int64 { return t.Offered })
	refused := tally(report.Tally.Refusals)
	if offered == 0 {
		return
	}
	j.add(true, report.Goal{
		Name: "150 % offered, of the excess refused", Unit: "%", Got: 100 * float64(refused) / float64(offered), Want: 100, Least: true,
		Note: fmt.Sprintf("politely, with a reason: %d of %d, while as many calls as PARLEY_MAX_CALLS are there", refused, offered),
	})
	longest, ok := j.over(overloaded, func(s report.Step) (float64, bool) { t := s.Times[report.Refusal]; return t.Max, t.N > 0 })
	j.add(ok, report.Goal{Name: "150 % offered, the longest refusal", Unit: "ms", Got: longest, Want: 100, Note: "from when the call was due"})
	loaded, ok := j.over(overloaded, report.Percentile(report.Lateness, report.P99))
	before, both := j.over(full, report.Percentile(report.Lateness, report.P99))
	j.add(ok && both && before > 0, report.Goal{
		Name: "150 % offered, admitted calls' lateness p99, of that before", Unit: "x", Got: loaded / before, Want: 1.2,
		Note: fmt.Sprintf("%s ms and %s ms", report.Number(loaded), report.Number(before)),
	})
}

// api is what requests beside calls do to these.
func (j *jury) api() {
	quiet, ok := j.over(alone, report.Percentile(report.Lateness, report.P99))
	asked, both := j.over(beside, report.Percentile(report.Lateness, report.P99))
	if !ok || !both || quiet == 0 {
		return
	}
	took, _ := j.over(beside, report.Percentile(report.API, report.P99))
	j.add(true, report.Goal{
		Name: "lateness p99 moved by 2,000 API requests a second beside 500 calls", Unit: "%", Got: 100 * (asked - quiet) / quiet, Want: 10,
		Note: fmt.Sprintf("from %s to %s ms, each twice in turn; GET of an agent, p99 %s ms", report.Number(quiet), report.Number(asked), report.Number(took)),
	})
}
