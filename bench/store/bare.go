package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"parley/store"
)

// A bare is the floor: the same database through the same driver and database/sql, in as few statements as the work can take, with no
// checks, no types and no counters. Lists and reads are of the store's own tables; writes go to tables of the bench's own, which have the
// same columns, one unique index each and nothing else.
type bare struct {
	read, write *sql.DB
	mark        byte // of a parameter: '$' with its number, or '?', which SQLite need not look up among all others
	lists       map[string]*sql.Stmt
	one         map[string]*sql.Stmt
}

// conditions are what a filter asks for, and its arguments.
func conditions(org string, f store.CallFilter) (where string, args []any) {
	where, args = "org = $1", []any{org}
	for _, c := range []struct{ column, value string }{{"agent", f.Agent}, {"task", f.Task}, {"status", string(f.Status)}} {
		if c.value != "" {
			args = append(args, c.value)
			where += fmt.Sprintf(" AND %s = $%d", c.column, len(args))
		}
	}
	if f.Task != "" {
		where += " AND task <> ''" // which lets SQLite take an index of tasks alone
	}
	return where, args
}

// prepareTables makes the floor's tables, anew, and the statements that read one thing.
func (b *bare) prepareTables(ctx context.Context) error {
	for _, table := range []string{"calls", "turns", "messages", "recordings", "ends", "agents", "versions"} {
		if _, err := b.write.ExecContext(ctx, "DROP TABLE IF EXISTS floor_"+table); err != nil {
			return fmt.Errorf("drop floor_%s: %w", table, err)
		}
	}
	for _, statement := range []string{
		"CREATE TABLE floor_calls AS SELECT id, org, agent, agent_version, task, direction, status, leg, carrier_id, caller, callee, node, boot, created, answered FROM calls WHERE 1 = 0",
		"CREATE TABLE floor_turns AS SELECT * FROM turns WHERE 1 = 0",
		"CREATE TABLE floor_messages AS SELECT * FROM messages WHERE 1 = 0",
		"CREATE TABLE floor_recordings AS SELECT * FROM recordings WHERE 1 = 0",
		"CREATE TABLE floor_ends AS SELECT id, status, ended, length, cause, error, turns, drops, latency, answered_by, quality, cost FROM calls WHERE 1 = 0",
		"CREATE TABLE floor_agents AS SELECT * FROM agents",
		"CREATE TABLE floor_versions AS SELECT * FROM agents WHERE 1 = 0",
		"CREATE UNIQUE INDEX floor_calls_id ON floor_calls (id)",
		"CREATE UNIQUE INDEX floor_turns_id ON floor_turns (call, n)",
		"CREATE UNIQUE INDEX floor_messages_id ON floor_messages (call, seq)",
		"CREATE UNIQUE INDEX floor_recordings_id ON floor_recordings (call)",
		"CREATE UNIQUE INDEX floor_ends_id ON floor_ends (id)",
		"CREATE UNIQUE INDEX floor_agents_id ON floor_agents (id)",
		"CREATE UNIQUE INDEX floor_versions_id ON floor_versions (id, version)",
	} {
		if _, err := b.write.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("make the floor's tables: %w: %s", err, statement)
		}
	}
	b.lists, b.one = map[string]*sql.Stmt{}, map[string]*sql.Stmt{}
	for name, statement := range map[string]string{
		"call":       "SELECT * FROM calls WHERE org = $1 AND id = $2",
		"transcript": "SELECT * FROM messages WHERE call = $1 ORDER BY seq",
		"agent":      "SELECT * FROM agents WHERE org = $1 AND id = $2",
	} {
		stmt, err := b.read.PrepareContext(ctx, statement)
		if err != nil {
			return fmt.Errorf("prepare the floor's %s: %w", name, err)
		}
		b.one[name] = stmt
	}
	return nil
}

// rows reads all rows of a statement, as bytes, and gives the second column of each.
func rows(ctx context.Context, stmt *sql.Stmt, args ...any) ([]string, error) {
	found, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }() // its error is Err's
	columns, err := found.Columns()
	if err != nil {
		return nil, err
	}
	values, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var second []string
	for found.Next() {
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		second = append(second, string(values[1]))
	}
	return second, found.Err()
}

// pageSQL finds a page by an index alone and then its rows.
const pageSQL = "SELECT c.* FROM (SELECT id FROM calls WHERE %s ORDER BY id DESC LIMIT $%d OFFSET $%d) page JOIN calls c ON c.id = page.id ORDER BY c.id DESC"

