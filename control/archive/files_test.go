package archive_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/control/archive"
	"parley/store"
)

const (
	pngHead = "\x89PNG\r\n\x1a\n"
	oneOrg  = "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"
)

// TestFiles: a file is kept as it came, in the data directory or in a bucket, and nothing else is opened or left there.
func TestFiles(t *testing.T) {
	t.Parallel()
	for name, inBucket := range map[string]bool{"here": false, "bucket": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, root := directory(t)
			f := &archive.Files{Root: root}
			if inBucket {
				f.Bucket = newRoad(t).bucket(t)
			}
			made, err := f.Keep(t.Context(), store.File{Org: oneOrg, Kind: "image", Type: "image/png", Name: `C:\pics\a` + "\n" + `b.png`}, strings.NewReader(pngHead+"rest"))
			ok(t, err)
			if made.Name != "ab.png" || made.Bytes != int64(len(pngHead)+4) || len(made.SHA256) != 64 || made.ID == "" || exists(t, dir, made.Path) == inBucket {
				t.Errorf("kept %+v", made)
			}
			s, err := f.Open(t.Context(), made)
			ok(t, err)
			got, err := io.ReadAll(s)
			ok(t, errors.Join(err, s.Close()))
			if string(got) != pngHead+"rest" || s.Size != made.Bytes {
				t.Errorf("it is %q", got)
			}
			ok(t, f.Remove(t.Context(), made))
			ok(t, f.Remove(t.Context(), made))
			if _, err := f.Open(t.Context(), made); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a removed file: %v", err)
			}
			put(t, dir, "parley.db", []byte("the database"), 0)
			for _, path := range []string{"parley.db", "files/../parley.db", "recordings/x.wav", "files/x.part", ""} {
				ok(t, f.Remove(t.Context(), store.File{Path: path}))
				if _, err := f.Open(t.Context(), store.File{Path: path}); err == nil || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%q: %v", path, err)
				}
			}
			if !exists(t, dir, "parley.db") {
				t.Error("the database was removed as a file")
			}
		})
	}
}

// TestFilesRefused: what is no file of its kind is refused, and leaves nothing.
func TestFilesRefused(t *testing.T) {
	t.Parallel()
	dir, root := directory(t)
	f := &archive.Files{Root: root}
	broken := errors.New("broken off")
	for name, c := range map[string]struct {
		kind, mediaType string
		from            io.Reader
		says            string
	}{
		"a kind":     {"map", "image/png", strings.NewReader(pngHead), "no kind of file"},
		"a type":     {"image", "image/gif", strings.NewReader("GIF89a"), "image/gif"},
		"a lie":      {"image", "image/png", strings.NewReader("<html>"), "looks like text/html"},
		"empty":      {"document", "application/x-any", strings.NewReader(""), "empty"},
		"large":      {"sticker", "image/webp", io.MultiReader(strings.NewReader("RIFF\x00\x00\x00\x00WEBP"), io.LimitReader(zeros{}, 500<<10)), "500 KiB"},
		"broken off": {"document", "application/x-any", io.MultiReader(strings.NewReader(strings.Repeat("x", 1000)), failing{broken}), "broken off"},
	} {
		_, err := f.Keep(t.Context(), store.File{Org: oneOrg, Kind: c.kind, Type: c.mediaType}, c.from)
		_, wrong := errors.AsType[*archive.WrongFileError](err)
		if err == nil || !strings.Contains(err.Error(), c.says) || wrong == errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ok(t, fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			t.Errorf("%s is left", path)
		}
		return err
	}))
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestBegins: each type that channels take is known by how it begins, and by nothing of the others.
func TestBegins(t *testing.T) {
	t.Parallel()
	heads := map[string]string{
		"image/jpeg": "\xff\xd8\xff\xe0", "image/png": pngHead, "image/webp": "RIFF\x00\x00\x00\x00WEBPVP8 ", "audio/ogg": "OggS", "video/mp4": "\x00\x00\x00\x18ftypmp42",
		"audio/amr": "#!AMR\n", "audio/aac": "\xff\xf1\x50\x80", "application/pdf": "%PDF-1.7\n", "application/msword": "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document": "PK\x03\x04", "audio/mpeg": "ID3\x04",
	}
	_, root := directory(t)
	f := &archive.Files{Root: root}
	for is, head := range heads {
		for said := range heads {
			if is == "audio/aac" && said == "audio/mpeg" { // both are frames of MPEG
				continue
			}
			_, err := f.Keep(t.Context(), store.File{Org: oneOrg, Kind: archive.KindOf(said), Type: said}, strings.NewReader(head+"and so on"))
			if (err == nil) != (is == said) {
				t.Errorf("%s said to be %s: %v", is, said, err)
			}
		}
	}
	for mediaType, want := range map[string]bool{"image/png": true, "audio/ogg; codecs=opus": true, "text/html": false, "image/svg+xml": false, "application/pdf": false, "text/plain": false, "nonsense": false} {
		if told, inline := archive.Shown(mediaType); inline != want || strings.Contains(told, "html") || strings.Contains(told, "svg") {
			t.Errorf("%s is shown as %s, inline %v", mediaType, told, inline)
		}
	}
}

