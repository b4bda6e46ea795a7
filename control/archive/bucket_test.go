package archive_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"strings"
	"testing"

	"parley/control/archive"
	"parley/store"
)

func TestParseBucket(t *testing.T) {
	t.Parallel()
	both := archive.Keys{Access: "a", Secret: "b"}
	for at, says := range map[string]string{
		"s3://calls": "", "s3://calls/a/b/": "", "s3://calls?region=eu-central-1": "", "s3://calls/x?endpoint=http://127.0.0.1:9000": "",
		"calls": "s3://", "https://calls": "s3://", "s3:///x": "s3://", "s3://k:s@calls": "s3://", "s3://calls?endpont=x": "endpont",
		"s3://calls?endpoint=minio": "endpoint", "s3://calls?endpoint=ftp://x": "endpoint", "s3://calls?endpoint=http://x/y": "endpoint",
	} {
		if _, err := archive.ParseBucket(at, both); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", at, err)
		}
	}
	if _, err := archive.ParseBucket("s3://calls", archive.Keys{Access: "a"}); err == nil || !strings.Contains(err.Error(), "AWS_SECRET_ACCESS_KEY") {
		t.Errorf("half a key: %v", err)
	}
}

// TestBucket: a real server takes a recording, gives any part of it, and forgets it.
func TestBucket(t *testing.T) {
	t.Parallel()
	r := newRoad(t)
	b := r.bucket(t)
	const name = "recordings/2026-11-22/a.wav"
	_, err := b.Open(t.Context(), name)
	if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, archive.ErrAway) {
		t.Fatalf("an object that is not there: %v", err)
	}
	file := recording(t, 600) // 19 MB: two parts
	ok(t, b.Put(t.Context(), name, bytes.NewReader(file), int64(len(file))))
	s, err := b.Open(t.Context(), name)
	ok(t, err)
	if s.Size != int64(len(file)) {
		t.Errorf("%d bytes, want %d", s.Size, len(file))
	}
	before := r.ranges.Load()
	at := int64(len(file) - 1000)
	_, err = s.Seek(at, io.SeekStart)
	ok(t, err)
	tail, err := io.ReadAll(s)
	ok(t, err)
	if !bytes.Equal(tail, file[at:]) || r.ranges.Load() == before {
		t.Errorf("the last bytes: %d, by %d ranges", len(tail), r.ranges.Load()-before)
	}
	ok(t, s.Close())
	ok(t, b.Remove(t.Context(), name))
	ok(t, b.Remove(t.Context(), name))
	ok(t, b.Check(t.Context()))
	if _, err := b.Open(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a removed object: %v", err)
	}
}

// TestBucketRefuses: signatures are checked, and what is wrong with the bucket is told.
func TestBucketRefuses(t *testing.T) {
	t.Parallel()
	r := newRoad(t)
	at := "?region=us-east-1&endpoint=" + url.QueryEscape(r.url)
	file := recording(t, 1)
	for name, tc := range map[string]struct {
		at   string
		keys archive.Keys
	}{
		"another secret": {"s3://calls/x" + at, archive.Keys{Access: accessKey, Secret: "another"}},
		"another key":    {"s3://calls/x" + at, archive.Keys{Access: "another", Secret: secretKey}},
		"no bucket":      {"s3://nothing-here/x" + at, archive.Keys{Access: accessKey, Secret: secretKey}},
	} {
		b, err := archive.ParseBucket(tc.at, tc.keys)
		ok(t, err)
		if err := b.Put(t.Context(), "recordings/a.wav", bytes.NewReader(file), int64(len(file))); !errors.Is(err, archive.ErrAway) || strings.Contains(err.Error(), secretKey) {
			t.Errorf("%s: %v", name, err)
		}
		// The answer to a HEAD has no body: this server says 404 there to who is unknown, and so it does to a bucket that is none.
		if _, err := b.Open(t.Context(), "recordings/a.wav"); !errors.Is(err, archive.ErrAway) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s, open: %v", name, err)
		}
		b.Close()
	}
}

// TestArchive: a recording is found wherever it lies, and nothing else is.
func TestArchive(t *testing.T) {
	t.Parallel()
	dir, root := directory(t)
	r := newRoad(t)
	b := r.bucket(t)
	a := &archive.Archive{Root: root, Bucket: b}
	here, there := recording(t, 1), recording(t, 2)
	put(t, dir, "recordings/2026-11-22/here.wav", here, 0)
	ok(t, b.Put(t.Context(), "recordings/2026-11-22/there.wav", bytes.NewReader(there), int64(len(there))))
	for name, want := range map[string][]byte{"here": here, "there": there} {
		s, err := a.Open(t.Context(), store.Recording{Path: "recordings/2026-11-22/" + name + ".wav"})
		ok(t, err)
		got, err := io.ReadAll(s)
		ok(t, errors.Join(err, s.Close()))
		if !bytes.Equal(got, want) || s.Size != int64(len(want)) {
			t.Errorf("%s: %d bytes of %d", name, len(got), len(want))
		}
	}
	if _, err := a.Open(t.Context(), store.Recording{Path: "recordings/none.wav"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	put(t, dir, "parley.db", []byte("the database"), 0)
	for _, path := range []string{"parley.db", "recordings/../parley.db", "/etc/passwd", "recordings/../x.wav", "recordings", ""} {
		if _, err := a.Open(t.Context(), store.Recording{Path: path}); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", path, err)
		}
	}
	r.cut.Store(true)
	if _, err := a.Open(t.Context(), store.Recording{Path: "recordings/2026-11-22/there.wav"}); !errors.Is(err, archive.ErrAway) {
		t.Errorf("with the road cut: %v", err)
	}
	if _, err := a.Opus(t.Context(), store.Recording{Path: "recordings/2026-11-22/here.wav"}); !errors.Is(err, archive.ErrNoOpus) {
		t.Errorf("without encodings: %v", err)
	}
}
