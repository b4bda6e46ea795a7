package library_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"parley/control/document"
	"parley/control/library"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
	"parley/store/storetest/pgtest"
)

var postgres = pgtest.Shared{Fill: litetest.Migrate}

func TestMain(m *testing.M) {
	os.Exit(postgres.Main(m))
}

// A house is a database with one organisation and one agent.
type house struct {
	*sql.Store
	org, agent string
}

func open(t testing.TB, url string) house {
	t.Helper()
	s, err := sql.Open(t.Context(), sql.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	h := house{s, store.NewID(), store.NewID()}
	err = s.Found(t.Context(), store.Setup{
		Organisation: store.Organisation{ID: h.org, Name: "Clinic", Created: time.Now()}, Owner: store.User{ID: store.NewID(), Email: "o@example.com", Created: time.Now()},
		Key: store.Key{ID: store.NewID(), Hash: "h", Created: time.Now()}, Agent: store.Agent{ID: h.agent, Name: "Ada", Enabled: true, Created: time.Now()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func sqlite(t testing.TB) house {
	return open(t, litetest.New(t, ""))
}

// each runs a test on both databases.
func each(t *testing.T, run func(t *testing.T, h house)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); run(t, sqlite(t)) })
	t.Run("Postgres", func(t *testing.T) { t.Parallel(); run(t, open(t, postgres.URL(t))) })
}

func add(t testing.TB, l *library.Library, h house, name string, data []byte) library.Outcome {
	t.Helper()
	o, err := l.Add(t.Context(), h.org, h.agent, library.File{Name: name, Data: data}, document.Limits{}, nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return o
}

func clinic(t testing.TB, l *library.Library, h house) {
	t.Helper()
	for _, name := range []string{"visits.md", "fees.html", "guide.pdf"} {
		data, err := os.ReadFile(filepath.Join("testdata", "clinic", name))
		if err != nil {
			t.Fatal(err)
		}
		add(t, l, h, name, data)
	}
}
