package sql

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"parley/store/sql/db"
)

// What is kept compiled: so many statements, of so many bytes at most. Statements of many rows have a text for each number of rows.
const (
	mostPrepared    = 256
	longestPrepared = 4 << 10
)

// prepared keeps the statements of a pool compiled. The driver of SQLite compiles each text anew, which takes longer than to run most
// of them; that of Postgres keeps them by itself, and has none of these.
type prepared struct {
	pool *sql.DB

	mu    sync.Mutex
	known map[string]*sql.Stmt
}

func newPrepared(pool *sql.DB) *prepared { return &prepared{pool: pool, known: map[string]*sql.Stmt{}} }

// find is a statement that is known; nil: it is not.
func (p *prepared) find(query string) *sql.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[query]
}

// prepare compiles a statement. What cannot be compiled is left to whoever runs it, who is told why.
func (p *prepared) prepare(ctx context.Context, query string) *sql.Stmt {
	if s := p.find(query); s != nil {
		return s
	}
	if len(query) > longestPrepared {
		return nil
	}
	s, err := p.pool.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch first := p.known[query]; {
	case first != nil: // somebody was quicker
		_ = s.Close() // nobody has used it
		return first
	case len(p.known) == mostPrepared:
		_ = s.Close() // as above
		return nil
	}
	p.known[query] = s
	return s
}

// Close lets go of all of them.
func (p *prepared) Close() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, s := range p.known {
		errs = append(errs, s.Close())
	}
	clear(p.known)
	return errors.Join(errs...)
}

// A ready runs statements compiled: on the pool, or in a transaction. A transaction may hold the pool's only connection, so what it asks
// for the first time runs as it is, and is compiled once the transaction is over.
type ready struct {
	db.DBTX
	kept  *prepared
	tx    *sql.Tx // nil: on the pool
	fresh []string
}

// on is what runs statements: pool or transaction, as they are or compiled.
func (p *prepared) on(plain db.DBTX, tx *sql.Tx) *ready { return &ready{DBTX: plain, kept: p, tx: tx} }

func (r *ready) stmt(ctx context.Context, query string) *sql.Stmt {
	switch {
	case r.kept == nil:
		return nil
	case r.tx == nil:
		return r.kept.prepare(ctx, query)
	}
	s := r.kept.find(query)
	if s == nil {
		r.fresh = append(r.fresh, query)
		return nil
	}
	return r.tx.StmtContext(ctx, s)
}

// over compiles what the transaction has asked for the first time.
func (r *ready) over(ctx context.Context) {
	for _, query := range r.fresh {
		r.kept.prepare(ctx, query)
	}
}

// ExecContext implements db.DBTX.
func (r *ready) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if s := r.stmt(ctx, query); s != nil {
		return s.ExecContext(ctx, args...)
	}
	return r.DBTX.ExecContext(ctx, query, args...)
}

// QueryContext implements db.DBTX.
func (r *ready) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if s := r.stmt(ctx, query); s != nil {
		return s.QueryContext(ctx, args...)
	}
	return r.DBTX.QueryContext(ctx, query, args...)
}

// QueryRowContext implements db.DBTX.
func (r *ready) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s := r.stmt(ctx, query); s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return r.DBTX.QueryRowContext(ctx, query, args...)
}
