package sql

import (
	"context"
	"database/sql"
)

// MigrateTo migrates as an older program did, which knew the schema of that version.
func (s *Store) MigrateTo(ctx context.Context, version int64) (from, to int64, err error) {
	return s.migrateTo(ctx, version)
}

// Bare is the database itself.
func (s *Store) Bare() *sql.DB { return s.writer }
