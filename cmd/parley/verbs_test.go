package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"parley/control"
	"parley/control/access"
	"parley/control/archive"
	"parley/control/dialer"
	"parley/control/library"
	"parley/control/lines"
	"parley/control/vault"
	"parley/control/webhook"
	"parley/pipeline"
	"parley/providers/httptool"
	"parley/store"
)

// hung up are the calls that a server was asked to end, in the order in which it was.
type hungUp struct {
	mu  sync.Mutex
	all []string
}

func (h *hungUp) End(_ context.Context, c store.Call) error    { return h.note("end " + c.ID) }
func (h *hungUp) Cancel(_ context.Context, c store.Call) error { return h.note("cancel " + c.ID) }

func (h *hungUp) Do(_ context.Context, c store.Call, cmd pipeline.Command) error {
	return h.note(string(cmd.Kind) + " " + c.ID)
}

func (h *hungUp) note(what string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, what)
	return nil
}

// deaf is a carrier that is never asked, since nobody runs the dialer.
type deaf struct{ pipeline.Carrier }

// serve serves the bureau's database over a listener, and has the commands work by that alone: what leads to the database goes elsewhere.
func (b *bureau) serve(twilio string) *hungUp {
	b.t.Helper()
	dir := b.env["PARLEY_DATA_DIR"]
	secret := []byte(b.env["PARLEY_SECRET"])
	v, err := vault.New(secret)
	b.must(err)
	gate, err := httptool.NewGate(nil)
	b.must(err)
	files, err := os.OpenRoot(dir)
	b.must(err)
	b.t.Cleanup(func() { b.must(files.Close()) })
	live := &hungUp{}
	c, err := control.New(control.Options{
		Agents: b.db, Calls: b.db, Tasks: b.db, Campaigns: b.db, Contacts: b.db, DoNotCall: b.db, Lines: b.db, Bots: b.db, Webhooks: b.db, People: b.db, Answers: b.db,
		Dialer: dialer.New(dialer.Options{Store: b.db, Node: "node", Carrier: deaf{}, Caller: func(string, string) string { return "+15005550006" }}),
		Hooks:  &webhook.Secrets{Rules: b.db, Vault: v}, Auth: &access.Authenticator{Keys: b.db}, Library: &library.Library{Store: b.db, Log: slog.New(slog.DiscardHandler)},
		Vault: v, Gate: gate, Asker: &lines.Verifier{Bases: map[string]string{lines.Twilio: twilio}}, Live: live,
		Recordings: &archive.Archive{Root: files}, Secret: secret,
		Default: func(ctx context.Context, _ string) (string, error) {
			orgs, err := b.db.Organisations(ctx)
			if err != nil {
				return "", err
			}
			return orgs[0].DefaultAgent, nil
		},
	})
	b.must(err)
	mux := http.NewServeMux()
	c.Mount(mux)
	s := httptest.NewServer(mux)
	b.t.Cleanup(func() { s.Close(); c.Close() })
	b.env = map[string]string{"PARLEY_DATA_DIR": filepath.Join(dir, "nothing here"), "PARLEY_URL": s.URL, "PARLEY_API_KEY": b.key(b.org, access.All)}
	return live
}

// key makes a key of an organisation.
func (b *bureau) key(org string, scopes ...string) string {
	b.t.Helper()
	k, err := access.NewKey(access.VoicePrefix)
	b.must(err)
	_, err = b.db.CreateKey(b.t.Context(), store.Key{
		ID: store.NewID(), Org: org, Role: store.Owner, Name: "test", Prefix: k.Prefix, Hash: k.Hash, Scopes: scopes, Created: time.Now().UTC(),
	})
	b.must(err)
	return string(k.Secret)
}

func (b *bureau) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// A step is a command, and what it has to say.
type step struct {
	args  string // with | for what a shell would take apart
	in    string
	code  int
	wants string // with | between
}

