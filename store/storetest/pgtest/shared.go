package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
)

// Shared is one server for the tests of a binary, with a database for each of them. It starts when the first test asks; it ends
// with Main.
type Shared struct {
	Options
	Fill func(ctx context.Context, url string) error // makes the database that every test gets a copy of; nil: an empty one

	once   sync.Once
	server *Server
	err    error
	copies atomic.Int64
}

// URL leads to a new database. If there is no Postgres, the test fails.
func (s *Shared) URL(t testing.TB) string {
	t.Helper()
	s.once.Do(func() { s.err = s.start(context.WithoutCancel(t.Context())) })
	if s.err != nil {
		t.Fatal(s.err)
	}
	url, err := s.server.Database(t.Context(), fmt.Sprintf("test_%d", s.copies.Add(1)), "filled")
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func (s *Shared) start(ctx context.Context) (err error) {
	if s.server, err = Start(ctx, s.Options); err != nil {
		return err
	}
	url, err := s.server.Database(ctx, "filled", "")
	if err == nil && s.Fill != nil {
		err = s.Fill(ctx, url)
	}
	return err
}

// Close ends the server, if it was started.
func (s *Shared) Close() error {
	s.once.Do(func() { s.err = errors.New("closed") })
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}

// Main runs the tests of a binary, and ends the server with them: what TestMain gives to os.Exit.
func (s *Shared) Main(m *testing.M) (code int) {
	code = m.Run()
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "end Postgres:", err)
		return max(code, 1)
	}
	return code
}

// New starts a server that belongs to one test, and ends with it.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
