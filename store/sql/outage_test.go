package sql_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"parley/store"
	"parley/store/sql"
	"parley/store/storetest"
	"parley/store/storetest/pgtest"
)

// prompt is far more than an answer takes, and less than the patience of a Store that nobody has told otherwise.
const prompt = 4 * time.Second

// unavailable uses every method and wants each to say, before long, that the database is not available.
func unavailable(t *testing.T, h storetest.House, when string, within time.Duration) {
	t.Helper()
	var uses sync.WaitGroup
	for name, use := range h.Every(h.Org) {
		uses.Go(func() {
			begun := time.Now()
			if err := use(t.Context()); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s, %s: error %v, want ErrUnavailable", name, when, err)
			}
			if took := time.Since(begun); took > within {
				t.Errorf("%s, %s: told after %v", name, when, took)
			}
		})
	}
	uses.Wait()
}

// TestOutage: a server that is not there yet, that hangs, that goes in order and that is killed; and is back each time.
func TestOutage(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]pgtest.Options{"socket": {}, "tcp": {TCP: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, server := t.Context(), pgtest.New(t, o)
			if err := server.Stop(); err != nil {
				t.Fatal(err)
			}
			s, err := sql.Open(ctx, sql.Options{URL: server.URL(), Conns: 30, Wait: 500 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if _, _, err := s.Migrate(ctx); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("migrate: error %v, want ErrUnavailable", err)
			}
			unavailable(t, storetest.House{Store: s, Org: "org"}, "before the first start", prompt)
			if err := server.Start(ctx); err != nil {
				t.Fatal(err)
			}
			unavailable(t, storetest.House{Store: s, Org: "org"}, "before the tables are made", prompt)
			if _, _, err := s.Migrate(ctx); err != nil {
				t.Fatal(err)
			}
			h, err := storetest.Fill(ctx, s)
			if err != nil {
				t.Fatal(err)
			}
			for _, out := range []struct {
				when      string
				go_, back func() error
			}{
				{"hanging", server.Pause, server.Resume},
				{"stopped", server.Stop, func() error { return server.Start(ctx) }},
				{"killed", server.Kill, func() error { return server.Start(ctx) }},
			} {
				if err := out.go_(); err != nil {
					t.Fatal(err)
				}
				unavailable(t, h, out.when, prompt)
				if err := out.back(); err != nil {
					t.Fatal(err)
				}
				for {
					err := s.Ping(ctx)
					if err == nil {
						break
					}
					if !errors.Is(err, store.ErrUnavailable) {
						t.Fatal(err)
					}
				}
				if c, err := s.Call(ctx, h.Org, h.Call.ID); err != nil || c.ID != h.Call.ID {
					t.Errorf("after it was %s: %v", out.when, err)
				}
			}
		})
	}
}

