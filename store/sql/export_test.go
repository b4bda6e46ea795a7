package sql

import (
	"context"
	"database/sql"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// MigrateTo migrates as an older program did, which knew the schema of that version.
func (s *Store) MigrateTo(ctx context.Context, version int64) (from, to int64, err error) {
	return s.migrateTo(ctx, version)
}

// PlanDeliveries tells how the database would find a page of deliveries, as Plan does of calls.
func (s *Store) PlanDeliveries(ctx context.Context, org string, f store.DeliveryFilter, p store.Page) (lines []string, err error) {
	return s.explain(ctx, listDeliveries(org, f), p)
}

// PlanDueHosts tells how the database would find hosts to which deliveries are due.
func (s *Store) PlanDueHosts(ctx context.Context, now time.Time) (lines []string, err error) {
	return s.plan(ctx, dueHosts, []any{db.Time(now)})
}

// Bare is the database itself.
func (s *Store) Bare() *sql.DB { return s.writer }
