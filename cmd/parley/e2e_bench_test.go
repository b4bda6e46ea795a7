//go:build e2e

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/bench/report"
)

// TestEndToEndBench loads the real server with the real command, and reads what it says: calls, times, the server's own figures, the page.
// Speed is not judged: other tests share the machine.
func TestEndToEndBench(t *testing.T) {
	t.Parallel()
	n := serve(t, mockVendors(t)...)
	dir := t.TempDir()
	out := n.bench(t, dir, 0, "--ladder", "2,4", "--hold", "8s", "--rounds", "2")
	r, err := report.Open(filepath.Join(dir, "r.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Steps) != 4 || r.Steps[3].Round != 2 || r.Steps[3].Calls != 4 {
		t.Fatalf("%d steps:\n%s", len(r.Steps), out)
	}
	turns := int64(0)
	for _, s := range r.Steps {
		if s.Tally.Answered == 0 || s.Tally.Breaks() > 0 || s.Counts[report.FramesIn] == 0 || s.Counts[report.FramesOut] == 0 || s.Times[report.Lateness].N == 0 {
			t.Errorf("%v of round %d: %+v, %v", s.Load(), s.Round, s.Tally, s.Counts)
		}
		if u := s.Usage; u.CPU <= 0 || u.RSS < 1e6 || u.RSSIdle < 1e6 || u.Goroutines < 5 || u.Descriptors < 5 || u.Mallocs <= 0 {
			t.Errorf("%v of round %d: %+v", s.Load(), s.Round, u)
		}
		turns += s.Counts[report.Turns]
	}
	if turns == 0 {
		t.Error("no turn was answered")
	}
	if strings.Contains(strings.Join(r.Command, " "), testToken) {
		t.Errorf("the report has the token in it: %v", r.Command)
	}
	html, err := os.ReadFile(filepath.Join(dir, "r.html"))
	if err != nil || !bytes.Contains(html, []byte("<td>"+report.Number(r.Steps[0].Times[report.Lateness].P99)+"</td>")) {
		t.Errorf("the page does not have the figures: %v", err)
	}
	for i := range r.Steps {
		r.Steps[i].Void = "" // as it may be on a machine that is busy
	}
	again := filepath.Join(dir, "again.json")
	if err := report.Save(again, r.Write); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command(binary, "bench", "compare", again, again).CombinedOutput(); err != nil || !bytes.Contains(text, []byte("0 worse, 0 better")) {
		t.Errorf("compared with itself: %v\n%s", err, text)
	}
	until(t, time.Minute, "no call is left", func() bool { return n.metric("parley_calls_live") == 0 })
}

// TestEndToEndBenchInterrupted holds that an interrupt ends a run with what was measured so far, and hangs up.
func TestEndToEndBenchInterrupted(t *testing.T) {
	t.Parallel()
	n := serve(t, mockVendors(t)...)
	dir := t.TempDir()
	n.bench(t, dir, 6*time.Second, "--calls", "2", "--hold", "5m")
	r, err := report.Open(filepath.Join(dir, "r.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Steps) != 1 || r.Steps[0].Counts[report.FramesIn] == 0 || r.Steps[0].Held > 60 || !strings.Contains(strings.Join(r.Remarks, " "), "interrupted: 1 of 1 steps") {
		t.Errorf("%+v, %v", r.Steps, r.Remarks)
	}
	until(t, time.Minute, "no call is left", func() bool { return n.metric("parley_calls_live") == 0 })
}

// bench runs a load test of the node without bars of time, and interrupts it after a while if that is set.
func (n *node) bench(t *testing.T, dir string, interrupt time.Duration, args ...string) string {
	t.Helper()
	args = append([]string{
		"bench", "run", "--twilio-auth-token", testToken, "--ramp", "500ms", "--max-lateness", "0s", "--max-dry", "100", "--max-unanswered", "100", "--max-missed", "100", "--max-lost", "100",
		"--json", filepath.Join(dir, "r.json"), "--html", filepath.Join(dir, "r.html"), n.url + "/twilio/voice",
	}, args...)
	var out syncBuffer
	cmd := exec.Command(binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = cleanEnv(), &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if interrupt > 0 {
		until(t, time.Minute, "it measures", func() bool { return strings.Contains(out.String(), "hold, ") })
		stop := time.AfterFunc(interrupt, func() { _ = cmd.Process.Signal(syscall.SIGINT) })
		defer stop.Stop()
	}
	err := cmd.Wait()
	if interrupt > 0 && (cmd.ProcessState.ExitCode() != 1 || !strings.Contains(out.String(), "interrupted")) || interrupt == 0 && err != nil && !strings.Contains(out.String(), "void") {
		t.Fatalf("%v:\n%s", err, &out)
	}
	return out.String()
}
