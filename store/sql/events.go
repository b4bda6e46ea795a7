package sql

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"parley/store"
	"parley/store/sql/db"
)

// An eventLog is what happened to tasks' calls in one transaction, on its way to task_events and to the outbox of webhooks.
type eventLog struct{ rows }

func newEventLog() *eventLog {
	return &eventLog{rows{before: "INSERT INTO task_events (org, task, call, kind, created) VALUES ",
		after: " ON CONFLICT (call, kind) DO NOTHING RETURNING org, task, call, kind, created", casts: make([]string, 5)}}
}

// write keeps the events, and for each that is new and that its task wants told, a delivery.
func (l *eventLog) write(ctx context.Context, u unit) error {
	var fresh []store.TaskEvent
	var tasks []string
	err := l.rows.write(ctx, u, func(scan func(...any) error) error {
		var e store.TaskEvent
		err := scan(&e.Org, &e.Task, &e.Call, &e.Kind, (*db.Time)(&e.Created))
		fresh, tasks = append(fresh, e), append(tasks, e.Task)
		return err
	})
	if err != nil || len(fresh) == 0 {
		return err
	}
	hooks, err := u.hooks(ctx, tasks)
	if err != nil {
		return err
	}
	r := rows{before: "INSERT INTO webhook_deliveries (id, org, task, call, kind, url, host, status, payload, tries, attempts, due, node, " +
		"code, error, created, settled) VALUES ", casts: make([]string, 17)}
	for _, e := range fresh {
		h, ok := hooks[e.Task]
		if !ok || len(h.events) > 0 && !slices.Contains(h.events, e.Kind) {
			continue
		}
		at := db.Time(e.Created)
		r.add(store.NewID(), e.Org, e.Task, e.Call, e.Kind, h.url, hostOf(h.url), string(store.DeliveryPending), "", int64(0), int64(0), at, "",
			int64(0), "", at, db.Time{})
	}
	return r.write(ctx, u, nil)
}

// A hook is where a task's events go.
type hook struct {
	url    string
	events db.Scopes // none: all
}

// hooks are those of the tasks that have one.
func (u unit) hooks(ctx context.Context, tasks []string) (map[string]hook, error) {
	hooks := map[string]hook{}
	err := u.among(ctx, "SELECT id, webhook_url, webhook_events FROM tasks WHERE id IN ($KEYS) AND webhook_url <> ''", tasks, func(scan func(...any) error) error {
		var id string
		var h hook
		err := scan(&id, &h.url, &h.events)
		hooks[id] = h
		return err
	})
	return hooks, err
}

// hostOf is the host of a URL, with its port, in lower case.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if port := u.Port(); port != "" && port != "443" {
		host += ":" + port
	}
	return host
}
