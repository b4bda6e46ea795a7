package journal_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/control/journal"
	"parley/media"
	"parley/pipeline"
)

// start runs a journal in dir; the function it returns stops it and waits.
func start(t *testing.T, dir string) (*journal.Journal, func()) {
	t.Helper()
	j := journal.New(dir, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	return j, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func TestJournalKeepsACall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j, stop := start(t, dir)
	answered := time.Now()
	for _, e := range []pipeline.Event{
		{Call: "CA/1", Kind: pipeline.CallStarted},
		{Call: "CA2", Kind: pipeline.CallStarted},
		{Call: "CA/1", Kind: pipeline.Transcribed, At: 1500 * time.Millisecond, Text: "hello", Final: true},
		{Call: "CA/1", Kind: pipeline.TurnEnded, Turn: &pipeline.Turn{N: 1, Why: pipeline.ForWords, Said: "hello", Text: "Good day, and welcome.", Heard: "Good day", Cut: true, Latency: pipeline.Latency{VoiceToVoice: 640 * time.Millisecond}}},
		{Call: "CA/1", Kind: pipeline.CallEnded, Ending: &pipeline.Ending{Call: "CA/1", Info: media.Info{Kind: "twilio", From: "+1555"}, Cause: media.CauseCaller, Err: errors.New("gone"), Answered: answered, Length: 3 * time.Second, Turns: 1, History: []pipeline.Message{{Role: pipeline.Caller, Text: "hello"}, {Role: pipeline.Assistant, Text: "Good day", Cut: true}}}},
	} {
		j.Write(e)
	}
	stop()
	if j.Lost() != 0 {
		t.Errorf("%d events lost", j.Lost())
	}
	path := j.Path("CA/1", answered)
	if rel, err := filepath.Rel(dir, path); err != nil || strings.Contains(rel, "..") || strings.Count(rel, "/") != 1 {
		t.Fatalf("path %s leaves %s", path, dir)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines []journal.Line
	for s := bufio.NewScanner(f); s.Scan(); {
		var l journal.Line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, l)
	}
	if len(lines) != 4 {
		t.Fatalf("%d lines, want the call's own 4", len(lines))
	}
	turn, end := lines[2].Turn, lines[3].Ending
	if turn == nil || turn.Heard != "Good day" || !turn.Cut || turn.Latency["voice_to_voice"] != 640 || len(turn.Latency) != 1 {
		t.Errorf("turn %+v", turn)
	}
	if end == nil || end.Cause != "caller" || end.Error != "gone" || end.LengthMS != 3000 || len(end.History) != 2 || end.History[1].Text != "Good day" {
		t.Errorf("ending %+v", end)
	}
	if s, err := os.Stat(path); err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: want 0600", s.Mode(), err)
	}
}

func TestJournalOutlivesABadDisk(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // where the directory should be
		t.Fatal(err)
	}
	j, stop := start(t, dir)
	j.Write(pipeline.Event{Call: "CA1", Kind: pipeline.CallStarted})
	j.Write(pipeline.Event{Call: "CA1", Kind: pipeline.CallEnded, Ending: &pipeline.Ending{}})
	stop()
	if j.Lost() != 2 {
		t.Errorf("%d events lost, want 2", j.Lost())
	}
}

func TestJournalNeverBlocks(t *testing.T) {
	t.Parallel()
	j := journal.New(t.TempDir(), slog.New(slog.DiscardHandler)) // nobody runs it
	for range 5000 {
		j.Write(pipeline.Event{Call: "CA1"})
	}
	if j.Lost() == 0 {
		t.Error("a full queue lost nothing")
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"CA1f": "CA1f", "../../etc/passwd": "______etc_passwd", "": "_", "a b\x00c": "a_b_c", strings.Repeat("x", 300): strings.Repeat("x", 100)} {
		if got := journal.FileName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
