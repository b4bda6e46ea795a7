package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"parley/store"
)

const (
	seedCalls  = 20_000 // recorded one by one; the others are copies
	batchCalls = 256    // of a transaction, while filling
	turnsFill  = 1      // of a call, while filling: lists do not touch them
)

// A filling says how the calls came into the database.
type filling struct {
	Recorded int     `json:"recorded"`           // calls, by Recorder.Record
	PerCall  float64 `json:"calls_per_s"`        // of those
	Copied   int     `json:"copied"`             // calls, by INSERT ... SELECT, with their counters
	CopyRate float64 `json:"copied_calls_per_s"` // of those
	Took     float64 `json:"took_s"`             // in all
	Reused   bool    `json:"reused,omitempty"`   // an earlier run had filled it
	Bytes    int64   `json:"bytes,omitempty"`    // the database's size
}

// fill brings so many calls into an empty database: some thousands through Recorder.Record, as they would come, and copies of those that
// begin some minutes later each, by SQL. A database that has them already stays as it is.
func (d *database) fill(ctx context.Context, calls int, say func(format string, args ...any)) (filling, []tenant, error) {
	began := time.Now()
	tenants, err := d.tenants(ctx)
	if err != nil {
		return filling{}, nil, err
	}
	if len(tenants) > 0 {
		var n int
		if err := d.bare.read.QueryRowContext(ctx, "SELECT COUNT(*) FROM calls").Scan(&n); err != nil {
			return filling{}, nil, fmt.Errorf("count calls: %w", err)
		}
		if n < calls {
			return filling{}, nil, fmt.Errorf("%s has %d calls of an earlier run, %d are asked for: use another -dir", d.name, n, calls)
		}
		return filling{Reused: true}, tenants, nil
	}
	if tenants, err = d.found(ctx); err != nil {
		return filling{}, nil, err
	}
	copies := (calls + seedCalls - 1) / seedCalls
	f := filling{Recorded: (calls + copies - 1) / copies}
	window := time.Now().UnixMilli()>>windowBits - int64(copies) - 1
	took, err := d.seed(ctx, newTraffic(1, tenants), window, f.Recorded)
	if err != nil {
		return filling{}, nil, err
	}
	f.PerCall = float64(f.Recorded) / took.Seconds()
	say("%s: %d calls recorded in %.0f s\n", d.name, f.Recorded, took.Seconds())
	if err := d.verify(ctx, tenants); err != nil { // what Record counted, before it is multiplied
		return filling{}, nil, err
	}
	copying := time.Now()
	err = d.multiply(ctx, window, copies, func(k int) {
		if k%10 == 0 || k == copies {
			say("%s: %d calls of %d after %.0f s\n", d.name, k*f.Recorded, copies*f.Recorded, time.Since(began).Seconds())
		}
	})
	if err != nil {
		return filling{}, nil, err
	}
	if f.Copied = (copies - 1) * f.Recorded; copies > 1 {
		f.CopyRate = float64(f.Copied) / time.Since(copying).Seconds()
	}
	if err := d.settle(ctx); err != nil {
		return filling{}, nil, err
	}
	f.Took = time.Since(began).Seconds()
	return f, tenants, d.verify(ctx, tenants)
}

// found makes the organisations and their agents.
func (d *database) found(ctx context.Context) ([]tenant, error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	var tenants []tenant
	for i := range shares() {
		org, first := store.NewID(), store.NewID()
		name := fmt.Sprintf("Bench %d", i)
		if i == 0 {
			user := store.User{ID: store.NewID(), Org: org, Email: "owner@example.com", Name: "Owner", Role: store.Owner, Created: now}
			err := d.store.Found(ctx, store.Setup{
				Organisation: store.Organisation{ID: org, Name: name, DefaultAgent: first, Created: now}, Owner: user,
				Key:   store.Key{ID: store.NewID(), Org: org, User: user.ID, Role: store.Owner, Name: "bench", Prefix: "va_bench", Hash: strings.Repeat("0", 64), Scopes: []string{"*"}, Created: now},
				Agent: agent(org, first, now),
			})
			if err != nil {
				return nil, fmt.Errorf("found the first organisation: %w", err)
			}
		} else {
			// The interfaces have no way to make a second organisation, as the product has none yet.
			if _, err := d.bare.write.ExecContext(ctx, "INSERT INTO organisations (id, name, created) VALUES ($1, $2, $3)", org, name, text(now)); err != nil {
				return nil, fmt.Errorf("make an organisation: %w", err)
			}
			if _, err := d.store.CreateAgent(ctx, agent(org, first, now)); err != nil {
				return nil, fmt.Errorf("make an agent: %w", err)
			}
		}
		for range agentsEach - 1 {
			if _, err := d.store.CreateAgent(ctx, agent(org, store.NewID(), now)); err != nil {
				return nil, fmt.Errorf("make an agent: %w", err)
			}
		}
	}
	tenants, err := d.tenants(ctx)
	if err == nil && len(tenants) != len(shares()) {
		err = errors.New("organisations that were made are not listed")
	}
	return tenants, err
}

func agent(org, id string, now time.Time) store.Agent {
	return store.Agent{
		ID: id, Org: org, Name: "Agent " + id[24:], SystemPrompt: strings.Repeat("You answer the telephone of a dentist, kindly and in short sentences. ", 12),
		StartingMessage: "Hello! How can I help you today?", Enabled: true, Created: now, Updated: now,
	}
}

