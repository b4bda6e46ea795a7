// Package prometheus_test holds Prometheus' settings, rules and alerts to Prometheus' own tools, and each alert to a runbook.
package prometheus_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A ruleFile is a file of rules, as far as it is looked at.
type ruleFile struct {
	Groups []struct {
		Rules []struct {
			Alert       string
			Record      string
			Expr        string
			Labels      map[string]string
			Annotations map[string]string
		}
	}
}

const runbooks = "../../docs/runbooks"

// TestPromtool has promtool check settings and rules, and play the alerts' cases.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Fatal("promtool is missing: apt-get install --no-install-recommends prometheus")
	}
	for _, c := range []struct {
		does  []string
		files string
	}{
		{[]string{"check", "config"}, "*.yml"},
		{[]string{"check", "rules"}, "rules/*.yml"},
		{[]string{"test", "rules"}, "tests/*.yml"},
	} {
		files, err := filepath.Glob(c.files)
		if err != nil || len(files) == 0 {
			t.Fatalf("there are no %s: %v", c.files, err)
		}
		args := append(c.does, files...)
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestEachAlertHasARunbook, which its annotation names, and which says all that somebody woken by it needs; and no runbook is left over.
func TestEachAlertHasARunbook(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, a := range alerts(t) {
		page := "docs/runbooks/" + a.name + ".md"
		known[a.name+".md"] = true
		if !slices.Contains([]string{"critical", "warning"}, a.severity) || a.runbook != page || a.summary == "" {
			t.Errorf("%s: severity %q, runbook %q, summary %q", a.name, a.severity, a.runbook, a.summary)
		}
		text, err := os.ReadFile(filepath.Join(runbooks, a.name+".md"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, part := range []string{"# " + a.name + "\n", "\n## What callers notice\n", "\n## What to look at\n", "\n## What to do\n"} {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %q", page, strings.TrimSpace(part))
			}
		}
	}
	pages, err := os.ReadDir(runbooks)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		if p.Name() != "README.md" && !known[p.Name()] {
			t.Errorf("docs/runbooks/%s is of no alert", p.Name())
		}
	}
}

// TestEachAlertIsTried: there is a moment at which it does not fire, and one at which it does.
func TestEachAlertIsTried(t *testing.T) {
	t.Parallel()
	var cases struct {
		Tests []struct {
			Rules []struct {
				Name string `yaml:"alertname"`
				Want []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	read(t, "tests/alerts.yml", &cases)
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, c := range cases.Tests {
		for _, r := range c.Rules {
			fires[r.Name] = fires[r.Name] || len(r.Want) > 0
			rests[r.Name] = rests[r.Name] || len(r.Want) == 0
		}
	}
	for _, a := range alerts(t) {
		if !fires[a.name] || !rests[a.name] {
			t.Errorf("%s: it is tried that it fires: %v, that it does not: %v", a.name, fires[a.name], rests[a.name])
		}
	}
}

type alert struct{ name, severity, summary, runbook string }

// alerts are all that the rules have.
func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var rules ruleFile
	read(t, "rules/alerts.yml", &rules)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all = append(all, alert{r.Alert, r.Labels["severity"], r.Annotations["summary"], r.Annotations["runbook"]})
		}
	}
	if len(all) < 20 {
		t.Fatalf("there are %d alerts: the test looks at the wrong place", len(all))
	}
	return all
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}
