package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/control/bus"
	"parley/store"
	"parley/store/sql"
)

// TestJoin: a start without the database takes part by the name that it knows of it; one that has never seen it cannot.
func TestJoin(t *testing.T) {
	t.Parallel()
	o := &office{cfg: &config{place: place{DataDir: t.TempDir()}, NATSURL: "nats://127.0.0.1:1"}, log: slog.New(slog.DiscardHandler)}
	var err error
	if o.store, err = sql.Open(t.Context(), sql.Options{URL: o.cfg.url()}); err != nil {
		t.Fatal(err)
	}
	if err := o.cfg.newBus(o, "node"); err != nil {
		t.Fatal(err)
	}
	if err := o.join(t.Context()); err == nil {
		t.Error("joined without a database, and without knowing its name")
	}
	if _, _, err := o.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := o.join(t.Context()); err != nil {
		t.Error(err)
	}
	want, err := o.store.Installation(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(o.cfg.DataDir, installationFile)); err != nil || strings.TrimSpace(string(text)) != want {
		t.Errorf("%q is kept, want %q (%v)", text, want, err)
	}
	if err := errors.Join(o.bus.Close(), o.store.Close()); err != nil {
		t.Fatal(err)
	}
	if err := o.cfg.newBus(o, "node"); err != nil {
		t.Fatal(err)
	}
	if err := o.join(t.Context()); err != nil { // the database is closed
		t.Errorf("joined by the name that is kept: %v", err)
	}
	if err := o.bus.Close(); err != nil {
		t.Error(err)
	}
	o.cfg.NATSURL = ""
	if err := errors.Join(o.cfg.newBus(o, "node"), o.bus.Close()); err != nil {
		t.Error(err)
	}
	if _, alone := o.bus.(*bus.Local); !alone {
		t.Errorf("without NATS the bus is a %T", o.bus)
	}
	bad := config{NATSURL: "http://user:s3cret@host"}
	if err := bad.check(); err == nil || !strings.Contains(err.Error(), "--nats-url") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("a bad URL: %v", err)
	}
}

func TestNodeRow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for want, n := range map[string]store.Node{"serving": {}, "draining": {Draining: true}, "gone": {Draining: true, Gone: now}} {
		if got := newNodeRow(n); got.State != want || (got.Gone != nil) != (want == "gone") {
			t.Errorf("%+v, want %s", got, want)
		}
	}
}