// verbs are the commands that work both ways.
func verbs(dir string) []step {
	const secret = "8f0c2b7d41e94f0ab0c1d2e3f4a5b6c7"
	return []step{
		{"agents", "", 0, "AGENT|Ada|enabled"},
		{"agents create --name Night|desk --prompt You|answer|at|night.", "", 0, "Night desk|You answer at night."},
		{"agents create --name Day --voice-settings [1]", "", 2, "--voice-settings: want a JSON object"},
		{`agents create --name Day --settings {"manners":{"silense":"5s"}}`, "", 2, "settings.manners.silense: unknown field|system_prompt:"},
		{`agents set night|desk --settings {"manners":{"silence":"5s"}} --no-enabled --json`, "", 0, `"silence": "5s"|"enabled": false|"version": 2`},
		{"agents set Ada", "", 1, "nothing to update"},
		{"agents set nobody --name X", "", 2, `agent "nobody": not found`},
		{"agents versions Night|desk", "", 0, "VERSION|disabled"},
		{"agents restore Night|desk 1", "", 0, "enabled  |false|version  |3"},
		{"agents restore Night|desk 9", "", 2, "Night desk has no version 9"},
		{"agents delete Ada", "", 1, "is the default agent"},
		{"agents default Night|desk", "", 0, "Night desk answers"},
		{"agents list --json", "", 0, `"is_default": true`},
		{"agents default Ada", "", 0, "Ada answers"},
		{"agents show ada", "", 0, "Ada|version"},

		{"credentials set Main --vendor twilio --account-id AC00000000000000000000000000000001", secret + "\n", 0, "Main is made: "},
		{"credentials set Other --vendor acme --account-id AC1", secret + "\n", 2, "--vendor "},
		{"credentials set Other --vendor openai --base-url https://10.0.0.1", secret + "\n", 2, "--base-url "},
		{"credentials set Other --vendor openai", "short\n", 2, "the secret "},
		{"credentials set Main --vendor openai", secret + "\n", 2, "cannot be changed"},
		{"credentials set Main --default --keep-secret", "", 0, "Main is changed"},
		{"credentials verify Main", "", 0, "Main works at twilio"},
		{"credentials verify nothing", "", 2, `credential "nothing": not found`},
		{"credentials", "", 0, "twilio|...b6c7|works|default"},
		{"credentials list --json", "", 0, `"secret_hint": "b6c7"`},

		{"trunks set Carrier --host sip.example.com --username acme --read-password --codecs PCMA,PCMU", "correct horse\n", 0, "Carrier is made: "},
		{"trunks set Carrier --port 5080 --transport tls", "", 0, "Carrier is changed"},
		{"trunks set carrier --host sip.example.net", "", 0, "carrier is made: "},
		{"trunks remove carrier", "", 0, "carrier is removed"},
		{"trunks set Other", "", 2, "--host "},
		{"trunks set Other --host a|b --codecs G729 --port 70000 --caller-id 1 --register", "", 2, "--host |--codecs[0] |--port |--caller-id |--password |--username "},
		{"trunks", "", 0, "sip.example.com port 5080|tls|PCMA PCMU"},
		{"trunks list --json", "", 0, `"password_set": true`},

		{"numbers set +15005550001 ada --label Front|desk --credential Main", "", 0, "answered by Ada"},
		{"numbers set +15005550001 --trunk Carrier", "", 2, "--trunk |one way"},
		{"numbers set +15005550001 --trunk nothing", "", 2, `trunk "nothing": not found`},
		{"numbers set 5005550001", "", 2, "E.164"},
		{"numbers", "", 0, "+15005550001|Ada|Front desk"},
		{"numbers list --json", "", 0, `"phone_number": "+15005550001"`},
		{"credentials remove Main", "", 1, "+15005550001"},
		{"numbers set +15005550001", "", 0, "answered by the default agent"},
		{"numbers delete +15005550001", "", 0, "forgotten"},
		{"numbers delete +15005550001", "", 2, "not found"},
		{"numbers --json", "", 0, "[]"},

		{"knowledge add ada " + filepath.Join(dir, "fees.md") + " /nowhere.md --json", "", 1, `"state": "added"|no such file`},
		{"knowledge add ada " + filepath.Join(dir, "fees.md"), "", 0, "unchanged"},
		{"knowledge add ada " + filepath.Join(dir, "empty.md"), "", 1, "1 of 1 files"},
		{"knowledge list ada", "", 0, "fees.md|markdown"},
		{"knowledge search ada sick note --json", "", 0, "costs nine pounds"},
		{"knowledge search ada sick note --most 50", "", 2, "--most "},
		{"knowledge search ada sick note", "", 0, "1. fees.md|1 passages in"},
		{"knowledge remove ada fees.md other.md", "", 2, "Ada no longer knows fees.md|other.md: Ada knows no such document"},
		{"knowledge list ada --json", "", 0, "[]"},

		{"trunks remove Carrier", "", 0, "Carrier is removed"},
		{"extensions set anna --name Anna", "", 0, "anna is made: "},
		{"extensions set anna --agent Ada", "", 0, "Anna is changed"},
		{"extensions set Anna", "", 2, "username"},
		{"extensions password anna", "", 0, "anna has another password: "},
		{"extensions", "", 0, "anna|Anna|Ada"},
		{"extensions remove anna", "", 0, "anna is removed"},
		{"extensions password anna", "", 2, `extension "anna": not found`},
		{"credentials remove Main", "", 0, "Main is removed"},
		{"agents delete Night|desk", "", 0, "is deleted"},
	}
}

