package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"parley/control"
	"parley/control/access"
	"parley/control/dialer"
	"parley/control/webhook"
	"parley/store"
)

// apiRows is how many calls GET /calls is asked for: the most that it gives.
const apiRows = 100

// A request is one of the API's that is measured, beside what it asks of the database: by the store that it uses, and bare.
type request struct {
	name         string
	text         []byte // as it goes over the wire
	status       int    // that is a good answer
	stored, bare func(ctx context.Context) error
}

// A service is the API over a database, behind a real socket.
type service struct {
	api     *control.Control
	server  *http.Server
	address string
	failed  chan error
	key     string
}

// serve starts the API as cmd/parley does, with a key of the organisation and a limit that nobody reaches.
func (d *database) serve(ctx context.Context, of tenant) (*service, error) {
	made, err := access.NewKey("va_")
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	_, err = d.store.CreateKey(ctx, store.Key{
		ID: store.NewID(), Org: of.org, Role: store.Owner, Name: "bench", Prefix: made.Prefix, Hash: made.Hash, Scopes: []string{access.All}, Created: time.Now().UTC(),
	})
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	log := slog.New(slog.DiscardHandler) // as at level info: requests that go well are told at debug
	api, err := control.New(control.Options{
		Agents: d.store, Calls: d.store, Tasks: d.store, Campaigns: d.store, Contacts: d.store, DoNotCall: d.store, Lines: d.store, Bots: d.store, People: d.store, Answers: d.store, Webhooks: d.store, Hooks: &webhook.Secrets{},
		Dialer: dialer.New(dialer.Options{Store: d.store, Node: store.NewID(), Log: log}), Auth: &access.Authenticator{Keys: d.store, Log: log},
		Limiter: &access.Limiter{Rates: d.store, Limit: 1 << 30}, Secret: []byte("a secret of the bench, 32 bytes."), Log: log,
		Default: func(context.Context, string) (string, error) { return of.agents[0], nil },
		Observe: func(string, string, int, time.Duration) {},
	})
	if err != nil {
		return nil, fmt.Errorf("start the API: %w", err)
	}
	mux := http.NewServeMux()
	api.Mount(mux)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &service{
		api:     api,
		server:  &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute},
		address: listener.Addr().String(), failed: make(chan error, 1), key: string(made.Secret),
	}
	go func() { s.failed <- s.server.Serve(listener) }()
	return s, nil
}

// Close stops it.
func (s *service) Close() error {
	err := s.server.Close()
	s.api.Close()
	if failed := <-s.failed; !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(err, failed)
	}
	return err
}

// requests are what is measured.
func (d *database) requests(ctx context.Context, of tenant, s *service) ([]request, error) {
	if err := d.bare.prepareAPI(ctx); err != nil {
		return nil, err
	}
	agent, where := of.agents[0], ""
	where, _ = conditions(of.org, store.CallFilter{})
	task := fmt.Sprintf(`{"agent_id":%q,"name":"Call customer","to_number":"+1234567890","description":"Follow up call",`+
		`"starting_message":"Hello, this is a call from our company","context_data":{"customer_name":"John Doe","order_id":"12345"},`+
		`"priority":0,"scheduled_at":null,"webhook_url":"https://your-app.com/webhooks","webhook_events":["call_started","call_completed"]}`, agent)
	row := func() store.Task {
		now := time.Now().UTC()
		return store.Task{
			ID: store.NewID(), Org: of.org, Agent: agent, Name: "Call customer", To: "+1234567890", Description: "Follow up call",
			StartingMessage: "Hello, this is a call from our company", Context: `{"customer_name":"John Doe","order_id":"12345"}`,
			WebhookURL: "https://your-app.com/webhooks", WebhookEvents: []string{"call_started", "call_completed"}, Created: now, Updated: now,
		}
	}
	return []request{
		{
			name: "GET /agents/:id", text: s.get("/api/v1/agents/" + agent), status: http.StatusOK,
			stored: func(ctx context.Context) error { _, err := d.store.Agent(ctx, of.org, agent); return err },
			bare:   func(ctx context.Context) error { _, err := rows(ctx, d.bare.one["agent"], of.org, agent); return err },
		},
		{
			name: fmt.Sprintf("GET /calls, %d rows", apiRows), text: s.get(fmt.Sprintf("/api/v1/calls?limit=%d", apiRows)), status: http.StatusOK,
			stored: func(ctx context.Context) error {
				_, _, err := d.store.Calls(ctx, of.org, store.CallFilter{}, store.Page{Limit: apiRows})
				return err
			},
			bare: func(ctx context.Context) error {
				if _, err := rows(ctx, d.bare.lists[where], of.org, apiRows, 0); err != nil {
					return err
				}
				_, err := rows(ctx, d.bare.one["total"], of.org)
				return err
			},
		},
		{
			name: "POST /tasks", text: s.post("/api/v1/tasks", task), status: http.StatusCreated,
			stored: func(ctx context.Context) error { _, err := d.store.CreateTask(ctx, row()); return err },
			bare:   func(ctx context.Context) error { return d.bare.createTask(ctx, row()) },
		},
	}, nil
}

