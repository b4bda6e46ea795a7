package control_test

import (
	"bytes"
	"context"
	"crypto/rand"
	stdsql "database/sql"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/control"
	"parley/control/access"
	"parley/control/archive"
	"parley/control/dialer"
	"parley/control/envelope"
	"parley/control/library"
	peers "parley/control/nodes"
	"parley/control/talk"
	"parley/control/vault"
	"parley/control/webhook"
	"parley/pipeline"
	"parley/store"
	"parley/store/sql"
	"parley/store/storetest/litetest"
)

// secret signs the links to recordings.
var secret = []byte("0123456789abcdef0123456789abcdef")

// A world is the API over a real SQLite, with two organisations in it.
type world struct {
	t         testing.TB
	db        *sql.Store
	mux       *http.ServeMux
	dir       string // the data directory
	dialer    *dialer.Dialer
	hooks     *webhook.Secrets
	asker     *asked
	auth      *access.Authenticator
	talk      *talk.Tokens
	ours      tenant
	theirs    tenant
	live      *lines
	log       *logged
	counts    *counts
	described *description
	schemas   *schemas
}

// counts are what the API told its callbacks.
type counts struct {
	mu      sync.Mutex
	changes int // how often agents changed
	routes  []string
}

// A tenant is an organisation with one of each.
type tenant struct {
	org       string
	key       string // with all scopes
	powerless string // a key that may only do what the API does not have
	agent     string // an agent that nothing needs
	standard  string // the default agent
	done      string // a call that is over, with transcript, turns and recording
	going     string // a call in progress
	task      string // the task of the call that is over: it has failed since
	barred    string // a number on the do-not-call list
	campaign  string // a draft with one contact
	contact   string // its task
	delivery  string // of a test of webhooks: it has failed since
	whsec     string // the secret that signs webhooks
	account   string // a credential of twilio that nothing needs
	phone     string // a phone number, by its id
	extension string // of a softphone
	trunk     string // a SIP trunk that nothing needs
	owner     string // the owner's id
	keyID     string // of a key that opens nothing else
	member    string // a member's id
	session   string // one of the owner's, which is not used
	document  string // that the agent knows
	bot       string // of WhatsApp, with an agent of its own
	thread    string // its conversation, with two messages
	customer  string // a contact, by its number
	field     string // a custom field, by its number
	option    string // of it
	file      string // a picture, to be sent
	message   string // of the conversation
	count     string // the number of the call that is over

	assignment string // a task of the CRM, which the default agent is to carry out one day
}

// lines is where calls live, in this process.
type lines struct {
	mu      sync.Mutex
	up      map[string]bool
	ended   []string
	ordered []pipeline.Command
	fails   error          // what every order gets instead
	quality *store.Quality // of the sound of those that are up; nil: nobody measures it
}

func (l *lines) End(_ context.Context, c store.Call) error    { return l.finish("end", c) }
func (l *lines) Cancel(_ context.Context, c store.Call) error { return l.finish("cancel", c) }
func (l *lines) Do(_ context.Context, c store.Call, cmd pipeline.Command) error {
	if err := cmd.Check(); err != nil {
		return &peers.Refusal{Reason: err.Error()}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails == nil && l.up[c.ID] {
		l.ordered = append(l.ordered, cmd)
		return nil
	}
	if l.fails != nil {
		return l.fails
	}
	return peers.ErrNotLive
}

func (l *lines) finish(how string, c store.Call) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails != nil {
		return l.fails
	}
	if !l.up[c.ID] {
		return peers.ErrNotLive
	}
	delete(l.up, c.ID)
	l.ended = append(l.ended, how+" "+c.ID)
	return nil
}

