package sql

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateTask implements store.Tasks.
func (s *Store) CreateTask(ctx context.Context, t store.Task) (made store.Task, err error) {
	err = s.write(ctx, "create task", func(ctx context.Context, u unit) error {
		made, err = u.createTask(ctx, t)
		return err
	})
	if err != nil {
		return store.Task{}, err
	}
	return made, nil
}

// createTask writes a new task, and counts it.
func (u unit) createTask(ctx context.Context, t store.Task) (store.Task, error) {
	if t.Updated.IsZero() {
		t.Updated = t.Created
	}
	if err := u.keepAgent(ctx, t.Org, t.Agent); err != nil {
		return store.Task{}, err
	}
	row, err := u.InsertTask(ctx, db.InsertTaskParams{
		ID: t.ID, Org: t.Org, Agent: t.Agent, Name: t.Name, Callee: t.To, Description: t.Description, StartingMessage: t.StartingMessage,
		Context: t.Context, Priority: int64(t.Priority), Scheduled: db.Time(t.Scheduled), WebhookUrl: t.WebhookURL,
		WebhookEvents: t.WebhookEvents, Due: db.Time(t.Scheduled), Created: db.Time(t.Created), Updated: db.Time(t.Updated), Caller: t.From,
		Bot: t.Bot, Permission: t.Permission,
	})
	if err != nil {
		return store.Task{}, err
	}
	made := task(row)
	return made, u.countTasks(ctx, map[tally]int64{total(made, store.Pending): 1})
}

// Task implements store.Tasks.
func (s *Store) Task(ctx context.Context, org, id string) (t store.Task, err error) {
	err = s.read(ctx, "read task", func(ctx context.Context, u unit) error {
		row, err := u.Task(ctx, db.TaskParams{Org: org, ID: id})
		t = task(row)
		return err
	})
	return t, err
}

// Tasks implements store.Tasks. The total is a sum of counters.
func (s *Store) Tasks(ctx context.Context, org string, f store.TaskFilter, p store.Page) (tasks []store.Task, total int64, err error) {
	l := listTasks(org, f)
	err = s.read(ctx, "list tasks", func(ctx context.Context, u unit) error {
		found, err := list(ctx, u, l, p, (*db.Task).Fields)
		if err != nil {
			return err
		}
		tasks = each(found, task)
		counters := "task_totals"
		if f.Campaign != "" {
			counters = "campaign_counts"
		}
		total, err = l.number(ctx, u, "COALESCE(SUM(n), 0)", counters)
		return err
	})
	return tasks, total, err
}

// PlanTasks tells how the database would find a page of tasks, as Plan does of calls.
func (s *Store) PlanTasks(ctx context.Context, org string, f store.TaskFilter, p store.Page) (lines []string, err error) {
	return s.explain(ctx, listTasks(org, f), p)
}

func listTasks(org string, f store.TaskFilter) listing {
	l := listing{table: "tasks", columns: db.TaskColumns}
	l.only("org", org)
	if f.Campaign != "" {
		l.only("campaign", f.Campaign)
		l.where = append(l.where, "campaign <> ''") // as the index says
	}
	if f.Agent != "" {
		l.only("agent", f.Agent)
	}
	if f.Status != "" {
		l.only("status", string(f.Status))
	}
	return l
}