// tenants reads who is there: none in an empty database.
func (d *database) tenants(ctx context.Context) ([]tenant, error) {
	orgs, err := d.store.Organisations(ctx)
	if err != nil {
		return nil, fmt.Errorf("list organisations: %w", err)
	}
	var tenants []tenant
	for _, o := range orgs {
		agents, _, err := d.store.Agents(ctx, o.ID, store.AgentFilter{}, store.Page{Limit: agentsEach})
		if err != nil {
			return nil, fmt.Errorf("list agents: %w", err)
		}
		of := tenant{org: o.ID, campaign: campaign(o.ID)}
		for _, a := range slices.Backward(agents) {
			of.agents = append(of.agents, a.ID)
		}
		tenants = append(tenants, of)
	}
	return tenants, nil
}

// windowBits: the first 8 hex digits of a UUIDv7 are its time in steps of 2^16 ms.
const windowBits = 16

// seed records calls that begin within one window, in big transactions.
func (d *database) seed(ctx context.Context, t *traffic, window int64, calls int) (took time.Duration, err error) {
	var batch []store.Entry
	for i := range calls {
		at := time.UnixMilli(window<<windowBits + int64(i)<<windowBits/int64(calls)).UTC()
		batch = append(batch, t.call(at, turnsFill)...)
		if (i+1)%batchCalls > 0 && i+1 < calls {
			continue
		}
		began := time.Now()
		if err := d.store.Record(ctx, batch); err != nil {
			return 0, fmt.Errorf("record %d entries: %w", len(batch), err)
		}
		took += time.Since(began)
		batch = batch[:0]
	}
	return took, nil
}

// multiply copies the calls of a window into those after it, until each is there so many times, and multiplies the counters.
func (d *database) multiply(ctx context.Context, window int64, times int, done func(times int)) error {
	for k := 1; k < times; k++ {
		if err := d.copy(ctx, window, window+int64(k)); err != nil {
			return fmt.Errorf("copy calls: %w", err)
		}
		done(k + 1)
	}
	_, err := d.bare.write.ExecContext(ctx, "UPDATE call_counts SET n = n * $1", times)
	if err == nil { // of a task that all windows share; others moved with their calls, and have no counters yet
		_, err = d.bare.write.ExecContext(ctx, "UPDATE task_counts SET n = n * $1 WHERE substr(task, 1, 8) <> $2", times, fmt.Sprintf("%08x", window))
	}
	if err == nil {
		_, err = d.bare.write.ExecContext(ctx, fmt.Sprintf("INSERT INTO task_counts (org, task, agent, status, n) SELECT org, task, agent, status, COUNT(*) "+
			"FROM calls WHERE task >= '%08[1]x' AND task < '%08[2]x' GROUP BY org, task, agent, status", window+1, window+int64(times)))
	}
	if err != nil {
		return fmt.Errorf("multiply counters: %w", err)
	}
	return nil
}

// copy makes the calls of a window again in another one: all rows but the numbers are copied, ids move with the window.
func (d *database) copy(ctx context.Context, from, to int64) error {
	tx, err := d.bare.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	for _, table := range []struct{ name, key string }{{"calls", "id"}, {"turns", "call"}, {"messages", "call"}, {"recordings", "call"}} {
		columns, err := d.columns(ctx, table.name)
		if err != nil {
			return err
		}
		values := slices.Clone(columns)
		for i, c := range columns {
			if c == "id" || c == "call" || c == "task" {
				values[i] = fmt.Sprintf("CASE WHEN substr(%[1]s, 1, 8) = '%08[2]x' THEN '%08[3]x' || substr(%[1]s, 9) ELSE %[1]s END", c, from, to)
			}
		}
		statement := fmt.Sprintf("INSERT INTO %[1]s (%[2]s) SELECT %[3]s FROM %[1]s WHERE %[4]s >= '%08[5]x' AND %[4]s < '%08[6]x' ORDER BY %[4]s",
			table.name, strings.Join(columns, ", "), strings.Join(values, ", "), table.key, from, from+1)
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", table.name, err)
		}
	}
	return tx.Commit()
}

// columns are a table's, but for the number that the database gives.
func (d *database) columns(ctx context.Context, table string) ([]string, error) {
	found, err := d.bare.read.QueryContext(ctx, "SELECT * FROM "+table+" LIMIT 0")
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", table, err)
	}
	defer func() { _ = found.Close() }() // its error is Err's
	columns, err := found.Columns()
	if err != nil {
		return nil, fmt.Errorf("columns of %s: %w", table, err)
	}
	return slices.DeleteFunc(columns, func(c string) bool { return c == "number" }), found.Err()
}

// verify holds every list's total, of every organisation, against what there is, counted.
func (d *database) verify(ctx context.Context, tenants []tenant) error {
	for _, of := range tenants {
		for _, q := range queries(of) {
			_, total, err := d.store.Calls(ctx, of.org, q.filter, store.Page{Limit: 1})
			if err != nil {
				return fmt.Errorf("list calls by %s: %w", q.name, err)
			}
			counted, err := d.bare.count(ctx, of.org, q.filter)
			if err != nil {
				return fmt.Errorf("count calls by %s: %w", q.name, err)
			}
			if total != counted {
				return fmt.Errorf("%s: the total of calls by %s is %d, but there are %d", d.name, q.name, total, counted)
			}
		}
	}
	return nil
}
