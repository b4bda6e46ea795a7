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

// backlog fills a database with deliveries: many to one host that takes none, and one to each of some others.
func backlog(ctx context.Context, s *sql.Store, org string, dead, others int) error {
	t := time.Now().UTC().Add(-time.Hour).Format("2006-01-02T15:04:05.000000Z")
	const columns = "INSERT INTO webhook_deliveries (id, org, task, call, kind, url, host, status, payload, tries, attempts, due, node, code, error, created, settled) "
	tx, err := s.Bare().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	add := func(id, host, status string) {
		if err == nil {
			_, err = tx.ExecContext(ctx, columns+"VALUES ($1, $2, 'task', $1, 'call_started', 'https://x', $3, $4, '', 0, 0, $5, '', 0, '', $5, '')", id, org, host, status, t)
		}
	}
	for i := range dead {
		add(fmt.Sprint("dead ", i), "dead.example.com", "pending")
	}
	for i := range others {
		add(fmt.Sprint("other ", i), fmt.Sprint("host", i), "pending")
		add(fmt.Sprint("done ", i), fmt.Sprint("host", i), "delivered")
	}
	if err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// TestDeliveryPlans: lists of deliveries, and what is due, are found by indexes alone.
func TestDeliveryPlans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open         func(t *testing.T) *sql.Store
		alone, ready string
	}{
		"SQLite":   {sqlite, "SEARCH webhook_deliveries USING COVERING INDEX %s (", "ANALYZE"},
		"Postgres": {func(t *testing.T) *sql.Store { return open(t, postgres.URL(t)) }, "Index Only Scan Backward using %s on webhook_deliveries", "VACUUM ANALYZE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, s := t.Context(), c.open(t)
			h, err := storetest.Fill(ctx, s)
			if err == nil {
				err = backlog(ctx, s, h.Org, 2000, 50)
			}
			if err == nil {
				_, err = s.Bare().ExecContext(ctx, c.ready)
			}
			if err != nil {
				t.Fatal(err)
			}
			for index, f := range map[string]store.DeliveryFilter{"webhook_deliveries_org": {}, "webhook_deliveries_status": {Status: store.DeliveryDelivered},
				"webhook_deliveries_task": {Task: "task"}, "webhook_deliveries_call": {Call: "dead 7"}} {
				lines, err := s.PlanDeliveries(ctx, h.Org, f, store.Page{Limit: 5, Offset: 10})
				if plan := strings.Join(lines, "\n"); err != nil || !strings.Contains(plan, fmt.Sprintf(c.alone, index)) || strings.Contains(plan, "Seq Scan") {
					t.Errorf("%+v does not use %s alone (%v):\n%s", f, index, err, plan)
				}
			}
			lines, err := s.PlanDueHosts(ctx, time.Now())
			plan := strings.Join(lines, "\n")
			if err != nil || strings.Count(plan, "webhook_deliveries_due") < 3 || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN w") {
				t.Errorf("hosts are not found by seeks (%v):\n%s", err, plan)
			}
			hosts, err := s.DueHosts(ctx, time.Now())
			if err != nil || len(hosts) != 52 { // and the house's own
				t.Errorf("%d hosts: %v", len(hosts), err)
			}
		})
	}
}

// BenchmarkDueHosts: the look for work, with a backlog of 100,000 deliveries to one host, and with none.
func BenchmarkDueHosts(b *testing.B) {
	for name, url := range map[string]func() string{"Postgres": func() string { return postgres.URL(b) }, "SQLite": func() string { return "sqlite:" + b.TempDir() + "/parley.db" }} {
		for _, dead := range []int{0, 100_000} {
			b.Run(fmt.Sprint(name, "/", dead), func(b *testing.B) {
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
					err = backlog(ctx, s, h.Org, dead, 100)
				}
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if hosts, err := s.DueHosts(ctx, time.Now()); err != nil || len(hosts) < 100 {
						b.Fatal(len(hosts), err)
					}
				}
			})
		}
	}
}
