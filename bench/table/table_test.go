package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/bench/report"
)

// save writes a file and returns its path.
func save(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const calls = `{"format": 1, "title": "Whole calls", "took_seconds": 300, "steps": [{"server": "product", "round": 1, "calls": 900, "times": {}, "counts": {}}],
	"goals": [{"name": "whole calls a core", "unit": "calls", "got": 950, "want": 900, "least": true, "met": true, "note": "stretch 1,250", "command": "make bench-calls"},
		{"name": "lateness | p99", "unit": "ms", "got": 1.8, "want": 1.5}, {"name": "media after clear", "unit": "messages", "got": 1}]}`

// One report has the goals of all files, what fails a run first; it is saved even where one is missed.
func TestTable(t *testing.T) {
	t.Parallel()
	leg := save(t, "leg.json", `{"machine": "2 cores", "goals": [{"name": "streams, of the floor's", "unit": "x", "got": 0.8, "want": 0.85, "least": true, "gate": true}]}`)
	dir := t.TempDir()
	var out strings.Builder
	began := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	err := run([]string{
		"-json", dir + "/all.json", "-html", dir + "/all.html", "-title", "All", "-command", "make bench", "-began", "1795348800", save(t, "calls.json", calls), leg,
	}, func() time.Time { return began.Add(18 * time.Minute) }, &out, io.Discard)
	if err == nil || err.Error() != "streams, of the floor's: 0.8, want at least 0.85 x" {
		t.Errorf("%v, want the missed ratio", err)
	}
	want := `| what | figure | target | | command |
|---|---|---|---|---|
| streams, of the floor's | 0.8 x | at least 0.85 | missed by 6 % |  |
| whole calls a core (stretch 1,250) | 950 calls | at least 900 | met | ` + "`make bench-calls`" + ` |
| lateness \| p99 | 1.8 ms | at most 1.5 | missed by 20 % |  |
| media after clear | 1 messages | at most 0 | missed |  |
| all of it takes | 18 min | at most 20 | met | ` + "`make bench`" + ` |
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	r, err := report.Open(dir + "/all.json")
	if err != nil {
		t.Fatal(err)
	}
	if r.Title != "All" || len(r.Goals) != 5 || len(r.Steps) != 1 || r.Took != 18*60 || !r.Made.Equal(began) || strings.Join(r.Command, " ") != "make bench" {
		t.Errorf("%+v", r)
	}
	if html, err := os.ReadFile(dir + "/all.html"); err != nil || !strings.Contains(string(html), "of the floor&#39;s") {
		t.Errorf("the page has no goals: %v", err)
	}
}

// A benchmark that did not come to its end fails the whole, with its file.
func TestTableRefuses(t *testing.T) {
	t.Parallel()
	good := save(t, "calls.json", calls)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"none":       {nil, "no file"},
		"absent":     {[]string{good, "/nowhere/leg.json"}, "open figures: open /nowhere/leg.json"},
		"no report":  {[]string{save(t, "leg.json", `{"goals": [{"name": "x"}]}`)}, "format is missing"},
		"no goals":   {[]string{good, save(t, "leg.json", `{"machine": "x"}`)}, `leg.json: "goals" is missing`},
		"judged not": {[]string{save(t, "quick.json", `{"format": 1}`)}, `quick.json: "goals" is missing`},
		"no name":    {[]string{good, save(t, "leg.json", `{"goals": [{"got": 1}]}`)}, "leg.json: goals[0].name is missing"},
		"broken":     {[]string{good, save(t, "leg.json", `{`)}, "leg.json: read figures"},
		"past":       {[]string{"-began", "-1", good}, "-began -1"},
	} {
		if err := run(c.args, time.Now, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
