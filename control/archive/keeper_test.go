package archive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/control/archive"
	"parley/store"
)

// rows are recordings by the time of their calls.
type rows struct {
	mu   sync.Mutex
	all  []store.Recording
	at   map[string]time.Time
	fail error
}

func (r *rows) add(call, path string, at time.Time) {
	if r.at == nil {
		r.at = map[string]time.Time{}
	}
	r.all, r.at[call] = append(r.all, store.Recording{Call: call, Path: path}), at
}

func (r *rows) RecordingsBefore(_ context.Context, at time.Time, limit int) (found []store.Recording, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.all {
		if r.at[rec.Call].Before(at) && len(found) < limit {
			found = append(found, rec)
		}
	}
	return found, nil
}

func (r *rows) DropRecordings(_ context.Context, calls []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return r.fail
	}
	r.all = slices.DeleteFunc(r.all, func(rec store.Recording) bool { return slices.Contains(calls, rec.Call) })
	return nil
}

func TestKeeper(t *testing.T) {
	t.Parallel()
	dir, root := directory(t)
	r := newRoad(t)
	b := r.bucket(t)
	e, err := archive.NewEncodings(dir+"/cache", 1<<20, silent)
	ok(t, err)
	defer e.Close()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	k := &archive.Keeper{Root: root, Bucket: b, Encodings: e, Keep: 30 * 24 * time.Hour, Log: silent}
	table := &rows{}
	k.Rows = table
	file := recording(t, 1)
	old, young := now.AddDate(0, 0, -31), now.AddDate(0, 0, -29)
	const here, there, kept = "recordings/2026-10-22/here.wav", "recordings/2026-10-22/there.wav", "recordings/2026-10-24/kept.wav"
	put(t, dir, here, file, 0)
	put(t, dir, kept, file, 0)
	put(t, dir, "cache/here.ogg", file, 0)
	put(t, dir, "parley.db", file, 0)
	put(t, dir, "recordings/2026-09-01/orphan.wav", file, 0) // its row went while this node was away
	put(t, dir, "recordings/2026-09-01/orphan.wav.part", file, 0)
	put(t, dir, "recordings/2026-09-02/notes.txt", file, 0) // not ours
	ok(t, b.Put(t.Context(), there, bytes.NewReader(file), int64(len(file))))
	table.add("here", here, old)
	table.add("there", there, old)
	table.add("strange", "parley.db", old)
	for i := range 150 { // more than a batch, whose files have gone
		table.add(fmt.Sprint("gone", i), "recordings/2026-10-01/gone.wav", old)
	}
	table.add("kept", kept, young)

	r.cut.Store(true)
	if _, err := k.Sweep(t.Context(), now); !errors.Is(err, archive.ErrAway) || len(table.all) != 154 {
		t.Fatalf("with the bucket away: %v, %d rows", err, len(table.all))
	}
	r.cut.Store(false)
	table.fail = store.ErrUnavailable
	if _, err := k.Sweep(t.Context(), now); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("with the database away: %v", err)
	}
	table.fail = nil
	n, err := k.Sweep(t.Context(), now)
	ok(t, err)
	if n != 153 || len(table.all) != 1 {
		t.Errorf("%d removed, %d rows are left", n, len(table.all))
	}
	for name, stays := range map[string]bool{
		here: false, "cache/here.ogg": false, kept: true, "parley.db": true, "recordings/2026-09-01": false, "recordings/2026-09-02/notes.txt": true,
	} {
		if exists(t, dir, name) != stays {
			t.Errorf("%s stays: %v", name, !stays)
		}
	}
	if _, err := b.Open(t.Context(), there); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the object stays: %v", err)
	}
	if n, err := k.Sweep(t.Context(), now); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
}

// TestKeeperRuns: it looks at its start and every hour; what is kept for ever is never looked at.
func TestKeeperRuns(t *testing.T) {
	t.Parallel()
	_, root := directory(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		table := &rows{}
		table.add("a", "", time.Now().Add(-25*time.Hour))
		table.add("b", "", time.Now().Add(-23*time.Hour-30*time.Minute))
		k := &archive.Keeper{Root: root, Rows: table, Keep: 24 * time.Hour, Log: silent}
		done := make(chan error, 1)
		go func() { done <- k.Run(ctx) }()
		for i, want := range []int{1, 0} {
			synctest.Wait()
			table.mu.Lock()
			if got := len(table.all); got != want {
				t.Errorf("look %d: %d rows", i, got)
			}
			table.mu.Unlock()
			time.Sleep(time.Hour + time.Minute)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	ok(t, (&archive.Keeper{Rows: nil}).Run(t.Context()))
}
