package sql_test

import (
	"errors"
	"os"
	"testing"

	"parley/store/sql"
	"parley/store/storetest"
	"parley/store/storetest/litetest"
	"parley/store/storetest/pgtest"
)

// postgres is the server of these tests.
var postgres = pgtest.Shared{Fill: litetest.Migrate}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := errors.Join(postgres.Close(), bare.Close()); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// open opens a database, and closes it with the test.
func open(t *testing.T, url string) *sql.Store {
	t.Helper()
	s, err := sql.Open(t.Context(), sql.Options{URL: url})
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

func sqlite(t *testing.T) *sql.Store {
	return open(t, litetest.New(t, ""))
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Store { return sqlite(t) })
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) storetest.Store { return open(t, postgres.URL(t)) })
}

// TestPools: what has waited for which connections can be told, of either database.
func TestPools(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		s     *sql.Store
		pools map[string]int // and their limits
	}{
		"sqlite":   {sqlite(t), map[string]int{"write": 1, "read": 4}},
		"postgres": {open(t, postgres.URL(t)), map[string]int{"all": 10}},
	} {
		if err := c.s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		pools := c.s.Pools()
		if len(pools) != len(c.pools) {
			t.Errorf("%s has %d pools, want %d", name, len(pools), len(c.pools))
		}
		for pool, limit := range c.pools {
			if s := pools[pool]; s.MaxOpenConnections != limit || s.OpenConnections > limit {
				t.Errorf("%s: %s has %+v, want at most %d connections", name, pool, s, limit)
			}
		}
	}
}
