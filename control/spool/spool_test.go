package spool

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var at = time.Date(2026, 11, 21, 8, 30, 0, 123456000, time.UTC)

func options(dir string) Options { return Options{Dir: dir, Log: slog.New(slog.DiscardHandler)} }

func mustOpen(t testing.TB, o Options) *Spool {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t testing.TB, s *Spool) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// numbered makes the records first to last.
func numbered(first, last uint64) []Record {
	var r []Record
	for n := first; n <= last; n++ {
		r = append(r, Record{Seq: n, At: at, Data: fmt.Appendf(nil, "record %d", n)})
	}
	return r
}

func mustAppend(t testing.TB, s *Spool, first, last uint64) {
	t.Helper()
	if err := s.Append(numbered(first, last)); err != nil {
		t.Fatal(err)
	}
}

// rest is all that the spool still gives out.
func rest(t testing.TB, s *Spool) []Record {
	t.Helper()
	var all []Record
	for {
		got, err := s.Next(7, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}

// crash lets go of the directory as a process does that is killed.
func crash(s *Spool) {
	if s.out != nil {
		_ = s.out.Close()
	}
	_ = s.lock.Close()
}

func files(t testing.TB, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestSpoolGivesOutWhatWasAppended(t *testing.T) {
	t.Parallel()
	o := options(filepath.Join(t.TempDir(), "a", "spool"))
	s := mustOpen(t, o)
	mustAppend(t, s, 1, 20)
	mustAppend(t, s, 21, 21)
	if diff := cmp.Diff(numbered(1, 21), rest(t, s)); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	if err := s.Done(21); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, s, 22, 25)
	mustClose(t, s)

	s = mustOpen(t, o)
	if s.Last() != 25 {
		t.Errorf("last %d, want 25", s.Last())
	}
	if diff := cmp.Diff(numbered(22, 25), rest(t, s)); diff != "" {
		t.Errorf("after a restart: want, got:\n%s", diff)
	}
	if err := s.Done(25); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	if left := files(t, o.Dir, "*.spool"); len(left) != 0 {
		t.Errorf("all is applied, and %v are left", left)
	}
	s = mustOpen(t, o)
	defer mustClose(t, s)
	if s.Last() != 25 {
		t.Errorf("of an empty spool: last %d, want 25", s.Last())
	}
	if err := s.Append(numbered(25, 25)); err == nil {
		t.Error("a number was taken twice")
	}
}

func TestSpoolIsOneProcessesOwn(t *testing.T) {
	t.Parallel()
	o := options(filepath.Join(t.TempDir(), "spool"))
	s := mustOpen(t, o)
	mustAppend(t, s, 1, 1)
	_, err := Open(o)
	if err == nil || !strings.Contains(err.Error(), o.Dir+" is in use by another process") {
		t.Errorf("opened twice: %v", err)
	}
	for path, want := range map[string]os.FileMode{"": 0o700, "lock": 0o600, segmentName(1): 0o600} {
		if info, err := os.Stat(filepath.Join(o.Dir, path)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	mustClose(t, s)
	mustClose(t, mustOpen(t, o))
}

func TestSegmentsRotateAndAreDeleted(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.SegmentSize = 100
	s := mustOpen(t, o)
	defer mustClose(t, s)
	for n := uint64(1); n <= 30; n++ {
		mustAppend(t, s, n, n)
	}
	if n := len(files(t, o.Dir, "*.spool")); n < 8 {
		t.Errorf("%d segments, want 8 or more", n)
	}
	got, err := s.Next(2, 1<<20)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d records, %v; want 2", len(got), err)
	}
	if got, err = s.Next(100, 1); err != nil || len(got) != 1 || got[0].Seq != 3 {
		t.Fatalf("%v, %v; want record 3 alone, for its size", got, err)
	}
	if diff := cmp.Diff(numbered(4, 30), rest(t, s)); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	if err := s.Done(30); err != nil {
		t.Fatal(err)
	}
	if left := files(t, o.Dir, "*.spool"); len(left) != 1 {
		t.Errorf("all is applied, and %v are left", left)
	}
}

func TestTornTailIsCut(t *testing.T) {
	t.Parallel()
	for _, tail := range []string{"0", "0badcafe 6 17", strings.Repeat("\x00", 4096), string(bytes.TrimSuffix(appendLine(nil, numbered(6, 6)[0]), []byte("\n")))} {
		o := options(t.TempDir())
		s := mustOpen(t, o)
		mustAppend(t, s, 1, 5)
		crash(s)
		f, err := os.OpenFile(files(t, o.Dir, "*.spool")[0], os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(tail); err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		s = mustOpen(t, o)
		if s.Last() != 5 {
			t.Errorf("tail %.20q: last %d, want 5", tail, s.Last())
		}
		mustAppend(t, s, 6, 7)
		if diff := cmp.Diff(numbered(1, 7), rest(t, s)); diff != "" {
			t.Errorf("tail %.20q: want, got:\n%s", tail, diff)
		}
		if s.Damaged() != 0 {
			t.Errorf("tail %.20q was called damaged", tail)
		}
		mustClose(t, s)
	}
}

func TestDamageIsSetAside(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	s := mustOpen(t, o)
	mustAppend(t, s, 1, 9)
	crash(s)
	path := files(t, o.Dir, "*.spool")[0]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(data, []byte("\n"))
	lines[3][15] ^= 0x10                       // of record 4 a bit is wrong
	lines[4][3] = '\n'                         // in record 5 a newline stands where none should
	lines[7] = []byte("not a record at all\n") // instead of record 8
	want := bytes.Join([][]byte{lines[3], lines[4]}, nil)
	if err := os.WriteFile(path, bytes.Join(lines, nil), 0o600); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, o)
	defer mustClose(t, s)
	wanted := append(append(numbered(1, 3), numbered(6, 7)...), numbered(9, 9)...)
	if diff := cmp.Diff(wanted, rest(t, s)); diff != "" {
		t.Errorf("want, got:\n%s", diff)
	}
	if s.Damaged() != 2 {
		t.Errorf("%d stretches damaged, want 2", s.Damaged())
	}
	aside := files(t, o.Dir, "damaged-*")
	if len(aside) != 2 {
		t.Fatalf("set aside: %v, want 2 files", aside)
	}
	if got, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(got, want) {
		t.Errorf("set aside %q, %v; want %q", got, err, want)
	}
}

func TestLostOrStrangePositionOnlyRepeats(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"lost":    os.Remove,
		"garbage": func(path string) error { return os.WriteFile(path, []byte("99999999999 1 2 3"), 0o600) },
		"empty":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"beyond":  func(path string) error { return writePosition(filepath.Dir(path), place{1, 1 << 40, 3}) },
	} {
		o := options(t.TempDir())
		s := mustOpen(t, o)
		mustAppend(t, s, 1, 9)
		if got, err := s.Next(3, 1<<20); err != nil || len(got) != 3 {
			t.Fatal(got, err)
		}
		if err := s.Done(3); err != nil {
			t.Fatal(err)
		}
		crash(s)
		if err := spoil(filepath.Join(o.Dir, positionName)); err != nil {
			t.Fatal(err)
		}
		s = mustOpen(t, o)
		want := numbered(1, 9)
		if name == "beyond" {
			want = numbered(4, 9)
		}
		if diff := cmp.Diff(want, rest(t, s)); diff != "" {
			t.Errorf("%s: want, got:\n%s", name, diff)
		}
		mustClose(t, s)
	}
}

// A brokenWriter fails at its next write or flush, having written half.
type brokenWriter struct {
	writer
	room      *int // bytes that still fit
	flush     *error
	cannotCut bool
}

func (w brokenWriter) Write(b []byte) (int, error) {
	n, err := w.writer.Write(b[:min(len(b), *w.room)])
	if *w.room -= n; err == nil && n < len(b) {
		err = syscall.ENOSPC
	}
	return n, err
}

func (w brokenWriter) Sync() error { return errors.Join(*w.flush, w.writer.Sync()) }

func (w brokenWriter) Truncate(size int64) error {
	if w.cannotCut {
		return syscall.EIO
	}
	return w.writer.Truncate(size)
}

func TestFailedAppendIsRepeated(t *testing.T) {
	t.Parallel()
	for _, cannotCut := range []bool{false, true} {
		for _, before := range []uint64{0, 5} {
			for _, full := range []bool{true, false} {
				o := options(t.TempDir())
				s := mustOpen(t, o)
				room, flush := 1<<20, error(nil)
				create := s.create
				s.create = func(path string) (writer, error) {
					w, err := create(path)
					return brokenWriter{w, &room, &flush, cannotCut}, err
				}
				if before > 0 {
					mustAppend(t, s, 1, before)
				}
				want := syscall.ENOSPC
				if room = 70; !full {
					room, flush, want = 1<<20, syscall.EIO, syscall.EIO
				}
				for range 2 {
					if err := s.Append(numbered(before+1, before+9)); !errors.Is(err, want) {
						t.Fatalf("append on a broken disk: %v", err)
					}
				}
				if s.Last() != before {
					t.Errorf("last %d, want %d", s.Last(), before)
				}
				room, flush = 1<<20, nil
				mustAppend(t, s, before+1, before+9)
				if diff := cmp.Diff(numbered(1, before+9), rest(t, s)); diff != "" {
					t.Errorf("want, got:\n%s", diff)
				}
				crash(s)
				s = mustOpen(t, o)
				if diff := cmp.Diff(numbered(1, before+9), rest(t, s)); diff != "" {
					t.Errorf("after a restart: want, got:\n%s", diff)
				}
				mustClose(t, s)
			}
		}
	}
}

type deafReader struct{ reader }

func (deafReader) ReadAt([]byte, int64) (int, error) { return 0, syscall.EIO }

func TestUnreadableSegmentIsSetAside(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.SegmentSize = 1
	s := mustOpen(t, o)
	defer mustClose(t, s)
	mustAppend(t, s, 1, 2)
	mustAppend(t, s, 3, 4)
	mustAppend(t, s, 5, 6)
	open := s.open
	s.open = func(path string) (reader, error) {
		r, err := open(path)
		if filepath.Base(path) == segmentName(2) {
			return deafReader{r}, err
		}
		return r, err
	}
	var got []uint64
	failures := 0
	for {
		records, err := s.Next(10, 1<<20)
		if err != nil {
			failures++
			continue
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			got = append(got, r.Seq)
		}
	}
	if diff := cmp.Diff([]uint64{1, 2, 5, 6}, got); diff != "" || failures != maxFailed-1 || s.Damaged() != 1 {
		t.Errorf("%d failures, %d damaged, want, got:\n%s", failures, s.Damaged(), diff)
	}
	if len(files(t, o.Dir, "damaged-"+segmentName(2))) != 1 {
		t.Error("the unreadable segment was not set aside")
	}
}

func TestAppendRefusesWhatItCannotKeep(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, options(t.TempDir()))
	defer mustClose(t, s)
	for name, r := range map[string]Record{
		"newline": {Seq: 1, Data: []byte("a\nb")}, "no seq": {Data: []byte("a")}, "too long": {Seq: 1, Data: make([]byte, MaxData+1)},
	} {
		if err := s.Append([]Record{r}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzPieces(f *testing.F) {
	line := appendLine(nil, numbered(1, 1)[0])
	f.Add(line)
	f.Add(line[3:])
	f.Add([]byte("\n\n00000000 1 1 \n" + strings.Repeat("\x00", 50)))
	f.Fuzz(func(t *testing.T, garbage []byte) {
		want := numbered(7, 7)[0]
		data := appendLine(append(bytes.Clone(garbage), '\n'), want)
		var all []byte
		var last piece
		for p, err := range pieces(bufio.NewReader(bytes.NewReader(data))) {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, p.text...)
			if again, ok := parseLine(bytes.TrimSuffix(appendLine(nil, p.record), []byte("\n"))); p.ok && (!ok || !cmp.Equal(again, p.record)) {
				t.Errorf("record %+v reads back as %+v", p.record, again)
			}
			last = p
		}
		if !bytes.Equal(all, data) {
			t.Errorf("%d bytes in, %d out", len(data), len(all))
		}
		if !last.ok || !cmp.Equal(last.record, want) {
			t.Errorf("behind garbage: %+v, want %+v", last.record, want)
		}
	})
}
