package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestDashboardsAreFresh holds the committed files to the program.
func TestDashboardsAreFresh(t *testing.T) {
	t.Parallel()
	made := map[string]bool{}
	for _, b := range boards() {
		want, err := b.json()
		if err != nil {
			t.Fatal(err)
		}
		file := b.name + ".json"
		made[file] = true
		if got, err := os.ReadFile(filepath.Join("dashboards", file)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("dashboards/%s is not what the program writes (%v): run go run ./deploy/grafana", file, err)
		}
	}
	files, err := os.ReadDir("dashboards")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !made[f.Name()] {
			t.Errorf("dashboards/%s is written by nobody", f.Name())
		}
	}
}

// TestPanelsSpeak: each panel says what it shows and what to do, in a unit, and each of its queries has a name; no two have one title.
func TestPanelsSpeak(t *testing.T) {
	t.Parallel()
	for _, b := range boards() {
		titles := map[string]bool{}
		for _, r := range b.rows {
			for _, p := range r.panels {
				if titles[p.title] {
					t.Errorf("%s: two panels are called %q", b.name, p.title)
				}
				titles[p.title] = true
				if len(p.says) < 20 || p.unit == "" || len(p.queries) == 0 {
					t.Errorf("%s: %q lacks a description, a unit or a query", b.name, p.title)
				}
				for _, q := range p.queries {
					if q.legend == "" {
						t.Errorf("%s: a query of %q has no name", b.name, p.title)
					}
				}
			}
		}
	}
}

// TestPanelsFit: no two panels lie on one another, and none beyond the grid.
func TestPanelsFit(t *testing.T) {
	t.Parallel()
	for _, b := range boards() {
		taken := map[[2]int]string{}
		ids := map[int]bool{}
		for _, p := range b.dashboard().Panels {
			if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
				t.Errorf("%s: %q has another's id, or lies beyond the grid", b.name, p.Title)
			}
			ids[p.ID] = true
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if other, ok := taken[at]; ok {
						t.Fatalf("%s: %q lies on %q", b.name, p.Title, other)
					}
					taken[at] = p.Title
				}
			}
		}
	}
}

// TestQueriesAreProm has Prometheus' own parser read every expression.
func TestQueriesAreProm(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing: apt-get install --no-install-recommends prometheus")
	}
	var rules strings.Builder
	rules.WriteString("groups:\n- name: all\n  rules:\n")
	n := 0
	for _, b := range boards() {
		for _, p := range b.dashboard().Panels {
			for _, q := range p.Targets {
				e := strings.NewReplacer("$__rate_interval", "1m", "$job", ".*", "$instance", ".*").Replace(q.Expr)
				if strings.Contains(e, "$") {
					t.Errorf("%s: %q has a variable that nobody sets: %s", b.name, p.Title, q.Expr)
				}
				fmt.Fprintf(&rules, "  - record: query_%d\n    expr: |\n      %s\n", n, e)
				n++
			}
		}
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(promtool, "check", "rules", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if n < 100 {
		t.Errorf("there are %d queries: the test looks at the wrong place", n)
	}
}
