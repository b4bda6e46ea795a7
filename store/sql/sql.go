// Package sql keeps the records of package store in SQLite or in Postgres, with one set of queries for both.
//
//	            ┌─ read ──▶ pool of readers ──┐
//	store.* ────┤                             ├──▶ unit: text cleaned, patience renewed ──▶ driver
//	            └─ write ─▶ one transaction ──┘
//	Record ──▶ ledger (what the entries come to) ──▶ a few statements of many rows ──▶ counters
//
// What cannot be had of both databases is small and stands together: how they are opened (sqlite.go, postgres.go), the words of their
// errors (errors.go), and their migrations. Queries that never change their shape are sqlc's (queries, db); lists with filters come
// from listing, rows by the many from rows.
//
// Of SQLite, one connection writes and some read. Of Postgres, the rows of the configuration (organisations, agents, numbers) are
// written by one transaction at a time, which holds the row of the revision; rows of calls are locked in the order of their ids,
// counters last and in order.
//
//go:generate ./generate.sh
package sql

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"parley/store"
)

// Options say which database.
type Options struct {
	URL   string        // sqlite:/path/to/file.db, or postgres://... or another connection string of libpq
	Conns int           // connections: of Postgres in all, of SQLite those that read; 0: 10 and 4
	Wait  time.Duration // how long one statement may go without an answer; 0: 5 s
	Log   *slog.Logger  // nil: none
}

// A Store is one database. It implements every interface of package store.
type Store struct {
	dialect
	writer, reader *sql.DB               // the same one, of Postgres
	kept           map[*sql.DB]*prepared // statements, by pool; of SQLite alone
	wait           time.Duration
	log            *slog.Logger
	closed         atomic.Bool
}

// A dialect is what differs between the databases besides how they are opened.
type dialect struct {
	name      string                // goose's
	forUpdate string                // ends a query that locks its rows
	forShare  string                // ends a query that keeps its rows from being deleted
	snapshot  sql.IsolationLevel    // of a transaction in which all statements see one state
	search    string                // the query of Search
	param     func(i int) string    // a parameter, counted from 1, in a statement that has many: SQLite seeks $1 among their names
	now       string                // a query of the database's clock, in microseconds since 1970
	kind      func(err error) error // the word of package store for a driver's error, errAgain, or nil if there is none
}

var (
	_ store.Founder  = (*Store)(nil)
	_ store.KeyRing  = (*Store)(nil)
	_ store.Agents   = (*Store)(nil)
	_ store.Numbers  = (*Store)(nil)
	_ store.Router   = (*Store)(nil)
	_ store.Recorder = (*Store)(nil)
	_ store.Calls    = (*Store)(nil)
	_ store.Tasks    = (*Store)(nil)
	_ store.Dials    = (*Store)(nil)

	_ store.Nodes     = (*Store)(nil)
	_ store.Errands   = (*Store)(nil)
	_ store.DialRules = (*Store)(nil)
	_ store.DoNotCall = (*Store)(nil)

	_ store.Bots          = (*Store)(nil)
	_ store.Conversations = (*Store)(nil)
	_ store.Threads       = (*Store)(nil)
	_ store.Jobs          = (*Store)(nil)
	_ store.Campaigns     = (*Store)(nil)
	_ store.CampaignDials = (*Store)(nil)

	_ store.People        = (*Store)(nil)
	_ store.Organisations = (*Store)(nil)
	_ store.Sessions      = (*Store)(nil)
	_ store.Invites       = (*Store)(nil)
	_ store.Attempts      = (*Store)(nil)
	_ store.Rates         = (*Store)(nil)
	_ store.Answers       = (*Store)(nil)
	_ store.Sweeper       = (*Store)(nil)
	_ store.Knowledge     = (*Store)(nil)
	_ store.Deliveries    = (*Store)(nil)
	_ store.WebhookRules  = (*Store)(nil)
	_ store.Outbox        = (*Store)(nil)

	_ store.Contacts = (*Store)(nil)
	_ store.Notes    = (*Store)(nil)
	_ store.Funnels  = (*Store)(nil)
	_ store.Fields   = (*Store)(nil)
)

// Open opens a database: the file and its directory are made if need be, a server need not be up yet. Migrate must have been called
// before the rows can be used.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{wait: cmp.Or(o.Wait, 5*time.Second), log: cmp.Or(o.Log, slog.New(slog.DiscardHandler))}
	var err error
	if path, ok := strings.CutPrefix(o.URL, "sqlite:"); ok {
		err = s.openSQLite(ctx, path, cmp.Or(o.Conns, 4))
	} else if strings.Contains(o.URL, "=") || strings.HasPrefix(o.URL, "postgres://") || strings.HasPrefix(o.URL, "postgresql://") {
		err = s.openPostgres(o.URL, cmp.Or(o.Conns, 10))
	} else {
		err = errors.New("it is neither sqlite:PATH nor a connection string of Postgres")
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return s, nil
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.read(ctx, "ping database", func(ctx context.Context, u unit) error {
		_, err := u.ExecContext(ctx, "SELECT 1")
		return err
	})
}

// Pools are how the connections stand, by what they do: write and read of SQLite, all of Postgres. They may be asked for at any time.
func (s *Store) Pools() map[string]sql.DBStats {
	if s.reader == s.writer {
		return map[string]sql.DBStats{"all": s.writer.Stats()}
	}
	return map[string]sql.DBStats{"write": s.writer.Stats(), "read": s.reader.Stats()}
}

// Close closes the database. Methods that are called later, or are under way, give store.ErrUnavailable.
func (s *Store) Close() error {
	s.closed.Store(true)
	err := errors.Join(s.kept[s.writer].Close(), s.kept[s.reader].Close())
	err = cmp.Or(s.writer.Close(), err)
	if s.reader != s.writer {
		err = cmp.Or(s.reader.Close(), err)
	}
	return err
}