// logged is a log that can be read while it is written.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// newWorld makes the world; change, if there is one, has a last say in the API's options.
func newWorld(t testing.TB, change ...func(*control.Options)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), live: &lines{up: map[string]bool{}}, log: &logged{}, counts: &counts{}, asker: &asked{verdict: store.Works}}
	path := filepath.Join(w.dir, "parley.db")
	db, err := sql.Open(t.Context(), sql.Options{URL: litetest.New(t, path)})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	w.db = db
	w.dialer = dialer.New(dialer.Options{Store: db, Node: "node", Leg: "twilio", Carrier: deaf{}, Caller: func(string, string) string { return "+15005550006" }})

	sealed, err := vault.New(secret)
	must(t, err)
	w.hooks = &webhook.Secrets{Rules: db, Vault: sealed}

	w.ours = tenant{org: store.NewID(), standard: store.NewID()}
	w.theirs = tenant{org: store.NewID()}
	now := time.Now().UTC().Truncate(time.Microsecond)
	first := w.newKey(&w.ours.key, w.ours.org, access.All)
	w.ours.owner = store.NewID()
	must(t, db.Found(t.Context(), store.Setup{
		Organisation: store.Organisation{ID: w.ours.org, Name: "Ours", DefaultAgent: w.ours.standard, Created: now},
		Owner: store.User{
			ID: w.ours.owner, Org: w.ours.org, Email: "owner@example.com", Name: "Owner", Password: canaries["password"], Role: store.Owner,
			Created: now,
		},
		Key: first,
		Agent: store.Agent{
			ID: w.ours.standard, Org: w.ours.org, Name: "Receptionist", SystemPrompt: "Be kind. " + canaries["prompt"], Enabled: true,
			Created: now, Updated: now,
		},
	}))
	w.secondOrganisation(path, now)
	w.theirs.owner = w.join(w.theirs.org, "other@example.com", store.Owner)
	w.populate(&w.ours, now)
	w.populate(&w.theirs, now)
	w.raw(path, "UPDATE tasks SET status = 'failed', attempts = 1") // and no call of it is left
	w.raw(path, "UPDATE task_totals SET status = 'failed'")
	w.recruit(&w.ours, now)
	w.recruit(&w.theirs, now)
	w.raw(path, "UPDATE webhook_deliveries SET status = 'failed', due = '', settled = created")

	files, err := os.OpenRoot(w.dir)
	must(t, err)
	t.Cleanup(func() { must(t, files.Close()) })
	encodings, err := archive.NewEncodings(filepath.Join(w.dir, "cache"), 1<<20, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, encodings.Close()) })
	kept := &archive.Files{Root: files}
	w.shelve(&w.ours, kept)
	w.shelve(&w.theirs, kept)
	auth := &access.Authenticator{Keys: db, Log: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	w.auth = auth
	o := needed(db, w.dialer)
	o.Auth, o.Answers, o.Limiter = auth, db, &access.Limiter{Rates: db, Limit: 1_000_000}
	o.Gate, o.Asker, o.Hooks, o.Fetch = door{}, w.asker, w.hooks, func() {}
	o.Forget = func(hash string) {
		if auth.Forget(hash); hash == "" {
			auth.ForgetAll()
		}
	}
	o.Library, o.Kept = &library.Library{Store: db}, kept
	w.talk, err = talk.NewTokens(db, nil, secret)
	must(t, err)
	o.Talk = w.talk
	o.Anyones = func(id string) (store.Agent, bool) {
		for _, org := range []string{w.ours.org, w.theirs.org} {
			if a, err := db.Agent(t.Context(), org, id); err == nil {
				return a, true
			}
		}
		return store.Agent{}, false
	}
	o.Live, o.Gauge, o.Reports, o.Recordings = w.live, w.live, w.newDesk(), &archive.Archive{Root: files, Encodings: encodings}
	o.Version, o.Default = "test", w.standard
	o.Changed = func(context.Context) { w.counts.mu.Lock(); w.counts.changes++; w.counts.mu.Unlock() }
	o.Observe = func(route, method string, _ int, _ time.Duration) {
		w.counts.mu.Lock()
		w.counts.routes = append(w.counts.routes, method+" "+route)
		w.counts.mu.Unlock()
	}
	o.Log = slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, f := range change {
		f(&o)
	}
	c, err := control.New(o)
	must(t, err)
	w.mux = http.NewServeMux()
	w.mux.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {}) // as cmd/parley has it
	w.mux.HandleFunc("POST /twilio/voice", func(http.ResponseWriter, *http.Request) {})
	c.Mount(w.mux)
	w.schemas = w.answersDescribed(c)
	w.counts.routes = nil
	return w
}

// needed are the options that must be set, but for the way in: all over one database.
func needed(db *sql.Store, d control.Dialer) control.Options {
	return control.Options{
		Agents: db, Calls: db, Tasks: db, Campaigns: db, Contacts: db, DoNotCall: db, Lines: db, Bots: db, Files: db, Dialer: d, Webhooks: db, Hooks: &webhook.Secrets{}, People: db, Secret: secret,
	}
}

