package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/store"
)

// must authenticates, and fails the test if that fails.
func must(t *testing.T, a *Authenticator, secret string) Identity {
	t.Helper()
	i, err := a.Authenticate(t.Context(), secret)
	if err != nil {
		t.Fatalf("authenticate: %v", err)
	}
	return i
}

// refused wants the one error that clients see.
func refused(t *testing.T, a *Authenticator, secret string) {
	t.Helper()
	i, err := a.Authenticate(t.Context(), secret)
	if err != ErrUnauthenticated || i.Org != "" {
		t.Fatalf("got %v, %v; want ErrUnauthenticated as it is", i, err)
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) time.Time { return time.Now().Add(d) }
	for _, tt := range []struct {
		name   string
		change func(*store.Key)
		bring  func(secret string) string
		reason string // in the log; empty: welcome
	}{
		{"good", nil, nil, ""},
		{"not yet expired", func(k *store.Key) { k.Expires = at(time.Hour) }, nil, ""},
		{"expired", func(k *store.Key) { k.Expires = at(-time.Second) }, nil, expired},
		{"revoked", func(k *store.Key) { k.Revoked = at(-time.Second) }, nil, revoked},
		{"revoked, then expired", func(k *store.Key) { k.Revoked, k.Expires = at(-time.Hour), at(-time.Second) }, nil, revoked},
		{"unknown", nil, func(s string) string { return s[:len(s)-1] + "!" }, unknown},
		{"other case", nil, strings.ToUpper, unknown},
		{"its hash", nil, Hash, unknown},
		{"missing", nil, func(string) string { return "" }, malformed},
		{"its prefix", nil, func(s string) string { return s[:11] }, malformed},
		{"with a space", nil, func(s string) string { return s + " " }, malformed},
		{"too long", nil, func(s string) string { return strings.Repeat(s, 12) }, malformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := &memory{}
			secret, row := db.add("org", func(k *store.Key) {
				k.User, k.Role, k.Scopes = "user", store.Admin, []string{AgentsRead, CallsWrite}
				if tt.change != nil {
					tt.change(k)
				}
			})
			if tt.bring != nil {
				secret = tt.bring(secret)
			}
			var log bytes.Buffer
			a := &Authenticator{Keys: db, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
			for range 2 { // from the database, then from the cache
				if tt.reason != "" {
					refused(t, a, secret)
					continue
				}
				want := Identity{Org: "org", Key: row.ID, User: "user", Role: store.Admin, Scopes: []string{AgentsRead, CallsWrite}}
				if diff := cmp.Diff(want, must(t, a, secret)); diff != "" {
					t.Errorf("difference (-want +got):\n%s", diff)
				}
			}
			if got := strings.Count(log.String(), "reason="+tt.reason); tt.reason != "" && got != 2 {
				t.Errorf("the log says %q %d times, want 2:\n%s", tt.reason, got, log.String())
			}
			if tt.reason == malformed && db.asked() != 0 {
				t.Errorf("%d queries for a secret that no key can have", db.asked())
			}
			if tt.reason == "" && log.Len() > 0 {
				t.Errorf("the log says: %s", log.String())
			}
		})
	}
}

func TestRevokedElsewhereStopsWithin10s(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &memory{lookup: func(string) { time.Sleep(3 * time.Second) }} // a slow answer is not believed for longer
		secret, row := db.add("org", nil)
		a := &Authenticator{Keys: db}
		must(t, a, secret)
		if err := db.RevokeKey(t.Context(), "org", row.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7*time.Second - time.Nanosecond)
		must(t, a, secret)
		if db.asked() != 1 {
			t.Errorf("%d queries within 10 s, want 1", db.asked())
		}
		time.Sleep(time.Nanosecond)
		refused(t, a, secret)
	})
}

func TestForgottenKeyStopsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &memory{}
		secret, row := db.add("org", nil)
		a := &Authenticator{Keys: db}
		must(t, a, secret)
		if err := db.RevokeKey(t.Context(), "org", row.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		a.Forget(row.Hash)
		refused(t, a, secret)
	})
}

// A query that had read the row before it was revoked, and comes back after Forget, does not bring the key back.
func TestForgetOutrunsQueryUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &memory{lookup: func(string) { time.Sleep(time.Second) }}
		secret, row := db.add("org", nil)
		a := &Authenticator{Keys: db}
		var early sync.WaitGroup
		early.Go(func() { must(t, a, secret) }) // it asked before the revocation
		synctest.Wait()
		if err := db.RevokeKey(t.Context(), "org", row.ID, time.Now()); err != nil {
			t.Fatal(err)
		}
		a.Forget(row.Hash)
		refused(t, a, secret)
		early.Wait()
		refused(t, a, secret)
		if db.asked() != 2 {
			t.Errorf("%d queries, want 2", db.asked())
		}
	})
}

func TestKeyExpiresInCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &memory{}
		secret, _ := db.add("org", func(k *store.Key) { k.Expires = time.Now().Add(5 * time.Second) })
		a := &Authenticator{Keys: db}
		must(t, a, secret)
		time.Sleep(5*time.Second - time.Nanosecond)
		must(t, a, secret)
		time.Sleep(time.Nanosecond)
		refused(t, a, secret)
		if db.asked() != 1 {
			t.Errorf("%d queries, want 1", db.asked())
		}
	})
}

func TestUnknownIsRememberedFor2s(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &memory{}
		a := &Authenticator{Keys: db}
		k, err := NewKey(CRMPrefix)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			refused(t, a, string(k.Secret))
		}
		if db.asked() != 1 {
			t.Errorf("%d queries, want 1", db.asked())
		}
		if _, err := db.CreateKey(t.Context(), store.Key{ID: "new", Org: "org", Hash: k.Hash}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Second - time.Nanosecond)
		refused(t, a, string(k.Secret))
		time.Sleep(time.Nanosecond)
		if got := must(t, a, string(k.Secret)); got.Key != "new" {
			t.Errorf("got %v, want the key made meanwhile", got)
		}
	})
}

func TestManyShareOneQuery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &memory{lookup: func(string) { time.Sleep(time.Second) }}
		secret, row := db.add("org", nil)
		a := &Authenticator{Keys: db}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if i := must(t, a, secret); i.Key != row.ID {
					t.Errorf("got %v", i)
				}
			})
		}
		all.Wait()
		if db.asked() != 1 {
			t.Errorf("%d queries, want 1", db.asked())
		}
	})
}

// Whoever made the query may hang up: the others ask again, and do not hear of it.
func TestAbandonedQueryIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &memory{lookup: func(string) { time.Sleep(time.Second) }}
		secret, _ := db.add("org", nil)
		a := &Authenticator{Keys: db}
		first, hangUp := context.WithCancel(t.Context())
		impatient, giveUp := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer giveUp()
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := a.Authenticate(first, secret); !errors.Is(err, context.Canceled) {
				t.Errorf("who hung up hears %v", err)
			}
		})
		synctest.Wait()
		for range 10 {
			all.Go(func() { must(t, a, secret) })
		}
		began := time.Now()
		all.Go(func() {
			if _, err := a.Authenticate(impatient, secret); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 100*time.Millisecond {
				t.Errorf("who waits for another's query hears %v after %v, want its own deadline", err, time.Since(began))
			}
		})
		synctest.Wait()
		hangUp()
		all.Wait()
		if db.asked() != 2 {
			t.Errorf("%d queries, want 2", db.asked())
		}
	})
}

func TestPanicOfStoreEndsOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var once sync.Once
		db := &memory{lookup: func(string) {
			time.Sleep(time.Second)
			once.Do(func() { panic("driver") })
		}}
		secret, _ := db.add("org", nil)
		a := &Authenticator{Keys: db}
		var all sync.WaitGroup
		all.Go(func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_, _ = a.Authenticate(t.Context(), secret)
		})
		synctest.Wait()
		all.Go(func() { must(t, a, secret) })
		all.Wait()
		if len(a.slots) != 0 {
			t.Errorf("%d slots are taken for good", len(a.slots))
		}
	})
}

func TestDatabaseUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &memory{down: fmt.Errorf("dial: %w", store.ErrUnavailable)}
		secret, _ := db.add("org", nil)
		a := &Authenticator{Keys: db}
		if _, err := a.Authenticate(t.Context(), secret); !errors.Is(err, store.ErrUnavailable) || errors.Is(err, ErrUnauthenticated) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
		db.set(func() { db.down = nil })
		must(t, a, secret) // an outage is not remembered

		silent := &memory{enter: func() { time.Sleep(time.Minute) }}
		asked := &patientMemory{silent}
		b, began := &Authenticator{Keys: asked}, time.Now()
		if _, err := b.Authenticate(t.Context(), secret); !errors.Is(err, store.ErrUnavailable) || time.Since(began) != 5*time.Second {
			t.Errorf("a silent database: got %v after %v, want ErrUnavailable after 5 s", err, time.Since(began))
		}
	})
}

// A patientMemory never answers, and gives up when it is told to, as drivers do.
type patientMemory struct{ *memory }

func (*patientMemory) KeyByHash(ctx context.Context, _ string) (store.Key, error) {
	<-ctx.Done()
	return store.Key{}, fmt.Errorf("query: %w", ctx.Err())
}

func TestGuessingIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		db := &memory{}
		secret, _ := db.add("org", nil)
		a := &Authenticator{Keys: db}
		must(t, a, secret)
		db.set(func() {
			db.enter = func() {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Millisecond)
				now.Add(-1)
			}
		})
		var all sync.WaitGroup
		for g := range 100 {
			all.Go(func() {
				for n := range 20 {
					refused(t, a, fmt.Sprintf("va_a_guess_of_many_%d_%d", g, n))
				}
			})
		}
		all.Wait()
		if most.Load() != queries {
			t.Errorf("%d queries at a time, want %d", most.Load(), queries)
		}
		asked := db.asked()
		must(t, a, secret)
		if db.asked() != asked {
			t.Error("guessing made the cache forget a key")
		}
	})
}

