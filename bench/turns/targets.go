package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"parley/bench/corpus"
)

// printTargets tells the targets of shared/PERFORMANCE.md beside what was measured on the half that nothing was tuned on.
func (r *report) printTargets(w io.Writer) {
	only := func(k kind, arm string, is func(result) bool) []result {
		return slices.DeleteFunc(slices.Clone(r.Results), func(x result) bool {
			return x.Kind != string(k) || x.Arm != arm || x.Half != "held out" || x.void() || !is(x)
		})
	}
	clean := func(x result) bool { return x.Clean && x.Origin == "natural" }
	fmt.Fprintln(w, "\nTargets, on the held-out half:")
	line := func(what, got, target string) { fmt.Fprintf(w, "  %-66s %-28s %s\n", what, got, target) }
	for _, origin := range []string{"natural", "synthetic"} {
		of := func(x result) bool { return x.Origin == origin }
		ours, fixed := only(endOfTurn, product, of), only(endOfTurn, fixed500, of)
		line("false cut-offs, "+origin, share(count(ours, cutOff), len(ours)), "at most "+share(count(fixed, cutOff), len(fixed)))
		line("end-of-turn delay p50, "+origin+", ms", corpus.Quantile(times(ours, delay), 0.5).String(), "at most "+(corpus.Quantile(times(fixed, delay), 0.5)/2).String())
	}
	silent := only(falseStop, product, held)
	line("false interruptions recovered", share(count(silent, kept), len(silent)), "at least 95 %")
	inRoom := func(x result) bool { return strings.HasPrefix(x.Set, "room") }
	phones := func(x result) bool { return !inRoom(x) }
	alone := only(selfStop, product, phones)
	line("self-interruptions on the echo set", share(count(alone, stopped), len(alone)), "under 1 %")
	alone = only(selfStop, cancelled, phones)
	line("  with the echo canceller", share(count(alone, stopped), len(alone)), "under 1 %")
	alone = only(selfStop, cancelled, inRoom)
	line("  loudspeakers in rooms, with it, as browsers' calls have it", share(count(alone, stopped), len(alone)), "under 1 %")
	edges := times(append(only(trueStop, product, clean), only(endOfTurn, product, clean)...), func(x result) corpus.MS { return x.Onset })
	line("speech edge, clean natural speech p50/p90, ms", fmt.Sprintf("%v/%v", corpus.Quantile(edges, 0.5), corpus.Quantile(edges, 0.9)), "90/150")
	cut := only(heardWhat, product, stopped)
	timed := slices.DeleteFunc(slices.Clone(cut), func(x result) bool { return x.Set != "word times" })
	untimed := slices.DeleteFunc(slices.Clone(cut), func(x result) bool { return x.Set != "none, sentences" })
	off := times(timed, func(x result) corpus.MS { return corpus.MS(max(x.WordsOff, -x.WordsOff)) })
	line("history, with word times, words off at most", corpus.Quantile(off, 1).String(), "1")
	late := times(untimed, func(x result) corpus.MS { return x.TimeOff })
	line("history, without word times, ms off p50/p90/most", fmt.Sprintf("%v/%v/%v", corpus.Quantile(late, 0.5), corpus.Quantile(late, 0.9), corpus.Quantile(late, 1)), "300")
}
