package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"parley/bench/report"
)

// summary is a step in a line.
func summary(s report.Step) string {
	v, w := s.Times[report.VoiceVoice], s.Times[report.WordWait]
	text := fmt.Sprintf("%d turns, voice to voice p50 %.0f ms, p90 %.0f ms, words p90 %.0f ms, %d apologies, %d refused",
		s.Counts[report.Turns], v.P50, v.P90, w.P90, s.Counts[report.Apologies], s.Tally.Refusals())
	if len(s.Failed) > 0 {
		text += ": " + strings.Join(s.Failed, "; ")
	}
	return text
}

// print writes what was found, for people.
func (b *bench) print(to io.Writer, carried int) {
	m := b.report.Machine
	fmt.Fprintf(to, "calls with local speech, answers by %s: %s, %d cores, %s\n", b.think, m.CPU, m.Cores, m.Go)
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "server\tcallers\tturns\tv2v p50 ms\tp90 ms\twords p90 ms\tqueue p90 ms\tapologies\tunanswered\trefused\tworkers busy %\tcores\tothers %\t")
	for _, s := range b.report.Steps {
		v := s.Times[report.VoiceVoice]
		fmt.Fprintf(w, "%s\t%d\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t%d\t%d\t%.0f\t%.2f\t%.0f\t\n", s.Server, s.Calls, s.Counts[report.Turns], v.P50, v.P90,
			s.Times[report.WordWait].P90, s.Times[report.SpeechWait].P90, s.Counts[report.Apologies], s.Counts[report.Unanswered],
			s.Tally.Refusals(), float64(s.Counts[speechBusy])/10, s.Usage.CPU, 100*s.Others)
	}
	_ = w.Flush() // it is a terminal's
	fmt.Fprintf(to, "carried: %d callers at once\n", carried)
	for _, s := range b.report.Steps {
		if s.Void != "" {
			fmt.Fprintf(to, "note: %s, %d callers: %s: it says little\n", s.Server, s.Calls, s.Void)
		}
		for why, n := range s.Tally.Broken {
			fmt.Fprintf(to, "note: %s, %d callers: %d calls broke: %s\n", s.Server, s.Calls, n, why)
		}
	}
}

// verdict fails where not even one caller was carried, or a server that may refuse let callers in whom it kept waiting.
func (b *bench) verdict(carried int) error {
	var bad []error
	if carried == 0 {
		bad = append(bad, errors.New("not one caller was carried: is the local speech whole? bin/parley doctor says"))
	}
	for _, s := range b.report.Steps {
		if s.Server == barred && s.Void == "" && s.Counts[report.Apologies] > 0 {
			bad = append(bad, fmt.Errorf("admission: %d apologies to %d callers", s.Counts[report.Apologies], s.Calls))
		}
	}
	return errors.Join(bad...)
}
