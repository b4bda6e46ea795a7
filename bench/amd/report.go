package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"parley/bench/corpus"
	"parley/pipeline"
)

// report is what is told of the results.
type report struct{ results []result }

// parties are the rows and columns of the table.
var parties = []pipeline.Party{pipeline.Human, pipeline.Machine, pipeline.Menu, pipeline.Screening, pipeline.Fax, pipeline.Nobody, pipeline.Unknown}

// of are the results that keep wants.
func (r report) of(keep func(result) bool) report {
	return report{slices.DeleteFunc(slices.Clone(r.results), func(x result) bool { return !keep(x) })}
}

func (r report) count(is func(result) bool) int { return len(r.of(is).results) }

func (r report) times(of func(result) corpus.MS) (all []corpus.MS) {
	for _, x := range r.results {
		all = append(all, of(x))
	}
	return all
}

// share is how many of how many.
func share(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d (%.1f %%)", n, of, 100*float64(n)/float64(of))
}

func right(x result) bool { return x.By == x.Truth }

func (r report) print(w io.Writer, items bool) {
	for _, half := range []string{"tuned", "held out"} {
		for _, origin := range []string{"recorded", "synthetic"} {
			if part := r.of(func(x result) bool { return x.Half == half && x.Origin == origin }); len(part.results) > 0 {
				fmt.Fprintf(w, "\n%s, %s: who answers (rows) and who is thought to\n", origin, half)
				part.table(w)
			}
		}
	}
	for _, half := range []string{"tuned", "held out"} {
		fmt.Fprintf(w, "\nTimes, %s, ms%60s\n", half, "target")
		for _, origin := range []string{"recorded", "synthetic"} {
			r.of(func(x result) bool { return x.Half == half && x.Origin == origin }).clocks(w, origin)
		}
	}
	for _, x := range r.results {
		if x.Half == "tuned" && items && (!right(x) || x.Last != "" && x.In != x.Last || x.early() || x.False > 0 || x.Found < x.Beeps) {
			fmt.Fprintf(w, "\n%s (%s): is %s, thought to be %s\n  %s\n", x.Name, x.Origin, x.Truth, x.By, strings.Join(x.Events, "\n  "))
		}
	}
}

// table is the confusion table.
func (r report) table(w io.Writer) {
	fmt.Fprintf(w, "  %-10s", "")
	for _, p := range append(slices.Clone(parties), "none") {
		fmt.Fprintf(w, "%10s", p)
	}
	fmt.Fprintf(w, "%22s%22s\n", "right", "at first")
	for _, truth := range parties {
		row := r.of(func(x result) bool { return x.Truth == string(truth) })
		if len(row.results) == 0 {
			continue
		}
		fmt.Fprintf(w, "  %-10s", truth)
		for _, p := range append(slices.Clone(parties), "") {
			fmt.Fprintf(w, "%10d", row.count(func(x result) bool { return x.By == string(p) }))
		}
		fmt.Fprintf(w, "%22s%22s\n", share(row.count(right), len(row.results)), share(row.count(func(x result) bool { return x.First == x.Truth }), len(row.results)))
	}
}

// early says whether a message began before its beep was over.
func (x result) early() bool { return x.Beeps > 0 && x.Message < 0 }

// clocks are the times, and what depends on them.
func (r report) clocks(w io.Writer, origin string) {
	line := func(what string, n int, got, target string) {
		if n > 0 {
			fmt.Fprintf(w, "  %-9s  %-62s %3d  %-24s %s\n", origin, what, n, got, target)
		}
	}
	quantiles := func(all []corpus.MS) string {
		return fmt.Sprintf("%v / %v", corpus.Quantile(all, 0.5), corpus.Quantile(all, 0.95))
	}
	at := func(x result) corpus.MS { return x.At }
	people := r.of(func(x result) bool { return x.Set == "person" && right(x) })
	late := r.of(func(x result) bool { return x.Set == "late person" && right(x) })
	line("a person: answer -> verdict, p50 / p95", len(people.results), quantiles(people.times(at)), "p95 2500")
	short := people.of(func(x result) bool { return x.Spoke <= 1500 })
	line("a person who says no more than 1.5 s: answer -> verdict", len(short.results), quantiles(short.times(at)), "p95 2500")
	line("a person: their words are over -> verdict", len(people.results), quantiles(people.times(func(x result) corpus.MS { return x.After })), "")
	line("a person: answer -> the opening on the wire", len(people.results), quantiles(people.times(func(x result) corpus.MS { return x.Open })), "")
	line("a person after three seconds: their words are over -> verdict", len(late.results), quantiles(late.times(func(x result) corpus.MS { return x.After })), "")
	for _, p := range parties[1:6] {
		those := r.of(func(x result) bool { return x.Truth == string(p) && right(x) })
		line(string(p)+": answer -> verdict", len(those.results), quantiles(those.times(at)), "")
	}
	beeps, found, imagined := 0, 0, 0
	for _, x := range r.results {
		beeps, found, imagined = beeps+x.Beeps, found+x.Found, imagined+x.False
	}
	line("beeps found", beeps, share(found, beeps), "")
	line("beeps imagined", len(r.results), fmt.Sprint(imagined), "0")
	line("end of a beep -> told, p50 / p95", found, quantiles(r.times(func(x result) corpus.MS { return x.Late })), "")
	message := func(x result) corpus.MS { return x.Message }
	beeped := r.of(func(x result) bool { return x.Beeps > 0 && x.Last == "" })
	left := beeped.of(func(x result) bool { return !x.Message.Missing() })
	line("messages left, of machines that beep", len(beeped.results), share(len(left.results), len(beeped.results)), "")
	line("message before the end of the beep", len(left.results), fmt.Sprint(left.count(result.early)), "0")
	line("end of the last beep -> message", len(left.results), quantiles(left.times(message)), "")
	unbeeped := r.of(func(x result) bool { return x.Set == "machine, no beep" && !x.Message.Missing() })
	line("end of a greeting without a beep -> message", len(unbeeped.results), quantiles(unbeeped.times(message)), "")
	person := r.of(func(x result) bool { return x.Last == string(pipeline.Human) })
	line("a person who comes later gets the agent", len(person.results), share(person.count(func(x result) bool { return x.In == x.Last }), len(person.results)), "")
}

// sound says what went wrong with the measurement itself.
func (r report) sound() error {
	var bad []error
	for _, x := range r.results {
		if x.Failure != "" {
			bad = append(bad, fmt.Errorf("%s: %s", x.Name, x.Failure))
		}
	}
	return errors.Join(bad...)
}