// UpdateTask implements store.Tasks. While change runs, nobody else changes the task: it should not take long.
func (s *Store) UpdateTask(ctx context.Context, org, id string, at time.Time, change func(*store.Task) error) (t store.Task, err error) {
	var refusal error
	err = s.write(ctx, "update task", func(ctx context.Context, u unit) error {
		refusal = nil
		row, err := u.HoldTask(ctx, db.HoldTaskParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		t = task(row)
		if t.Status != store.Pending {
			return fmt.Errorf("%w: it is %s", store.ErrConflict, t.Status)
		}
		next := t
		if refusal = change(&next); refusal != nil {
			return errUnchanged
		}
		due := t.Due
		if !next.Scheduled.Equal(t.Scheduled) {
			due = next.Scheduled
		}
		row, err = u.UpdateTask(ctx, db.UpdateTaskParams{
			ID: t.ID, Name: next.Name, Callee: next.To, Description: next.Description, StartingMessage: next.StartingMessage,
			Context: next.Context, Priority: int64(next.Priority), Scheduled: db.Time(next.Scheduled), WebhookUrl: next.WebhookURL,
			WebhookEvents: next.WebhookEvents, Due: db.Time(due), Updated: db.Time(at),
		})
		t = task(row)
		return err
	})
	if refusal != nil {
		return store.Task{}, refusal
	}
	if err != nil {
		return store.Task{}, err
	}
	return t, nil
}

// DeleteTask implements store.Tasks.
func (s *Store) DeleteTask(ctx context.Context, org, id string) error {
	return s.write(ctx, "delete task", func(ctx context.Context, u unit) error {
		row, err := u.HoldTask(ctx, db.HoldTaskParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		t := task(row)
		if t.Status != store.Pending && t.Status != store.Failed {
			return fmt.Errorf("%w: it is %s", store.ErrConflict, t.Status)
		}
		return u.dropTask(ctx, t)
	})
}

// dropTask removes a task that is held, and counts it no more.
func (u unit) dropTask(ctx context.Context, t store.Task) error {
	if err := u.DeleteDials(ctx, t.ID); err != nil {
		return err
	}
	if err := u.DeleteTask(ctx, t.ID); err != nil {
		return err
	}
	return u.countTasks(ctx, map[tally]int64{total(t, t.Status): -1})
}

// ExecuteTask implements store.Tasks.
func (s *Store) ExecuteTask(ctx context.Context, x store.Execution) (d store.Dial, err error) {
	err = s.write(ctx, "execute task", func(ctx context.Context, u unit) error {
		row, err := u.HoldTask(ctx, db.HoldTaskParams{Org: x.Org, ID: x.Task})
		if err != nil {
			return err
		}
		t := task(row)
		switch {
		case t.Status != store.Pending:
			return fmt.Errorf("%w: it is %s", store.ErrConflict, t.Status)
		case !x.Seen.IsZero() && !t.Updated.Equal(x.Seen):
			return fmt.Errorf("%w: it has just been changed", store.ErrConflict)
		case !x.Now.IsZero() && (t.Due.IsZero() || t.Due.After(x.Now)):
			return fmt.Errorf("%w: it is not due", store.ErrConflict)
		}
		due, err := s.admit(ctx, u, t, x)
		if err != nil {
			return err
		}
		c := x.Call
		c.Org, c.Task, c.Direction, c.Status = t.Org, t.ID, store.Outbound, store.Initiated
		if _, err := u.BeginTask(ctx, db.BeginTaskParams{ID: t.ID, Call: c.ID, Updated: db.Time(c.Created)}); err != nil {
			return err
		}
		if err := s.record(ctx, u, []store.Entry{{Began: &c}}); err != nil {
			return err
		}
		queued, err := u.InsertDial(ctx, db.InsertDialParams{
			Call: c.ID, Org: t.Org, Task: t.ID, Execution: int64(t.Attempts) + 1, Priority: int64(t.Priority), Caller: c.From, Callee: c.To,
			Due: db.Time(due), Account: x.Account, Created: db.Time(c.Created), Campaign: t.Campaign,
		})
		if err != nil {
			return err
		}
		d = dial(queued)
		return u.countTasks(ctx, map[tally]int64{total(t, store.Pending): -1, total(t, store.InProgress): 1})
	})
	if err != nil {
		return store.Dial{}, err
	}
	return d, nil
}

// ResetTask implements store.Tasks. Calls are locked before the tasks that they carry out, here as in Record.
func (s *Store) ResetTask(ctx context.Context, org, id string, at time.Time) (t store.Task, d store.Dial, err error) {
	err = s.write(ctx, "reset task", func(ctx context.Context, u unit) error {
		t, d = store.Task{}, store.Dial{}
		row, err := u.Task(ctx, db.TaskParams{Org: org, ID: id})
		if err != nil {
			return err
		}
		seen := task(row)
		if seen.Status == store.InProgress {
			placed, err := u.Dial(ctx, seen.Call)
			if err != nil {
				return err
			}
			d = dial(placed)
			e := store.Ended{Call: seen.Call, Status: store.Failed, End: store.End{Ended: at, Cause: store.CauseCancelled}}
			if _, err := s.endCall(ctx, u, &ended{Ended: &e, crashed: true, hearsay: true}); err != nil {
				return err
			}
		}
		if row, err = u.HoldTask(ctx, db.HoldTaskParams{Org: org, ID: id}); err != nil {
			return err
		}
		switch now := task(row); {
		case now.Status == store.Pending:
			return fmt.Errorf("%w: it is pending", store.ErrConflict)
		case now.Call != seen.Call || now.Status == store.InProgress:
			return errAgain
		default:
			seen = now
		}
		due := seen.Scheduled
		switch {
		case due.After(at):
		case seen.Campaign != "":
			due = at
		default:
			due = time.Time{}
		}
		if row, err = u.ResetTask(ctx, db.ResetTaskParams{ID: id, Due: db.Time(due), Updated: db.Time(at)}); err != nil {
			return err
		}
		t = task(row)
		return u.countTasks(ctx, map[tally]int64{total(seen, seen.Status): -1, total(t, store.Pending): 1})
	})
	if err != nil {
		return store.Task{}, store.Dial{}, err
	}
	return t, d, nil
}

// endTasks ends the tasks that ended calls carried out, and the dials of these, and writes down what happened. It adds the steps that the
// tasks' counters take.
func (u unit) endTasks(ctx context.Context, l *ledger, steps map[tally]int64) error {
	const text, number = "TEXT", "BIGINT"
	r := rows{
		before: "UPDATE tasks SET status = v.column2, error = v.column3, due = v.column4, retries = tasks.retries + v.column5, outcome = v.column8, " +
			"updated = CASE WHEN tasks.updated < v.column6 THEN v.column6 ELSE tasks.updated END FROM (VALUES ",
		after: ") AS v WHERE tasks.id = v.column1 AND tasks.call = v.column7 AND tasks.status = 'in_progress' " +
			"RETURNING tasks.org, tasks.agent, tasks.status, tasks.campaign, tasks.outcome, tasks.id, tasks.call",
		casts: []string{text, text, text, text, number, text, text, text},
	}
	over := slices.DeleteFunc(slices.Clone(l.order), func(a *account) bool { return a.ended == nil || a.call.Task == "" })
	slices.SortFunc(over, func(a, b *account) int { return strings.Compare(a.call.Task, b.call.Task) })
	ends, kinds, calls := map[string]*ended{}, map[string]string{}, make([]string, 0, len(over))
	for _, a := range over {
		status, again, e := a.ended.Status, 0, a.ended.End
		outcome := e.Outcome(status)
		kinds[a.id] = store.CallFailed
		if status == store.Completed {
			kinds[a.id] = store.CallCompleted
		}
		if !a.ended.again.IsZero() {
			status, again, outcome = store.Pending, 1, ""
		}
		r.add(a.call.Task, string(status), failure(a.ended), db.Time(a.ended.again), int64(again), db.Time(e.Ended), a.id, outcome)
		ends[a.id], calls = a.ended, append(calls, a.id)
	}
	events, last := newEventLog(), newCampaignEnds()
	err := r.write(ctx, u, func(scan func(...any) error) error {
		var t tally
		var id, call string
		if err := scan(&t.org, &t.agent, &t.status, &t.campaign, &t.outcome, &id, &call); err != nil {
			return err
		}
		e := ends[call]
		if t.campaign != "" {
			last.add(t.campaign, string(e.Status), e.End.Cause, int64(e.End.Length), db.Time(e.End.Ended))
		}
		steps[t]++
		t.status, t.outcome = string(store.InProgress), ""
		steps[t]--
		events.add(t.org, id, call, kinds[call], db.Time(e.End.Ended))
		return nil
	})
	if err != nil {
		return err
	}
	if err := u.among(ctx, "UPDATE dials SET state = 'over' WHERE call IN ($KEYS) AND state <> 'over'", calls, nil); err != nil {
		return err
	}
	if err := last.write(ctx, u, nil); err != nil {
		return err
	}
	return events.write(ctx, u)
}

// failure is what a task says of a call that failed.
func failure(e *ended) string {
	switch {
	case e.Status == store.Completed:
		return ""
	case e.End.Error != "":
		return e.End.Error
	}
	return e.End.Cause
}

// total is the counter that a task in some status is counted by.
func total(t store.Task, status store.Status) tally {
	outcome := ""
	if status.Final() {
		outcome = t.Outcome
	}
	return tally{org: t.Org, agent: t.Agent, status: string(status), campaign: t.Campaign, outcome: outcome}
}

// countTasks moves the counters of tasks, and of their campaigns; it comes last in a transaction, since others wait for them.
func (u unit) countTasks(ctx context.Context, steps map[tally]int64) error {
	totals, campaigns := map[tally]int64{}, map[tally]int64{}
	for t, n := range steps {
		totals[tally{org: t.org, agent: t.agent, status: t.status}] += n
		if t.campaign != "" {
			campaigns[tally{org: t.org, status: t.status, campaign: t.campaign, outcome: t.outcome}] += n
		}
	}
	ofTasks := rows{before: "INSERT INTO task_totals (org, agent, status, n) VALUES ",
		after: " ON CONFLICT (org, agent, status) DO UPDATE SET n = task_totals.n + excluded.n", casts: make([]string, 4)}
	for _, t := range slices.SortedFunc(maps.Keys(totals), tally.compare) {
		if totals[t] != 0 {
			ofTasks.add(t.org, t.agent, t.status, totals[t])
		}
	}
	ofCampaigns := rows{before: "INSERT INTO campaign_counts (org, campaign, status, outcome, n) VALUES ",
		after: " ON CONFLICT (org, campaign, status, outcome) DO UPDATE SET n = campaign_counts.n + excluded.n", casts: make([]string, 5)}
	for _, t := range slices.SortedFunc(maps.Keys(campaigns), tally.compare) {
		if campaigns[t] != 0 {
			ofCampaigns.add(t.org, t.campaign, t.status, t.outcome, campaigns[t])
		}
	}
	if err := ofTasks.write(ctx, u, nil); err != nil {
		return err
	}
	return ofCampaigns.write(ctx, u, nil)
}

func task(r db.Task) store.Task {
	return store.Task{
		ID: r.ID, Number: r.Number, Org: r.Org, Agent: r.Agent, Name: r.Name, To: r.Callee, Description: r.Description,
		StartingMessage: r.StartingMessage, Context: r.Context, Priority: int(r.Priority), Scheduled: time.Time(r.Scheduled),
		WebhookURL: r.WebhookUrl, WebhookEvents: r.WebhookEvents, Status: store.Status(r.Status), Due: time.Time(r.Due),
		Attempts: int(r.Attempts), Retries: int(r.Retries), Call: r.Call, Error: r.Error, Created: time.Time(r.Created), Updated: time.Time(r.Updated),
		Outcome: r.Outcome, Campaign: r.Campaign, Line: int(r.Line), From: r.Caller, Bot: r.Bot, Permission: r.Permission,
	}
}
