package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"time"
)

// Goals: what is told at the end of a run of all the million calls, and fails it.
const (
	flatBar = 4.0  // p99 from 10,000 over p99 from 0, of each query
	deepBar = 15.0 // ms: p99 of any list
	calmBar = 0.15 // above this share of the processors for others, p99 says nothing of the store
)

// A report is all that was measured.
type report struct {
	Machine   string     `json:"machine"`
	Load      string     `json:"load_average"` // before and after: what neighbours did
	Priority  string     `json:"priority"`
	Rounds    int        `json:"rounds"`
	Passes    int        `json:"passes"` // of a round, over every list
	Live      float64    `json:"live_calls_per_s"`
	Quick     bool       `json:"quick,omitempty"`
	Took      float64    `json:"took_s"`
	Databases []*outcome `json:"databases"`
}

// An outcome is what was measured of one database.
type outcome struct {
	Name         string       `json:"name"`
	Settings     string       `json:"settings"`
	Filling      filling      `json:"filling"`
	Calls        int64        `json:"calls"` // at the end
	Lists        []listed     `json:"lists"`
	ListsProduct rate         `json:"lists_per_s"`       // of each round
	ListsFloor   rate         `json:"lists_per_s_floor"` // of each round
	Writes       []written    `json:"writes"`
	Late         latency      `json:"live_entries"`
	LiveSize     float64      `json:"live_entries_per_transaction"`
	Reads        []comparison `json:"reads"`
	Others       rate         `json:"others_cpu"` // what other processes took of the machine, in each round
	Counted      []int        `json:"rounds"`     // whose medians are told: the calm ones; all, if none was
	Disturbed    bool         `json:"disturbed"`  // none was
}

// A comparison is one thing that the store did, beside its floor.
type comparison struct {
	Name    string  `json:"name"`
	Product latency `json:"product"`
	Floor   latency `json:"floor"`
	Ratio   float64 `json:"floor_p50_over_product"`
}

// A listed is one query, by offset.
type listed struct {
	Name  string             `json:"query"`
	Pages map[int]comparison `json:"offsets"`
	Flat  float64            `json:"p99_deepest_over_first,omitempty"`
}

// A written is one size of transaction.
type written struct {
	Entries int     `json:"entries"`
	Product float64 `json:"calls_per_s"`
	Floor   float64 `json:"calls_per_s_floor"`
	Ratio   float64 `json:"product_over_floor"`
	Each    latency `json:"transaction"`
	Bare    latency `json:"transaction_floor"`
}

func newReport(o options) *report {
	return &report{
		Machine: fmt.Sprintf("%d cores, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version()),
		Load:    load(), Rounds: o.rounds, Passes: o.passes, Live: o.live, Quick: o.quick,
	}
}

// load is the machine's load average; where there is none, nothing is told.
func load() string {
	b, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	return strings.Join(f[:min(3, len(f))], " ")
}

func (r *report) end(took time.Duration) {
	r.Took = took.Seconds()
	r.Load += ", after: " + load()
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return math.Round(1000*a/b) / 1000
}

func (c compared) comparison(rounds []int) comparison {
	p, f := c.product.tally.latency(rounds), c.floor.tally.latency(rounds)
	return comparison{Name: c.name, Product: p, Floor: f, Ratio: ratio(f.P50, p.P50)}
}

// sum makes medians and ratios of what was counted.
func (o *outcome) sum(s *subject) {
	if o.Counted = o.calm(); len(o.Counted) == 0 {
		o.Disturbed = true
		for r := range o.Others {
			o.Counted = append(o.Counted, r)
		}
	}
	for i, p := range s.pages {
		if p.offset == 0 {
			o.Lists = append(o.Lists, listed{Name: p.name, Pages: map[int]comparison{}})
		}
		l := &o.Lists[len(o.Lists)-1]
		l.Pages[p.offset] = s.lists[i].comparison(o.Counted)
		if p.offset > 0 {
			l.Flat = ratio(l.Pages[p.offset].Product.P99, l.Pages[0].Product.P99)
		}
	}
	for _, c := range s.reads {
		o.Reads = append(o.Reads, c.comparison(o.Counted))
	}
	for _, w := range s.writes {
		a, b := median(w.product.calls, o.Counted), median(w.floor.calls, o.Counted)
		o.Writes = append(o.Writes, written{w.size, math.Round(a), math.Round(b), ratio(a, b), w.product.each.latency(o.Counted), w.floor.each.latency(o.Counted)})
	}
	o.Late = s.live.late.latency(o.Counted)
	o.LiveSize = math.Round(10*float64(s.live.entries)/float64(max(1, s.live.transactions))) / 10
}

// print writes the tables.
func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "%s, priority %s; load average before: %s; took %.0f s\n", r.Machine, r.Priority, r.Load, r.Took)
	fmt.Fprintf(w, "medians of %d rounds or more, the databases in turn, each settled first (vacuumed, as autovacuum does every minute, and checkpointed), the store and its floor in turn; reads: every one once a pass in random order, %d passes a round, taking %.0f %% of the time, timed from when each was due, while %.0f calls a second are written\n",
		r.Rounds, r.Passes, 100*share, r.Live)
	for _, o := range r.Databases {
		o.print(w, r.Quick)
	}
}

