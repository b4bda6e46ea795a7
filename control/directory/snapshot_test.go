package directory_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control/directory"
	"parley/store"
)

var update = flag.Bool("update", false, "write the goldens anew")

// keep runs a directory until it has saved what db says.
func keep(t *testing.T, db *database, path string) {
	t.Helper()
	d := directory.New(directory.Options{Router: db, Path: path})
	stop := run(t, d)
	if err := d.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
}

// away is a database that refuses.
func away() *database { return &database{down: errGone} }

func TestSnapshotSurvivesARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "data", "directory.json")
		keep(t, acme(), path)
		if s, err := os.Stat(path); err != nil || s.Mode().Perm() != 0o600 {
			t.Fatalf("mode %v, %v; want 0600", s.Mode(), err)
		}
		if names := files(t, filepath.Dir(path)); !slices.Equal(names, []string{"directory.json"}) {
			t.Errorf("files %q", names)
		}

		time.Sleep(time.Hour)
		db, log := away(), &logbook{}
		d := directory.New(directory.Options{Router: db, Path: path, Log: log.logger()})
		if err := d.Load(); err != nil {
			t.Fatal(err)
		}
		if err := d.Wait(t.Context()); err != nil || !d.Ready() {
			t.Errorf("wait: %v, ready %v", err, d.Ready())
		}
		stop := run(t, d)
		time.Sleep(time.Minute)
		if diff := cmp.Diff(directory.State{Ready: true, Down: true, Revision: 7, Age: time.Hour + time.Minute, Organisations: 4, Agents: 5, Numbers: 8}, d.State()); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
		for number, want := range map[string]string{"+442071234567": "abel", "+15550101": "boris", "+15559999": "anna", "+33140000000": directory.ErrNobody.Error()} {
			if got := answers(d, number); got != want {
				t.Errorf("%s answers %s, want %s", got, number, want)
			}
		}
		if got, err := d.Agent("acme", "away"); err != nil || got != acme().dir.Agents[2] {
			t.Errorf("agent %+v, %v", got, err)
		}
		if diff := cmp.Diff([]string{goes}, log.messages()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}

		// The database that comes back is another one, which happens to be at the same revision.
		other := acme().dir
		other.Numbers = other.Numbers[1:]
		db.set(func(d *database) { d.dir, d.down = other, nil })
		time.Sleep(1001 * time.Millisecond)
		if got := answers(d, "+442071234567"); got != "anna" {
			t.Errorf("with the new database %s answers", got)
		}
		stop()
	})
}

// TestSnapshotFollows: each change is in the file within a second, also one that Refresh found.
func TestSnapshotFollows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "directory.json")
		db := acme()
		d := directory.New(directory.Options{Router: db, Path: path, Every: time.Hour})
		stop := run(t, d)
		saved := func() string {
			synctest.Wait()
			d := directory.New(directory.Options{Router: away(), Path: path})
			if err := d.Load(); err != nil {
				t.Fatal(err)
			}
			return answers(d, "+442071234567")
		}
		if got := saved(); got != "abel" {
			t.Errorf("at first %s", got)
		}
		db.write(func(d *store.Directory) { d.Numbers[0].Agent = "anna" })
		if err := d.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := saved(); got != "anna" {
			t.Errorf("after a refresh %s", got)
		}
		db.write(func(d *store.Directory) { d.Numbers[0].Agent = "abel" })
		time.Sleep(time.Hour + time.Second)
		if got := saved(); got != "abel" {
			t.Errorf("after a question %s", got)
		}
		before, _ := os.Stat(path)
		time.Sleep(10 * time.Hour)
		if after, _ := os.Stat(path); !os.SameFile(before, after) {
			t.Error("the file was written although nothing changed")
		}
		stop()
	})
}

func TestDamagedSnapshotIsSetAside(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "directory.json")
	keep(t, acme(), path)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty":            {},
		"zeros":            make([]byte, 4096),
		"half":             good[:len(good)/2],
		"one letter":       bytes.Replace(good, []byte("boris"), []byte("bores"), 1),
		"two files":        append(slices.Clone(good), good...),
		"another version":  bytes.Replace(good, []byte(`"version":7`), []byte(`"version":6`), 1),
		"no directory":     []byte(`{"version":7}`),
		"words of no sort": sealed(`{"Revision":1,"Robots":[]}`),
		"another type":     sealed(`{"Revision":"one"}`),
		"a list":           []byte("[]"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, log := filepath.Join(t.TempDir(), "directory.json"), &logbook{}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			d := directory.New(directory.Options{Router: acme(), Path: path, Log: log.logger()})
			if err := d.Load(); err != nil {
				t.Fatal(err)
			}
			if d.Ready() {
				t.Errorf("it knows %+v", d.State())
			}
			if diff := cmp.Diff([]string{"WARN damaged directory snapshot set aside"}, log.messages()); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			if kept, err := os.ReadFile(path + ".damaged"); err != nil || !bytes.Equal(kept, data) {
				t.Errorf("set aside: %d bytes, %v; want %d", len(kept), err, len(data))
			}
			stop := run(t, d)
			if err := d.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			stop()
			if now, err := os.ReadFile(path); err != nil || len(now) == 0 {
				t.Errorf("no file in its place: %v", err)
			}
		})
	}
}

