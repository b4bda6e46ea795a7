package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"parley/store"
	parleysql "parley/store/sql"
	"parley/store/storetest/pgtest"
)

// A database is one that is measured: the product's store on it, and the bare driver beside.
type database struct {
	name  string
	org   string
	store *parleysql.Store
	bare  *sql.DB
	close []func() error
}

// open makes an empty database in dir: "sqlite", or "postgres", whose server is started.
func open(ctx context.Context, name, dir string) (d *database, err error) {
	d = &database{name: name, org: store.NewID()}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	var address string
	switch name {
	case "sqlite":
		path := filepath.Join(dir, "parley.db")
		address = "sqlite:" + path
		d.bare, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=synchronous(0)")
	case "postgres":
		var server *pgtest.Server
		server, err = pgtest.Start(ctx, pgtest.Options{Dir: filepath.Join(dir, "postgres"), Keep: true, Settings: []string{"shared_buffers=512MB", "max_wal_size=4GB", "maintenance_work_mem=256MB"}})
		if err != nil {
			return d, fmt.Errorf("start postgres: %w", err)
		}
		d.close = append(d.close, server.Close)
		address = server.URL()
		d.bare, err = sql.Open("pgx", address)
	default:
		return d, fmt.Errorf("-db: %q is neither sqlite nor postgres", name)
	}
	if err != nil {
		return d, fmt.Errorf("open %s: %w", name, err)
	}
	d.close = append(d.close, d.bare.Close)
	if d.store, err = parleysql.Open(ctx, parleysql.Options{URL: address}); err != nil {
		return d, err
	}
	d.close = append(d.close, d.store.Close)
	_, _, err = d.store.Migrate(ctx)
	return d, err
}

// filled says whether an earlier run has brought so many contacts, and whose they are.
func (d *database) filled(ctx context.Context, contacts int) (bool, error) {
	orgs, err := d.store.Organisations(ctx)
	if err != nil || len(orgs) == 0 {
		return false, err
	}
	d.org = orgs[0].ID
	n, err := d.store.CountContacts(ctx, d.org, store.ContactQuery{})
	if err == nil && n != int64(contacts) {
		err = fmt.Errorf("an earlier run has left %d contacts, %d are asked for: use another -dir", n, contacts)
	}
	return true, err
}

// Close closes the database and stops its server.
func (d *database) Close() (err error) {
	for i := len(d.close) - 1; i >= 0; i-- {
		err = errors.Join(err, d.close[i]())
	}
	return err
}

const seeds = 5000 // contacts that the store makes; the others are copies

var (
	firstNames = []string{"María", "José", "Camila", "Juan", "Valentina", "Luis", "Isabella", "Carlos", "Sofía", "Pedro", "Martina", "Diego", "Antonia", "Javier", "Florencia", "Andrés", "Emilia", "Miguel", "Josefa", "Tomás"}
	lastNames  = []string{"González", "Muñoz", "Rojas", "Díaz", "Pérez", "Soto", "Contreras", "Silva", "Martínez", "Sepúlveda", "Morales", "Rodríguez", "López", "Fuentes", "Hernández", "Torres", "Araya", "Flores", "Espinoza", "Valenzuela", "Castillo", "Tapia", "Reyes"}
)

// phone and email are those of a seed's copy. The store makes copy 0.
func phone(seed, copied int) string { return fmt.Sprintf("+569%04d%05d", copied, 10000+seed) }
func email(seed, copied int) string {
	return fmt.Sprintf("person.%d-c%04d@example.com", 10000+seed, copied)
}

