package compare

import (
	"fmt"
	"io"
	"text/tabwriter"

	"parley/bench/report"
)

// Print writes the table, those that did worse first. Figures that are the same are but counted, unless all are asked for.
func (r Result) Print(to io.Writer, all bool) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "verdict\tserver\tload\tmeasure\tbefore\tafter\tchange\ttold from\trounds\twhy")
	counts := map[Verdict]int{}
	for _, l := range r.Lines {
		counts[l.Verdict]++
		if l.Verdict == Same && !all {
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d/%d\t%s\n", l.Verdict, l.Server, dash(l.Load), l.Measure, amount(l.Before, l.Unit), amount(l.After, l.Unit),
			signed(l.amount(l.Change), l.Change), "±"+l.amount(l.Told), l.Rounds[0], l.Rounds[1], l.Why)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, n := range r.Notes {
		fmt.Fprintf(to, "note: %s\n", n)
	}
	_, err := fmt.Fprintf(to, "%d worse, %d better, %d too noisy to tell, %d the same\n", counts[Worse], counts[Better], counts[Noisy], counts[Same])
	return err
}

// amount is a change in words, without its sign if that is plus: in percent of what it was, in times where that is much, or as a difference.
func (l Line) amount(v float64) string {
	switch {
	case l.Difference && l.Unit == "%":
		return report.Number(v) + " points"
	case l.Difference:
		return report.Number(v)
	case v >= 10:
		return fmt.Sprintf("x%.1f", 1+v)
	}
	return fmt.Sprintf("%.1f %%", 100*v)
}

func signed(text string, v float64) string {
	if v > 0 {
		return "+" + text
	}
	return text
}

func amount(v float64, unit string) string {
	if unit == "" || unit == "calls" {
		return report.Number(v)
	}
	return report.Number(v) + " " + unit
}

func dash(text string) string {
	if text == "" {
		return "all"
	}
	return text
}