// standard is an organisation's default agent.
func (w *world) standard(ctx context.Context, org string) (string, error) {
	d, err := w.db.Directory(ctx)
	for _, o := range d.Organisations {
		if o.ID == org {
			return o.DefaultAgent, nil
		}
	}
	return "", err
}

// secondOrganisation is made by hand, with an id that was chosen before.
func (w *world) secondOrganisation(path string, now time.Time) {
	w.raw(path, "INSERT INTO organisations (id, name, default_agent, created) VALUES (?, 'Theirs', '', ?)",
		w.theirs.org, now.Format("2006-01-02T15:04:05.000000Z"))
	k := w.newKey(&w.theirs.key, w.theirs.org, access.All)
	_, err := w.db.CreateKey(w.t.Context(), k)
	must(w.t, err)
}

// raw runs a statement behind the store's back.
func (w *world) raw(path, query string, args ...any) {
	w.t.Helper()
	db, err := stdsql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	must(w.t, err)
	defer db.Close() //nolint:errcheck // a test
	_, err = db.ExecContext(w.t.Context(), query, args...)
	must(w.t, err)
}

// newKey makes a key, and keeps its secret in to.
func (w *world) newKey(to *string, org string, scopes ...string) store.Key {
	k, err := access.NewKey("va_")
	must(w.t, err)
	*to = string(k.Secret)
	return store.Key{
		ID: store.NewID(), Org: org, Role: store.Owner, Name: "test", Prefix: k.Prefix, Hash: k.Hash, Scopes: scopes, Created: time.Now().UTC(),
	}
}

// join makes somebody a member of an organisation, as if they had accepted an invite. They cannot log in.
func (w *world) join(org, email string, r store.Role) string {
	w.t.Helper()
	now, hash := time.Now().UTC(), store.NewID()
	must(w.t, w.db.CreateInvite(w.t.Context(), store.Invite{
		ID: store.NewID(), Org: org, Email: email, Role: r, Hash: hash, Created: now, Expires: now.Add(time.Hour),
	}))
	u, err := w.db.AcceptInvite(w.t.Context(), hash, store.User{ID: store.NewID(), Name: "Somebody", Created: now})
	must(w.t, err)
	return u.ID
}

// begin makes a session as if its user had logged in. The cookie is to be sent as it is.
func (w *world) begin(org, user string) (cookie, id string) {
	w.t.Helper()
	now, secret := time.Now().UTC(), randomSecret()
	n := store.Session{
		ID: store.NewID(), Org: org, User: user, Hash: access.Hash(secret), Address: "192.0.2.7", Client: "a test", Created: now, Seen: now,
		Expires: now.Add(time.Hour),
	}
	must(w.t, w.db.CreateSession(w.t.Context(), n))
	return "parley_session=" + secret, n.ID
}

