package page

import (
	"fmt"
	"slices"
	"strings"

	"parley/bench/report"
)

// who is what each row of a step begins with.
func who(s report.Step) []string { return []string{s.Server, fmt.Sprint(s.Round), s.Load().String()} }

func head(more ...string) []string { return append([]string{"Server", "Round", "Load"}, more...) }

// tables holds every figure of the report.
func tables(r *report.Report) []table {
	all := []table{steps(r)}
	for _, f := range report.TimeFigures() {
		all = append(all, times(r, f))
	}
	all = append(all, counts(r), usage(r))
	return slices.DeleteFunc(all, func(t table) bool { return len(t.Rows) == 0 })
}

func steps(r *report.Report) table {
	t := table{Caption: "Steps", Head: head("Calls/s", "Began", "Held", "Offered", "Answered", "Refused", "Broken", "Verdict")}
	for _, s := range r.Steps {
		word := "carried"
		switch {
		case s.Void != "":
			word = "void: " + s.Void
		case len(s.Failed) > 0:
			word = strings.Join(s.Failed, "; ")
		}
		t.add(s, report.Number(s.Rate), seconds(s.At), seconds(s.Held), count(s.Tally.Offered), count(s.Tally.Answered), reasons(s.Tally.Refused),
			reasons(s.Tally.Broken), word)
	}
	return t
}

// add adds a row of a step.
func (t *table) add(s report.Step, cells ...string) {
	t.Rows = append(t.Rows, row{Void: s.Void != "", Cells: append(who(s), cells...)})
}

func times(r *report.Report, f report.Figure) table {
	t := table{Caption: f.Title + ", ms", Head: head("Times", "Min", "p50", "p90", "p99", "p99.9", "Max", "Mean")}
	for _, s := range r.Steps {
		d := s.Times[f.Name]
		if d.N == 0 {
			continue
		}
		cells := []string{count(d.N)}
		for _, ms := range []float64{d.Min, d.P50, d.P90, d.P99, d.P999, d.Max, d.Mean} {
			cells = append(cells, report.Number(ms))
		}
		t.add(s, cells...)
	}
	return t
}

// counts has a column for each count that any step has.
func counts(r *report.Report) table {
	t := table{Caption: "Counts", Head: head()}
	shown := slices.DeleteFunc(report.CountFigures(), func(f report.Figure) bool {
		return !slices.ContainsFunc(r.Steps, func(s report.Step) bool { _, has := s.Counts[f.Name]; return has })
	})
	if len(shown) == 0 {
		return t
	}
	for _, f := range shown {
		t.Head = append(t.Head, f.Title)
	}
	for _, s := range r.Steps {
		var cells []string
		for _, f := range shown {
			cells = append(cells, count(s.Counts[f.Name]))
		}
		t.add(s, cells...)
	}
	return t
}

func usage(r *report.Report) table {
	t := table{Caption: "What the server used", Head: head("CPU, cores", "% of a core a call", "Memory, MB", "before the calls, MB", "KB a call", "Goroutines",
		"Descriptors", "GC cycles", "GC pause p99, ms", "Allocated, MB", "Allocations a frame")}
	for _, s := range r.Steps {
		u := s.Usage
		if u == (report.Usage{}) {
			continue
		}
		t.add(s, report.Number(u.CPU), told(report.CPUPerCall(s)), report.Number(float64(u.RSS)/1e6), report.Number(float64(u.RSSIdle)/1e6), told(report.MemoryPerCall(s)),
			told(float64(u.Goroutines), u.Goroutines > 0), told(float64(u.Descriptors), u.Descriptors > 0), count(u.GCs), told(u.GCPauseP99, u.GCPauseP99 > 0),
			report.Number(float64(u.Allocated)/1e6), told(report.AllocsPerFrame(s)))
	}
	return t
}

// told is a figure that was taken, or a dash.
func told(v float64, ok bool) string {
	if !ok {
		return "–"
	}
	return report.Number(v)
}

// health is how whoever measured did.
func health(r *report.Report) table {
	t := table{Caption: "The generator's own health", Head: head("Busy, % of its core", "of it the mock vendors, %", "Own lateness p99, ms", "Other processes, % of the machine", "Says something")}
	for _, s := range r.Steps {
		late, word := "–", "yes"
		if own := s.Times[report.SendLate]; own.N > 0 {
			late = report.Number(own.P99)
		}
		if s.Void != "" {
			word = "void: " + s.Void
		}
		t.add(s, report.Number(100*s.Generator.Busy), report.Number(100*s.Generator.Vendors), late, report.Number(100*s.Others), word)
	}
	if void := len(slices.DeleteFunc(slices.Clone(t.Rows), func(r row) bool { return !r.Void })); void > 0 {
		t.Caption += fmt.Sprintf(": %d of %s void", void, plural(len(t.Rows), "step"))
	}
	return t
}
