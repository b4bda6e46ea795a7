package sql_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/pgtest"
)

// bare is the server for tests that want a database without tables.
var bare pgtest.Shared

// empties opens, on each kind of database, an empty one as often as it is called.
func empties(t *testing.T, run func(t *testing.T, open func() *sql.Store)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		url := "sqlite:" + filepath.Join(t.TempDir(), "new", "parley.db")
		run(t, func() *sql.Store { return open(t, url) })
	})
	t.Run("Postgres", func(t *testing.T) {
		t.Parallel()
		url := bare.URL(t)
		run(t, func() *sql.Store { return open(t, url) })
	})
}

// TestUpgrade: what an older parley wrote is there after a newer one has started, and counted.
func TestUpgrade(t *testing.T) {
	empties(t, func(t *testing.T, open func() *sql.Store) {
		ctx, s := t.Context(), open()
		if from, to, err := s.MigrateTo(ctx, 1); err != nil || from != 0 || to != 1 {
			t.Fatalf("from %d to %d: %v", from, to, err)
		}
		fill := []string{
			`INSERT INTO organisations (id, name, default_agent, created) VALUES ('org', 'Old', 'agent', '2024-01-02T03:04:05.000006Z')`,
			`INSERT INTO users (id, org, email, name, password, role, created)
			 VALUES ('user', 'org', 'ada@example.com', 'Ada', 'h', 'owner', '2024-01-02T03:04:05.000006Z')`,
			`INSERT INTO agents (id, org, version, name, description, system_prompt, starting_message, enabled, voice_settings, dtmf_rules, created, updated)
			 VALUES ('agent', 'org', 3, 'Ada', '', 'p', '', true, '', '', '2024-01-02T03:04:05.000006Z', '2024-01-02T03:04:05.000006Z')`,
			`INSERT INTO numbers (id, org, e164, agent, created, updated) VALUES ('n', 'org', '+15005550006', 'agent', '2024-01-02T03:04:05.000006Z', '2024-01-02T03:04:05.000006Z')`,
			`INSERT INTO turns (call, n, why, said, text, heard, cut, at, sounded, latency, error) VALUES ('call 00', 1, 'words', 'a', 'b', 'c', true, 5, 6, '{"stt":7}', '')`,
			`INSERT INTO messages (call, seq, role, text, cut, turn, at, length) VALUES ('call 00', 0, 'caller', 'hello?', false, 1, 2, 3)`,
			`INSERT INTO recordings (call, path, rate, channels, bytes, length) VALUES ('call 00', 'r.wav', 8000, 2, 44, 9)`,
		}
		calls := []string{}
		for i := range 12 {
			calls = append(calls, fmt.Sprintf(`INSERT INTO calls (id, org, agent, agent_version, task, direction, status, leg, carrier_id, caller, callee, node, boot,
				created, answered, ended, length, cause, error, turns, drops, latency) VALUES ('call %02d', 'org', '%s', 3, '%s', 'inbound', '%s', 'sip', '', '', '', 'n', 'b',
				'2024-01-02T03:04:05.000006Z', '', '', 0, '', '', 0, 0, '')`, i, []string{"agent", ""}[i%2], []string{"", "task"}[i/6], []string{"completed", "in_progress", "failed"}[i%3]))
		}
		for _, q := range append(fill[:4:4], append(calls, fill[4:]...)...) {
			if _, err := s.Bare().ExecContext(ctx, q); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
		}
		if from, to, err := open().Migrate(ctx); err != nil || from != 1 || to < 2 {
			t.Fatalf("from %d to %d: %v", from, to, err)
		}
		for f, want := range map[store.CallFilter]int64{
			{}: 12, {Agent: "agent"}: 6, {Status: store.Failed}: 4, {Agent: "agent", Status: store.Completed}: 2, {Task: "task"}: 6,
			{Task: "task", Status: store.InProgress}: 2,
		} {
			list, total, err := s.Calls(ctx, "org", f, store.Page{Limit: 100})
			if err != nil || total != want || int64(len(list)) != want {
				t.Errorf("%+v: %d calls, total %d (%v); want %d", f, len(list), total, err, want)
			}
		}
		if err := s.Record(ctx, []store.Entry{{Ended: &store.Ended{Call: "call 01", Status: store.Completed}}}); err != nil {
			t.Fatal(err)
		}
		if _, total, err := s.Calls(ctx, "org", store.CallFilter{Status: store.Completed}, store.Page{}); err != nil || total != 5 {
			t.Errorf("%d completed calls after one more (%v), want 5", total, err)
		}
		task, err := s.CreateTask(ctx, store.Task{ID: "new task", Org: "org", Agent: "agent", Created: time.Now()})
		if err != nil || task.Status != store.Pending {
			t.Errorf("task %+v: %v", task, err)
		}
		if _, total, err := s.Tasks(ctx, "org", store.TaskFilter{Agent: "agent"}, store.Page{}); err != nil || total != 1 {
			t.Errorf("%d tasks (%v), want 1", total, err)
		}
		turns, err := s.Turns(ctx, "org", "call 00")
		if d := cmp.Diff([]store.Turn{{Call: "call 00", N: 1, Why: "words", Said: "a", Text: "b", Heard: "c", Cut: true, At: 5, Sounded: 6, Latency: map[string]int64{"stt": 7}}}, turns); d != "" || err != nil {
			t.Errorf("turns: %v\n%s", err, d)
		}
		messages, err := s.Transcript(ctx, "org", "call 00")
		if d := cmp.Diff([]store.Message{{Call: "call 00", Role: "caller", Text: "hello?", Turn: 1, At: 2, Length: 3}}, messages); d != "" || err != nil {
			t.Errorf("transcript: %v\n%s", err, d)
		}
		put, err := s.PutDocument(ctx, "agent", store.Document{ID: "d", Org: "org", Name: "n"}, []store.Chunk{{Text: "Free parking.", Words: "free parking"}}, 10)
		if err != nil || put.Chunks != 1 {
			t.Errorf("document %+v: %v", put, err)
		}
		if found, err := s.Search(ctx, "org", "agent", []string{"parking"}, 5); err != nil || len(found) != 1 {
			t.Errorf("found %v: %v", found, err)
		}
		if r, err := s.Recording(ctx, "org", "call 00"); err != nil || r.Path != "r.wav" {
			t.Errorf("recording %+v: %v", r, err)
		}
		ada := store.User{ID: "user", Number: 1, Org: "org", Email: "ada@example.com", Name: "Ada", Password: "h", Role: store.Owner,
			Created: time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC)}
		if u, err := s.UserByEmail(ctx, ada.Email); err != nil || u != ada {
			t.Errorf("user %+v: %v", u, err)
		}
		if m, err := s.Membership(ctx, "user", "org"); err != nil || m.Role != store.Owner || m.Name != "Old" {
			t.Errorf("membership %+v: %v", m, err)
		}
		if d, err := s.Directory(ctx); err != nil || len(d.Agents) != 1 || len(d.Numbers) != 1 || d.Agents[0].Version != 3 || d.Agents[0].Settings != "" {
			t.Errorf("directory %+v: %v", d, err)
		}
	})
}

