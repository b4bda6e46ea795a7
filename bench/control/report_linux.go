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

	"github.com/HdrHistogram/hdrhistogram-go"

	reports "parley/bench/report"
	"parley/bench/requests"
)

// goal is the least share of the floor's requests a second that the product is to carry (shared/PERFORMANCE.md, targets in force).
const goal = 0.75

// A step is one load on one server.
type step struct {
	Server   string  `json:"server"`
	Request  string  `json:"request"`
	Round    int     `json:"round"`
	Offered  float64 `json:"offered"`  // requests a second; 0: a flood
	Answered float64 `json:"answered"` // a second
	P50      float64 `json:"p50_ms"`   // from when each was due until its last byte
	P99      float64 `json:"p99_ms"`
	P999     float64 `json:"p999_ms"`
	Worst    float64 `json:"max_ms"`
	Unheard  int64   `json:"unheard"` // without an answer two seconds after the end
	Passed   bool    `json:"passed"`
	Void     string  `json:"void,omitempty"` // why it says nothing of the server

	Generator float64 `json:"generator_cpu"` // share of its core
	SendP99   float64 `json:"send_late_p99_ms"`
	Others    float64 `json:"others_cpu"` // share of the machine
}

func newStep(rate float64, o *requests.Outcome) step {
	at := func(h *hdrhistogram.Histogram, q float64) float64 {
		return math.Round(float64(h.ValueAtQuantile(q))/10) / 100
	}
	return step{
		Offered: math.Round(rate), Answered: math.Round(o.Rate), Unheard: o.Unheard, Generator: o.Busy, SendP99: at(o.SendLate, 99),
		P50: at(o.Took, 50), P99: at(o.Took, 99), P999: at(o.Took, 99.9), Worst: at(o.Took, 100),
	}
}

// judge says whether a rate was carried, and whether the step says so of the server.
func (s *step) judge(bar time.Duration) {
	if s.Offered == 0 {
		return // a flood finds out what there is
	}
	carried := s.P99 < float64(bar)/float64(time.Millisecond) && s.Unheard == 0 && s.Answered > 0
	switch {
	case s.Generator > busyBar:
		s.Void = fmt.Sprintf("the generator had %.0f %% of its core", 100*s.Generator)
	case !carried && s.SendP99 > float64(sendBar)/float64(time.Millisecond):
		s.Void = fmt.Sprintf("the generator itself was late: p99 %.1f ms", s.SendP99)
	case !carried && s.Others > othersBar:
		s.Void = fmt.Sprintf("others had %.0f %% of the machine", 100*s.Others)
	}
	s.Passed = carried && s.Void == ""
}

// String is the step in one line.
func (s step) String() string {
	word, offered := "over", fmt.Sprintf("%6.0f/s", s.Offered)
	switch {
	case s.Offered == 0:
		word, offered = "", "   flood"
	case s.Void != "":
		word = "void: " + s.Void
	case s.Passed:
		word = "ok"
	}
	return fmt.Sprintf("round %d  %-6s %-4s  %s offered  %6.0f/s answered  p50 %6.2f  p99 %7.2f  p99.9 %7.2f  max %7.1f ms   generator %2.0f %%, late p99 %.2f ms, others %2.0f %%  %s",
		s.Round, s.Server, s.Request, offered, s.Answered, s.P50, s.P99, s.P999, s.Worst, 100*s.Generator, s.SendP99, 100*s.Others, word)
}

// A found is what a server carries of one request: medians of the rounds that found something.
type found struct {
	Rates []float64 `json:"rates"` // of the rounds, a second
	Rate  float64   `json:"rate"`
	P50   float64   `json:"p50_ms"` // at that rate
	P99   float64   `json:"p99_ms"`
	Flood float64   `json:"flood"` // answers a second under a flood
}

// A report is all that was measured.
type report struct {
	Machine string                      `json:"machine"`
	Load    string                      `json:"load_average"` // before
	First   bool                        `json:"first"`        // the processes went before their neighbours
	Quick   bool                        `json:"quick,omitempty"`
	Bar     float64                     `json:"bar_ms"`
	Found   map[string]map[string]found `json:"found"`  // by request and server
	Ratios  map[string]float64          `json:"ratios"` // parley to floor, by request; 0: one of them carried nothing
	Floods  map[string]float64          `json:"floods"` // the same, of answers under a flood
	Steps   []step                      `json:"steps"`
	Goals   []reports.Goal              `json:"goals,omitempty"`
}