func randomSecret() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// populate gives a tenant one of each.
func (w *world) populate(t *tenant, now time.Time) {
	t.member = w.join(t.org, "member@"+t.org, store.Member)
	_, t.session = w.begin(t.org, t.owner)
	var unused string
	spare, err := w.db.CreateKey(w.t.Context(), w.newKey(&unused, t.org, access.All))
	must(w.t, err)
	t.keyID = spare.ID
	_, err = w.db.CreateKey(w.t.Context(), w.newKey(&t.powerless, t.org, "nothing:read"))
	must(w.t, err)
	t.agent, t.done, t.going, t.task, t.barred = store.NewID(), store.NewID(), store.NewID(), store.NewID(), store.NewID()
	_, err = w.db.CreateAgent(w.t.Context(), store.Agent{
		ID: t.agent, Org: t.org, Name: "Agent", Description: "of " + t.org, SystemPrompt: canaries["prompt"], Enabled: true,
		VoiceSettings: `{"stability":0.5}`, DTMFRules: `{"1":"sales"}`, Created: now, Updated: now,
	})
	must(w.t, err)
	if t.standard == "" {
		t.standard = t.agent
		t.agent = store.NewID()
		_, err = w.db.CreateAgent(w.t.Context(), store.Agent{
			ID: t.agent, Org: t.org, Name: "Other", SystemPrompt: "Help.", Enabled: false, Created: now, Updated: now,
		})
		must(w.t, err)
		must(w.t, w.db.SetDefaultAgent(w.t.Context(), t.org, t.standard))
	}
	known, err := w.db.PutDocument(w.t.Context(), t.agent, store.Document{ID: store.NewID(), Org: t.org, Name: "hours.md", Kind: "markdown", Hash: t.org, Created: now},
		[]store.Chunk{{Text: "Open from nine to five.", Words: "open nine five"}}, 10)
	must(w.t, err)
	t.document = known.ID
	_, err = w.db.CreateTask(w.t.Context(), store.Task{
		ID: t.task, Org: t.org, Agent: t.standard, Name: "Call", To: "+442071234567", Context: `{"of":"` + t.org + `"}`, Created: now,
	})
	must(w.t, err)
	w.connect(t, now)
	w.bind(t, now)
	w.meetCustomer(t, now)
	_, err = w.db.Bar(w.t.Context(), store.Barred{ID: t.barred, Org: t.org, E164: "+442070000001", Created: now})
	must(w.t, err)
	t.delivery = store.NewID()
	_, err = w.db.AddDelivery(w.t.Context(), store.Delivery{ID: t.delivery, Org: t.org, Kind: store.WebhookTest, URL: "https://" + t.org + ".example.com/", Created: now})
	must(w.t, err)
	t.whsec, _, err = w.hooks.Rotate(w.t.Context(), t.org, 0)
	must(w.t, err)
	wav := sound(16000)
	at := "recordings/" + t.done + ".wav"
	must(w.t, os.MkdirAll(filepath.Join(w.dir, "recordings"), 0o750))
	must(w.t, os.WriteFile(filepath.Join(w.dir, at), wav, 0o600))
	must(w.t, w.db.Record(w.t.Context(), w.entries(t, now, at, int64(len(wav)))))
	over, err := w.db.Call(w.t.Context(), t.org, t.done)
	must(w.t, err)
	t.count = strconv.FormatInt(over.Number, 10)
	w.live.up[t.going] = true
}

// meetCustomer gives a tenant a contact and a custom field, which the contact has a value of.
func (w *world) meetCustomer(t *tenant, now time.Time) {
	f, err := w.db.CreateField(w.t.Context(), store.Field{Org: t.org, Entity: store.OfContacts, Key: "of", Label: "Of " + t.org, Kind: store.FieldList, Created: now})
	must(w.t, err)
	o, err := w.db.CreateOption(w.t.Context(), store.Option{Org: t.org, Field: f.Number, Value: t.org, Created: now})
	must(w.t, err)
	c, err := w.db.CreateContact(w.t.Context(), store.Contact{
		ID: store.NewID(), Org: t.org, FirstName: "Of " + t.org, Fields: map[string]string{"of": strconv.Quote(t.org)},
		Addresses: []store.Address{{Channel: store.ChannelPhone, Address: "+56912345678"}}, Created: now,
	})
	must(w.t, err)
	t.assignment = store.NewID()
	_, err = w.db.CreateAssignment(w.t.Context(), store.Assignment{
		ID: t.assignment, Org: t.org, Title: "Of " + t.org, Objective: "Call them.", CreatedBy: store.Actor{Type: "user", ID: t.owner},
		AssignedTo: store.Actor{Type: "ai_employee", ID: t.standard}, Agent: t.standard, Status: store.AssignmentOpen, Published: now, Due: now.AddDate(1, 0, 0), Created: now,
	})
	must(w.t, err)
	t.customer, t.field, t.option = strconv.FormatInt(c.Number, 10), strconv.FormatInt(f.Number, 10), strconv.FormatInt(o.Number, 10)
}

// recruit gives a tenant a campaign.
func (w *world) recruit(t *tenant, now time.Time) {
	t.campaign = store.NewID()
	_, err := w.db.CreateCampaign(w.t.Context(), store.Campaign{ID: t.campaign, Org: t.org, Agent: t.standard, Name: "Campaign of " + t.org, Created: now})
	must(w.t, err)
	t.contact = store.NewID()
	_, err = w.db.AddContacts(w.t.Context(), t.org, t.campaign, []store.Task{{ID: t.contact, Name: "Contact", To: "+442071234569", Created: now}})
	must(w.t, err)
	_, err = w.db.DropContacts(w.t.Context(), t.org, t.campaign, now, 1) // so that it is in nobody's way
	must(w.t, err)
}

