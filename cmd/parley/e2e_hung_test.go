//go:build e2e

package main

import (
	"net/http"
	"testing"
	"time"

	"parley/store/storetest/pgtest"
)

// TestEndToEndDatabaseHangs: a database that takes connections and never answers is one that is not there: the API says 503 in time, a
// server that starts meanwhile answers calls, and when the database wakes up all is written.
func TestEndToEndDatabaseHangs(t *testing.T) {
	t.Parallel()
	pg := pgtest.New(t, pgtest.Options{})
	env := append(mockVendors(t), "DATABASE_URL="+pg.URL(), "PARLEY_RECORD=false")
	first := serve(t, env...)
	if a := first.api(http.MethodGet, "/api/v1/agents", nil); a.Status != http.StatusOK {
		t.Fatalf("agents: %d %q", a.Status, a.Error)
	}
	if err := pg.Pause(); err != nil {
		t.Fatal(err)
	}
	asked := time.Now()
	if a := first.api(http.MethodGet, "/api/v1/agents", nil); a.Status != http.StatusServiceUnavailable {
		t.Errorf("the API while the database hangs: %d %q", a.Status, a.Error)
	}
	t.Logf("503 after %v", time.Since(asked).Round(time.Millisecond))
	first.stop()
	n := serve(t, append(env, "PARLEY_DATA_DIR="+first.data)...)
	r, err := n.place(t.Context(), "hear", "press 1", "hear", "hangup")
	if err != nil {
		t.Errorf("a call while the database hangs: %v", err)
	}
	if err := pg.Resume(); err != nil {
		t.Fatal(err)
	}
	until(t, time.Minute, "all is written", func() bool {
		return n.api(http.MethodGet, "/api/v1/calls", nil).Status == http.StatusOK && n.metric("parley_records_waiting") == 0
	})
	if r != nil {
		n.checkWhole(r.CallSID, "completed", 1)
	}
}
