package sql_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"parley/store"
	"parley/store/sql"
	"parley/store/storetest"
)

// TestPlans: each list of calls chooses its page by an index alone, and reads only the rows of the page.
func TestPlans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open           func(t *testing.T) *sql.Store
		explain, alone string
		ready          string
	}{
		"SQLite":   {sqlite, "EXPLAIN QUERY PLAN ", "SEARCH calls USING COVERING INDEX %s (", "ANALYZE"},
		"Postgres": {func(t *testing.T) *sql.Store { return open(t, postgres.URL(t)) }, "EXPLAIN ", "Index Only Scan Backward using %s on", "VACUUM ANALYZE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, s := t.Context(), c.open(t)
			h, err := storetest.Fill(ctx, s)
			if err != nil {
				t.Fatal(err)
			}
			var entries []store.Entry
			for i := range 4000 {
				statuses := []store.Status{store.Completed, store.Failed, store.InProgress}
				entries = append(entries, store.Entry{Began: &store.Call{ID: store.NewID(), Org: h.Org, Agent: fmt.Sprint("agent ", i%5), Task: fmt.Sprint("task ", i%20),
					Status: statuses[i%3], Created: time.Now(), Direction: store.Inbound}})
			}
			if err := s.Record(ctx, entries); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Bare().ExecContext(ctx, c.ready); err != nil {
				t.Fatal(err)
			}
			for index, f := range map[string]store.CallFilter{"calls_org": {}, "calls_agent": {Agent: "agent 1"}, "calls_status": {Status: store.Failed},
				"calls_agent_status": {Agent: "agent 1", Status: store.Failed}, "calls_task": {Task: "task 1", Agent: "agent 1", Status: store.Failed}} {
				query, args := sql.PageOfCalls(h.Org, f, store.Page{Limit: 5, Offset: 10})
				plan := explained(t, s, c.explain+query, args)
				if !strings.Contains(plan, fmt.Sprintf(c.alone, index)) || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN calls") {
					t.Errorf("%+v does not use %s alone:\n%s", f, index, plan)
				}
			}
		})
	}
}

func explained(t *testing.T, s *sql.Store, query string, args []any) string {
	t.Helper()
	rows, err := s.Bare().QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var plan strings.Builder
	for rows.Next() {
		line := make([]any, len(columns))
		for i := range line {
			line[i] = new(any)
		}
		if err := rows.Scan(line...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, *line[len(line)-1].(*any))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