// bind gives a tenant a bot with a conversation. An agent goes with it.
func (w *world) bind(t *tenant, now time.Time) {
	t.bot, t.thread = store.NewID(), store.NewID()
	_, err := w.db.CreateBot(w.t.Context(), store.Bot{ID: t.bot, Org: t.org, Agent: t.standard, Name: "Bot of " + t.org, Type: store.WhatsAppBot, Created: now})
	must(w.t, err)
	_, err = w.db.CreateConversation(w.t.Context(), store.Conversation{ID: t.thread, Org: t.org, Bot: t.bot, Channel: store.WhatsApp, External: "+919876543210",
		Status: store.ConversationActive, Length: store.NoLength, AutoReply: true, Created: now})
	must(w.t, err)
	for i, m := range []store.ThreadMessage{{Role: "user", Content: "Where is my order?", Tokens: -1}, {Role: "assistant", Content: "Let me check that for you.", Tokens: 18}} {
		m.ID, m.Conversation, m.Type, m.Created = store.NewID(), t.thread, "text", now.Add(time.Duration(2*i)*time.Second)
		t.message = m.ID
		_, err = w.db.AddThreadMessage(w.t.Context(), t.org, m)
		must(w.t, err)
	}
}

// png is a picture of one dot.
const png = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"

// shelve gives a tenant a file.
func (w *world) shelve(t *tenant, kept *archive.Files) {
	f, err := kept.Keep(w.t.Context(), store.File{Org: t.org, Kind: "image", Type: "image/png", Name: "dot.png"}, strings.NewReader(png))
	must(w.t, err)
	must(w.t, w.db.CreateFile(w.t.Context(), f))
	t.file = f.ID
}

// connect gives a tenant what it has of its own towards the outside. The secrets are canaries.
func (w *world) connect(t *tenant, now time.Time) {
	v, err := vault.New(secret)
	must(w.t, err)
	t.account, t.phone, t.trunk = store.NewID(), store.NewID(), store.NewID()
	_, err = w.db.CreateCredential(w.t.Context(), store.Credential{ID: t.account, Org: t.org, Vendor: "twilio", Name: "Account of " + t.org,
		Account: "AC00000000000000000000000000000009", Default: true, Created: now,
		Sealed: v.Seal(canaries["token"], vault.PlaceOf(store.CredentialSecret, t.org, t.account))})
	must(w.t, err)
	t.extension = store.NewID()
	_, err = w.db.CreateExtension(w.t.Context(), store.Extension{ID: t.extension, Org: t.org, Username: "lobby", Name: "Anna of " + t.org, Created: now,
		Sealed: v.Seal(canaries["extension"], vault.PlaceOf(store.ExtensionSecret, t.org, t.extension))})
	must(w.t, err)
	_, err = w.db.CreateTrunk(w.t.Context(), store.Trunk{ID: t.trunk, Org: t.org, Name: "Trunk of " + t.org, Host: "sip.example.com",
		Transport: store.UDP, Username: "u", Created: now, Sealed: v.Seal(canaries["trunk"], vault.PlaceOf(store.TrunkSecret, t.org, t.trunk))})
	must(w.t, err)
	_, err = w.db.CreateNumber(w.t.Context(), store.Number{ID: t.phone, Org: t.org, E164: map[bool]string{true: "+442070000100", false: "+442070000200"}[t == &w.ours], Label: "Of " + t.org,
		Created: now, Updated: now})
	must(w.t, err)
}

// door lets everything public through, and one host of the operator's.
type door struct{}

func (door) Check(url string) error {
	if strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "http://vendor.internal") || strings.Contains(url, "127.0.0.1") {
		return errors.New("is not allowed")
	}
	return nil
}

// asked is a vendor that says what it is told to.
type asked struct {
	mu      sync.Mutex
	verdict store.Verdict
	err     error
	secrets []string
}

func (a *asked) Verify(_ context.Context, _ store.Credential, secret string) (store.Verdict, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.secrets = append(a.secrets, secret)
	return a.verdict, a.err
}

// failTask carries out a task, and its call fails.
func (w *world) failTask(org, task string, now time.Time) (call string) {
	w.t.Helper()
	d, err := w.db.ExecuteTask(w.t.Context(), store.Execution{Org: org, Task: task, Call: store.Call{ID: store.NewID(), Created: now}})
	must(w.t, err)
	_, err = w.db.SettleDial(w.t.Context(), store.Ended{Call: d.Call, Status: store.Failed, End: store.End{Ended: now, Cause: store.CauseBusy}}, time.Time{})
	must(w.t, err)
	return d.Call
}

