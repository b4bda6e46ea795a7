package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"parley/store"
	"parley/store/sql"
)

// place is where the records are: for serve, and for the commands that work on them beside it.
type place struct {
	DataDir     string `help:"Directory for the database, the spool, recordings and made secrets." default:"./data" type:"path" var:"PARLEY_DATA_DIR"`
	DatabaseURL string `help:"Database: postgres://user:password@host/name, or sqlite:/path/to/file. Empty: SQLite, parley.db in the data directory." placeholder:"URL" var:"DATABASE_URL"`
}

// url is the database's.
func (p place) url() string {
	if p.DatabaseURL != "" {
		return p.DatabaseURL
	}
	return "sqlite:" + filepath.Join(p.DataDir, "parley.db")
}

// shared says whether other nodes may be at the same database.
func (p place) shared() bool { return !strings.HasPrefix(p.url(), "sqlite:") }

// open connects to the database and brings its schema up to date.
func (p place) open(ctx context.Context, log *slog.Logger) (*sql.Store, error) {
	if err := os.MkdirAll(p.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make --data-dir: %w", err)
	}
	s, err := sql.Open(ctx, sql.Options{URL: p.url(), Log: log})
	if err != nil {
		return nil, err
	}
	if err := migrate(ctx, s, log); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// migrate brings the schema up to date and says so.
func migrate(ctx context.Context, s *sql.Store, log *slog.Logger) error {
	from, to, err := s.Migrate(ctx)
	if err != nil {
		return err
	}
	if from != to {
		log.Info("database migrated", "from", from, "to", to)
	}
	return nil
}

// desk is what the commands on records have in common: the place, whose records, and how to show them.
type desk struct {
	place

	Org string `help:"Organisation, by its id. Empty: the first." placeholder:"ID"`
	sheet

	found store.Organisation // of Org
}

// sheet is how commands show what they have.
type sheet struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// sit opens the database and finds the organisation. Whoever sits closes the store.
func (d *desk) sit(ctx context.Context, con console) (*sql.Store, error) {
	if path, ok := strings.CutPrefix(d.url(), "sqlite:"); ok {
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("no database: %w; `parley serve` makes it, --data-dir or DATABASE_URL say where", err)
		}
	}
	s, err := d.open(ctx, newLogger("warn", "text", con.err))
	if err != nil {
		return nil, err
	}
	orgs, err := s.Organisations(ctx)
	switch i := slices.IndexFunc(orgs, func(o store.Organisation) bool { return d.Org == "" || d.Org == o.ID }); {
	case err != nil:
	case len(orgs) == 0:
		err = errors.New("the database is empty: the first `parley serve` founds an organisation")
	case i < 0:
		err = usageError{fmt.Errorf("--org %s: %w", d.Org, store.ErrNotFound)}
	default:
		d.found, d.Org = orgs[i], orgs[i].ID
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// with runs f at the desk and closes the store after it.
func (d *desk) with(ctx context.Context, con console, f func(*sql.Store) error) error {
	s, err := d.sit(ctx, con)
	if err != nil {
		return err
	}
	return errors.Join(f(s), s.Close())
}

// show prints rows: as a table with a head, or as JSON of what they were made of.
func (s *sheet) show(w io.Writer, all any, head []string, rows [][]string) error {
	if s.JSON {
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		return out.Encode(all)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(head, "\t"))
	for _, r := range rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	return tw.Flush()
}

// everything reads a list to its end, page by page.
func everything[T any](list func(store.Page) ([]T, int64, error)) ([]T, error) {
	var all []T
	for {
		some, total, err := list(store.Page{Limit: 100, Offset: len(all)})
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
		if len(some) == 0 || int64(len(all)) >= total {
			return all, nil
		}
	}
}

// migrateCmd brings the database's schema up to date, as serve does when it starts.
type migrateCmd struct {
	place
}

// Run migrates and says from where to where.
func (c *migrateCmd) Run(ctx context.Context, con console) error {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("make --data-dir: %w", err)
	}
	s, err := sql.Open(ctx, sql.Options{URL: c.url(), Log: newLogger("warn", "text", con.err)})
	if err != nil {
		return err
	}
	from, to, err := s.Migrate(ctx)
	if err != nil {
		return errors.Join(err, s.Close())
	}
	fmt.Fprintf(con.out, "schema %d -> %d\n", from, to)
	return s.Close()
}
