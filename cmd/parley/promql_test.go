package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A selector is a metric in an expression of PromQL, and the labels by which it is narrowed down.
type selector struct {
	metric string
	labels []string
}

// promTokens are strings, numbers and durations, names, and signs.
var promTokens = regexp.MustCompile(`"(?:\\.|[^"])*"|'(?:\\.|[^'])*'|[0-9][0-9a-zA-Z.]*(?:e[-+][0-9]+)?|[a-zA-Z_:$][\w:]*|[^\s]`)

// promWords are names that are no metrics.
var promWords = map[string]bool{
	"and": true, "or": true, "unless": true, "bool": true, "offset": true,
	"by": true, "without": true, "on": true, "ignoring": true, "group_left": true, "group_right": true,
}

// dissect finds the metrics of an expression, and the labels that it groups by or matches on. Prometheus' own parser has read it before.
func dissect(expr string) (all []selector, groups []string) {
	tokens := promTokens.FindAllString(expr, -1)
	at := func(i int) string {
		if i < len(tokens) {
			return tokens[i]
		}
		return ""
	}
	name := regexp.MustCompile(`^[a-zA-Z_:]`)
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch {
		case t == "[":
			for at(i) != "]" && i < len(tokens) {
				i++
			}
		case promWords[t] && at(i+1) == "(":
			for i += 2; at(i) != ")" && i < len(tokens); i++ {
				if name.MatchString(at(i)) {
					groups = append(groups, at(i))
				}
			}
		case !name.MatchString(t), promWords[t], at(i+1) == "(":
		case slices.Contains([]string{"sum", "max", "min", "count", "avg"}, t): // sum by (...)
		default:
			s := selector{metric: t}
			if at(i+1) == "{" {
				for i += 2; at(i) != "}" && i < len(tokens); i++ {
					if name.MatchString(at(i)) && !strings.HasPrefix(at(i), `"`) {
						s.labels = append(s.labels, at(i))
					}
				}
			}
			all = append(all, s)
		}
	}
	return all, groups
}

func TestDissect(t *testing.T) {
	t.Parallel()
	all, groups := dissect(`topk(3, sum by (job, le) (rate(a_bucket{x=~"b{c}",y!="d"}[5m]))) / on (instance) (b:c > 1e-9) or vector(0) unless e == 0`)
	var got []string
	for _, s := range all {
		got = append(got, s.metric+"{"+strings.Join(s.labels, ",")+"}")
	}
	if want := []string{"a_bucket{x,y}", "b:c{}", "e{}"}; !slices.Equal(got, want) {
		t.Errorf("metrics %q, want %q", got, want)
	}
	if want := []string{"job", "le", "instance"}; !slices.Equal(groups, want) {
		t.Errorf("groups %q, want %q", groups, want)
	}
}

// A board is a dashboard, as far as it is looked at.
type board struct {
	Title      string
	Templating struct {
		List []struct{ Definition string }
	}
	Annotations struct {
		List []struct{ Expr string }
	}
	Panels []struct {
		Title   string
		Type    string
		Targets []struct {
			Expr         string
			LegendFormat string
			Instant      bool
		}
	}
}

// boards are the committed dashboards.
func boards(t *testing.T) (all []board) {
	t.Helper()
	files, err := filepath.Glob("../../deploy/grafana/dashboards/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d dashboards, %v: the test looks at the wrong place", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b board
		if err := json.Unmarshal(text, &b); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, b)
	}
	return all
}

// ruleExprs are the rules' expressions by their names, and the names that are recorded.
func ruleExprs(t *testing.T) (exprs map[string]string, recorded map[string]bool) {
	t.Helper()
	files, err := filepath.Glob("../../deploy/prometheus/rules/*.yml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files of rules, %v: the test looks at the wrong place", len(files), err)
	}
	exprs, recorded = map[string]string{}, map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var rules struct {
			Groups []struct {
				Rules []struct{ Alert, Record, Expr string }
			}
		}
		if err := yaml.Unmarshal(text, &rules); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, g := range rules.Groups {
			for _, r := range g.Rules {
				exprs[r.Alert+r.Record] = r.Expr
				if r.Record != "" {
					recorded[r.Record] = true
				}
			}
		}
	}
	return exprs, recorded
}