// list is a page's ids: the page alone, without its total.
func (b *bare) list(ctx context.Context, org string, f store.CallFilter, offset int) ([]string, error) {
	where, args := conditions(org, f)
	stmt := b.lists[where]
	if stmt == nil {
		return nil, fmt.Errorf("no statement for %s", where)
	}
	return rows(ctx, stmt, append(args, pageRows, offset)...)
}

// prepareLists makes a statement for each of the queries.
func (b *bare) prepareLists(ctx context.Context, queries []query) error {
	for _, q := range queries {
		where, args := conditions("", q.filter)
		if b.lists[where] != nil {
			continue
		}
		stmt, err := b.read.PrepareContext(ctx, fmt.Sprintf(pageSQL, where, len(args)+1, len(args)+2))
		if err != nil {
			return fmt.Errorf("prepare the floor's list by %s: %w", q.name, err)
		}
		b.lists[where] = stmt
	}
	return nil
}

// count is how many calls match, counted.
func (b *bare) count(ctx context.Context, org string, f store.CallFilter) (n int64, err error) {
	where, args := conditions(org, f)
	err = b.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM calls WHERE "+where, args...).Scan(&n)
	return n, err
}

// record keeps entries: statements of many rows for each table, in one transaction.
func (b *bare) record(ctx context.Context, entries []store.Entry) error {
	tables := map[string][][]any{}
	add := func(table string, row ...any) { tables[table] = append(tables[table], row) }
	for _, e := range entries {
		switch {
		case e.Began != nil:
			c := e.Began
			add("calls", c.ID, c.Org, c.Agent, c.AgentVersion, c.Task, string(c.Direction), string(c.Status), c.Leg, c.CarrierID, c.From, c.To, c.Node, c.Boot, text(c.Created), text(c.Answered))
		case e.Turned != nil:
			t := e.Turned.Turn
			add("turns", t.Call, t.N, t.Why, t.Said, t.Text, t.Heard, t.Cut, int64(t.At), int64(t.Sounded), object(t.Latency), t.Error, object(t.Counts), "", "")
			for _, m := range e.Turned.Messages {
				add("messages", m.Call, m.Seq, m.Role, m.Text, m.Cut, m.Turn, int64(m.At), int64(m.Length), m.Words)
			}
		case e.Ended != nil:
			d := e.Ended
			add("ends", d.Call, string(d.Status), text(d.End.Ended), int64(d.End.Length), d.End.Cause, d.End.Error, d.End.Turns, d.End.Drops, object(d.End.Latency), d.End.AnsweredBy, "", "")
			if r := d.Recording; r != nil {
				add("recordings", d.Call, r.Path, r.Rate, r.Channels, r.Bytes, int64(r.Length))
			}
		}
	}
	tx, err := b.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	for _, table := range []string{"calls", "turns", "messages", "ends", "recordings"} {
		if err := b.insert(ctx, tx, "floor_"+table, tables[table]); err != nil {
			return fmt.Errorf("insert into floor_%s: %w", table, err)
		}
	}
	return tx.Commit()
}

// mostRows is how many rows one statement of the floor takes: powers of two, so that the driver has most statements prepared already.
const mostRows = 128

// insert puts rows into a table by as few statements as may be.
func (b *bare) insert(ctx context.Context, tx *sql.Tx, table string, rows [][]any) error {
	for len(rows) > 0 {
		n := mostRows
		for n > len(rows) {
			n /= 2
		}
		var statement strings.Builder
		statement.WriteString("INSERT INTO " + table + " VALUES ")
		var args []any
		for i, row := range rows[:n] {
			if i > 0 {
				statement.WriteByte(',')
			}
			for j, value := range row {
				args = append(args, value)
				statement.WriteByte("(,"[min(j, 1)])
				if statement.WriteByte(b.mark); b.mark == '$' {
					statement.WriteString(strconv.Itoa(len(args)))
				}
			}
			statement.WriteByte(')')
		}
		if _, err := tx.ExecContext(ctx, statement.String(), args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// update changes an agent and keeps the version.
func (b *bare) update(ctx context.Context, agent, prompt string) error {
	tx, err := b.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if _, err := tx.ExecContext(ctx, "UPDATE floor_agents SET version = version + 1, system_prompt = $1, updated = $2 WHERE id = $3", prompt, text(time.Now()), agent); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO floor_versions SELECT * FROM floor_agents WHERE id = $1", agent); err != nil {
		return err
	}
	return tx.Commit()
}

// text is a time as the tables hold it.
func text(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// object is a map as JSON.
func object(m map[string]int64) string {
	if m == nil {
		return ""
	}
	b, _ := json.Marshal(m) // of numbers: it cannot fail
	return string(b)
}