// TestKeepAtOnce: files that are kept at once do not take the day's folder from each other, when each leaves it for the bucket.
func TestKeepAtOnce(t *testing.T) {
	t.Parallel()
	_, root := directory(t)
	f := &archive.Files{Root: root, Bucket: newRoad(t).bucket(t)}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for range 100 {
				if _, err := f.Keep(t.Context(), store.File{Org: oneOrg, Kind: "document", Type: "text/plain"}, strings.NewReader("text")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// fileRows are rows of files in memory, oldest first.
type fileRows struct {
	store.Files

	rows []store.File
}

func (f *fileRows) FilesBefore(_ context.Context, at time.Time, limit int) (old []store.File, err error) {
	for _, one := range f.rows {
		if one.Created.Before(at) && len(old) < limit {
			old = append(old, one)
		}
	}
	return old, nil
}

func (f *fileRows) DropFiles(_ context.Context, ids []string) error {
	f.rows = slices.DeleteFunc(f.rows, func(one store.File) bool { return slices.Contains(ids, one.ID) })
	return nil
}

// TestSweepFiles: files go when recordings of their age do, all of them.
func TestSweepFiles(t *testing.T) {
	t.Parallel()
	dir, root := directory(t)
	f, rows := &archive.Files{Root: root}, &fileRows{}
	const old = 150 // more than one batch
	for i := range old + 1 {
		made, err := f.Keep(t.Context(), store.File{Org: oneOrg, Kind: "document", Type: "text/plain"}, strings.NewReader("text"))
		ok(t, err)
		if i < old {
			made.Created = made.Created.AddDate(0, 0, -8)
		}
		rows.rows = append(rows.rows, made)
	}
	first, last := rows.rows[0], rows.rows[old]
	orphan, notes := "files/2026-01-02/"+store.NewID(), "files/2026-01-03/notes.txt" // whose row another node has removed; not ours
	put(t, dir, orphan, []byte("text"), 0)
	put(t, dir, orphan+".part", []byte("te"), 0) // this node stopped while it came
	put(t, dir, notes, []byte("text"), 0)
	k := &archive.Keeper{Root: root, Files: f, FileRows: rows, Keep: 7 * 24 * time.Hour, Log: silent}
	ok(t, k.SweepFiles(t.Context(), time.Now()))
	for name, stays := range map[string]bool{orphan: false, orphan + ".part": false, "files/2026-01-02": false, notes: true} {
		if exists(t, dir, name) != stays {
			t.Errorf("%s stays: %v", name, !stays)
		}
	}
	if len(rows.rows) != 1 || exists(t, dir, first.Path) || !exists(t, dir, last.Path) {
		t.Errorf("%d rows are left", len(rows.rows))
	}
}
