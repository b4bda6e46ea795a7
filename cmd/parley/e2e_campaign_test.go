//go:build e2e

package main

import (
	"encoding/csv"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"parley/bench/carrier"
)

// TestEndToEndCampaign: a campaign by the command line, against the real binary and a fake carrier: made, given a file, paused, called, and
// its results written.
func TestEndToEndCampaign(t *testing.T) {
	t.Parallel()
	const sid = "AC00000000000000000000000000000001"
	var rings syncBuffer
	script, err := carrier.ParseScript("callee", "hear\nhangup")
	if err != nil {
		t.Fatal(err)
	}
	exchange := &carrier.Exchange{
		AccountSID: sid, AuthToken: testToken, Rings: &rings,
		Callee: func(to string) carrier.Callee {
			if strings.HasSuffix(to, "9") {
				return carrier.Callee{Outcome: "busy"}
			}
			return carrier.Callee{Script: script}
		},
	}
	api := httptest.NewServer(exchange)
	t.Cleanup(api.Close)
	t.Cleanup(exchange.Close)
	n := serve(t, "TWILIO_ACCOUNT_SID="+sid, "TWILIO_BASE_URL="+api.URL, "PARLEY_PUBLIC_URL=https://parley.test", "PARLEY_CALLER_ID=+15550100002", "PARLEY_DIAL_RATE=20")
	exchange.Connect = strings.TrimPrefix(n.url, "http://")
	env := []string{"PARLEY_URL=" + n.url, "PARLEY_API_KEY=" + testKey}
	dir := t.TempDir()
	file := filepath.Join(dir, "contacts.csv")
	if err := os.WriteFile(file, []byte("\uFEFFname;phone\r\nZoë;+1 555 010 0070\r\nBo;+15550100079\r\nDi;12\r\nZoë again;+15550100070\r\nEd;+15550100071\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(want int, says string, args ...string) string {
		t.Helper()
		out, code := command(t, env, append([]string{"campaigns"}, args...)...)
		if code != want || !strings.Contains(out, says) {
			t.Fatalf("%v: exit code %d: %s", args, code, out)
		}
		return out
	}
	id := strings.TrimSpace(run(0, "-", "create", "Reminders", "--agent", "receptionist", "--say", "Hello {{name}}, here is the dentist.", "--max-calls", "2"))
	run(0, "5 rows: 3 added, 1 duplicates, 1 invalid, 0 denied", "upload", "reminders", file)
	run(0, "0 added, 4 duplicates", "upload", id, file)
	run(1, "", "upload", id, file, "--strict")
	run(0, "draft", "list")
	run(1, "", "pause", id)
	run(0, "Reminders is running", "start", id)
	run(0, "Reminders is paused (by request)", "pause", id)
	run(0, "Reminders is running", "resume", id)
	last := slices.Collect(strings.Lines(strings.TrimSpace(run(0, "completed: 2 completed, 1 failed", "progress", id, "--follow"))))
	if end := last[len(last)-1]; !strings.Contains(end, "answered 2") || !strings.Contains(end, "busy 1") {
		t.Errorf("progress: %s", end)
	}
	results := filepath.Join(dir, "results.csv")
	run(0, "", "export", id, "-o", results)
	text, err := os.ReadFile(results)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows (%v): %s", len(rows), err, text)
	}
	for i, want := range []string{"2 +15550100070 completed Zoë", "3 +15550100079 failed Bo", "6 +15550100071 completed Ed"} {
		if got := strings.Join([]string{rows[i+1][0], rows[i+1][1], rows[i+1][2], rows[i+1][13]}, " "); got != want {
			t.Errorf("row %d is %q, want %q", i+1, got, want)
		}
	}
	if got := strings.Count(rings.String(), "\n"); got != 3 {
		t.Errorf("%d calls rang: %s", got, rings.String())
	}
	run(2, "", "start", "nonsense")
}
