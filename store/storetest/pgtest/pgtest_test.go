package pgtest_test

import (
	"context"
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
