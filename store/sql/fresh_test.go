package sql_test

import (
	"crypto/sha256"
	dbsql "database/sql"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFresh: the code in db is what sqlc made of the queries and the schema as they are.
func TestFresh(t *testing.T) {
	t.Parallel()
	noted, err := os.ReadFile("db/fresh.sha256")
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, pattern := range []string{"sqlc.yaml", "queries/*.sql", "migrations/postgres/*.sql", "db/db.go", "db/models.go", "db/*.sql.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("no files %s (%v)", pattern, err)
		}
		files = append(files, found...)
	}
	var lines []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		lines = append(lines, hex.EncodeToString(sum[:])+"  "+f)
	}
	if d := cmp.Diff(strings.Fields(string(noted)), strings.Fields(strings.Join(lines, "\n"))); d != "" {
		t.Errorf("run store/sql/generate.sh (-when generated +now):\n%s", d)
	}
}

// TestSchemasAgree: both databases come to the same tables, columns and indexes, but for those of full-text search.
func TestSchemasAgree(t *testing.T) {
	t.Parallel()
	columns := func(d *dbsql.DB, query string) (all []string) {
		t.Helper()
		rows, err := d.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			all = append(all, line)
		}
		if rows.Err() != nil || len(all) < 20 {
			t.Fatalf("%d rows (%v)", len(all), rows.Err())
		}
		slices.Sort(all)
		return all
	}
	lite := columns(sqlite(t).Bare(), `SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'chunk\_words%' ESCAPE '\' AND m.name NOT LIKE 'contact\_words%' ESCAPE '\'
		UNION ALL SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL AND name NOT LIKE 'goose%'`)
	full := columns(open(t, postgres.URL(t)).Bare(), `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%' AND table_name || '.' || column_name <> 'chunks.terms'
		UNION ALL SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%'
		AND indexname NOT IN ('chunks_terms', 'contacts_words') AND indexname NOT LIKE '%_key' AND indexname NOT LIKE '%_pkey'`)
	if d := cmp.Diff(full, lite); d != "" {
		t.Errorf("-Postgres +SQLite:\n%s", d)
	}
}