func TestShelf(t *testing.T) {
	t.Parallel()
	var s shelf
	until := time.Now().Add(time.Minute)
	for n := range 3 * shelfSize {
		s.put(fmt.Sprint(n), &store.Key{ID: fmt.Sprint(n)}, until)
		if size := len(s.young) + len(s.old); size > shelfSize {
			t.Fatalf("%d answers after %d, want at most %d", size, n+1, shelfSize)
		}
	}
	for n := 3*shelfSize - shelfSize/2; n < 3*shelfSize; n++ {
		if k, ok := s.get(fmt.Sprint(n), time.Now()); !ok || k.ID != fmt.Sprint(n) {
			t.Fatalf("answer %d of the last %d is %v, %v", n, shelfSize/2, k, ok)
		}
	}
	if _, ok := s.get("0", time.Now()); ok {
		t.Error("the oldest answer is still there")
	}
	last := fmt.Sprint(3*shelfSize - 1)
	if _, ok := s.get(last, until); ok {
		t.Error("an answer is there after its time")
	}
	s.drop(last)
	if _, ok := s.get(last, time.Now()); ok {
		t.Error("a dropped answer is there")
	}
}

func TestLastUsedIsWrittenOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &memory{}
		secret, row := db.add("org", nil)
		other, otherRow := db.add("org", nil)
		gone, _ := db.add("org", func(k *store.Key) { k.Revoked = time.Now() })
		var log bytes.Buffer
		a := &Authenticator{Keys: db, Log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()

		time.Sleep(500 * time.Millisecond) // between two ticks, and never at one
		began := time.Now().UTC()
		for range 50 { // a use each second, and none after 50 s
			must(t, a, secret)
			refused(t, a, gone)
			time.Sleep(time.Second)
		}
		if n := len(db.touches()); n != 0 {
			t.Fatalf("%d writes within a minute", n)
		}
		time.Sleep(70 * time.Second) // 2:00.5
		want := []map[string]time.Time{{row.ID: began.Add(49 * time.Second)}}
		if diff := cmp.Diff(want, db.touches()); diff != "" {
			t.Fatalf("after an idle minute (-want +got):\n%s", diff)
		}

		// What the database does not take is kept, and newer uses are not lost to it.
		must(t, a, secret)
		must(t, a, other)
		db.set(func() { db.down = store.ErrUnavailable })
		time.Sleep(61 * time.Second) // 3:01.5
		db.set(func() { db.down = nil })
		must(t, a, other)
		time.Sleep(time.Minute) // 4:01.5
		want = append(want, map[string]time.Time{row.ID: began.Add(2 * time.Minute), otherRow.ID: began.Add(3*time.Minute + time.Second)})
		if diff := cmp.Diff(want, db.touches()); diff != "" {
			t.Fatalf("after an outage (-want +got):\n%s", diff)
		}
		if got := log.String(); strings.Count(got, "last use of keys not written") != 1 || !strings.Contains(got, "keys=2") {
			t.Errorf("the log says: %s", got)
		}

		// The last uses are written at the end.
		must(t, a, other)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run answers %v", err)
		}
		want = append(want, map[string]time.Time{otherRow.ID: began.Add(4*time.Minute + time.Second)})
		if diff := cmp.Diff(want, db.touches()); diff != "" {
			t.Errorf("at the end (-want +got):\n%s", diff)
		}
	})
}

// With the race detector: everything at once, on the real clock.
func TestAuthenticatorConcurrency(t *testing.T) {
	t.Parallel()
	db := &memory{}
	var secrets []string
	var rows []store.Key
	for range 8 {
		secret, row := db.add("org", nil)
		secrets, rows = append(secrets, secret), append(rows, row)
	}
	a := &Authenticator{Keys: db}
	ctx, stop := context.WithCancel(t.Context())
	var run, all sync.WaitGroup
	run.Go(func() { _ = a.Run(ctx) })
	for g := range 16 {
		all.Go(func() {
			for n := range 500 {
				k := (g + n) % len(secrets)
				switch {
				case n%50 == 49:
					a.Forget(rows[k].Hash)
				case n%10 == 9:
					refused(t, a, fmt.Sprintf("va_a_guess_of_many_%d", n))
				default:
					if i := must(t, a, secrets[k]); i.Key != rows[k].ID {
						t.Errorf("the secret of %s opened as %s", rows[k].ID, i.Key)
					}
				}
			}
		})
	}
	all.Wait()
	stop()
	run.Wait()
	if got := db.touches(); len(got) != 1 || len(got[0]) != len(rows) {
		t.Errorf("%v was written, want one batch of %d keys", got, len(rows))
	}
}

func BenchmarkAuthenticateCached(b *testing.B) {
	db := &memory{}
	secret, _ := db.add("org", nil)
	a := &Authenticator{Keys: db}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Authenticate(b.Context(), secret); err != nil {
			b.Fatal(err)
		}
	}
}
