package sql_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/store"
	"parley/store/sql"
	"parley/store/storetest"
)

// TestPlanRemember: conversations with somebody are found by an index, the latest first, however many there are.
func TestPlanRemember(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open  func(t *testing.T) *sql.Store
		want  []string // of each query
		ready string
	}{
		"SQLite":   {sqlite, []string{"USING INDEX conversations_with (org=? AND external=? AND updated>?)", "INDEX thread_peers_named (peer=?)"}, "ANALYZE"},
		"Postgres": {func(t *testing.T) *sql.Store { return open(t, postgres.URL(t)) }, []string{"conversations_with on conversations", "thread_peers_named on thread_peers"}, "VACUUM ANALYZE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, s := t.Context(), c.open(t)
			h, err := storetest.Fill(ctx, s)
			if err != nil {
				t.Fatal(err)
			}
			if err := crowd(ctx, s, h, 4000); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Bare().ExecContext(ctx, c.ready); err != nil {
				t.Fatal(err)
			}
			plans, err := s.PlanRemember(ctx, h.Org, "+15000000042")
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range c.want {
				if p := plans[i]; !strings.Contains(p, want) || strings.Contains(p, "Seq Scan on conversations") || strings.Contains(p, "SCAN c") || strings.Contains(p, "TEMP B-TREE") && i == 0 {
					t.Errorf("want %q:\n%s", want, p)
				}
			}
		})
	}
}

// crowd adds n conversations, a hundred with each of so many people.
func crowd(ctx context.Context, s *sql.Store, h storetest.House, n int) error {
	people := max(n/100, 1)
	peer, day, of, yes := "substr('0000000' || (i % $3), -7)", "substr('00' || (1 + i % 28), -2)", "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $4) SELECT i FROM n)", "1"
	if _, err := s.Bare().ExecContext(ctx, "SELECT version()"); err == nil { // it is Postgres
		peer, day, of, yes = "lpad((i % CAST($3 AS INTEGER))::text, 7, '0')", "lpad((1 + i % 28)::text, 2, '0')", "generate_series(1, CAST($4 AS INTEGER)) AS i", "true"
	}
	_, err := s.Bare().ExecContext(ctx, "INSERT INTO conversations (id, org, bot, channel, external, status, length, metadata, autoreply, created, updated) "+
		"SELECT 'crowd ' || i, $1, $2, CASE WHEN i % 3 = 0 THEN 'whatsapp' ELSE 'voice' END, '+1500' || "+peer+", 'completed', -1, '', "+yes+
		", '2026-03-04T05:06:07.891234Z', '2026-03-' || "+day+" || 'T05:06:07.891234Z' FROM "+of, h.Org, h.Bot.ID, people, n)
	if err == nil {
		_, err = s.Bare().ExecContext(ctx, "INSERT INTO thread_peers (bot, peer, conversation, place) SELECT bot || id, external, id, 0 FROM conversations WHERE channel = 'whatsapp'")
	}
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	return nil
}

// BenchmarkRemember looks for what was said with somebody among 1,000,000 conversations.
func BenchmarkRemember(b *testing.B) {
	for name, url := range map[string]func() string{"Postgres": func() string { return postgres.URL(b) }, "SQLite": func() string { return "sqlite:" + b.TempDir() + "/parley.db" }} {
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			s, err := sql.Open(ctx, sql.Options{URL: url()})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if _, _, err = s.Migrate(ctx); err != nil {
				b.Fatal(err)
			}
			h, err := storetest.Fill(ctx, s)
			if err == nil {
				err = crowd(ctx, s, h, 1_000_000)
			}
			if err == nil {
				_, err = s.Bare().ExecContext(ctx, "ANALYZE")
			}
			if err != nil {
				b.Fatal(err)
			}
			ask := store.Remembering{Since: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Most: 3, Messages: 20}
			for i := 0; b.Loop(); i++ {
				ask.Names = []string{fmt.Sprintf("+1500%07d", i%10_000)}
				if _, err := s.Remember(ctx, h.Org, ask); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
