package directory_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/control/directory"
	"parley/store"
)

// database is a scripted [store.Router].
type database struct {
	mu          sync.Mutex
	dir         store.Directory
	down        error
	delay       time.Duration // before each answer; never longer than the context
	revisions   int           // asked for
	directories int
	busy, most  int // questions at once
}

// hung is the delay of a database that never answers.
const hung = 1000 * time.Hour

// set changes the database, as a write does.
func (d *database) set(change func(*database)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

// write changes what the directory says, and so its revision.
func (d *database) write(change func(*store.Directory)) {
	d.set(func(d *database) {
		d.dir.Organisations, d.dir.Agents, d.dir.Numbers = slices.Clone(d.dir.Organisations), slices.Clone(d.dir.Agents), slices.Clone(d.dir.Numbers)
		change(&d.dir)
		d.dir.Revision++
	})
}

func (d *database) ask(ctx context.Context, count *int) error {
	d.mu.Lock()
	*count++
	d.busy++
	d.most = max(d.most, d.busy)
	delay := d.delay
	d.mu.Unlock()
	defer d.set(func(d *database) { d.busy-- })
	select {
	case <-time.After(delay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *database) Revision(ctx context.Context) (int64, error) {
	if err := d.ask(ctx, &d.revisions); err != nil {
		return 0, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dir.Revision, d.down
}

func (d *database) Directory(ctx context.Context) (store.Directory, error) {
	if err := d.ask(ctx, &d.directories); err != nil {
		return store.Directory{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.down != nil {
		return store.Directory{}, d.down
	}
	return d.dir, nil
}

func (d *database) counts() (revisions, directories int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.revisions, d.directories
}

// acme is a database of two organisations.
func acme() *database {
	at := time.Date(2026, 11, 20, 9, 0, 0, 123000, time.UTC)
	agent := func(number int64, org, id string, enabled bool) store.Agent {
		return store.Agent{
			ID: id, Number: number, Org: org, Version: 3, Name: "Agent " + id, Description: "answers <calls>", SystemPrompt: "Be kind & brief.",
			StartingMessage: "Hello from " + id + ".", Enabled: enabled, VoiceSettings: `{"pace":1.1}`, DTMFRules: `{"0":"operator"}`,
			Settings: `{"recording":{"on":false}}`, Created: at, Updated: at.Add(time.Hour),
		}
	}
	trunk := map[int64]string{1: "t1"}
	number := func(n int64, org, e164, agent string) store.Number {
		return store.Number{ID: fmt.Sprintf("n%d", n), Number: n, Org: org, E164: e164, Agent: agent, Label: "Desk", Credential: "main", Trunk: trunk[n], PreAnswer: `{"url":"https://example.com/number"}`, Created: at, Updated: at}
	}
	credential := func(n int64, org, id, account string, standard bool) store.Credential {
		return store.Credential{ID: id, Number: n, Org: org, Vendor: "twilio", Name: id, Account: account, BaseURL: "https://example.com", Application: "app1", PublicKey: "a2V5",
			Sealed: store.Sealed{Text: "c2VhbGVk", Key: "k1"}, Hint: "wxyz", Default: standard, Verdict: store.Works, Verified: at, Created: at, Updated: at}
	}
	return &database{dir: store.Directory{
		Revision: 7,
		Organisations: []store.Organisation{
			{ID: "acme", Number: 1, Name: "Acme", DefaultAgent: "anna", Memory: `{"enabled":true}`, PreAnswer: `{"url":"https://example.com/ask"}`, Created: at},
			{ID: "bolt", Number: 2, Name: "Bolt", DefaultAgent: "boris", Created: at},
			{ID: "calm", Number: 3, Name: "Calm", DefaultAgent: "cora", Created: at},
			{ID: "dusk", Number: 4, Name: "Dusk", Created: at},
		},
		Agents: []store.Agent{
			agent(1, "acme", "anna", true), agent(2, "acme", "abel", true), agent(3, "acme", "away", false),
			agent(4, "bolt", "boris", true), agent(5, "calm", "cora", false),
		},
		Numbers: []store.Number{
			number(1, "acme", "+442071234567", "abel"), number(2, "acme", "+442071234568", ""), number(3, "acme", "+442071234569", "away"),
			number(4, "acme", "+442071234570", "gone"), number(5, "bolt", "+15550100", "boris"), number(6, "bolt", "+15550101", "abel"),
			number(7, "calm", "+4930123456", ""), number(8, "dusk", "+33140000000", ""),
		},
		Credentials: []store.Credential{
			credential(1, "acme", "main", "AC1", true), credential(2, "acme", "spare", "AC2", false), credential(3, "bolt", "bolted", "AC1", true),
		},
		Trunks: []store.Trunk{{
			ID: "t1", Number: 1, Org: "acme", Name: "Carrier", Host: "sip.example.com", Port: 5061, Transport: store.TLS, Username: "acme",
			Sealed: store.Sealed{Text: "c2VhbGVk", Key: "k1"}, Realm: "example.com", Allowed: []string{"192.0.2.0/24"}, Codecs: []string{"PCMU"},
			CallerID: "+442071234567", Outbound: true, Registers: true, Created: at, Updated: at,
		}},
		Extensions: []store.Extension{
			{ID: "e1", Number: 1, Org: "acme", Username: "anna", Name: "Anna", Agent: "anna", Sealed: store.Sealed{Text: "c2VhbGVk", Key: "k1"}, Created: at, Updated: at},
			{ID: "e2", Number: 2, Org: "bolt", Username: "anna", Name: "Another", Sealed: store.Sealed{Text: "c2VhbGVk", Key: "k1"}, Created: at, Updated: at},
		},
	}}
}

// logbook collects what is logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// messages are "LEVEL message" of each line so far.
func (l *logbook) messages() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		level, msg, _ := strings.Cut(line, " msg=")
		msg, _, _ = strings.Cut(strings.TrimPrefix(msg, `"`), `"`)
		all = append(all, strings.TrimPrefix(level, "level=")+" "+msg)
	}
	return all
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

// run starts d; the function it returns stops it and waits, and may be called again.
func run(t *testing.T, d *directory.Directory) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// answers says who answers a number: the agent's id, or the error.
func answers(d *directory.Directory, number string) string {
	r, err := d.Route(number)
	if err != nil {
		return err.Error()
	}
	return r.Agent.ID
}
