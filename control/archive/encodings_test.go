//go:build cgo

package archive_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"parley/control/archive"
	"parley/store"
)

func TestEncodings(t *testing.T) {
	t.Parallel()
	dir, root := directory(t)
	cache := filepath.Join(dir, "cache")
	put(t, dir, "cache/stale.ogg.part", []byte("half"), 0)
	put(t, dir, "cache/unused.ogg", []byte("old"), 25*time.Hour)
	put(t, dir, "cache/used.ogg", []byte("young"), 23*time.Hour)
	e, err := archive.NewEncodings(cache, 1<<20, silent)
	ok(t, err)
	defer e.Close()
	for name, stays := range map[string]bool{"cache/stale.ogg.part": false, "cache/unused.ogg": false, "cache/used.ogg": true} {
		if exists(t, dir, name) != stays {
			t.Errorf("%s stays: %v", name, !stays)
		}
	}
	a := &archive.Archive{Root: root, Encodings: e}
	file := recording(t, 20)
	put(t, dir, "recordings/a.wav", file, 0)
	rec := store.Recording{Call: "a", Path: "recordings/a.wav"}
	var all sync.WaitGroup
	for range 8 { // at once: it is encoded once
		all.Go(func() {
			s, err := a.Opus(t.Context(), rec)
			if err != nil {
				t.Error(err)
				return
			}
			b, err := io.ReadAll(s)
			if err = errors.Join(err, s.Close()); err != nil || int64(len(b)) != s.Size || string(b[:4]) != "OggS" || len(b) > len(file)/4 {
				t.Errorf("%d bytes of %d, %v", len(b), s.Size, err)
			}
		})
	}
	all.Wait()
	if e.Made() != 1 {
		t.Errorf("encoded %d times", e.Made())
	}
	ok(t, e.Remove("a"))
	ok(t, e.Remove("a"))
	if exists(t, dir, "cache/a.ogg") {
		t.Error("a removed encoding stays")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Opus(gone, rec); !errors.Is(err, context.Canceled) || exists(t, dir, "cache/a.ogg.part") || exists(t, dir, "cache/a.ogg") {
		t.Errorf("for nobody: %v", err)
	}
	put(t, dir, "recordings/odd.wav", []byte("RIFF, but no sound"), 0)
	if _, err := a.Opus(t.Context(), store.Recording{Call: "odd", Path: "recordings/odd.wav"}); err == nil || exists(t, dir, "cache/odd.ogg.part") {
		t.Errorf("no sound: %v", err)
	}
}

// TestEncodingsLimit: the longest unused goes first, and the newest always stays.
func TestEncodingsLimit(t *testing.T) {
	t.Parallel()
	dir, root := directory(t)
	e, err := archive.NewEncodings(filepath.Join(dir, "cache"), 50, silent)
	ok(t, err)
	defer e.Close()
	a := &archive.Archive{Root: root, Encodings: e}
	put(t, dir, "cache/first.ogg", make([]byte, 20), time.Hour)
	put(t, dir, "cache/second.ogg", make([]byte, 20), 2*time.Hour)
	ok(t, e.Clean(time.Now()))
	if !exists(t, dir, "cache/second.ogg") {
		t.Error("one within the limit has gone")
	}
	put(t, dir, "cache/third.ogg", make([]byte, 20), time.Minute)
	ok(t, e.Clean(time.Now()))
	if exists(t, dir, "cache/second.ogg") || !exists(t, dir, "cache/first.ogg") {
		t.Error("not the longest unused has gone")
	}
	put(t, dir, "recordings/big.wav", recording(t, 5), 0)
	s, err := a.Opus(t.Context(), store.Recording{Call: "big", Path: "recordings/big.wav"})
	ok(t, err)
	ok(t, s.Close())
	if !exists(t, dir, "cache/big.ogg") || exists(t, dir, "cache/first.ogg") || exists(t, dir, "cache/third.ogg") {
		t.Error("the newest is not alone")
	}
}
