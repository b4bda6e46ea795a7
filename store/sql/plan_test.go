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
		open         func(t *testing.T) *sql.Store
		alone, ready string
	}{
		"SQLite":   {sqlite, "SEARCH %s USING COVERING INDEX %s (", "ANALYZE"},
		"Postgres": {func(t *testing.T) *sql.Store { return open(t, postgres.URL(t)) }, "Index Only Scan Backward using %[2]s on %[1]s", "VACUUM ANALYZE"},
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
			agents := []string{h.Setup.Agent.ID}
			for range 4 {
				agents = append(agents, store.NewID())
				if _, err := s.CreateAgent(ctx, store.Agent{ID: agents[len(agents)-1], Org: h.Org, Created: time.Now()}); err != nil {
					t.Fatal(err)
				}
			}
			for i := range 600 {
				if _, err := s.CreateTask(ctx, store.Task{ID: store.NewID(), Org: h.Org, Agent: agents[i%5], To: fmt.Sprint(i), Priority: i % 4, Created: time.Now()}); err != nil {
					t.Fatal(err)
				}
			}
			var contacts []store.Task
			for i := range 600 {
				contacts = append(contacts, store.Task{ID: store.NewID(), To: fmt.Sprint(i), Priority: i % 4, Created: time.Now()})
			}
			if _, err := s.AddContacts(ctx, h.Org, h.Campaign.ID, contacts); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Bare().ExecContext(ctx, "UPDATE tasks SET status = 'failed' WHERE priority > 0"); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Bare().ExecContext(ctx, c.ready); err != nil {
				t.Fatal(err)
			}
			for index, f := range map[string]store.CallFilter{"calls_org": {}, "calls_agent": {Agent: "agent 1"}, "calls_status": {Status: store.Failed},
				"calls_agent_status": {Agent: "agent 1", Status: store.Failed}, "calls_task": {Task: "task 1", Agent: "agent 1", Status: store.Failed}} {
				lines, err := s.Plan(ctx, h.Org, f, store.Page{Limit: 5, Offset: 10})
				plan := strings.Join(lines, "\n")
				if err != nil || !strings.Contains(plan, fmt.Sprintf(c.alone, "calls", index)) || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN calls") {
					t.Errorf("%+v does not use %s alone (%v):\n%s", f, index, err, plan)
				}
			}
			agent := agents[1]
			for index, f := range map[string]store.TaskFilter{"tasks_org": {}, "tasks_agent": {Agent: agent}, "tasks_status": {Status: store.Pending},
				"tasks_agent_status": {Agent: agent, Status: store.Pending}, "tasks_campaign": {Campaign: h.Campaign.ID},
				"tasks_campaign_status": {Campaign: h.Campaign.ID, Status: store.Failed}} {
				lines, err := s.PlanTasks(ctx, h.Org, f, store.Page{Limit: 5, Offset: 10})
				plan := strings.Join(lines, "\n")
				if err != nil || !strings.Contains(plan, fmt.Sprintf(c.alone, "tasks", index)) || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN tasks") {
					t.Errorf("%+v does not use %s alone (%v):\n%s", f, index, err, plan)
				}
			}
		})
	}
}
