package archive_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"parley/control/archive"
	"parley/store"
)

func TestCourier(t *testing.T) {
	t.Parallel()
	dir, root := directory(t)
	r := newRoad(t)
	b := r.bucket(t)
	a := &archive.Archive{Root: root, Bucket: b}
	c := &archive.Courier{Root: root, Bucket: b, Began: time.Now().Add(-time.Minute), Every: time.Hour, Log: silent}
	ok(t, c.Round(t.Context())) // nothing was recorded yet

	file := recording(t, 1)
	const told, former, fresh, growing = "recordings/2026-11-22/told.wav", "recordings/2026-11-20/former.wav", "recordings/2026-11-22/fresh.wav", "recordings/2026-11-22/x.wav.part"
	put(t, dir, told, file, 0)
	put(t, dir, former, file, time.Hour)
	put(t, dir, fresh, file, 0)
	put(t, dir, growing, file, time.Hour)

	r.cut.Store(true)
	c.Tell(told)
	if err := c.Round(t.Context()); !errors.Is(err, archive.ErrAway) {
		t.Fatalf("with the road cut: %v", err)
	}
	for _, name := range []string{told, former, fresh, growing} {
		if !exists(t, dir, name) {
			t.Errorf("%s is lost", name)
		}
	}
	r.cut.Store(false)
	r.spoilt.Store(true) // what comes back is not what was sent: it stays here
	if err := c.Round(t.Context()); !errors.Is(err, archive.ErrAway) || !exists(t, dir, former) {
		t.Fatalf("with the road spoilt: %v", err)
	}
	r.spoilt.Store(false)
	ok(t, c.Round(t.Context()))
	for name, here := range map[string]bool{told: false, former: false, "recordings/2026-11-20": false, fresh: true, growing: true} {
		if exists(t, dir, name) != here {
			t.Errorf("%s is here: %v", name, !here)
		}
	}
	for _, name := range []string{told, former} {
		s, err := a.Open(t.Context(), store.Recording{Path: name})
		ok(t, err)
		got, err := io.ReadAll(s)
		ok(t, errors.Join(err, s.Close()))
		if !bytes.Equal(got, file) {
			t.Errorf("%s is %d bytes", name, len(got))
		}
	}
	requests := r.requests.Load()
	ok(t, c.Round(t.Context()))
	if n := r.requests.Load() - requests; n != 0 {
		t.Errorf("%d requests for nothing", n)
	}
}

// TestCourierGoesOn: a file that the bucket does not take stops no other; many in a row are given up for this time.
func TestCourierGoesOn(t *testing.T) {
	t.Parallel()
	dir, root := directory(t)
	r := newRoad(t)
	r.odd = "odd"
	c := &archive.Courier{Root: root, Bucket: r.bucket(t), Began: time.Now(), Log: silent}
	put(t, dir, "recordings/2026-11-20/odd.wav", recording(t, 1), time.Hour)
	put(t, dir, "recordings/2026-11-21/even.wav", recording(t, 1), time.Hour)
	if err := c.Round(t.Context()); !errors.Is(err, archive.ErrAway) || !strings.Contains(err.Error(), "odd.wav") {
		t.Errorf("%v", err)
	}
	if exists(t, dir, "recordings/2026-11-21/even.wav") || !exists(t, dir, "recordings/2026-11-20/odd.wav") {
		t.Error("not the even one alone went")
	}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		put(t, dir, "recordings/2026-11-22/odd-"+name+".wav", recording(t, 1), time.Hour)
	}
	requests := r.requests.Load()
	if err := c.Round(t.Context()); err == nil || r.requests.Load()-requests > 3 {
		t.Errorf("%d requests, %v", r.requests.Load()-requests, err)
	}
}

// TestCourierRuns: it goes by itself when it is told, tries again when that failed, and the next start takes what the last one left.
func TestCourierRuns(t *testing.T) {
	t.Parallel()
	dir, root := directory(t)
	r := newRoad(t)
	b := r.bucket(t)
	run := func(c *archive.Courier) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		return func() {
			cancel()
			ok(t, <-done)
		}
	}
	gone := func(name string) {
		t.Helper()
		for end := time.Now().Add(time.Minute); exists(t, dir, name); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s stays", name)
			}
		}
	}
	first := &archive.Courier{Root: root, Bucket: b, Began: time.Now().Add(-time.Hour), Log: silent}
	stop := run(first)
	put(t, dir, "recordings/2026-11-22/a.wav", recording(t, 1), 0)
	first.Tell("recordings/2026-11-22/a.wav")
	gone("recordings/2026-11-22/a.wav")

	r.cut.Store(true)
	requests := r.requests.Load()
	put(t, dir, "recordings/2026-11-22/b.wav", recording(t, 1), 0)
	first.Tell("recordings/2026-11-22/b.wav")
	for end := time.Now().Add(time.Minute); r.requests.Load() == requests; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not try")
		}
	}
	stop()
	if !exists(t, dir, "recordings/2026-11-22/b.wav") {
		t.Fatal("what was not uploaded is lost")
	}
	stop = run(&archive.Courier{Root: root, Bucket: b, Began: time.Now().Add(time.Second), Log: silent})
	defer stop()
	r.cut.Store(false)
	gone("recordings/2026-11-22/b.wav")
}
