package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	reports "parley/bench/report"
	"parley/bench/search"
)

// Goals of the product (shared/PERFORMANCE.md, targets in force).
const (
	overBaseline = 2.5
	overFloor    = 0.85
)

// step is one server's run with so many streams.
type step struct {
	Server    string `json:"server"`
	Streams   int    `json:"streams"`
	Passed    bool   `json:"passed"`
	Void      bool   `json:"void,omitempty"`      // it says nothing of the server: see the package's doc
	Exhausted bool   `json:"exhausted,omitempty"` // void because the generator was at its end
	Failure   string `json:"failure,omitempty"`

	P50   float64 `json:"late_p50_ms"`
	P99   float64 `json:"late_p99_ms"`
	P999  float64 `json:"late_p999_ms"`
	Worst float64 `json:"late_max_ms"`

	Frames int64   `json:"frames"` // of 20 ms, received in the measured time
	Lost   int64   `json:"lost"`
	Skips  int64   `json:"skips"`
	Dry    float64 `json:"dry"`    // share of frames that came over 5 ms after they had to sound
	Behind int64   `json:"behind"` // messages unread for over 100 ms at the end
	Bad    int64   `json:"bad"`

	CPU       float64 `json:"server_cpu"` // share of the core
	Allocs    float64 `json:"allocs_per_frame"`
	GCs       uint32  `json:"gcs"`
	Others    float64 `json:"others_cpu"` // what other processes took of the server's core
	Generator float64 `json:"generator_cpu"`
	SendP99   float64 `json:"send_late_p99_ms"`
}

func millis(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond)) / float64(time.Millisecond)
}

// judge fills in what the generator saw and the server counted.
func (s *step) judge(o *outcome, before, after counts) {
	s.P50, s.P99, s.P999 = millis(quantile(o.late, 0.5)), millis(quantile(o.late, 0.99)), millis(quantile(o.late, 0.999))
	s.Worst, s.SendP99 = millis(time.Duration(o.late.Max())*time.Microsecond), millis(quantile(o.sendLate, 0.99))
	s.Frames, s.Lost, s.Skips, s.Generator = o.frames, o.lost, o.skips, o.busy
	s.Dry = float64(o.dry) / float64(max(1, o.frames))
	s.Behind = max(0, o.sentBy(after.At-behindBar)-after.In)
	s.Bad = after.Bad
	s.CPU = float64(after.CPU-before.CPU) / float64(max(1, after.At-before.At))
	s.Allocs = float64(after.Allocs-before.Allocs) / float64(max(1, after.In-before.In))
	s.GCs = after.GCs - before.GCs
	s.Others = max(0, float64(after.Core-before.Core)/float64(max(1, after.At-before.At))-s.CPU)
	carried := quantile(o.late, 0.99) < lateBar && s.Lost == 0 && s.Behind == 0 && s.Frames > 0
	disturbed := quantile(o.sendLate, 0.99) > sendBar || s.Others > othersBar
	s.Exhausted = s.Generator > busyBar
	s.Void = s.Exhausted || !carried && disturbed
	s.Passed = carried && !s.Void
}

// String is the step in one line.
func (s step) String() string {
	word := "over"
	switch {
	case s.Failure != "":
		return fmt.Sprintf("%-13s %5d  over: %s", s.Server, s.Streams, s.Failure)
	case s.Void:
		word = "void"
	case s.Passed:
		word = "ok"
	}
	return fmt.Sprintf("%-13s %5d  %-4s  late p50 %5.2f  p99 %6.2f  p99.9 %6.2f  max %6.1f ms   lost %d  skips %d  dry %.1f %%  behind %d   server %3.0f %% (others %.0f %%)  allocs %.2f  gcs %d   generator %2.0f %%, p99 %.2f ms",
		s.Server, s.Streams, word, s.P50, s.P99, s.P999, s.Worst, s.Lost, s.Skips, 100*s.Dry, s.Behind, 100*s.CPU, 100*s.Others, s.Allocs, s.GCs, 100*s.Generator, s.SendP99)
}

// report is all that was measured.
type report struct {
	Machine  string  `json:"machine"`
	Load     string  `json:"load_average"` // before: what neighbours did
	Priority string  `json:"priority"`
	Quick    bool    `json:"quick,omitempty"`
	Only     string  `json:"only,omitempty"` // the one server that was run
	Took     float64 `json:"took_s"`

	Found   search.Found       `json:"found"`              // streams a core, by server and round
	AtLeast map[string]bool    `json:"at_least,omitempty"` // the generator was at its end before the server
	Median  map[string]int     `json:"streams"`            // a core
	Ratios  map[string]float64 `json:"ratios"`
	Steps   []step             `json:"steps"`
	Goals   []reports.Goal     `json:"goals,omitempty"` // of product to floor and baseline
}

