package control_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

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
	ask := func(path string) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequestWithContext(ctx, "GET", path, nil)
				r.Header.Set("Authorization", "Bearer "+w.ours.key)
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
	b.Run("agent/api", ask(agents+"/"+w.ours.agent))
	b.Run("calls/store", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := w.db.Calls(ctx, w.ours.org, store.CallFilter{Status: store.Completed}, store.Page{Limit: 50}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("calls/api", ask(calls+"?status=completed"))
}
