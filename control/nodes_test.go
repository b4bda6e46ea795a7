package control_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/control"
	"parley/control/access"
	"parley/control/dialer"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
	"parley/store/storetest/pgtest"
)

// postgres is the server of the tests with several nodes.
var postgres = pgtest.Shared{Fill: litetest.Migrate}

func TestMain(m *testing.M) {
	os.Exit(postgres.Main(m))
}

// nodes are several APIs on one Postgres, each with a store, a limiter and an authenticator of its own.
func nodes(t *testing.T, n, limit int, change ...func(i int, o *control.Options)) (all []*world) {
	t.Helper()
	url := postgres.URL(t)
	var ours tenant
	for i := range n {
		db, err := sql.Open(t.Context(), sql.Options{URL: url})
		must(t, err)
		t.Cleanup(func() { must(t, db.Close()) })
		w := &world{t: t, db: db, log: &logged{}, mux: http.NewServeMux()}
		if i == 0 {
			ours = tenant{org: store.NewID(), owner: store.NewID()}
			now := time.Now().UTC().Truncate(time.Microsecond)
			must(t, db.Found(t.Context(), store.Setup{
				Organisation: store.Organisation{ID: ours.org, Name: "Ours", Created: now},
				Owner:        store.User{ID: ours.owner, Org: ours.org, Email: "owner@example.com", Role: store.Owner, Created: now},
				Key:          w.newKey(&ours.key, ours.org, access.All),
				Agent:        store.Agent{ID: store.NewID(), Org: ours.org, Name: "Ada", Enabled: true, Created: now, Updated: now},
			}))
		}
		w.ours = ours
		log := slog.New(slog.NewJSONHandler(w.log, nil))
		auth := &access.Authenticator{Keys: db, Log: log}
		limiter := &access.Limiter{Rates: db, Limit: limit, Wait: time.Minute, Log: log} // this machine may be busy
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = limiter.Run(ctx) })
		t.Cleanup(func() { stop(); running.Wait() })
		o := needed(db, dialer.New(dialer.Options{Store: db, Node: "node"}))
		o.Answers, o.Auth, o.Limiter, o.Log = db, auth, limiter, log
		o.Forget = func(hash string) { auth.Forget(hash) }
		for _, f := range change {
			f(i, &o)
		}
		c, err := control.New(o)
		must(t, err)
		c.Mount(w.mux)
		w.schemas = w.answersDescribed(c)
		all = append(all, w)
	}
	return all
}

// TestLimitOverNodes: three nodes on one Postgres let a key through as often as one, but for a block each.
func TestLimitOverNodes(t *testing.T) {
	t.Parallel()
	const limit, callers = 200, 4
	all := nodes(t, 3, limit)
	inOneMinute(t, func() (found []string) {
		var key string // a new one: the last minute's may have been used up
		_, err := all[0].db.CreateKey(t.Context(), all[0].newKey(&key, all[0].ours.org, access.All))
		must(t, err)
		var taken, refused atomic.Int64
		var asking sync.WaitGroup
		for _, w := range all {
			for range callers {
				asking.Go(func() {
					for {
						switch w.ask(key, "GET", agents, "").status {
						case http.StatusOK:
							taken.Add(1)
							continue
						case http.StatusTooManyRequests:
							refused.Add(1)
						}
						return
					}
				})
			}
		}
		asking.Wait()
		if got, most := taken.Load(), int64(limit+3*limit/50); got < limit || got >= most || refused.Load() != 3*callers {
			found = append(found, fmt.Sprintf("%d requests went through, %d were refused; want %d to %d", got, refused.Load(), limit, most-1))
		}
		return found
	})
}

// TestSessionOverNodes: a session is good on every node, and over on every node at once; a token too.
func TestSessionOverNodes(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2, 1000)
	cookie, _ := all[0].begin(all[0].ours.org, all[0].ours.owner)
	token := all[0].token(all[0].ours)
	for _, w := range all {
		w.want(w.ask("", "GET", agents, "", "Cookie", cookie), http.StatusOK)
		w.want(w.ask(token, "GET", agents, ""), http.StatusOK)
	}
	all[0].want(all[0].ask("", "POST", "/api/v1/auth/logout", "", "Cookie", cookie), http.StatusOK)
	all[1].want(all[1].ask("", "GET", agents, "", "Cookie", cookie), http.StatusUnauthorized)
	all[1].want(all[1].ask(token, "GET", agents, ""), http.StatusOK) // of another session
}

// TestLockoutOverNodes: who has guessed on one node waits on the other.
func TestLockoutOverNodes(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2, 1000)
	var asking sync.WaitGroup
	var tried atomic.Int64
	for i := range 12 {
		asking.Go(func() {
			a := all[i%2].ask("", "POST", "/api/v1/auth/login", `{"email":"owner@example.com","password":"wrong"}`)
			if a.status == http.StatusUnauthorized {
				tried.Add(1)
			}
		})
	}
	asking.Wait()
	if tried.Load() != 5 {
		t.Errorf("%d passwords were tried at once on two nodes, want 5", tried.Load())
	}
}