// deaf is a carrier that is never asked, since nobody runs the dialer.
type deaf struct{ pipeline.Carrier }

// entries are a call that is over, and one that goes on.
func (w *world) entries(t *tenant, now time.Time, path string, size int64) []store.Entry {
	began := store.Call{
		ID: t.done, Org: t.org, Agent: t.standard, AgentVersion: 1, Task: t.task, Direction: store.Inbound, Status: store.InProgress,
		Leg: "twilio", CarrierID: "CA123", From: "+442071234567", To: "+1234567890", Node: "node", Boot: "boot", Created: now, Answered: now,
	}
	going := began
	going.ID, going.Task = t.going, ""
	turn := store.Turn{
		Call: t.done, N: 1, Why: "words", Said: "Hello", Text: "Hello. How are you?", Heard: "Hello.", Cut: true, At: 1500 * time.Millisecond,
		Sounded: 700 * time.Millisecond, Latency: map[string]int64{"voice_to_voice": 620, "endpoint": 300}, Counts: map[string]int64{"held": 1},
		Lookup: &store.Lookup{Took: 8400 * time.Microsecond, Sources: []store.Source{{Document: "fees.pdf", Place: "page 2"}, {Document: "notes.txt"}}, Error: "cold"},
	}
	messages := []store.Message{
		{Call: t.done, Seq: 0, Role: "caller", Text: "Hello", Turn: 1, At: 400 * time.Millisecond},
		{Call: t.done, Seq: 1, Role: "assistant", Text: "Hello.", Cut: true, Turn: 1, At: 1500 * time.Millisecond, Length: 700 * time.Millisecond},
		{Call: t.done, Seq: 2, Role: "narrator", Text: "The caller pressed 1.", At: 3 * time.Second},
	}
	return []store.Entry{
		{Began: &began},
		{Began: &going},
		{Turned: &store.Turned{Turn: turn, Messages: messages[:2], Collected: map[string]string{"day": "2026-11-24", "card": "***"}}},
		{Ended: &store.Ended{
			Call: t.done, Status: store.Completed, Messages: messages,
			End: store.End{
				Ended: now.Add(4 * time.Second), Length: 4 * time.Second, Cause: "caller", Turns: 1, Drops: 2,
				Latency: map[string]int64{"voice_to_voice_p50": 620, "voice_to_voice_p95": 620},
			},
			Recording: &store.Recording{Call: t.done, Path: path, Rate: 8000, Channels: 2, Bytes: size, Length: 4 * time.Second},
		}},
	}
}

// sound is a WAV file of stereo samples at 8 kHz: a ramp, so that no two parts of it are alike.
func sound(samples int) []byte {
	var b bytes.Buffer
	b.WriteString("RIFF")
	_ = binary.Write(&b, binary.LittleEndian, uint32(36+4*samples))
	b.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(2), uint32(8000), uint32(32000), uint16(4), uint16(16)} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(4*samples))
	for i := range samples {
		_ = binary.Write(&b, binary.LittleEndian, []uint16{uint16(i), uint16(65535 - i)}) //nolint:gosec // it may wrap
	}
	return b.Bytes()
}

// An answer is what came back.
type answer struct {
	status int
	head   http.Header
	body   []byte
	parsed struct {
		Success *bool             `json:"success"`
		Data    json.RawMessage   `json:"data"`
		Error   string            `json:"error"`
		Details map[string]string `json:"details"`
		Meta    map[string]any    `json:"meta"`
	}
}

// ask sends a request with a key ("": none) and a JSON body ("": none), and checks that the answer is in its envelope.
func (w *world) ask(key, method, path, body string, more ...string) *answer {
	w.t.Helper()
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, from)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(body, "--form") {
		r.Header.Set("Content-Type", "multipart/form-data; boundary=form")
	}
	for i := 0; i+1 < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	a := &answer{status: rec.Code, head: rec.Header(), body: rec.Body.Bytes()}
	if envelope.IsBare(r.URL.Path) {
		w.checkBare(method+" "+path, a)
	} else {
		w.check(method+" "+path, a)
	}
	w.conform(r, a)
	return a
}

