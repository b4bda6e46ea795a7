// Command table makes one report of what several benchmarks have found (make bench), and fails where one of their goals does that fails a run.
//
//	bin/calls.json, a report ─────────────────┐                    ┌─▶ JSON, for parley bench compare
//	bin/leg.json, and others that have goals ─┴─▶ all their goals ─┼─▶ HTML
//	                                                               └─▶ README's table, in Markdown on standard output
//
// The first file is the report whose loads, times and remarks are shown; of the others only "goals" is read. A file that is not there, or that
// has no goal, fails: its benchmark has not come to its end.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"parley/bench/report"
	"parley/bench/report/page"
)

func main() {
	if err := run(os.Args[1:], time.Now, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-table:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	json, html string
	title      string
	command    string
	began      int64
	most       time.Duration
	files      []string
}

func run(args []string, now func() time.Time, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	r, err := merge(o.files)
	if err != nil {
		return err
	}
	if o.title != "" {
		r.Title = o.title
	}
	if o.command != "" {
		r.Command = strings.Fields(o.command)
	}
	if o.began > 0 {
		r.Made = time.Unix(o.began, 0).UTC()
		r.Took = now().Sub(r.Made).Seconds()
		r.Goals = append(r.Goals, report.Goal{Name: "all of it takes", Unit: "min", Got: r.Took / 60, Want: o.most.Minutes(), Command: o.command}.Judged())
	}
	slices.SortStableFunc(r.Goals, func(a, b report.Goal) int { // what fails a run first
		switch {
		case a.Gate == b.Gate:
			return 0
		case a.Gate:
			return -1
		}
		return 1
	})
	if o.json != "" {
		if err := report.Save(o.json, r.Write); err != nil {
			return err
		}
	}
	if o.html != "" {
		if err := report.Save(o.html, func(to io.Writer) error { return page.Write(to, r) }); err != nil {
			return err
		}
	}
	if err := write(stdout, r.Goals); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return r.Missed()
}

func parse(args []string, stderr io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("table", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.json, "json", "", "write the whole report to this file")
	flags.StringVar(&o.html, "html", "", "and as a page to this one")
	flags.StringVar(&o.title, "title", "", "of the report; empty: the first file's")
	flags.StringVar(&o.command, "command", "", "that made all of it; empty: the first file's")
	flags.Int64Var(&o.began, "began", 0, "when the first benchmark began, in seconds since 1970: then how long all took is a goal, too; 0: nobody asks")
	flags.DurationVar(&o.most, "most", 20*time.Minute, "how long that may be")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.files = flags.Args(); len(o.files) == 0 {
		return o, errors.New("no file: want a benchmark's report, and others' figures after it")
	}
	if o.began < 0 || o.most <= 0 {
		return o, fmt.Errorf("-began %d, -most %v: want 0 or more, and some time", o.began, o.most)
	}
	return o, nil
}

// merge is the report in the first file, with the goals of all.
func merge(files []string) (*report.Report, error) {
	r, err := report.Open(files[0])
	if err != nil {
		return nil, err
	}
	if len(r.Goals) == 0 {
		return nil, fmt.Errorf("%s: %w", files[0], errNoGoals)
	}
	for _, path := range files[1:] {
		goals, err := goalsOf(path)
		if err != nil {
			return nil, err
		}
		r.Goals = append(r.Goals, goals...)
	}
	return r, nil
}

var errNoGoals = errors.New(`"goals" is missing or empty: the benchmark judged none, since it was cut short, or tried a part alone`)

// goalsOf reads the goals in any benchmark's figures.
func goalsOf(path string) ([]report.Goal, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("open figures: %w", err)
	}
	var f struct {
		Goals []report.Goal `json:"goals"`
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%s: read figures: %w", path, err)
	}
	if len(f.Goals) == 0 {
		return nil, fmt.Errorf("%s: %w", path, errNoGoals)
	}
	for i, g := range f.Goals {
		if g.Name == "" {
			return nil, fmt.Errorf("%s: goals[%d].name is missing", path, i)
		}
	}
	return f.Goals, nil
}

// write writes goals as README has them.
func write(to io.Writer, goals []report.Goal) error {
	var out strings.Builder
	out.WriteString("| what | figure | target | | command |\n|---|---|---|---|---|\n")
	for _, g := range goals {
		what := g.Name
		if g.Note != "" {
			what += " (" + g.Note + ")"
		}
		word := "at most "
		if g.Least {
			word = "at least "
		}
		command := ""
		if g.Command != "" {
			command = "`" + g.Command + "`"
		}
		cells := []string{what, report.Number(g.Got) + " " + g.Unit, word + report.Number(g.Want), verdict(g), command}
		for _, cell := range cells {
			fmt.Fprintf(&out, "| %s ", strings.ReplaceAll(strings.TrimSpace(cell), "|", `\|`))
		}
		out.WriteString("|\n")
	}
	_, err := io.WriteString(to, out.String())
	return err
}

// verdict is whether a goal was met, or by how much it was missed.
func verdict(g report.Goal) string {
	switch {
	case g.Met:
		return "met"
	case g.Want == 0:
		return "missed"
	case g.Least:
		return fmt.Sprintf("missed by %.0f %%", 100*(1-g.Got/g.Want))
	}
	return fmt.Sprintf("missed by %.0f %%", 100*(g.Got/g.Want-1))
}