func (o *outcome) print(w io.Writer, quick bool) {
	fmt.Fprintf(w, "\n%s: %s\n", strings.ToUpper(o.Name), o.Settings)
	f := o.Filling
	if f.Reused {
		fmt.Fprintf(w, "filled by an earlier run, %d MB; %d calls at the end\n", f.Bytes>>20, o.Calls)
	} else {
		fmt.Fprintf(w, "filled in %.0f s, %d MB: %d calls by Recorder.Record (%d calls a transaction, %d turn and 2 messages each) at %.0f calls/s, %d copied by SQL at %.0f calls/s; %d calls at the end\n",
			f.Took, f.Bytes>>20, f.Recorded, batchCalls, turnsFill, f.PerCall, f.Copied, f.CopyRate, o.Calls)
	}
	fmt.Fprintln(w, "totals are COUNT(*) on every filter, after the filling and after the writing; pages are the bare query's, call by call; no list scans the table or sorts more than its page")
	if quick {
		fmt.Fprintln(w, "quick: too few calls and rounds to tell times")
		return
	}
	fmt.Fprintf(w, "other processes took %s %% of the processors in the rounds: ", percents(o.Others))
	if o.Disturbed {
		fmt.Fprintf(w, "none was calm (%.0f %%), so that p99 is theirs, and goals are not judged\n", 100*calmBar)
	} else {
		fmt.Fprintf(w, "%d were calm (%.0f %%) and count\n", len(o.Counted), 100*calmBar)
	}
	fmt.Fprintf(w, "\n  lists of %d, ms p50/p99 by offset     x = floor's p50 over the store's (floor: one prepared statement for the page alone, rows as bytes)\n  %-28s", pageRows, "")
	for _, offset := range offsets() {
		fmt.Fprintf(w, "%8d           ", offset)
	}
	fmt.Fprintln(w, " p99 deepest/first")
	for _, l := range o.Lists {
		fmt.Fprintf(w, "  %-28s", l.Name)
		for _, offset := range offsets() {
			if p, ok := l.Pages[offset]; ok {
				fmt.Fprintf(w, "%6.2f/%-6.2fx%.2f  ", p.Product.P50, p.Product.P99, p.Ratio)
			}
		}
		if l.Flat > 0 {
			fmt.Fprintf(w, " %.2f", l.Flat)
		}
		fmt.Fprintln(w)
	}
	a, b := median(o.ListsProduct, o.Counted), median(o.ListsFloor, o.Counted)
	fmt.Fprintf(w, "\n  lists a second, all of these in turn, %d readers at full speed: %.0f, floor %.0f: x%.2f\n", readers, a, b, ratio(a, b))
	fmt.Fprintf(w, "\n  writes: calls of %d turns as they come, one writer at full speed (floor: multi-row inserts into tables with one index each, no counters)\n", turnsEach)
	for _, t := range o.Writes {
		fmt.Fprintf(w, "  %4d entries a transaction  %7.0f calls/s, floor %7.0f: x%.2f    transaction p50 %.2f  p99 %.2f  max %.0f ms, floor p50 %.2f  p99 %.2f ms\n",
			t.Entries, t.Product, t.Floor, t.Ratio, t.Each.P50, t.Each.P99, t.Each.Worst, t.Bare.P50, t.Bare.P99)
	}
	fmt.Fprintf(w, "  the live entries beside the reads: kept p50 %.2f  p99 %.2f  max %.0f ms after they came, %.1f a transaction\n\n", o.Late.P50, o.Late.P99, o.Late.Worst, o.LiveSize)
	for _, c := range o.Reads {
		fmt.Fprintf(w, "  %-16s  p50 %6.2f  p99 %6.2f ms    floor p50 %6.2f  p99 %6.2f ms: x%.2f\n", c.Name, c.Product.P50, c.Product.P99, c.Floor.P50, c.Floor.P99, c.Ratio)
	}
}

// calm are the rounds in which neighbours did not make the times theirs.
func (o *outcome) calm() (rounds []int) {
	for r, share := range o.Others {
		if share <= calmBar {
			rounds = append(rounds, r)
		}
	}
	return rounds
}

// percents is each share in percent.
func percents(shares []float64) string {
	var b strings.Builder
	for i, s := range shares {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%.0f", 100*s)
	}
	return b.String()
}

// verdict says what misses its goal.
func (r *report) verdict() error {
	if r.Quick {
		return nil
	}
	var short []error
	for _, o := range r.Databases {
		if o.Disturbed {
			continue
		}
		for _, l := range o.Lists {
			if l.Flat > flatBar {
				short = append(short, fmt.Errorf("%s: calls by %s: p99 grows %.1f times with the offset, want at most %.1f", o.Name, l.Name, l.Flat, flatBar))
			}
			for offset, p := range l.Pages {
				if p.Product.P99 > deepBar {
					short = append(short, fmt.Errorf("%s: calls by %s from %d: p99 is %.1f ms, want at most %.0f", o.Name, l.Name, offset, p.Product.P99, deepBar))
				}
			}
		}
	}
	return errors.Join(short...)
}
