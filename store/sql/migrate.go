package sql

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// standstill is how long a process waits for another one that migrates.
const standstill = 5 * time.Minute

// Migrate brings the tables to this program's version, from whichever they had (0: an empty database). Processes that start together
// wait for one another. A database of a newer program is an error, and stays as it is. A step may take long on a large database: only
// ctx ends it.
func (s *Store) Migrate(ctx context.Context) (from, to int64, err error) {
	return s.migrateTo(ctx, goose.MaxVersion)
}

func (s *Store) migrateTo(ctx context.Context, version int64) (from, to int64, err error) {
	const verb = "migrate database"
	if err := s.Ping(ctx); err != nil { // a dead server is told in time
		return 0, 0, err
	}
	for last, end := int64(-1), time.Now().Add(standstill); ; {
		from, to, err = s.migrateOnce(ctx, version)
		if err == nil {
			return from, to, nil
		}
		// Of two processes on one SQLite file, one fails for each step that the other took.
		if s.name == postgres || ctx.Err() != nil || to <= last && !locked(err) || time.Now().After(end) {
			return 0, 0, s.wrapped(ctx, ctx, verb, err)
		}
		last = max(last, to)
	}
}

// migrateOnce tries once. With an error, to is the version that the database has nevertheless; -1: not known.
func (s *Store) migrateOnce(ctx context.Context, version int64) (from, to int64, err error) {
	p, err := s.migrator()
	if err != nil {
		return -1, -1, err
	}
	done, err := p.UpTo(ctx, version)
	if err != nil {
		if to, verr := p.GetDBVersion(ctx); verr == nil {
			return -1, to, err
		}
		return -1, -1, err
	}
	to, err = p.GetDBVersion(ctx)
	if err != nil {
		return -1, -1, err
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; to > newest {
		return -1, -1, fmt.Errorf("it is of a newer parley: its tables are at version %d, and this program knows %d", to, newest)
	}
	from = to
	if len(done) > 0 {
		from = done[0].Source.Version - 1
	}
	return from, to, nil
}

func (s *Store) migrator() (*goose.Provider, error) {
	folder := "migrations/sqlite"
	o := []goose.ProviderOption{goose.WithSlog(s.log), goose.WithDisableGlobalRegistry(true)}
	if s.name == postgres {
		folder = "migrations/postgres"
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, uint64(standstill/time.Second))) // asks each second
		if err != nil {
			return nil, err
		}
		o = append(o, goose.WithSessionLocker(locker))
	}
	steps, err := fs.Sub(migrations, folder)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.Dialect(s.name), s.writer, steps, o...)
}