// passing is what differs between two runs of the same.
var passing = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+Z)?|in \d+ ms|\b[A-Z2-7]{26}\b`)

// TestVerbsWorkBothWays: on a database and by the API of a server, commands do the same, and say the same.
func TestVerbsWorkBothWays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"fees.md": "# Fees\n\nA sick note costs nine pounds.\n", "empty.md": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	twilio := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})) // takes any secret
	defer twilio.Close()
	beside, elsewhere := newBureau(t), newBureau(t)
	beside.env["TWILIO_BASE_URL"] = twilio.URL
	elsewhere.serve(twilio.URL)
	for _, s := range verbs(dir) {
		var said [2]string
		for i, b := range []*bureau{beside, elsewhere} {
			args := strings.Fields(s.args)
			for j := range args {
				args[j] = strings.ReplaceAll(args[j], "|", " ")
			}
			out, err := b.run(s.in, nil, args...)
			if err != nil {
				out += err.Error()
			}
			if code := exitCode(err, &strings.Builder{}); code != s.code {
				t.Errorf("way %d: parley %s: exit code %d: %s", i, s.args, code, out)
			}
			for want := range strings.SplitSeq(s.wants, "|") {
				if !strings.Contains(out, want) {
					t.Errorf("way %d: parley %s does not say %q: %s", i, s.args, want, out)
				}
			}
			said[i] = passing.ReplaceAllString(out, "-")
		}
		if diff := cmp.Diff(said[0], said[1]); diff != "" {
			t.Errorf("parley %s: on the database - by the API +:\n%s", s.args, diff)
		}
	}
}

// TestVerbsByTheAPIAreRefused: what stands between a command and the server is told, whatever the command.
func TestVerbsByTheAPIAreRefused(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	b.serve("")
	theirs, err := b.db.CreateOrganisation(t.Context(), store.Organisation{ID: store.NewID(), Name: "Theirs", Created: time.Now()})
	b.must(err)
	gone, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	b.must(err)
	b.must(gone.Close())
	ours, err := b.db.Organisations(t.Context())
	b.must(err)
	for _, args := range [][]string{{"agents"}, {"numbers"}, {"credentials"}, {"trunks"}, {"extensions"}, {"knowledge", "list", "Ada"}, {"tasks"}, {"calls"}} {
		b.fails([]string{"401"}, "", []string{"PARLEY_API_KEY", "va_this_is_nobodys_key"}, args...)
		b.fails([]string{"403", "scope"}, "", []string{"PARLEY_API_KEY", b.key(b.org, "nothing:read")}, args...)
		b.fails([]string{gone.Addr().String()}, "", []string{"PARLEY_URL", "http://" + gone.Addr().String()}, args...)
		b.fails([]string{"--url is"}, "", []string{"PARLEY_URL", "localhost:8080"}, args...)
		b.fails([]string{"--api-key"}, "", []string{"PARLEY_API_KEY", ""}, args...)
	}
	b.fails([]string{"--org"}, "", nil, "agents", "--org="+b.org)
	foreign := []string{"PARLEY_API_KEY", b.key(theirs.ID, access.All)}
	b.fails([]string{"not found"}, "", foreign, "agents", "show", ours[0].DefaultAgent)
	b.fails([]string{"not found"}, "", foreign, "agents", "delete", "Ada")
	b.fails([]string{"not found"}, "", foreign, "knowledge", "list", "Ada")
	for _, args := range [][]string{{"tasks", "show"}, {"tasks", "execute"}, {"tasks", "reset"}, {"tasks", "delete"}, {"calls", "show"}, {"calls", "end"}, {"calls", "cancel"}, {"calls", "transcript"}, {"calls", "report"}, {"calls", "recording"}} {
		for _, id := range []string{store.NewID(), "no/such"} {
			b.fails([]string{"404 no such"}, "", foreign, append(args, id)...)
		}
	}
	if _, err := b.run("", []string{"PARLEY_API_KEY", ""}, "agents"); exitCode(err, &strings.Builder{}) != 2 {
		t.Errorf("without a key: %v", err)
	}
}

// TestTasksCommands: tasks are listed, executed, made pending again and deleted.
func TestTasksCommands(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	orgs, err := b.db.Organisations(t.Context())
	b.must(err)
	b.serve("")
	var ids []string
	for _, to := range []string{"+15550100077", "+15550100078"} {
		task, err := b.db.CreateTask(t.Context(), store.Task{ID: store.NewID(), Org: b.org, Agent: orgs[0].DefaultAgent, Name: "Call " + to, To: to, Created: time.Now()})
		b.must(err)
		ids = append(ids, task.ID)
	}
	has := func(out string, all ...string) {
		t.Helper()
		for _, want := range all {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in:\n%s", want, out)
			}
		}
	}
	has(b.ok("", nil, "tasks", "--agent", "ada", "--status", "pending"), "TASK", ids[0], ids[1], "+15550100078")
	if out := b.ok("", nil, "tasks", "list", "--limit", "1", "--json"); strings.Count(out, `"to_number"`) != 1 {
		t.Errorf("limited: %s", out)
	}
	b.fails([]string{"--status"}, "", nil, "tasks", "--status", "done")
	b.fails([]string{"--limit"}, "", nil, "tasks", "--limit", "-1")
	b.fails([]string{"the task is pending"}, "", nil, "tasks", "reset", ids[0])
	call := strings.Fields(b.ok("", nil, "tasks", "execute", ids[0]))
	b.fails([]string{"in_progress"}, "", nil, "tasks", "execute", ids[0])
	has(b.ok("", nil, "tasks", "show", ids[0]), "Ada", "in_progress", call[len(call)-1])
	has(b.ok("", nil, "calls", "--task", ids[0]), call[len(call)-1], "outbound", "initiated")
	has(b.ok("", nil, "tasks", "reset", ids[0]), ids[0], "is pending")
	has(b.ok("", nil, "tasks", "delete", ids[1]), ids[1], "deleted")
	has(b.ok("", nil, "tasks", "show", "--json", ids[0]), `"agent": {`)
	b.fails([]string{"404"}, "", nil, "tasks", "show", ids[1])
}

// TestCallsCommands: calls are listed, shown, read, heard and ended.
func TestCallsCommands(t *testing.T) {
	t.Parallel()
	b := newBureau(t)
	dir := b.env["PARLEY_DATA_DIR"]
	live := b.serve("")
	done, going := b.calls(dir)

	has := func(out string, all ...string) {
		t.Helper()
		for _, want := range all {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in:\n%s", want, out)
			}
		}
	}
	list := b.ok("", nil, "calls")
	has(list, "CALL", done, going, "inbound", "+442071234567", "completed", "caller", "4s", "in_progress")
	if out := b.ok("", nil, "calls", "list", "--status", "completed", "--agent", "Ada", "--json"); !strings.Contains(out, done) || strings.Contains(out, going) {
		t.Errorf("filtered: %s", out)
	}
	has(b.ok("", nil, "calls", "show", done), "completed", "4s", "recorded")
	has(b.ok("", nil, "calls", "show", done, "--json"), `"transcript": [`, `"report": {`)
	if out := b.ok("", nil, "calls", "transcript", done); out != "00:00 user   Hello \n00:01 agent  Good morning. --\n" {
		t.Errorf("transcript: %q", out)
	}
	has(b.ok("", nil, "calls", "transcript", done, "--source", "live", "--json"), `"source": "live"`)
	b.fails([]string{"404", "no transcript of this source"}, "", nil, "calls", "transcript", done, "--source", "recording")
	b.fails([]string{"--source", "--anew"}, "", nil, "calls", "transcript", done, "--source", "live", "--anew")
	b.fails([]string{"--anew"}, "", nil, "calls", "transcript", done, "--conversation", "c")
	b.fails([]string{"--conversation"}, "", nil, "calls", "transcript", done, "--anew", "--conversation", "a b")
	b.fails([]string{"503"}, "", nil, "calls", "transcript", done, "--anew") // nothing here hears
	has(b.ok("", nil, "calls", "report", done), "summary", "made by", "rules", "agent 0.7 s")
	has(b.ok("", nil, "calls", "report", done, "--json"), `"made_by": "rules"`)
	b.fails([]string{"not over"}, "", nil, "calls", "report", going)

	file := filepath.Join(dir, "out.wav")
	has(b.ok("", nil, "calls", "recording", done, "-o", file), file)
	if got, err := os.ReadFile(file); err != nil || string(got) != recorded {
		t.Errorf("saved %q, %v", got, err)
	}
	if out := b.ok("", nil, "calls", "recording", done, "-o", "-"); out != recorded {
		t.Errorf("wrote %q", out)
	}
	b.fails([]string{"404", "not over"}, "", nil, "calls", "recording", going, "-o", filepath.Join(dir, "none.wav"))
	if _, err := os.Stat(filepath.Join(dir, "none.wav")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file of no recording: %v", err)
	}

	has(b.ok("", nil, "calls", "end", going), "Call ended")
	has(b.ok("", nil, "calls", "cancel", going), "Call cancelled")
	b.fails([]string{"over already"}, "", nil, "calls", "end", done)
	if diff := cmp.Diff([]string{"end " + going, "cancel " + going}, live.all); diff != "" {
		t.Errorf("ended, want - got +:\n%s", diff)
	}
}

// recorded stands for a recording's sound: it is passed on as it is.
const recorded = "RIFF and so on"

// calls keeps a call that is over, with words and sound, and one that goes on.
func (b *bureau) calls(dir string) (done, going string) {
	b.t.Helper()
	orgs, err := b.db.Organisations(b.t.Context())
	b.must(err)
	now := time.Now().UTC().Truncate(time.Microsecond)
	over := store.Call{
		ID: store.NewID(), Org: b.org, Agent: orgs[0].DefaultAgent, AgentVersion: 1, Direction: store.Inbound, Status: store.InProgress,
		Leg: "twilio", CarrierID: "CA1", From: "+442071234567", To: "+15005550001", Node: "node", Boot: "boot", Created: now, Answered: now,
	}
	up := over
	up.ID = store.NewID()
	const at = "recordings/one.wav"
	b.must(os.MkdirAll(filepath.Join(dir, "recordings"), 0o750))
	b.must(os.WriteFile(filepath.Join(dir, at), []byte(recorded), 0o600))
	b.must(b.db.Record(b.t.Context(), []store.Entry{
		{Began: &over},
		{Began: &up},
		{Ended: &store.Ended{
			Call: over.ID, Status: store.Completed,
			Messages: []store.Message{
				{Call: over.ID, Seq: 0, Role: "caller", Text: "Hello\a", Turn: 1, At: 400 * time.Millisecond, Length: 300 * time.Millisecond},
				{Call: over.ID, Seq: 1, Role: "assistant", Text: "Good morning.", Cut: true, Turn: 1, At: 1500 * time.Millisecond, Length: 700 * time.Millisecond},
			},
			End:       store.End{Ended: now.Add(4 * time.Second), Length: 4 * time.Second, Cause: "caller", Turns: 1},
			Recording: &store.Recording{Call: over.ID, Path: at, Rate: 8000, Channels: 2, Bytes: int64(len(recorded)), Length: 4 * time.Second},
		}},
	}))
	return over.ID, up.ID
}