func (s *service) get(path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, s.address, s.key)
}

func (s *service) post(path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		path, s.address, s.key, len(body), body)
}

// A caller is a client with one connection, kept alive. What it does itself is little: it writes a request that is ready and reads the
// answer to its end.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
}

func (s *service) dial(ctx context.Context) (*caller, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &caller{conn, bufio.NewReaderSize(conn, 64<<10)}, nil
}

// ask sends a request and reads its answer.
func (c *caller) ask(r request) error {
	if _, err := c.conn.Write(r.text); err != nil {
		return fmt.Errorf("send %s: %w", r.name, err)
	}
	answer, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return fmt.Errorf("read the answer to %s: %w", r.name, err)
	}
	if answer.StatusCode != r.status {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
		return fmt.Errorf("%s: %s: %s", r.name, answer.Status, bytes.TrimSpace(text))
	}
	_, err = io.Copy(io.Discard, answer.Body)
	return errors.Join(err, answer.Body.Close())
}

// prepareAPI makes the floor's statements of these requests.
func (b *bare) prepareAPI(ctx context.Context) error {
	if err := b.prepareTables(ctx); err != nil {
		return err
	}
	if err := b.prepareLists(ctx, []query{{name: "none"}}); err != nil {
		return err
	}
	stmt, err := b.read.PrepareContext(ctx, "SELECT org, CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM call_counts WHERE org = $1 GROUP BY org")
	if err != nil {
		return fmt.Errorf("prepare the floor's total: %w", err)
	}
	b.one["total"] = stmt
	return nil
}

// createTask keeps a task as the store does: its agent is there, the row, the counter.
func (b *bare) createTask(ctx context.Context, t store.Task) error {
	tx, err := b.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	share := ""
	if b.mark == '$' {
		share = " FOR KEY SHARE"
	}
	var one int
	if err := tx.QueryRowContext(ctx, "SELECT 1 FROM agents WHERE org = $1 AND id = $2"+share, t.Org, t.Agent).Scan(&one); err != nil {
		return err
	}
	var number int64
	err = tx.QueryRowContext(ctx, "INSERT INTO tasks (id, org, agent, name, callee, description, starting_message, context, priority, scheduled, webhook_url, webhook_events, "+
		"status, due, attempts, retries, call, error, created, updated) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', $9, $10, 'pending', '', 0, 0, '', '', $11, $12) RETURNING number",
		t.ID, t.Org, t.Agent, t.Name, t.To, t.Description, t.StartingMessage, t.Context, t.WebhookURL, `["call_started","call_completed"]`, text(t.Created), text(t.Updated)).Scan(&number)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO task_totals (org, agent, status, n) VALUES ($1, $2, 'pending', 1) "+
		"ON CONFLICT (org, agent, status) DO UPDATE SET n = task_totals.n + excluded.n", t.Org, t.Agent)
	if err != nil {
		return err
	}
	return tx.Commit()
}
