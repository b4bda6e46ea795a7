package sql

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"parley/store/sql/db"
)

// attempts is how often a transaction is tried that lost against others.
const attempts = 3

// A unit is one method's use of the database.
type unit struct {
	conn
	*db.Queries
	dialect
}

// A conn is a pool or a transaction. Text is cleaned on its way in, and each statement has the whole patience.
type conn struct {
	db.DBTX
	patience *patience
}

// patience ends a context when the database has not answered for a while.
type patience struct {
	*time.Timer
	wait time.Duration
}

func (s *Store) patient(ctx context.Context) (context.Context, *patience, context.CancelFunc) {
	own, cancel := context.WithCancelCause(ctx)
	t := time.AfterFunc(s.wait, func() { cancel(errSilence) })
	return own, &patience{t, s.wait}, func() { t.Stop(); cancel(nil) }
}

// read runs f on the readers. Each statement sees its own state of the database.
func (s *Store) read(ctx context.Context, verb string, f func(context.Context, unit) error) error {
	return s.try(ctx, verb, func(ctx context.Context, p *patience) error {
		return f(ctx, s.unit(s.kept[s.reader].on(s.reader, nil), p))
	})
}

// view runs f on the readers, and all its statements see one state of the database.
func (s *Store) view(ctx context.Context, verb string, f func(context.Context, unit) error) error {
	o := sql.TxOptions{ReadOnly: true, Isolation: s.snapshot}
	return s.try(ctx, verb, func(ctx context.Context, p *patience) error { return s.transact(ctx, s.reader, &o, p, f) })
}

// write runs f in a transaction, again if it lost against another.
func (s *Store) write(ctx context.Context, verb string, f func(context.Context, unit) error) error {
	return s.try(ctx, verb, func(ctx context.Context, p *patience) (err error) {
		for range attempts {
			p.Reset(p.wait)
			if err = s.transact(ctx, s.writer, nil, p, f); err == nil || !errors.Is(err, errAgain) && !errors.Is(s.kind(err), errAgain) {
				break
			}
		}
		return err
	})
}

// configure runs f in the one transaction that may write the configuration now, and makes a new revision of it.
func (s *Store) configure(ctx context.Context, verb string, f func(context.Context, unit) error) error {
	return s.write(ctx, verb, func(ctx context.Context, u unit) error {
		if err := u.BumpRevision(ctx); err != nil {
			return err
		}
		return f(ctx, u)
	})
}

// errUnchanged rolls back a transaction that turned out to change nothing.
var errUnchanged = errors.New("unchanged")

func (s *Store) try(ctx context.Context, verb string, f func(context.Context, *patience) error) error {
	own, p, cancel := s.patient(ctx)
	defer cancel()
	if err := f(own, p); err != nil && !errors.Is(err, errUnchanged) {
		return s.wrapped(ctx, own, verb, err)
	}
	return nil
}

func (s *Store) transact(ctx context.Context, pool *sql.DB, o *sql.TxOptions, p *patience, f func(context.Context, unit) error) error {
	tx, err := pool.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	run := s.kept[pool].on(tx, tx)
	if err := f(ctx, s.unit(run, p)); err != nil {
		_ = tx.Rollback() // err says more
		return err
	}
	p.Reset(p.wait)
	if err := tx.Commit(); err != nil {
		return err
	}
	run.over(ctx)
	return nil
}

func (s *Store) unit(tx db.DBTX, p *patience) unit {
	c := conn{tx, p}
	return unit{c, db.New(c), s.dialect}
}

// ExecContext is the driver's, with text cleaned and patience renewed; so are the next two.
func (c conn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	c.ready(args)
	return c.DBTX.ExecContext(ctx, query, args...)
}

// QueryContext is the driver's.
func (c conn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	c.ready(args)
	return c.DBTX.QueryContext(ctx, query, args...)
}

// QueryRowContext is the driver's.
func (c conn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	c.ready(args)
	return c.DBTX.QueryRowContext(ctx, query, args...)
}

func (c conn) ready(args []any) {
	c.patience.Reset(c.patience.wait)
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = clean(s)
		}
	}
}

// clean makes text that every database takes: UTF-8 without NUL. What is neither becomes the replacement character, so that no record
// is lost for a caller's strange bytes.
func clean(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