// fill brings so many contacts into an empty database.
func (d *database) fill(ctx context.Context, contacts int, say func(string, ...any)) error {
	if there, err := d.filled(ctx, contacts); err != nil || there {
		return err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	if _, err := d.store.CreateOrganisation(ctx, store.Organisation{ID: d.org, Name: "Bench", Created: now}); err != nil {
		return err
	}
	for i := range min(seeds, contacts) {
		_, err := d.store.CreateContact(ctx, store.Contact{
			ID: store.NewID(), Org: d.org, FirstName: firstNames[i%len(firstNames)], LastName: lastNames[i%len(lastNames)], Created: now.Add(-time.Duration(i) * time.Minute),
			Fields:    map[string]string{"tier": fmt.Sprintf("%q", []string{"gold", "silver", "bronze", "none"}[i%4])},
			Addresses: []store.Address{{Channel: store.ChannelPhone, Address: phone(i, 0)}, {Channel: store.ChannelEmail, Address: email(i, 0)}},
		})
		if err != nil {
			return err
		}
	}
	say("%d contacts are made", min(seeds, contacts))
	restore, err := d.strip(ctx)
	if err != nil {
		return err
	}
	if err := d.multiply(ctx, contacts/seeds, say); err != nil {
		return err
	}
	say("%d contacts are there", contacts)
	if err := restore(ctx); err != nil {
		return err
	}
	if d.name == "postgres" {
		_, err = d.bare.ExecContext(ctx, "VACUUM (ANALYZE) contacts, contact_addresses, contact_terms, contact_fields")
	} else {
		_, err = d.bare.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return err
}

const tables = "('contacts', 'contact_addresses', 'contact_terms', 'contact_fields')"

// strip takes the indexes and triggers of the tables away, so that they fill faster; restore makes them as they were.
func (d *database) strip(ctx context.Context) (restore func(context.Context) error, err error) {
	query := "SELECT type, name, sql FROM sqlite_master WHERE tbl_name IN " + tables + " AND type IN ('index', 'trigger') AND sql IS NOT NULL"
	after := []string{"INSERT INTO contact_words (contact_words) VALUES ('rebuild')"}
	if d.name == "postgres" {
		query = "SELECT 'index', indexname, indexdef FROM pg_indexes WHERE tablename IN " + tables +
			" AND indexname NOT IN (SELECT conname FROM pg_constraint)"
		after = nil
	}
	rows, err := d.bare.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // its error is Err's
	var drop, create []string
	for rows.Next() {
		var kind, name, made string
		if err := rows.Scan(&kind, &name, &made); err != nil {
			return nil, err
		}
		drop, create = append(drop, "DROP "+kind+" "+name), append(create, made)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return d.exec(ctx, append(create, after...)) }, d.exec(ctx, drop)
}

func (d *database) exec(ctx context.Context, statements []string) error {
	for _, s := range statements {
		if _, err := d.bare.ExecContext(ctx, s); err != nil {
			return fmt.Errorf("%w: %s", err, s)
		}
	}
	return nil
}

// multiply copies the seeds until each is there so many times.
func (d *database) multiply(ctx context.Context, times int, say func(string, ...any)) error {
	renamed := func(column string, k int) string {
		return fmt.Sprintf("replace(replace(%s, '+5690000', '+569%04d'), '-c0000@', '-c%04d@')", column, k, k)
	}
	for from := 1; from < times; from += 20 {
		tx, err := d.bare.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if d.name == "postgres" { // copies refer to what is there
			if _, err := tx.ExecContext(ctx, "SET LOCAL session_replication_role = replica"); err != nil {
				return errors.Join(err, tx.Rollback())
			}
		}
		for k := from; k < min(from+20, times); k++ {
			contacts, addresses := k*seeds, 2*k*seeds
			for _, s := range []string{
				fmt.Sprintf("INSERT INTO contacts SELECT number + %d, id || '-%d', org, user_ref, company, provider_id, provider_name, national_id, first_name, last_name, "+
					"position, metadata, %s, changes, created, updated FROM contacts WHERE number <= %d", contacts, k, renamed("words", k), seeds),
				fmt.Sprintf("INSERT INTO contact_addresses SELECT number + %d, contact + %d, channel, %s, created, updated FROM contact_addresses WHERE number <= %d",
					addresses, contacts, renamed("address", k), 2*seeds),
				fmt.Sprintf("INSERT INTO contact_terms SELECT org, contact + %d, field, CASE WHEN field = 'address_id' THEN CAST(CAST(text AS BIGINT) + %d AS TEXT) ELSE %s END, "+
					"CASE WHEN field = 'address_id' THEN value + %d ELSE value END FROM floor_terms", contacts, addresses, renamed("text", k), addresses),
				fmt.Sprintf("INSERT INTO contact_fields SELECT org, contact + %d, key, value FROM contact_fields WHERE contact <= %d", contacts, seeds),
			} {
				if k == 1 && strings.Contains(s, "floor_terms") {
					if _, err := tx.ExecContext(ctx, "CREATE TABLE floor_terms AS SELECT * FROM contact_terms"); err != nil {
						return err
					}
				}
				if _, err := tx.ExecContext(ctx, s); err != nil {
					return errors.Join(fmt.Errorf("%w: %s", err, s), tx.Rollback())
				}
			}
		}
		if err := tx.Commit(); err != nil {
			return err
		}
		if (from-1)%100 == 0 {
			say("%d copies of %d", from+19, times)
		}
	}
	return nil
}

// place is where a database is: the directory that was asked for, or a new one that is removed at the end. Postgres enters it as another user.
func place(asked string) (dir string, remove func() error, err error) {
	if asked != "" {
		dir, err = filepath.Abs(asked)
		return dir, func() error { return nil }, err
	}
	if dir, err = os.MkdirTemp("", "parley-bench-crm-"); err != nil {
		return "", nil, err
	}
	remove = func() error { return os.RemoveAll(dir) }
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return dir, remove, nil
}