// TestSilence: a network that swallows everything.
func TestSilence(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // connections are made, and nobody ever reads them
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, err := sql.Open(t.Context(), sql.Options{URL: "postgres://parley@" + l.Addr().String() + "/parley?sslmode=disable", Wait: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	unavailable(t, storetest.House{Store: s, Org: "org"}, "in silence", prompt)
}

// TestKilled: a Postgres is killed again and again while nodes record. They try again, as the spool does, and nothing is lost or doubled.
func TestKilled(t *testing.T) {
	t.Parallel()
	ctx, server := t.Context(), pgtest.New(t, pgtest.Options{})
	s := open(t, server.URL())
	if _, _, err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	h, err := storetest.Fill(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	const nodes, kills = 4, 3
	progress, dead := make(chan struct{}), make(chan struct{})
	var work sync.WaitGroup
	var failures, written [nodes]int
	for n := range nodes {
		work.Go(func() {
			for i := 0; ; i++ {
				c := store.Call{ID: store.NewID(), Org: h.Org, Agent: fmt.Sprint("agent ", i%2), Direction: store.Inbound, Status: store.InProgress,
					Node: fmt.Sprint("node ", n), Boot: "boot", Created: time.Now(), Answered: time.Now()}
				said := []store.Message{{Call: c.ID, Text: "hello"}}
				for _, e := range []store.Entry{{Began: &c}, {Turned: &store.Turned{Turn: store.Turn{Call: c.ID, N: 1}, Messages: said}},
					{Ended: &store.Ended{Call: c.ID, Status: store.Completed, Messages: said}}} {
					for err := s.Record(ctx, []store.Entry{e}); err != nil; err = s.Record(ctx, []store.Entry{e}) {
						if !errors.Is(err, store.ErrUnavailable) {
							t.Error(err)
							return
						}
						failures[n]++
					}
				}
				written[n]++
				select {
				case <-dead:
					return
				case progress <- struct{}{}:
				}
			}
		})
	}
	for range kills {
		for range 10 * nodes {
			<-progress
		}
		if err := errors.Join(server.Kill(), server.Start(ctx)); err != nil {
			t.Fatal(err)
		}
	}
	close(dead)
	work.Wait()
	var want, failed int64
	for n := range nodes {
		want, failed = want+int64(written[n]), failed+int64(failures[n])
	}
	if failed == 0 || want < nodes*kills {
		t.Fatalf("%d calls, %d failures: nothing was tested", want, failed)
	}
	var rows, turns, messages int64
	if err := s.Bare().QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM calls WHERE node LIKE 'node %' AND status = 'completed'), (SELECT COUNT(*) FROM turns), (SELECT COUNT(*) FROM messages)").
		Scan(&rows, &turns, &messages); err != nil {
		t.Fatal(err)
	}
	_, total, err := s.Calls(ctx, h.Org, store.CallFilter{}, store.Page{})
	if err != nil || rows != want || turns != want+1 || messages != want+1 || total != want+1 {
		t.Errorf("%d calls, %d turns, %d messages, total %d (%v); want %d of each (and one more that was there before)", rows, turns, messages, total, err, want)
	}
	_, open, err := s.Calls(ctx, h.Org, store.CallFilter{Status: store.InProgress}, store.Page{})
	if err != nil || open != 0 {
		t.Errorf("%d calls counted as in progress (%v), want 0", open, err)
	}
}

// TestSQLiteFaults: another process that writes for long, a disk that is full, and a database that is closed.
func TestSQLiteFaults(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "parley.db")
	s, err := sql.Open(ctx, sql.Options{URL: "sqlite:" + path, Wait: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	h, err := storetest.Fill(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	call := h.Call
	call.ID = store.NewID()
	began := []store.Entry{{Began: &call}}

	other := open(t, "sqlite:"+path)
	tx, err := other.Bare().BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Record(ctx, began); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("locked: error %v, want ErrUnavailable", err)
	}
	if _, err := s.Call(ctx, h.Org, h.Call.ID); err != nil {
		t.Errorf("a reader waits for a writer: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}

	var pages int
	if err := s.Bare().QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Bare().ExecContext(ctx, fmt.Sprint("PRAGMA max_page_count = ", pages)); err != nil {
		t.Fatal(err)
	}
	long := call
	long.Error = strings.Repeat("long", 100_000)
	if err := s.Record(ctx, []store.Entry{{Began: &long}}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("disk full: error %v, want ErrUnavailable", err)
	}
	if _, err := s.Bare().ExecContext(ctx, "PRAGMA max_page_count = 100000"); err != nil {
		t.Fatal(err)
	}
	if err := s.Record(ctx, began); err != nil {
		t.Errorf("once there is room again: %v", err)
	}

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	unavailable(t, h, "closed", prompt)
}

// TestReopened: what was written is there for the next process.
func TestReopened(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "a b?c#d%20.db")
	s := open(t, url)
	if _, _, err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	h, err := storetest.Fill(ctx, s)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := open(t, url).Call(ctx, h.Org, h.Call.ID); err != nil || c.ID != h.Call.ID {
		t.Errorf("call %+v: %v", c, err)
	}
}

// TestClose: nothing is left running.
func TestClose(t *testing.T) { // not parallel: it looks at every goroutine
	before := goleak.IgnoreCurrent()
	t.Chdir(t.TempDir())
	s, err := sql.Open(context.Background(), sql.Options{URL: "sqlite:data/:memory:"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat("data/:memory:-wal"); err != nil {
		t.Errorf("a relative path, and a strange name: %v", err)
	}
	if _, err := storetest.Fill(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := sql.Open(context.Background(), sql.Options{URL: postgres.URL(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before, goleak.IgnoreTopFunction("parley/store/storetest/pgtest.spawn.func1"), goleak.IgnoreAnyFunction("parley/store/storetest/pgtest.spawn.func1"))
}

// TestURL: what cannot be opened is refused at once, and no password is shown.
func TestURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "parley.db", "mysql://x", "sqlite:", "sqlite:/proc/none/parley.db", "sqlite:" + t.TempDir(), "sqlite:outage_test.go",
		"postgres://u:secret@host:port/x", "host=/tmp port=x password=secret"} {
		s, err := sql.Open(t.Context(), sql.Options{URL: url})
		if err == nil {
			_ = s.Close()
			t.Errorf("%q was opened", url)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows a password: %v", url, err)
		}
	}
}
