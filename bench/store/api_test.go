package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestQuickAPI runs the API's bench, small, on both databases.
func TestQuickAPI(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "report.json")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-api", "-quick", "-calls", "600", "-json", file}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got apiReport
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Databases) != 2 {
		t.Fatalf("%d databases in the report, want 2:\n%s", len(got.Databases), &out)
	}
	for _, o := range got.Databases {
		var names []string
		for _, q := range o.Requests {
			names = append(names, q.Name)
			for _, at := range []apiTimes{q.Alone, q.Together} {
				if at.API.Count == 0 || at.Store.Count == 0 || at.Bare.Count == 0 || at.API.P50 <= 0 || at.RateAPI <= 0 || at.RateBare <= 0 {
					t.Errorf("%s: %s: %+v", o.Name, q.Name, at)
				}
			}
		}
		if all := strings.Join(names, ", "); all != "GET /agents/:id, GET /calls, 100 rows, POST /tasks" {
			t.Errorf("%s: measured were %s", o.Name, all)
		}
	}
}

// TestAPIVerdict: what adds too much fails the run, and is told.
func TestAPIVerdict(t *testing.T) {
	t.Parallel()
	r := apiReport{Databases: []apiOutcome{{Name: "sqlite", Requests: []apiRequest{{Name: "GET /slow", Adds: 0.151}, {Name: "GET /quick", Adds: 0.15}}}}}
	err := r.verdict()
	if err == nil || !strings.Contains(err.Error(), "GET /slow: the API adds 151 us") || strings.Contains(err.Error(), "quick") {
		t.Errorf("%v", err)
	}
	var out bytes.Buffer
	if r.print(&out); !strings.Contains(out.String(), "150 us MISSED") || !strings.Contains(out.String(), "150 us holds") {
		t.Error(out.String())
	}
}
