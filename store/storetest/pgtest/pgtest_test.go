package pgtest_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"parley/store/storetest/pgtest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func TestServer(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]pgtest.Options{"socket": {}, "tcp": {TCP: true, Durable: true, Settings: []string{"shared_buffers=16MB"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s := pgtest.New(t, o)
			if _, err := connect(t, s.URL()).Exec(ctx, "CREATE TABLE kept (n int)"); err != nil {
				t.Fatal(err)
			}
			for i, end := range []func() error{s.Kill, s.Stop, s.Kill} {
				if _, err := connect(t, s.URL()).Exec(ctx, "INSERT INTO kept VALUES ($1)", i); err != nil {
					t.Fatal(err)
				}
				if err := end(); err != nil {
					t.Fatal(err)
				}
				if c, err := pgx.Connect(ctx, s.URL()); err == nil {
					_ = c.Close(ctx)
					t.Fatal("a server that has ended takes connections")
				}
				if err := s.Start(ctx); err != nil {
					t.Fatal(err)
				}
			}
			url, err := s.Database(ctx, "a copy", "postgres")
			if err != nil {
				t.Fatal(err)
			}
			var n, fsync = 0, ""
			if err := connect(t, url).QueryRow(ctx, "SELECT count(*), current_setting('fsync') FROM kept").Scan(&n, &fsync); err != nil {
				t.Fatal(err)
			}
			if want := map[bool]string{true: "on", false: "off"}[o.Durable]; n != 3 || fsync != want {
				t.Errorf("%d rows, fsync %s; want 3, %s", n, fsync, want)
			}
		})
	}
}

func TestKeep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // which other users could not enter
		t.Fatal(err)
	}
	o := pgtest.Options{Dir: filepath.Join(dir, "server"), Keep: true}
	for _, statement := range []string{"CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (1)"} {
		s := pgtest.New(t, o)
		if _, err := connect(t, s.URL()).Exec(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