func newReport(o options) *report {
	load, _ := os.ReadFile("/proc/loadavg") // where there is none, nothing is told
	return &report{
		Machine: fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		Load:    strings.TrimSpace(string(load)), Quick: o.quick, Bar: float64(o.bar) / float64(time.Millisecond),
		Found: map[string]map[string]found{}, Ratios: map[string]float64{}, Floods: map[string]float64{},
	}
}

// sumUp makes medians, ratios, and goals of these.
func (r *report) sumUp() {
	for _, request := range kinds {
		r.Found[request] = map[string]found{}
		for _, server := range []string{"floor", "parley"} {
			var f found
			var p50, p99, floods []float64
			for _, s := range r.Steps {
				switch {
				case s.Server != server || s.Request != request:
				case s.Offered == 0:
					floods = append(floods, s.Answered)
				case s.Passed:
					f.Rates, p50, p99 = append(f.Rates, s.Offered), append(p50, s.P50), append(p99, s.P99)
				}
			}
			f.Rate, f.P50, f.P99, f.Flood = median(f.Rates), median(p50), median(p99), median(floods)
			r.Found[request][server] = f
		}
		base, ours := r.Found[request]["floor"], r.Found[request]["parley"]
		r.Ratios[request], r.Floods[request] = ratio(ours.Rate, base.Rate), ratio(ours.Flood, base.Flood)
	}
	r.judge()
}

// judge makes goals of the ratios; one that could not be made is missed.
func (r *report) judge() {
	if r.Quick {
		return
	}
	r.Goals = nil
	for _, request := range kinds {
		base, ours := r.Found[request]["floor"], r.Found[request]["parley"]
		r.Goals = append(r.Goals, reports.Goal{
			Name: "control plane, " + request + " a second, of the floor's", Unit: "x", Got: r.Ratios[request], Want: goal, Least: true, Gate: true, Command: "make bench-control",
			Note: fmt.Sprintf("%.0f/s beside %.0f/s of net/http and encoding/json without a database, p99 under %g ms; under a flood %s x", ours.Rate, base.Rate, r.Bar, reports.Number(r.Floods[request])),
		}.Judged())
	}
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return math.Round(1000*a/b) / 1000
}

// median is the lower one of an even number; 0: there is none.
func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(all))[(len(all)-1)/2]
}

// print writes the table.
func (r *report) print(w io.Writer) {
	first := "as any process"
	if r.First {
		first = "before neighbours (nice -20)"
	}
	fmt.Fprintf(w, "%s, priority %s; load average before: %s\n", r.Machine, first, r.Load)
	if r.Quick {
		fmt.Fprintln(w, "quick: too short to tell rates")
		return
	}
	fmt.Fprintf(w, "requests a second on one core, open loop, p99 under %g ms from when each was due; medians of rounds\n\n", r.Bar)
	for _, request := range kinds {
		for _, server := range []string{"floor", "parley"} {
			f := r.Found[request][server]
			carried := "carried nothing"
			if f.Rate > 0 {
				carried = fmt.Sprintf("%7.0f/s   p50 %.2f  p99 %.2f ms", f.Rate, f.P50, f.P99)
			}
			fmt.Fprintf(w, "  %-4s %-6s %s   under a flood %7.0f/s   rounds %.0f\n", request, server, carried, f.Flood, f.Rates)
		}
		fmt.Fprintf(w, "       parley/floor %.2f, under a flood %.2f   goal %.2f\n", r.Ratios[request], r.Floods[request], goal)
	}
	if n := r.voids(); n > 0 {
		fmt.Fprintf(w, "\n%d of %d steps were void: this machine was not calm, or the generator at its end\n", n, len(r.Steps))
	}
}

// voids is how many steps say nothing.
func (r *report) voids() (n int) {
	for _, s := range r.Steps {
		if s.Void != "" {
			n++
		}
	}
	return n
}

// verdict says what is below its goal; of a quick run, what did not work.
func (r *report) verdict() error {
	var short []error
	if r.Quick {
		for _, s := range r.Steps {
			if s.Answered == 0 || s.Unheard > 0 {
				short = append(short, fmt.Errorf("%s %s: %.0f answers a second, %d requests unanswered", s.Server, s.Request, s.Answered, s.Unheard))
			}
		}
		return errors.Join(short...)
	}
	return (&reports.Report{Goals: r.Goals}).Missed()
}