// check holds an answer against what all answers promise.
func (w *world) check(what string, a *answer) {
	w.t.Helper()
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
		if got := a.head.Get(name); got != want && what != "GET /openapi.json" {
			w.t.Errorf("%s: header %s is %q, want %q", what, name, got, want)
		}
	}
	if a.status < 400 && !strings.HasPrefix(a.head.Get("Content-Type"), "application/json") || what == "GET /openapi.json" {
		return
	}
	if _, path, _ := strings.Cut(what, " "); envelope.InCRM(path) {
		w.checkCRM(what, a)
		return
	}
	if err := json.Unmarshal(a.body, &a.parsed); err != nil {
		w.t.Fatalf("%s: %d, not an envelope (%v): %.200s", what, a.status, err, a.body)
	}
	p := a.parsed
	if p.Success == nil || *p.Success != (a.status < 400) {
		w.t.Errorf("%s: %d, success is wrong: %.200s", what, a.status, a.body)
	}
	if (p.Error == "") != (a.status < 400) {
		w.t.Errorf("%s: %d, error is %q", what, a.status, p.Error)
	}
	if id, _ := p.Meta["request_id"].(string); id == "" || id != a.head.Get("X-Request-Id") && a.head.Get("Idempotent-Replayed") == "" {
		w.t.Errorf("%s: request_id is %q, the header %q", what, id, a.head.Get("X-Request-Id"))
	}
	at, _ := p.Meta["timestamp"].(string)
	if _, err := time.Parse("2006-01-02T15:04:05.000Z", at); err != nil {
		w.t.Errorf("%s: timestamp: %v", what, err)
	}
	if a.status >= 500 && a.status != http.StatusServiceUnavailable {
		w.t.Errorf("%s: %d: %s\n%s", what, a.status, a.body, w.log)
	}
}

// checkBare holds an answer without an envelope against what all of these promise. Errors are parsed as those in the envelope are.
func (w *world) checkBare(what string, a *answer) {
	w.t.Helper()
	for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Content-Type": "application/json"} {
		if got := a.head.Get(name); got != want {
			w.t.Errorf("%s: header %s is %q, want %q", what, name, got, want)
		}
	}
	if a.head.Get("X-Request-Id") == "" {
		w.t.Errorf("%s: no request id", what)
	}
	if a.parsed.Data = a.body; a.status < 400 {
		return
	}
	must(w.t, json.Unmarshal(a.body, &a.parsed))
	if a.parsed.Error == "" || a.parsed.Details == nil || a.parsed.Success != nil {
		w.t.Errorf("%s: %d is no bare error: %s", what, a.status, a.body)
	}
	if a.status >= 500 && a.status != http.StatusServiceUnavailable {
		w.t.Errorf("%s: %d: %s\n%s", what, a.status, a.body, w.log)
	}
}

// checkCRM is check of an answer of the CRM contract: it is bare, and an error has four members. These are parsed as if they stood in an
// envelope.
func (w *world) checkCRM(what string, a *answer) {
	w.t.Helper()
	if a.status < 400 {
		a.parsed.Data = a.body
		return
	}
	var refusal map[string]json.RawMessage
	if err := json.Unmarshal(a.body, &refusal); err != nil || len(refusal) != 4 {
		w.t.Fatalf("%s: %d, not an error of the CRM contract (%v): %.200s", what, a.status, err, a.body)
	}
	must(w.t, json.Unmarshal(refusal["message"], &a.parsed.Error))
	must(w.t, json.Unmarshal(refusal["details"], &a.parsed.Details))
	if string(refusal["code"]) != strconv.Itoa(a.status) || string(refusal["error"]) != strconv.Quote(http.StatusText(a.status)) || a.parsed.Error == "" {
		w.t.Errorf("%s: %d: %s", what, a.status, a.body)
	}
	if a.status >= 500 && a.status != http.StatusServiceUnavailable {
		w.t.Errorf("%s: %d: %s\n%s", what, a.status, a.body, w.log)
	}
}

// want checks a status.
func (w *world) want(a *answer, status int) *answer {
	w.t.Helper()
	if a.status != status {
		w.t.Errorf("got status %d, want %d: %.400s", a.status, status, a.body)
	}
	return a
}

// data decodes an answer's data.
func (a *answer) data(t testing.TB, to any) {
	t.Helper()
	must(t, json.Unmarshal(a.parsed.Data, to))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
