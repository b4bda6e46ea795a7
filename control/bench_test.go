package control_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"parley/control"
	"parley/control/access"
	"parley/store"
)

// nobody lets nobody in.
type nobody struct{}

func (nobody) Authenticate(context.Context, string) (access.Identity, error) {
	return access.Identity{}, access.ErrUnauthenticated
}

// BenchmarkAPI sets the API's answers beside the store's bare ones: the difference is what the API adds.
func BenchmarkAPI(b *testing.B) {
	w := newWorld(b, func(o *control.Options) { o.Log, o.Default = nil, nil })
	ctx := b.Context()
	cookie, _ := w.begin(w.ours.org, w.ours.owner)
	token := w.token(w.ours)
	ask := func(path, header, value string) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequestWithContext(ctx, "GET", path, nil)
				r.Header.Set(header, value)
				rec := httptest.NewRecorder()
				w.mux.ServeHTTP(rec, r)
				if rec.Code != http.StatusOK {
					b.Fatalf("%d %s", rec.Code, rec.Body)
				}
			}
		}
	}
	b.Run("agent/store", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.db.Agent(ctx, w.ours.org, w.ours.agent); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("limit", func(b *testing.B) { // what counting adds to each request
		l := &access.Limiter{Rates: w.db, Limit: 1 << 30}
		b.ReportAllocs()
		for b.Loop() {
			if !l.Take(ctx, "key "+w.ours.org, true).OK {
				b.Fatal("refused")
			}
		}
	})
	b.Run("agent/api", ask(agents+"/"+w.ours.agent, "Authorization", "Bearer "+w.ours.key))
	b.Run("agent/api by cookie", ask(agents+"/"+w.ours.agent, "Cookie", cookie))
	b.Run("agent/api by token", ask(agents+"/"+w.ours.agent, "Authorization", "Bearer "+token))
	for range 100 { // what a page is full of
		more := w.ours
		more.done, more.going, more.task = store.NewID(), store.NewID(), ""
		must(b, w.db.Record(ctx, w.entries(&more, time.Now().UTC(), "recordings/x.wav", 1000)))
	}
	b.Run("calls/store", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := w.db.Calls(ctx, w.ours.org, store.CallFilter{Status: store.Completed}, store.Page{Limit: 100}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("calls/api", ask(calls+"?limit=100&status=completed", "Authorization", "Bearer "+w.ours.key))
}