func newReport(o options, generator, server int) *report {
	load, _ := os.ReadFile("/proc/loadavg") // where there is none, nothing is told
	return &report{
		Machine: fmt.Sprintf("%d cores, server on core %d, generator on core %d, %s", runtime.NumCPU(), server, generator, runtime.Version()),
		Load:    strings.TrimSpace(string(load)), Quick: o.quick, Only: o.only, Found: search.Found{}, AtLeast: map[string]bool{},
	}
}

// summarise makes medians, ratios, and goals of these.
func (r *report) summarise() {
	r.Median, r.Ratios = map[string]int{}, map[string]float64{}
	for kind, found := range r.Found {
		sorted := slices.Sorted(slices.Values(found))
		r.Median[kind] = sorted[(len(sorted)-1)/2]
	}
	for _, a := range []string{"product", "product-20ms", "floor"} {
		for _, b := range []string{"floor", "baseline"} {
			if a != b && r.Median[a] > 0 && r.Median[b] > 0 {
				r.Ratios[a+"/"+b] = math.Round(1000*float64(r.Median[a])/float64(r.Median[b])) / 1000
			}
		}
	}
	r.judge()
}

// judge makes goals of the ratios; one that could not be made is missed.
func (r *report) judge() {
	if len(r.Found) == 0 || r.Only != "" {
		return // nothing to compare
	}
	r.Goals = nil
	for _, against := range []struct {
		kind string
		want float64
	}{{"baseline", overBaseline}, {"floor", overFloor}} {
		note := fmt.Sprintf("p99 lateness under 5 ms; medians of rounds: %d and %d streams", r.Median["product"], r.Median[against.kind])
		if r.AtLeast[against.kind] {
			note += ", at least: the generator came to its end first"
		}
		r.Goals = append(r.Goals, reports.Goal{
			Name: "Twilio streams a core, of the " + against.kind + "'s", Unit: "x", Got: r.Ratios["product/"+against.kind], Want: against.want,
			Least: true, Gate: true, Note: note, Command: "make bench-leg",
		}.Judged())
	}
}

// voids is how many steps say nothing.
func (r *report) voids() (n int) {
	for _, s := range r.Steps {
		if s.Void {
			n++
		}
	}
	return n
}

// print writes the table.
func (r *report) print(w io.Writer) {
	r.summarise()
	fmt.Fprintf(w, "%s, priority %s; load average before: %s; took %.0f s\n", r.Machine, r.Priority, r.Load, r.Took)
	if len(r.Found) == 0 {
		return
	}
	fmt.Fprintln(w, "\nstreams a core, p99 lateness < 5 ms, nothing lost:")
	for _, kind := range kinds() {
		if r.Only != "" && r.Only != kind {
			continue
		}
		note := ""
		if r.AtLeast[kind] {
			note = "   at least: the generator came to its end first"
		}
		fmt.Fprintf(w, "  %-13s %5d   rounds %v%s\n", kind, r.Median[kind], r.Found[kind], note)
	}
	if n := r.voids(); n > 0 {
		fmt.Fprintf(w, "\n%d of %d steps were void: this machine was not calm, or the generator at its end\n", n, len(r.Steps))
	}
	if r.Only != "" {
		return
	}
	fmt.Fprintln(w)
	for _, goal := range []struct {
		ratio string
		least float64
	}{{"product/baseline", overBaseline}, {"product/floor", overFloor}, {"product-20ms/baseline", 0}, {"product-20ms/floor", 0}, {"floor/baseline", 0}} {
		fmt.Fprintf(w, "  %-22s %5.2f", goal.ratio, r.Ratios[goal.ratio])
		if goal.least > 0 {
			fmt.Fprintf(w, "   goal %.2f", goal.least)
		}
		fmt.Fprintln(w)
	}
}

// verdict says what is below its goal.
func (r *report) verdict() error {
	switch {
	case len(r.Found) == 0:
		return r.sound()
	case r.Only != "":
		return nil // nothing to compare with
	}
	return (&reports.Report{Goals: r.Goals}).Missed()
}

// sound checks that every step worked, however fast.
func (r *report) sound() error {
	var wrong []error
	for _, s := range r.Steps {
		switch {
		case s.Failure != "":
			wrong = append(wrong, fmt.Errorf("%s: %s", s.Server, s.Failure))
		case s.Frames == 0 || s.Lost > 0 || s.Behind > 0 || s.Bad > 0:
			wrong = append(wrong, fmt.Errorf("%s: %d frames, %d lost, %d messages unread, %d bad", s.Server, s.Frames, s.Lost, s.Behind, s.Bad))
		}
	}
	return errors.Join(wrong...)
}
