package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"parley/store"
)

// openSQLite opens a file. What was committed is safe from a crash of this process and of the machine, for the spool forgets what it
// believes to be kept (synchronous=FULL, https://sqlite.org/pragma.html#pragma_synchronous).
func (s *Store) openSQLite(ctx context.Context, path string, readers int) error {
	if path == "" {
		return errors.New("sqlite: names no file")
	}
	path, err := filepath.Abs(path) // which no longer reads as one of SQLite's names for no file at all
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // it holds what callers said: for nobody else to read
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	s.dialect = dialect{name: string(goose.DialectSQLite3), search: searchSQLite, param: func(int) string { return "?" }, kind: sqliteKind,
		now: "SELECT CAST(unixepoch('now', 'subsec') * 1000000 AS INTEGER)"}
	s.writer, err = sql.Open("sqlite", sqliteDSN(path, s.wait, "&_pragma=journal_mode(WAL)&_txlock=immediate"))
	if err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	s.reader, err = sql.Open("sqlite", sqliteDSN(path, s.wait, "&_pragma=query_only(1)"))
	if err != nil {
		return err
	}
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	if err := s.firstOpened(ctx); err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// firstOpened makes the first connection of the writer. Of processes that turn a new file to WAL together, SQLite lets one do it and
// the others not even wait. A file that stays locked may be free when it is needed.
func (s *Store) firstOpened(ctx context.Context) error {
	for end := time.Now().Add(s.wait); ; {
		err := s.writer.PingContext(ctx)
		switch {
		case !locked(err):
			return err
		case time.Now().After(end):
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// sqliteDSN is what the driver opens: waiting for another process ends before our patience does.
func sqliteDSN(path string, wait time.Duration, more string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		fmt.Sprintf("?_pragma=busy_timeout(%d)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)", wait.Milliseconds()*4/5) + more
}

// locked says whether another connection had what was needed.
func locked(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// sqliteKind reads the result codes of https://sqlite.org/rescode.html.
func sqliteKind(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return nil
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return store.ErrConflict
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_PERM:
		return store.ErrUnavailable
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return store.ErrRefused
	}
	return nil
}
