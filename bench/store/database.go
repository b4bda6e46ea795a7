package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	parleysql "parley/store/sql"
	"parley/store/storetest/pgtest"
)

// A database is one that is measured: the product's store on it, and the bare driver beside.
type database struct {
	name     string
	store    *parleysql.Store
	bare     *bare
	settings string
	path     string // its file or directory
	settle   func(context.Context) error
	stop     func() error // of a server
}

// open opens a database in dir, which is made if need be: "sqlite", or "postgres", whose server is started.
func open(ctx context.Context, name, dir string) (*database, error) {
	d := &database{name: name, bare: &bare{}, stop: func() error { return nil }}
	var address string
	var err error
	switch name {
	case "sqlite":
		address, err = d.sqlite(dir)
	case "postgres":
		address, err = d.postgres(ctx, dir)
	default:
		err = fmt.Errorf("-db: %q is neither sqlite nor postgres", name)
	}
	if err != nil {
		return nil, err
	}
	if d.store, err = parleysql.Open(ctx, parleysql.Options{URL: address}); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if _, _, err := d.store.Migrate(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.describe(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("read the settings of %s: %w", name, err), d.Close())
	}
	return d, nil
}

// sqlite opens a file bare, with the pragmas that store/sql sets.
func (d *database) sqlite(dir string) (address string, err error) {
	d.path, d.bare.mark = filepath.Join(dir, "parley.db"), '?'
	dsn := "file:" + (&url.URL{Path: d.path}).EscapedPath() +
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)"
	if d.bare.write, err = sql.Open("sqlite", dsn+"&_txlock=immediate"); err != nil {
		return "", fmt.Errorf("open sqlite: %w", err)
	}
	d.bare.write.SetMaxOpenConns(1)
	if d.bare.read, err = sql.Open("sqlite", dsn+"&_pragma=query_only(1)"); err != nil {
		return "", fmt.Errorf("open sqlite: %w", err)
	}
	d.bare.read.SetMaxOpenConns(readers)
	d.bare.read.SetMaxIdleConns(readers)
	d.settle = func(ctx context.Context) error {
		if _, err := d.bare.write.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
		return nil
	}
	return "sqlite:" + d.path, nil
}

// postgres starts a server, durable as by default, and opens it bare.
func (d *database) postgres(ctx context.Context, dir string) (address string, err error) {
	d.path, d.bare.mark = filepath.Join(dir, "postgres"), '$'
	server, err := pgtest.Start(ctx, pgtest.Options{Dir: d.path, Keep: true, Durable: true, Settings: []string{"shared_buffers=512MB", "max_wal_size=4GB"}})
	if err != nil {
		return "", fmt.Errorf("start postgres: %w", err)
	}
	d.stop = server.Close
	if d.bare.write, err = sql.Open("pgx", server.URL()); err != nil {
		return "", errors.Join(fmt.Errorf("open postgres: %w", err), d.stop())
	}
	d.bare.write.SetMaxOpenConns(readers + 1)
	d.bare.write.SetMaxIdleConns(readers + 1)
	d.bare.read = d.bare.write
	d.settle = func(ctx context.Context) error {
		for _, statement := range []string{"VACUUM (ANALYZE) calls, turns, messages, recordings, call_counts", "CHECKPOINT"} {
			if _, err := d.bare.write.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("settle: %w", err)
			}
		}
		return nil
	}
	return server.URL(), nil
}

// describe reads version and settings.
func (d *database) describe(ctx context.Context) error {
	asked := []string{"SELECT 'SQLite ' || sqlite_version()", "SELECT 'synchronous ' || synchronous FROM pragma_synchronous", "SELECT 'journal_mode ' || journal_mode FROM pragma_journal_mode",
		"SELECT 'cache_size ' || cache_size FROM pragma_cache_size"}
	if d.name == "postgres" {
		asked = []string{"SELECT 'PostgreSQL ' || current_setting('server_version')"}
		for _, s := range []string{"fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size", "autovacuum"} {
			asked = append(asked, fmt.Sprintf("SELECT '%[1]s ' || current_setting('%[1]s')", s))
		}
	}
	for _, q := range asked {
		var s string
		if err := d.bare.write.QueryRowContext(ctx, q).Scan(&s); err != nil {
			return err
		}
		if d.settings != "" {
			d.settings += ", "
		}
		d.settings += s
	}
	return nil
}

// size is how many bytes the database has on disk.
func (d *database) size() (bytes int64) {
	_ = filepath.Walk(d.path, func(_ string, info os.FileInfo, err error) error { // what vanishes meanwhile has no size
		if err == nil && !info.IsDir() {
			bytes += info.Size()
		}
		return nil
	})
	if info, err := os.Stat(d.path + "-wal"); err == nil {
		bytes += info.Size()
	}
	return bytes
}

// Close closes the database and stops its server.
func (d *database) Close() error {
	var errs []error
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	for _, pool := range []*sql.DB{d.bare.read, d.bare.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(append(errs, d.stop())...)
}
