package page

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"parley/bench/report"
)

// A view is what the template shows, in words and strings.
type view struct {
	Title, Made, Took, Version string

	Policy string
	Script template.JS
	Style  template.CSS
	Data   data

	Verdict verdict
	Cards   []card  // of servers whose load was varied
	Points  []point // of those that had one alone
	Goals   []goal
	Fates   []fates
	Stages  []stage
	Ticks   []tick
	Health  table
	Tables  []table
	Machine []fact
	Remarks []string
	Figures []report.Figure // every name's meaning, of those that the report has
}

// A verdict is the line that a reader in a hurry reads.
type verdict struct {
	Class string // good, bad, or none of both
	Text  string
	Knee  string
}

// A card tells of one server where its ladder ended.
type card struct {
	Server, Class string // Class is a server's colour
	Big           string
	Text          string
	Facts         string
	Ratios        string
}

type goal struct {
	Class, Word, Name, Got, Want, Note string
}

type fact struct{ Name, Value string }

// A table is any: its caption, its columns, its rows.
type table struct {
	Caption string
	Head    []string
	Rows    []row
}

// A row of a table; Void rows are greyed.
type row struct {
	Void  bool
	Cells []string
}

func newView(r *report.Report) *view {
	v := &view{
		Title: r.Title, Made: r.Made.UTC().Format("2 January 2006, 15:04 UTC"), Took: seconds(r.Took), Version: r.Version,
		Data: newData(r), Remarks: r.Remarks, Verdict: judge(r),
	}
	if v.Title == "" {
		v.Title = "Load test"
	}
	servers := r.Servers()
	for i, server := range servers {
		if isPoint(r, server) {
			v.Points = append(v.Points, newPoint(r, server, i))
		} else {
			v.Cards = append(v.Cards, newCard(r, servers, i))
		}
		if f := newFates(r, server); f.tells || len(f.Rows) > 0 && !isPoint(r, server) {
			v.Fates = append(v.Fates, f)
		}
	}
	for _, g := range r.Goals {
		v.Goals = append(v.Goals, newGoal(g))
	}
	v.Stages, v.Ticks = newStages(r)
	v.Health = health(r)
	v.Tables = tables(r)
	for _, f := range append(report.TimeFigures(), report.CountFigures()...) {
		if slices.ContainsFunc(r.Steps, func(s report.Step) bool { _, count := s.Counts[f.Name]; return count || s.Times[f.Name].N > 0 }) {
			v.Figures = append(v.Figures, f)
		}
	}
	for _, f := range []fact{
		{"Processor", r.Machine.CPU}, {"Cores", count(int64(r.Machine.Cores))}, {"Kernel", r.Machine.Kernel}, {"Go", r.Machine.Go},
		{"Command", strings.Join(r.Command, " ")},
	} {
		if f.Value != "" && f.Value != "0" {
			v.Machine = append(v.Machine, f)
		}
	}
	return v
}

// judge sums the report up.
func judge(r *report.Report) verdict {
	var v verdict
	missed, gates := 0, 0
	for _, g := range r.Goals {
		if !g.Met {
			missed++
			if g.Gate {
				gates++
			}
		}
	}
	sound, carried := 0, 0
	for _, s := range r.Steps {
		if s.Void == "" {
			sound++
			if len(s.Failed) == 0 {
				carried++
			}
		}
	}
	if servers := r.Servers(); len(servers) > 0 {
		v.Knee = servers[0] + " " + r.Knee(servers[0]).String() + "."
	}
	if void := len(r.Steps) - sound; void > 0 {
		v.Knee += fmt.Sprintf(" Of %[2]s %[1]d say nothing of it (void): the generator or the machine was at its end.", void, plural(len(r.Steps), "step"))
	}
	switch {
	case sound == 0:
		v.Class, v.Text = "bad", "Nothing was measured that says anything"
	case len(r.Goals) > 0 && missed == 0:
		v.Class, v.Text = "good", fmt.Sprintf("All %s met", plural(len(r.Goals), "goal"))
	case gates > 0:
		v.Class, v.Text = "bad", fmt.Sprintf("%d of %s missed", missed, plural(len(r.Goals), "goal"))
	case missed > 0:
		v.Class, v.Text = "fair", fmt.Sprintf("%d of %s missed, none that fails the run", missed, plural(len(r.Goals), "goal"))
	case carried == sound && 2*sound < len(r.Steps):
		v.Class, v.Text = "fair", fmt.Sprintf("All bars kept in the %s that say something", plural(sound, "step"))
	case carried == sound:
		v.Class, v.Text = "good", fmt.Sprintf("All bars kept in %s", plural(sound, "step"))
	case carried == 0:
		v.Class, v.Text = "bad", "No load was carried"
	default:
		v.Class, v.Text = "fair", fmt.Sprintf("Carried in %d of %s", carried, plural(sound, "step"))
	}
	return v
}

