// Package litetest gives tests SQLite databases whose schema is there: migrating one takes as long as many a test, copying it no time.
package litetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"parley/store/sql"
)

// New is the URL of a new database for one test, at a path; empty: in a directory of its own.
func New(t testing.TB, path string) (url string) {
	t.Helper()
	if path == "" {
		path = filepath.Join(t.TempDir(), "parley.db")
	}
	file, err := template()
	if err == nil {
		err = os.WriteFile(path, file, 0o600)
	}
	if err != nil {
		t.Fatalf("make database: %v", err)
	}
	return "sqlite:" + path
}

// template is the file of a database that has the schema and nothing else; made once in a process.
var template = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "parley-litetest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "parley.db")
	if err := Migrate(context.Background(), "sqlite:"+path); err != nil { // once closed, what it has written is in the one file
		return nil, err
	}
	return os.ReadFile(path)
})

// Migrate gives a database of any kind its schema: what pgtest.Shared fills its template with.
func Migrate(ctx context.Context, url string) error {
	s, err := sql.Open(ctx, sql.Options{URL: url})
	if err != nil {
		return err
	}
	if _, _, err := s.Migrate(ctx); err != nil {
		return errors.Join(fmt.Errorf("migrate: %w", err), s.Close())
	}
	return s.Close()
}