// TestUpgradeWebhookSecrets: what signed webhooks before a vault kept it is there, in hex.
func TestUpgradeWebhookSecrets(t *testing.T) {
	empties(t, func(t *testing.T, open func() *sql.Store) {
		ctx, s := t.Context(), open()
		if _, to, err := s.MigrateTo(ctx, 19); err != nil || to != 19 {
			t.Fatalf("to %d: %v", to, err)
		}
		for _, q := range []string{
			`INSERT INTO organisations (id, name, default_agent, created) VALUES ('org', 'Old', '', '2024-01-02T03:04:05.000006Z')`,
			`INSERT INTO webhook_settings (org, redelivery, secret, rotated, former, former_until) VALUES ('org', true, 'new', '2024-01-02T03:04:05.000006Z', '', '')`,
		} {
			if _, err := s.Bare().ExecContext(ctx, q); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
		}
		if _, _, err := open().Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		want := store.WebhookSettings{Org: "org", Redelivery: true, Secret: store.Sealed{Text: "6E6577"}, Rotated: time.Date(2024, 1, 2, 3, 4, 5, 6000, time.UTC)}
		w, err := s.WebhookSettings(ctx, "org")
		if w.Secret.Text = strings.ToUpper(w.Secret.Text); err != nil || w != want {
			t.Errorf("%+v, %v: want %+v", w, err, want)
		}
	})
}

// TestMigrateAtOnce: nodes that start together all come up, and each step is taken once.
func TestMigrateAtOnce(t *testing.T) {
	empties(t, func(t *testing.T, open func() *sql.Store) {
		var nodes sync.WaitGroup
		for range 6 {
			s := open()
			nodes.Go(func() {
				if _, to, err := s.Migrate(t.Context()); err != nil || to < 2 {
					t.Errorf("to %d: %v", to, err)
				}
			})
		}
		nodes.Wait()
		var twice int
		if err := open().Bare().QueryRowContext(t.Context(), "SELECT COUNT(*) - COUNT(DISTINCT version_id) FROM goose_db_version").Scan(&twice); err != nil || twice != 0 {
			t.Errorf("%d steps were taken twice (%v)", twice, err)
		}
	})
}

// TestMigrateWaits: a step of another process may take longer than a statement is waited for.
func TestMigrateWaits(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "parley.db")
	other := open(t, url)
	if _, _, err := other.MigrateTo(ctx, 1); err != nil {
		t.Fatal(err)
	}
	tx, err := other.Bare().BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sql.Open(ctx, sql.Options{URL: url, Wait: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	freed := time.AfterFunc(500*time.Millisecond, func() { _ = tx.Rollback() })
	defer freed.Stop()
	if from, to, err := s.Migrate(ctx); err != nil || from != 1 || to < 2 {
		t.Errorf("from %d to %d: %v", from, to, err)
	}
	if freed.Stop() {
		t.Error("migrated while another process held the database")
	}
}

// TestNewer: the database of a newer parley is refused, and stays as it is.
func TestNewer(t *testing.T) {
	empties(t, func(t *testing.T, open func() *sql.Store) {
		ctx, s := t.Context(), open()
		_, to, err := s.Migrate(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if from, again, err := s.Migrate(ctx); err != nil || from != to || again != to {
			t.Errorf("migrated again from %d to %d: %v", from, again, err)
		}
		if _, err := s.Bare().ExecContext(ctx, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, true)"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.Migrate(ctx); err == nil || !strings.Contains(err.Error(), "newer parley") || !strings.Contains(err.Error(), "9000") {
			t.Errorf("error %v: want one that says it is newer, and how much", err)
		}
	})
}
