package record_test

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/media/record"
	"parley/media/wav"
)

// A real file system that is really full.
func TestFullFileSystem(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Logf("mounting is not permitted (%v): TestFullDisk alone, with a writer that fails, covers this", err)
		return
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	var log bytes.Buffer
	path := filepath.Join(dir, "call.wav")
	r, err := record.Create(path, 8000, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, 5*8000)
	fill(pcm, 9)
	r.Agent(0, pcm)
	if err := r.Close(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Close: %v, want ENOSPC", err)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines of log, want one:\n%s", n, &log)
	}
	s, err := wav.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if s.Duration() < time.Second || s.Duration() > 2*time.Second {
		t.Errorf("%v saved in 64 KiB, want 1 to 2 s", s.Duration())
	}
	checkWithSox(t, path, s)
}
