package contest

import (
	"fmt"
	"time"

	"parley/bench/report"
)

// Names of Counts beside those of bench/report.
const (
	HeardIn       = "frames_heard"     // by the server, of those sent
	HeardBad      = "server_bad"       // what the server found wrong
	SetUpsASecond = "set_ups_a_second" // calls that were set up, by the second, some at once
)

// Bars of a step.
const (
	lateBar = 5 * time.Millisecond // p99
	lostBar = 0.001                // of the frames each way
	busyBar = 0.85                 // of the generator's core
	sendBar = 3 * time.Millisecond // p99 of the generator's own lateness
)

// Judge says which bars a step has missed, beside those in more, or that it says nothing. So many frames a call may be on their way when the
// server is asked what it has heard.
func Judge(r *report.Step, underway int, more ...string) {
	if r.Void != "" {
		return
	}
	r.Failed = report.Bars{Lateness: lateBar, Lost: lostBar, Dry: 1, Unanswered: 1}.Judge(*r)
	sent, heard := r.Counts[report.FramesIn], r.Counts[HeardIn]
	if float64(heard) < (1-lostBar)*float64(sent)-float64(underway*r.Calls) {
		r.Failed = append(r.Failed, fmt.Sprintf("frames heard %d of %d sent", heard, sent))
	}
	if bad := r.Counts[HeardBad]; bad > 0 {
		r.Failed = append(r.Failed, fmt.Sprintf("%d packets or recordings were bad", bad))
	}
	r.Failed = append(r.Failed, more...)
	late := r.Times[report.SendLate].P99
	switch {
	case r.Generator.Busy > busyBar:
		r.Void = fmt.Sprintf("the generator was at its end: %.0f %% of its core, at most %.0f %%", 100*r.Generator.Busy, 100*busyBar)
	case len(r.Failed) > 0 && late > float64(sendBar/time.Millisecond):
		r.Void = fmt.Sprintf("the generator was late: p99 %.1f ms", late)
	}
}

// PerPacket is a step's processor time, of a packet in or out, in microseconds.
func PerPacket(s report.Step) (float64, bool) {
	packets := s.Counts[report.FramesIn] + s.Counts[report.FramesOut]
	if packets == 0 || s.Usage.CPU == 0 {
		return 0, false
	}
	return 1e6 * s.Usage.CPU * s.Held / float64(packets), true
}

// Line is a step in one line.
func Line(s report.Step) string {
	word := "ok"
	switch {
	case s.Void != "":
		word = "void: " + s.Void
	case len(s.Failed) > 0:
		word = "over: " + s.Failed[0]
	}
	cpu, _ := PerPacket(s)
	allocs, _ := report.AllocsPerFrame(s)
	memory, _ := report.MemoryPerCall(s)
	late := s.Times[report.Lateness]
	text := fmt.Sprintf("%-9s %5d calls  late p50 %.2f p99 %.2f p99.9 %.2f ms  lost %d  heard %d of %d  server %.0f %% (%.2f us a packet, %.2f allocs), %.0f KB a call, gcs %d  generator %.0f %%, late p99 %.2f ms  others %.0f %%",
		s.Server, s.Calls, late.P50, late.P99, late.P999, s.Counts[report.FramesLost], s.Counts[HeardIn], s.Counts[report.FramesIn],
		100*s.Usage.CPU, cpu, allocs, memory, s.Usage.GCs, 100*s.Generator.Busy, s.Times[report.SendLate].P99, 100*s.Others)
	if up := s.Times[report.SetUp]; up.N > 0 {
		text += fmt.Sprintf("  set-ups %d a second, p90 %.1f p99 %.1f ms", s.Counts[SetUpsASecond], up.P90, up.P99)
	}
	return text + "  " + word
}
