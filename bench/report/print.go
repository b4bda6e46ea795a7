package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// A column of Print's table: empty cells mean that the figure was not taken.
type column struct {
	title string
	cell  func(Step) string
}

// Print writes what a person at a terminal wants: a table of the steps with the columns that have figures, where each server's ladder ended,
// the goals and the remarks.
func (r *Report) Print(to io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s, %d cores, %s\n", r.Title, r.Machine.CPU, r.Machine.Cores, r.Machine.Go)
	if err := r.printSteps(&out); err != nil {
		return err
	}
	for _, server := range r.Servers() {
		fmt.Fprintf(&out, "%s %s\n", server, r.Knee(server))
	}
	for _, g := range r.Goals {
		word := "met   "
		if !g.Met {
			word = "missed"
		}
		fmt.Fprintf(&out, "%s  %s\n", word, g)
	}
	for _, text := range r.Remarks {
		fmt.Fprintf(&out, "note: %s\n", text)
	}
	_, err := io.WriteString(to, out.String())
	return err
}

// String says in words where the ladder ended, as in "carried 900 calls; at 1000 calls: lateness p99 7.2 ms: at most 5 ms".
func (k Knee) String() string {
	switch {
	case k.Carried == nil && k.Broke == nil:
		return "was not measured: no step says anything of it"
	case k.Broke == nil:
		return fmt.Sprintf("carried %v, the most that was tried", k.Carried.Load)
	}
	broke := fmt.Sprintf("at %v: %s", k.Broke.Load, strings.Join(k.Broke.Failed(), "; "))
	if k.Carried == nil {
		return "carried nothing that was tried; " + broke
	}
	return fmt.Sprintf("carried %v; %s", k.Carried.Load, broke)
}

func (r *Report) printSteps(to io.Writer) error {
	if len(r.Steps) == 0 {
		_, err := fmt.Fprintln(to, "no step was measured")
		return err
	}
	var shown []column
	for _, c := range columns() {
		for _, s := range r.Steps {
			if c.cell(s) != "" {
				shown = append(shown, c)
				break
			}
		}
	}
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, c := range shown {
		fmt.Fprintf(w, "%s\t", c.title)
	}
	fmt.Fprintln(w)
	for _, s := range r.Steps {
		for _, c := range shown {
			fmt.Fprintf(w, "%s\t", c.cell(s))
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func columns() []column {
	percentile := func(title, name string, q Quantile) column {
		return column{title, told(Percentile(name, q))}
	}
	return []column{
		{"server", func(s Step) string { return s.Server }},
		{"round", func(s Step) string { return fmt.Sprint(s.Round) }},
		{"load", func(s Step) string { return s.Load().String() }},
		{"answered", func(s Step) string { return some(s.Tally.Answered) }},
		{"refused", func(s Step) string { return some(s.Tally.Refusals()) }},
		{"broken", func(s Step) string { return some(s.Tally.Breaks()) }},
		percentile("late p50 ms", Lateness, P50), percentile("p99 ms", Lateness, P99), percentile("p99.9 ms", Lateness, P999),
		percentile("to stt p99 ms", FrameToSTT, P99), percentile("from tts p99 ms", TTSToFrame, P99), percentile("clear p99 ms", ToClear, P99), percentile("silence p99 ms", ToSilence, P99),
		percentile("voice p50 ms", VoiceVoice, P50), percentile("voice p99 ms", VoiceVoice, P99), percentile("set-up p99 ms", SetUp, P99),
		{"cpu %/call", told(CPUPerCall)},
		{"KB/call", told(MemoryPerCall)},
		{"allocs/frame", told(AllocsPerFrame)},
		{"verdict", verdict},
	}
}

// verdict is what became of a step, in a few words.
func verdict(s Step) string {
	switch {
	case s.Void != "":
		return "void: " + s.Void
	case len(s.Failed) > 0:
		return strings.Join(s.Failed, "; ")
	}
	return "carried"
}

// told shows a figure that was taken.
func told(of func(Step) (float64, bool)) func(Step) string {
	return func(s Step) string {
		if v, ok := of(s); ok {
			return Number(v)
		}
		return ""
	}
}

// some shows a count that is not zero.
func some(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}