// newCard is that of the i-th server.
func newCard(r *report.Report, servers []string, i int) card {
	k := r.Knee(servers[i])
	c := card{Server: servers[i], Class: colour(i), Big: "–"}
	if k.Carried != nil {
		c.Big = k.Carried.Load.String()
	}
	switch {
	case k.Carried == nil && k.Broke == nil:
		c.Text = "No step says anything of it."
	case k.Broke == nil:
		c.Text = "Carried, the most that was tried."
	default:
		c.Text = fmt.Sprintf("At %v: %s.", k.Broke.Load, strings.Join(k.Broke.Failed(), "; "))
	}
	c.Facts = facts(k.Carried)
	var ratios []string
	for j, other := range servers {
		if o := r.Knee(other).Carried; i == 0 && j != i && !isPoint(r, other) && o != nil && k.Carried != nil && o.Load.Value() > 0 {
			ratios = append(ratios, fmt.Sprintf("%s × %s", report.Number(k.Carried.Load.Value()/o.Load.Value()), other))
		}
	}
	c.Ratios = strings.Join(ratios, ", ")
	return c
}

// facts are what a reader wants to know of the load that was carried.
func facts(g *report.Rung) string {
	if g == nil {
		return ""
	}
	var all []string
	for _, f := range []struct {
		format string
		of     func(report.Step) (float64, bool)
	}{
		{"lateness p99 %s ms", report.Percentile(report.Lateness, report.P99)},
		{"voice to voice p50 %s ms", report.Percentile(report.VoiceVoice, report.P50)},
		{"%s %% of a core a call", report.CPUPerCall},
		{"%s KB a call", report.MemoryPerCall},
	} {
		if v, ok := g.Median(f.of); ok {
			all = append(all, fmt.Sprintf(f.format, report.Number(v)))
		}
	}
	return strings.Join(all, ", ")
}

// colours is how many of servers there are in page.css; further ones begin again.
const colours = 6

func colour(server int) string { return fmt.Sprintf("s%d", server%colours) }

func newGoal(g report.Goal) goal {
	v := goal{Class: "good", Word: "met", Name: g.Name, Got: unit(g.Got, g.Unit), Want: "at most " + unit(g.Want, g.Unit), Note: g.Note}
	if g.Least {
		v.Want = "at least " + unit(g.Want, g.Unit)
	}
	switch {
	case g.Met:
	case g.Gate:
		v.Class, v.Word = "bad", "missed"
	default:
		v.Class, v.Word = "fair", "missed"
	}
	return v
}

func unit(v float64, unit string) string { return strings.TrimSpace(report.Number(v) + " " + unit) }

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func seconds(s float64) string {
	d := time.Duration(s * float64(time.Second))
	if d > 10*time.Second {
		return d.Round(time.Second).String()
	}
	return d.Round(100 * time.Millisecond).String()
}

// count writes a number with its thousands apart, as in 12,345.
func count(n int64) string {
	text := fmt.Sprint(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(text) - 3; i > start; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