func TestNoSnapshot(t *testing.T) {
	t.Parallel()
	log := &logbook{}
	for _, path := range []string{"", filepath.Join(t.TempDir(), "none.json")} {
		d := directory.New(directory.Options{Router: acme(), Path: path, Log: log.logger()})
		if err := d.Load(); err != nil || d.Ready() {
			t.Errorf("%q: %v, ready %v", path, err, d.Ready())
		}
	}
	if m := log.messages(); len(m) != 0 {
		t.Errorf("log %q", m)
	}
	d := directory.New(directory.Options{Router: acme(), Path: t.TempDir()}) // not a file
	if err := d.Load(); err == nil {
		t.Error("a data directory that cannot be used is no error")
	}
}

// TestLateLoad: a file does not take the place of what the database has said.
func TestLateLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "directory.json")
	keep(t, acme(), path)
	db := acme()
	db.write(func(d *store.Directory) { d.Numbers = nil })
	d := directory.New(directory.Options{Router: db, Path: path})
	if err := d.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Load(); err != nil || d.State().Revision != 8 {
		t.Errorf("%v, revision %d; want the database's, 8", err, d.State().Revision)
	}
}

// TestBadDisk: calls are answered, and the log is not filled.
func TestBadDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "data")
		if err := os.WriteFile(dir, nil, 0o600); err != nil { // where the directory should be
			t.Fatal(err)
		}
		path, log := filepath.Join(dir, "directory.json"), &logbook{}
		d := directory.New(directory.Options{Router: acme(), Path: path, Log: log.logger()})
		stop := run(t, d)
		time.Sleep(time.Minute)
		if got := answers(d, "+442071234567"); got != "abel" {
			t.Errorf("%s answers", got)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		want := []string{"WARN directory snapshot not saved", "INFO directory snapshot saved again"}
		if diff := cmp.Diff(want, log.messages()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
		stop()
	})
}

// TestSnapshotForm: the golden is a file of this version, with every field of store's words set. If it fails because these words were
// changed, raise version in snapshot.go, and only then run with -update.
func TestSnapshotForm(t *testing.T) {
	t.Parallel()
	dir := acme().dir
	full := store.Directory{Revision: dir.Revision, Organisations: dir.Organisations[:1], Agents: dir.Agents[:1], Numbers: dir.Numbers[:1], Knowing: []string{"anna"},
		Credentials: dir.Credentials[:1], Trunks: dir.Trunks[:1], Extensions: dir.Extensions[:1]}
	for _, row := range []any{full, full.Organisations[0], full.Agents[0], full.Numbers[0], full.Credentials[0],
		full.Credentials[0].Sealed, full.Trunks[0], full.Extensions[0]} {
		v := reflect.ValueOf(row)
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%T.%s is not set: set it in acme", row, v.Type().Field(i).Name)
			}
		}
	}
	const golden = "testdata/directory.json"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) { keep(t, &database{dir: full}, golden) })
	}
	path := filepath.Join(t.TempDir(), "directory.json")
	synctest.Test(t, func(t *testing.T) { keep(t, &database{dir: full}, path) })
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("no golden: run go test ./control/directory -run TestSnapshotForm -update: %v", err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(indented(t, want), indented(t, got)); diff != "" {
		t.Errorf("the form of the file has changed (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(path, want, 0o600); err != nil {
		t.Fatal(err)
	}
	d := directory.New(directory.Options{Router: away(), Path: path})
	if err := d.Load(); err != nil {
		t.Fatal(err)
	}
	if a, err := d.Agent("acme", "anna"); err != nil || a != full.Agents[0] {
		t.Errorf("agent %+v, %v; want %+v", a, err, full.Agents[0])
	}
	if !d.Knows("anna") || d.Knows("abel") {
		t.Errorf("anna knows something: %v; abel: %v", d.Knows("anna"), d.Knows("abel"))
	}
}

// sealed is a file whose checksum fits.
func sealed(dir string) []byte {
	return fmt.Appendf(nil, `{"version":7,"confirmed":"2026-11-20T09:00:00Z","sha256":"%x","directory":%s}`, sha256.Sum256([]byte(dir)), dir)
}

func indented(t *testing.T, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
