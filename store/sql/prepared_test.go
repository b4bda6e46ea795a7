package sql_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/store"
	"parley/store/sql"
)

// TestPrepared: statements are compiled once, for reads and for writes; a schema that changes under them does no harm.
func TestPrepared(t *testing.T) {
	t.Parallel()
	s := sqlite(t)
	org := found(t, s)
	work := func() {
		a := store.Agent{ID: store.NewID(), Org: org, Name: "A", SystemPrompt: "p", Enabled: true, Created: time.Now().UTC(), Updated: time.Now().UTC()}
		if _, err := s.CreateAgent(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		got, err := s.Agent(t.Context(), org, a.ID)
		if err != nil || got.Name != a.Name {
			t.Fatalf("%+v, %v", got, err)
		}
		if _, _, err := s.Agents(t.Context(), org, store.AgentFilter{}, store.Page{Limit: 5}); err != nil {
			t.Fatal(err)
		}
	}
	work()
	readers, writer := s.Prepared()
	if readers == 0 || writer == 0 {
		t.Fatalf("%d and %d statements are kept", readers, writer)
	}
	work()
	if r, w := s.Prepared(); r != readers || w != writer {
		t.Errorf("%d and %d statements are kept after the second time, %d and %d after the first", r, w, readers, writer)
	}
	if _, err := s.Bare().ExecContext(t.Context(), "ALTER TABLE agents ADD COLUMN colour TEXT NOT NULL DEFAULT ''"); err != nil {
		t.Fatal(err)
	}
	work()
}

// TestPreparedIsBounded: of texts without end, from many at once, not all are kept, and none of those that are too long.
func TestPreparedIsBounded(t *testing.T) {
	t.Parallel()
	s := sqlite(t)
	before, _ := s.Prepared()
	s.Prepare(t.Context(), "SELECT 1 -- "+strings.Repeat("long", 2000))
	if after, _ := s.Prepared(); after != before {
		t.Error("a statement of 8,000 bytes is kept")
	}
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for n := range sql.MostPrepared + 20 {
				s.Prepare(t.Context(), "SELECT "+strconv.Itoa(n))
			}
		})
	}
	asking.Wait()
	if r, w := s.Prepared(); r != sql.MostPrepared || w > sql.MostPrepared {
		t.Errorf("%d and %d statements are kept", r, w)
	}
}

// found founds an organisation.
func found(t *testing.T, s *sql.Store) (org string) {
	t.Helper()
	now := time.Now().UTC()
	org, agent, user := store.NewID(), store.NewID(), store.NewID()
	err := s.Found(t.Context(), store.Setup{
		Organisation: store.Organisation{ID: org, Name: "O", DefaultAgent: agent, Created: now},
		Owner:        store.User{ID: user, Org: org, Email: "o@example.com", Name: "O", Role: store.Owner, Created: now},
		Key:          store.Key{ID: store.NewID(), Org: org, User: user, Role: store.Owner, Name: "k", Prefix: "va_", Hash: strings.Repeat("0", 64), Scopes: []string{"*"}, Created: now},
		Agent:        store.Agent{ID: agent, Org: org, Name: "A", SystemPrompt: "p", Enabled: true, Created: now, Updated: now},
	})
	if err != nil {
		t.Fatal(err)
	}
	return org
}
