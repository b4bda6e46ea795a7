package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"parley/bench/corpus"
)

// report is all that was measured.
type report struct {
	Machine string   `json:"machine"`
	Clock   string   `json:"clock"`
	Load    string   `json:"load_average"` // before
	Took    float64  `json:"took_s"`
	Results []result `json:"results"`
}

// lateBar is how late a frame may be before its item says nothing: with -live, the machine was too busy.
const lateBar = 60

func newReport(o options) *report {
	load, _ := os.ReadFile("/proc/loadavg") // where there is none, nothing is told
	clock := fmt.Sprintf("%d virtual clocks, one call at a time on each", o.clocks)
	if o.live > 0 {
		clock = fmt.Sprintf("the real clock, %d calls at once", o.live)
	}
	return &report{Machine: fmt.Sprintf("%d cores, %s", runtime.NumCPU(), runtime.Version()), Clock: clock, Load: strings.TrimSpace(string(load))}
}

// A group is results that are told in one line.
type group struct {
	set, origin, half string
	product, fixed    []result
}

// groups are the results of one kind, by set and half, and after the sets of one origin their sum. What failed or was late says
// nothing and is left out.
func (r *report) groups(k kind) []*group {
	var all []*group
	find := func(set, origin, half string) *group {
		for _, g := range all {
			if g.set == set && g.origin == origin && g.half == half {
				return g
			}
		}
		g := &group{set: set, origin: origin, half: half}
		all = append(all, g)
		return g
	}
	for _, x := range r.Results {
		if x.Kind != string(k) || x.void() {
			continue
		}
		for _, set := range []string{x.Set, "all " + x.Origin} {
			switch x.Arm {
			case product:
				g := find(set, x.Origin, x.Half)
				g.product = append(g.product, x)
			case fixed500:
				g := find(set, x.Origin, x.Half)
				g.fixed = append(g.fixed, x)
			case cancelled:
				g := find(set+" *", x.Origin, x.Half)
				g.product = append(g.product, x)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b *group) int {
		sum := func(g *group) int {
			if strings.HasPrefix(g.set, "all ") {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(a.origin, b.origin), cmp.Compare(sum(a), sum(b)), cmp.Compare(a.set, b.set), -cmp.Compare(a.half, b.half))
	})
	return all
}

func count(all []result, is func(result) bool) (n int) {
	for _, x := range all {
		if is(x) {
			n++
		}
	}
	return n
}

func share(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d (%.0f %%)", n, of, 100*float64(n)/float64(of))
}

func times(all []result, of func(result) corpus.MS) []corpus.MS {
	out := make([]corpus.MS, len(all))
	for i, x := range all {
		out[i] = of(x)
	}
	return out
}

func cutOff(x result) bool     { return x.CutOffs > 0 }
func stopped(x result) bool    { return x.Stopped }
func kept(x result) bool       { return !x.Stopped }
func held(x result) bool       { return x.Held }
func early(x result) bool      { return x.Early }
func delay(x result) corpus.MS { return x.Delay }
func takenBack(x result) bool  { return x.TakenBack > 0 }

// print writes the tables.
func (r *report) print(w io.Writer, items bool) {
	fmt.Fprintf(w, "%s; %s; load average before: %s; took %.0f s\n", r.Machine, r.Clock, r.Load, r.Took)
	if n := count(r.Results, result.void); n > 0 {
		fmt.Fprintf(w, "%d of %d calls are void: they failed, or a frame was late by more than %d ms\n", n, len(r.Results), lateBar)
	}
	r.printEnds(w)
	r.printStops(w)
	r.printEcho(w)
	r.printLedger(w)
	r.printTargets(w)
	if items {
		r.printItems(w)
	}
}

func head(w io.Writer, title, columns string) {
	fmt.Fprintf(w, "\n%s\n  %-16s %-9s %-8s  %s\n", title, "set", "", "half", columns)
}

func (g *group) line(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "  %-16s %-9s %-8s  "+format+"\n", append([]any{g.set, g.origin, g.half}, args...)...)
}

func (r *report) printEnds(w io.Writer) {
	head(w, "End of turn: answers that sounded before the caller's end; true end -> the answer's first frame, where it was not cut off (ms)",
		fmt.Sprintf("%-18s %-18s %-6s %-6s   %-18s %-18s %s", "cut off", "p50/p90/p99", "none", "back", "fixed 500: cut off", "p50/p90/p99", "none"))
	mute := func(x result) bool { return !x.Answered }
	for _, g := range r.groups(endOfTurn) {
		g.line(w, "%-18s %-18s %-6d %-6d   %-18s %-18s %d",
			share(count(g.product, cutOff), len(g.product)), corpus.Tail(times(g.product, delay)), count(g.product, mute), count(g.product, takenBack),
			share(count(g.fixed, cutOff), len(g.fixed)), corpus.Tail(times(g.fixed, delay)), count(g.fixed, mute))
	}
}

func (r *report) printStops(w io.Writer) {
	head(w, "False interruptions: the agent fell silent or lower for it; went on to its end; how long it was silent (ms)",
		fmt.Sprintf("%-18s %-18s %-20s %s", "fell silent", "went on", "recovered of those", "silent p50/p90/p99"))
	for _, g := range r.groups(falseStop) {
		silent := slices.DeleteFunc(slices.Clone(g.product), func(x result) bool { return !x.Held })
		g.line(w, "%-18s %-18s %-20s %s", share(len(silent), len(g.product)), share(count(g.product, kept), len(g.product)),
			share(count(silent, kept), len(silent)), corpus.Tail(times(silent, func(x result) corpus.MS { return x.Gap })))
	}
	head(w, "Interruptions (*: with the echo canceller): true onset -> speech edge, -> agent silent, -> cut; decision -> last audible sample (ms)",
		fmt.Sprintf("%-18s %-6s %-16s %-16s %-18s %s", "stopped", "early", "edge p50/p90/p99", "silent", "cut", "decision -> last"))
	for _, g := range r.groups(trueStop) {
		g.line(w, "%-18s %-6d %-16s %-16s %-18s %s", share(count(g.product, stopped), len(g.product)), count(g.product, early), corpus.Tail(times(g.product, func(x result) corpus.MS { return x.Onset })),
			corpus.Tail(times(g.product, func(x result) corpus.MS { return x.GaveWay })), corpus.Tail(times(g.product, func(x result) corpus.MS { return x.Decided })),
			corpus.Tail(times(g.product, func(x result) corpus.MS { return x.LastSound })))
	}
}

func (r *report) printEcho(w io.Writer) {
	head(w, "Echo (*: with the canceller): the agent alone with its own voice", fmt.Sprintf("%-18s %-18s %-18s %s", "stopped itself", "fell silent", "answered itself", "silent p50/p90/p99"))
	for _, g := range r.groups(selfStop) {
		g.line(w, "%-18s %-18s %-18s %s", share(count(g.product, stopped), len(g.product)), share(count(g.product, held), len(g.product)),
			share(count(g.product, func(x result) bool { return x.AnsweredSelf }), len(g.product)), corpus.Tail(times(g.product, func(x result) corpus.MS { return x.Gap })))
	}
}

func (r *report) printLedger(w io.Writer) {
	head(w, "Heard ledger: the history after an interruption against what sounded on the wire",
		fmt.Sprintf("%-12s %-24s %s", "interrupted", "words off 0/1/2/more", "ms off p50/p90/p99"))
	for _, g := range r.groups(heardWhat) {
		var off [4]int
		cut := slices.DeleteFunc(slices.Clone(g.product), kept)
		for _, x := range cut {
			off[min(max(x.WordsOff, -x.WordsOff), 3)]++
		}
		g.line(w, "%-12d %-24s %s", len(cut), fmt.Sprintf("%d/%d/%d/%d", off[0], off[1], off[2], off[3]), corpus.Tail(times(cut, func(x result) corpus.MS { return x.TimeOff })))
	}
}

// printItems tells the tuned half item by item.
func (r *report) printItems(w io.Writer) {
	fmt.Fprintln(w, "\nItems of the tuned half:")
	for _, x := range r.Results {
		if x.Half != "tuned" {
			continue
		}
		var what string
		switch kind(x.Kind) {
		case endOfTurn:
			what = fmt.Sprintf("cut off %d (pause %v)  delay %v  back %d", x.CutOffs, x.InPause, x.Delay, x.TakenBack)
		case heardWhat:
			what = fmt.Sprintf("stopped %t  words off %d  ms off %v", x.Stopped, x.WordsOff, x.TimeOff)
		default:
			what = fmt.Sprintf("silent %t  stopped %t  gap %v  edge %v  gave way %v  cut %v  self %t", x.Held, x.Stopped, x.Gap, x.Onset, x.GaveWay, x.Decided, x.AnsweredSelf)
		}
		fmt.Fprintf(w, "  %-12s %-60s %s  %q %s\n", x.Arm, x.Name, what, x.Heard, x.Failure)
	}
}

// sound checks that the measurement itself worked, however well the agent did.
func (r *report) sound() error {
	var wrong []error
	for _, x := range r.Results {
		if x.Failure != "" {
			wrong = append(wrong, fmt.Errorf("%s: %s", x.Name, x.Failure))
		}
	}
	return errors.Join(wrong...)
}
