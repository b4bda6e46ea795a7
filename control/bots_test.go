package control_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gorilla/websocket"

	"parley/control"
	"parley/control/access"
	"parley/control/bots"
	"parley/control/bots/botstest"
	"parley/control/bus"
	"parley/control/envelope"
	"parley/pipeline"
	"parley/store"
)

// pen drafts what it is told to.
type pen struct {
	mu     sync.Mutex
	text   string
	err    error
	thread []pipeline.Message
	agent  store.Agent
	during func(n int) // called while the nth draft is written; may be nil
	drafts int
}

// Draft implements bots.Drafter.
func (p *pen) Draft(_ context.Context, a store.Agent, _ store.Conversation, thread []pipeline.Message) (bots.Drafted, error) {
	p.mu.Lock()
	p.agent, p.thread = a, thread
	p.drafts++
	during, n := p.during, p.drafts
	p.mu.Unlock()
	if during != nil {
		during(n)
	}
	return bots.Drafted{Text: p.text}, p.err
}

// scout says of each number what it is told to.
type scout struct{ found bots.Check }

// ProbeNumber implements bots.Prober.
func (s *scout) ProbeNumber(_ context.Context, n store.Number) []bots.Check {
	c := s.found
	c.About = n.E164
	return []bots.Check{c}
}

// ProbeOutbound implements bots.Prober.
func (s *scout) ProbeOutbound(context.Context, string) []bots.Check { return []bots.Check{s.found} }

// ProbeChannel implements bots.Prober.
func (s *scout) ProbeChannel(_ context.Context, b store.Bot) []bots.Check {
	c := s.found
	c.About = bots.ChannelOf(b).PhoneNumberID
	return []bots.Check{c}
}

// An agency is a world with bots, on one of the databases.
type agency struct {
	*world
	pen   *pen
	scout *scout
	feed  *bots.Feed
}

// onBoth runs a test on SQLite and on Postgres.
func onBoth(t *testing.T, run func(t *testing.T, w *agency)) {
	for name, open := range map[string]func(t *testing.T, change func(*control.Options)) *world{
		"SQLite": func(t *testing.T, change func(*control.Options)) *world { return newWorld(t, change) },
		"Postgres": func(t *testing.T, change func(*control.Options)) *world {
			w := nodes(t, 1, 1_000_000, func(_ int, o *control.Options) { change(o) })[0]
			w.live = &lines{up: map[string]bool{}}
			w.counts = &counts{}
			return w
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &agency{pen: &pen{text: "It is on its way."}, scout: &scout{bots.Pass("number", "", "well")}}
			a.world = open(t, func(o *control.Options) {
				a.feed = &bots.Feed{Store: o.Bots, Calls: o.Calls, Bus: &bus.Local{}, Log: o.Log}
				o.Feed, o.Drafter, o.Prober = a.feed, a.pen, a.scout
			})
			a.t = t
			run(t, a)
		})
	}
}

// bot makes one by the API.
func (w *agency) bot(body string) bots.Bot {
	w.t.Helper()
	var b bots.Bot
	w.want(w.ask(w.ours.key, "POST", "/api/v1/bots", body), http.StatusCreated).data(w.t, &b)
	return b
}

// open begins a conversation of a bot, with two messages.
func (w *agency) open(bot string) string {
	w.t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	c, err := w.db.CreateConversation(w.t.Context(), store.Conversation{ID: store.NewID(), Org: w.ours.org, Bot: bot, Channel: store.WhatsApp,
		External: "+919876543210", Status: store.ConversationActive, Length: store.NoLength, AutoReply: true, Created: now})
	must(w.t, err)
	for i, m := range []store.ThreadMessage{{Role: "user", Content: "Where is my order?", Tokens: -1}, {Role: "assistant", Content: "Let me check that for you.", Tokens: 18}} {
		m.ID, m.Conversation, m.Type, m.Created = store.NewID(), c.ID, "text", now.Add(time.Duration(2*i)*time.Second)
		_, err := w.db.AddThreadMessage(w.t.Context(), w.ours.org, m)
		must(w.t, err)
	}
	return c.ID
}

// TestBotsContract holds the server to every operation, field, word and sample of the pages.
func TestBotsContract(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *agency) {
		c := botstest.Load()
		described := map[string]route{}
		for _, r := range w.served() {
			described[r.method+" "+strings.Replace(strings.TrimPrefix(r.path, c.Base), "{id}", ":id", 1)] = r
		}
		for _, op := range c.Operations {
			b := w.bot(string(c.Operations[1].Sample))
			id, thread := b.ID, w.open(b.ID)
			if strings.HasPrefix(op.Path, "/conversations") {
				id = thread
			}
			path := c.Base + strings.Replace(op.Path, ":id", id, 1)
			status := max(op.Status, http.StatusOK)
			a := w.want(w.ask(w.ours.key, op.Method, path, op.Request()), status)
			w.answered(op, a)
			r, ok := described[op.Name()]
			if !ok || r.scope != op.Scope {
				t.Errorf("%s is described as %+v, want the scope %s", op.Name(), r, op.Scope)
			}
			if op.Curl != "" {
				w.answered(op, w.want(w.ask(w.ours.key, op.Method, c.Base+op.Curl, ""), http.StatusOK))
			}
			w.filters(op, path, b.ID)
			w.fields(op, path)
			// By a JWT, and by a key that begins with cm_ and has this scope alone; not without it.
			if op.Method != http.MethodDelete {
				w.want(w.ask(w.token(w.ours), op.Method, path, op.Request()), status)
				w.want(w.ask(w.own(op.Scope, store.Owner), op.Method, path, op.Request()), status)
			}
			refused := w.want(w.ask(w.own("nothing:read", store.Owner), op.Method, path, op.Request()), http.StatusForbidden)
			if refused.parsed.Details["scope"] != op.Scope {
				t.Errorf("%s does not name the scope it needs: %s", op.Name(), refused.body)
			}
			w.want(w.ask("", op.Method, path, op.Request()), http.StatusUnauthorized)
			for _, role := range []store.Role{store.Owner, store.Admin, store.Member} {
				if len(op.Roles) > 0 {
					want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[slices.Contains(op.Roles, string(role))]
					w.want(w.ask(w.own(access.All, role), op.Method, path, op.Request()), want)
				}
			}
			for _, other := range []string{store.NewID(), "nonsense"} {
				if strings.Contains(op.Path, ":id") {
					w.want(w.ask(w.ours.key, op.Method, c.Base+strings.Replace(op.Path, ":id", other, 1), op.Request()), http.StatusNotFound)
				}
			}
		}
		for _, scope := range c.Scopes {
			must(t, access.CheckScopes([]string{scope}))
		}
		for _, kind := range c.Types {
			b := w.bot(`{"name":"b","type":"` + kind + `","system_prompt":""}`)
			if string(b.Type) != kind || b.SystemPrompt != "" || !b.IsActive {
				t.Errorf("a bot of the type %s is %+v", kind, b)
			}
			w.want(w.ask(w.ours.key, "PUT", c.Base+"/bots/"+b.ID, `{"type":"`+kind+`"}`), http.StatusBadRequest)
		}
	})
}

// own makes a key with one scope.
func (w *agency) own(scope string, r store.Role) string {
	w.t.Helper()
	k, err := access.NewKey(access.CRMPrefix)
	must(w.t, err)
	_, err = w.db.CreateKey(w.t.Context(), store.Key{ID: store.NewID(), Org: w.ours.org, Role: r, Name: "own", Prefix: k.Prefix, Hash: k.Hash, Scopes: []string{scope}, Created: time.Now().UTC()})
	must(w.t, err)
	return string(k.Secret)
}

// answered asserts every documented key of an answer, and what a request sent.
func (w *agency) answered(op botstest.Operation, a *answer) {
	w.t.Helper()
	body := json.RawMessage(a.body)
	if op.List {
		var rows []json.RawMessage
		must(w.t, json.Unmarshal(body, &rows))
		if len(rows) == 0 {
			w.t.Fatalf("%s: no rows", op.Name())
		}
		body = rows[len(rows)-1]
	}
	var got, sent map[string]json.RawMessage
	must(w.t, json.Unmarshal(body, &got))
	if len(op.Answered()) == 0 {
		w.t.Errorf("%s: the contract has no documented key", op.Name())
	}
	for _, key := range op.Answered() {
		if got[key] == nil {
			w.t.Errorf("%s: no %s in %s", op.Name(), key, a.body)
		}
	}
	for key, want := range op.Answer { // of the same kind, and null alone where the page has null
		if fmt.Sprintf("%T", value(w.t, got[key])) != fmt.Sprintf("%T", value(w.t, want)) {
			w.t.Errorf("%s: %s is %s, the page has %s", op.Name(), key, got[key], want)
		}
	}
	if op.Request() != "" && op.Path != "/conversations/:id/autoreply" {
		must(w.t, json.Unmarshal([]byte(op.Request()), &sent))
	}
	for key, want := range sent {
		if compact(got[key]) != compact(want) {
			w.t.Errorf("%s: sent %s %s, got %s", op.Name(), key, want, got[key])
		}
	}
}

func value(t testing.TB, text json.RawMessage) (v any) {
	t.Helper()
	must(t, json.Unmarshal(text, &v))
	return v
}

// filters asserts documented query parameters, each of whose values is taken, and no other.
func (w *agency) filters(op botstest.Operation, path, bot string) {
	w.t.Helper()
	for _, q := range op.Query {
		for _, v := range q.Values {
			w.want(w.ask(w.ours.key, op.Method, path+"?"+q.Name+"="+v, ""), http.StatusOK)
		}
		if a := w.want(w.ask(w.ours.key, op.Method, path+"?"+q.Name+"=nonsense", ""), http.StatusBadRequest); a.parsed.Details[q.Name] == "" {
			w.t.Errorf("%s does not name a bad %s: %s", op.Name(), q.Name, a.body)
		}
		if q.Name == "bot_id" {
			var rows []bots.Conversation
			w.want(w.ask(w.ours.key, op.Method, path+"?bot_id="+bot, ""), http.StatusOK).data(w.t, &rows)
			if len(rows) != 1 || rows[0].BotID != bot {
				w.t.Errorf("conversations of one bot: %+v", rows)
			}
		}
	}
}

// fields asserts documented fields of requests: those that are needed, their words and lengths.
func (w *agency) fields(op botstest.Operation, path string) {
	w.t.Helper()
	refuses := func(field, body string) {
		w.t.Helper()
		if a := w.want(w.ask(w.ours.key, op.Method, path, body), http.StatusBadRequest); a.parsed.Details[field] == "" {
			w.t.Errorf("%s: %.80s: the field %s is not named: %s", op.Name(), body, field, a.body)
		}
	}
	for _, f := range op.Body {
		if f.Required {
			refuses(f.Name, `{}`)
		}
		if len(f.Values) > 0 || f.Name == "type" {
			refuses(f.Name, `{"`+f.Name+`":"nonsense"}`)
		}
		for _, v := range f.Values {
			w.want(w.ask(w.ours.key, op.Method, path, `{"`+f.Name+`":"`+v+`"}`), http.StatusOK)
		}
		if f.Max > 0 {
			long := strings.Repeat("ä", f.Max)
			body := `{"` + f.Name + `":"%s"}`
			if op.Method == http.MethodPost {
				body = map[string]string{"name": `{"type":"ivr","name":"%s"}`, "system_prompt": `{"type":"ivr","name":"n","system_prompt":"%s"}`}[f.Name]
			}
			w.want(w.ask(w.ours.key, op.Method, path, fmt.Sprintf(body, long)), max(op.Status, http.StatusOK))
			refuses(f.Name, fmt.Sprintf(body, long+"ä"))
		}
	}
	if len(op.Body) > 0 {
		refuses("colour", `{"colour":"red"}`)
	}
}

func TestBotLife(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *agency) {
		const path = "/api/v1/bots"
		var phone struct{ ID string }
		w.want(w.ask(w.ours.key, "POST", "/api/v1/numbers", `{"phone_number":"+442071230001"}`), http.StatusCreated).data(t, &phone)
		leads := func() string {
			var n struct {
				Agent *string `json:"agent_id"`
			}
			w.want(w.ask(w.ours.key, "GET", "/api/v1/numbers/"+phone.ID, ""), http.StatusOK).data(t, &n)
			if n.Agent == nil {
				return ""
			}
			return *n.Agent
		}
		b := w.bot(`{"name":"Menu","type":"ivr","system_prompt":"Be kind.","config":{"numbers":["+442071230001"],"own":{"a":[1]}}}`)
		if leads() != b.AgentID || string(b.Config) != `{"numbers":["+442071230001"],"own":{"a":[1]}}` {
			t.Errorf("the number leads to %s, the bot is %+v", leads(), b)
		}
		var agent struct {
			Prompt  string `json:"system_prompt"`
			Enabled bool
		}
		w.want(w.ask(w.ours.key, "GET", "/api/v1/agents/"+b.AgentID, ""), http.StatusOK).data(t, &agent)
		if agent.Prompt != "Be kind." || !agent.Enabled {
			t.Errorf("the bot's agent is %+v", agent)
		}
		w.want(w.ask(w.ours.key, "DELETE", "/api/v1/agents/"+b.AgentID, ""), http.StatusBadRequest)
		for body, field := range map[string]string{
			`{"config":{"numbers":["+442071239999"]}}`:                 "config.numbers[0]",
			`{"config":{"numbers":["442071230001"]}}`:                  "config.numbers[0]",
			`{"config":{"numbers":["+442071230001","+442071230001"]}}`: "config.numbers[1]",
			`{"config":{"numbers":1}}`:                                 "config.numbers",
			`{"config":{"agent_id":"x"}}`:                              "config.agent_id",
			`{"config":{"agent_id":"` + store.NewID() + `"}}`:          "config.agent_id",
			`{"config":{"flow":[]}}`:                                   "config.flow",
			`{"config":{"flow":{"start":"nowhere"}}}`:                  "config.flow",
			`{"config":[]}`:                                            "config",
			`{"name":" "}`:                                             "name",
			`{"name":null}`:                                            "name",
			`{"is_active":false}`:                                      "is_active",
			`{"type":"ivr"}`:                                           "type",
		} {
			a := w.want(w.ask(w.ours.key, "PUT", path+"/"+b.ID, body), http.StatusBadRequest)
			if !slices.ContainsFunc(slices.Collect(maps.Keys(a.parsed.Details)), func(k string) bool { return strings.HasPrefix(k, field) }) {
				t.Errorf("%s: %s is not named: %s", body, field, a.body)
			}
		}
		w.want(w.ask(w.ours.key, "PUT", path+"/"+b.ID, `{}`), http.StatusBadRequest)
		w.want(w.ask(w.ours.key, "POST", path, `{"name":"w","type":"whatsapp","config":{"numbers":["+442071230001"]}}`), http.StatusBadRequest)
		var toggled bots.Bot
		w.want(w.ask(w.ours.key, "POST", path+"/"+b.ID+"/toggle", ""), http.StatusOK).data(t, &toggled)
		w.want(w.ask(w.ours.key, "GET", "/api/v1/agents/"+b.AgentID, ""), http.StatusOK).data(t, &agent)
		if toggled.IsActive || agent.Enabled {
			t.Errorf("toggled: %+v, agent %+v", toggled, agent)
		}
		w.want(w.ask(w.ours.key, "PUT", path+"/"+b.ID, `{"config":null}`), http.StatusOK).data(t, &toggled)
		if leads() != "" || toggled.Config != nil {
			t.Errorf("without a config the number leads to %q, the config is %s", leads(), toggled.Config)
		}
		w.want(w.ask(w.ours.key, "DELETE", path+"/"+b.ID, ""), http.StatusOK)
		w.want(w.ask(w.ours.key, "GET", path+"/"+b.ID, ""), http.StatusNotFound)
		w.want(w.ask(w.ours.key, "GET", "/api/v1/agents/"+b.AgentID, ""), http.StatusNotFound)
	})
}

// TestBareLists: lists are bare arrays, and lead to their next part.
func TestBareLists(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *agency) {
		for range 3 {
			w.bot(`{"name":"b","type":"ivr"}`)
		}
		var all, seen []bots.Bot
		if a := w.want(w.ask(w.ours.key, "GET", "/api/v1/bots", ""), http.StatusOK); a.head.Get("Link") != "" {
			t.Errorf("a whole list has a Link: %s", a.head.Get("Link"))
		} else {
			a.data(t, &all)
		}
		for at := "/api/v1/bots?limit=2"; at != ""; {
			a := w.want(w.ask(w.ours.key, "GET", at, ""), http.StatusOK)
			var part []bots.Bot
			a.data(t, &part)
			seen = append(seen, part...)
			at, _, _ = strings.Cut(strings.TrimPrefix(a.head.Get("Link"), "<"), `>; rel="next"`)
		}
		if diff := cmp.Diff(ids(all), ids(seen)); diff != "" || len(all) < 3 {
			t.Errorf("all at once - page by page +:\n%s", diff)
		}
		w.want(w.ask(w.ours.key, "GET", "/api/v1/bots?limit=1001", ""), http.StatusBadRequest)
	})
}

func ids(all []bots.Bot) (out []string) {
	for _, b := range all {
		out = append(out, b.ID)
	}
	return out
}

func TestDraft(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *agency) {
		b := w.bot(`{"name":"b","type":"whatsapp","system_prompt":"Be kind."}`)
		path := "/api/v1/conversations/" + w.open(b.ID) + "/ai-draft"
		w.want(w.ask(w.ours.key, "POST", path, ""), http.StatusOK)
		want := []pipeline.Message{{Role: pipeline.Caller, Text: "Where is my order?", Turn: 1}, {Role: pipeline.Assistant, Text: "Let me check that for you.", Turn: 1}}
		if diff := cmp.Diff(want, w.pen.thread); diff != "" || w.pen.agent.SystemPrompt != "Be kind." {
			t.Errorf("drafted for %+v of (-want +got):\n%s", w.pen.agent, diff)
		}
		w.pen.err = bots.ErrMute
		if a := w.want(w.ask(w.ours.key, "POST", path, ""), http.StatusServiceUnavailable); !strings.Contains(a.parsed.Error, "flow") {
			t.Errorf("%s", a.body)
		}
		w.pen.err = errors.New("secret internals")
		if a := w.want(w.ask(w.ours.key, "POST", path, ""), http.StatusServiceUnavailable); strings.Contains(string(a.body), "internals") {
			t.Errorf("internals leave: %s", a.body)
		}
		w.want(w.ask(w.ours.key, "DELETE", "/api/v1/bots/"+b.ID, ""), http.StatusOK)
		w.want(w.ask(w.ours.key, "POST", path, ""), http.StatusBadRequest)
	})
}

func TestVerifyBot(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *agency) {
		verify := func(b bots.Bot) (d bots.Deployment) {
			t.Helper()
			w.want(w.ask(w.ours.key, "POST", "/api/v1/bots/"+b.ID+"/deploy/verify", ""), http.StatusOK).data(t, &d)
			for _, c := range d.Checks {
				if c.Status == bots.Failed && c.Fix == nil {
					t.Errorf("%+v does not say what to do", c)
				}
			}
			return d
		}
		if d := verify(w.bot(`{"name":"b","type":"whatsapp_voice"}`)); d.Verified || d.Checks[1].Status != bots.Failed {
			t.Errorf("WhatsApp without a channel: %+v", d)
		}
		if d := verify(w.bot(`{"name":"b","type":"whatsapp","config":{"whatsapp":{"phone_number_id":"106540352242922"}}}`)); !d.Verified || d.Checks[1].About != "106540352242922" {
			t.Errorf("WhatsApp: %+v", d)
		}
		if d := verify(w.bot(`{"name":"b","type":"outbound_call"}`)); !d.Verified {
			t.Errorf("outbound: %+v", d)
		}
		b := w.bot(`{"name":"b","type":"inbound_call"}`)
		if d := verify(b); d.Verified || d.Checks[1].Name != "number" || d.Checks[1].Status != bots.Failed {
			t.Errorf("without numbers: %+v", d)
		}
		w.want(w.ask(w.ours.key, "POST", "/api/v1/numbers", `{"phone_number":"+442071230001"}`), http.StatusCreated)
		w.want(w.ask(w.ours.key, "PUT", "/api/v1/bots/"+b.ID, `{"config":{"numbers":["+442071230001"]}}`), http.StatusOK)
		if d := verify(b); !d.Verified || d.Checks[1].About != "+442071230001" || d.BotID != b.ID {
			t.Errorf("all is well: %+v", d)
		}
		w.scout.found = bots.Fail("voice_url", "", "it leads elsewhere", "lead it here")
		if d := verify(b); d.Verified || *d.Checks[1].Fix != "lead it here" {
			t.Errorf("a number that leads elsewhere: %+v", d)
		}
		w.want(w.ask(w.ours.key, "POST", "/api/v1/bots/"+b.ID+"/toggle", ""), http.StatusOK)
		if d := verify(b); d.Checks[0].Status != bots.Failed {
			t.Errorf("a bot that is off: %+v", d)
		}
	})
}

// TestCallIsAConversation: a call of a bot's agent is a conversation, whose messages are the call's, and the socket tells of it.
func TestCallIsAConversation(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *agency) {
		b := w.bot(`{"name":"Desk","type":"inbound_call"}`)
		server := httptest.NewServer(w.mux)
		t.Cleanup(server.Close)
		at := "ws" + strings.TrimPrefix(server.URL, "http") + botstest.Load().Socket.Path
		if _, answer, err := websocket.DefaultDialer.DialContext(t.Context(), at+"?token=nonsense", nil); err == nil || answer.StatusCode != http.StatusUnauthorized { //nolint:bodyclose // gorilla: it need not be closed
			t.Errorf("a wrong token: %v", err)
		}
		conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), at+"?token="+w.token(w.ours), nil) //nolint:bodyclose // see above
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		must(t, conn.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)))
		next := func(kind string, into any) {
			t.Helper()
			must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
			_, text, err := conn.ReadMessage()
			must(t, err)
			var e struct {
				Type string
				Data json.RawMessage
			}
			must(t, json.Unmarshal(text, &e))
			if e.Type != kind {
				t.Fatalf("got %s, want %s", text, kind)
			}
			if kind != "pong" {
				must(t, w.schemas.said(kind, text))
			}
			if into != nil {
				must(t, json.Unmarshal(e.Data, into))
			}
		}
		next("pong", nil)

		record := func(entries ...store.Entry) {
			t.Helper()
			must(t, w.db.Record(t.Context(), entries))
			w.feed.Recorded(entries)
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		call := store.Call{ID: store.NewID(), Org: w.ours.org, Agent: b.AgentID, AgentVersion: 1, Direction: store.Inbound, Status: store.InProgress, Leg: "twilio",
			From: "+15005550006", To: "+442071230001", Created: now, Answered: now}
		other := call
		other.ID, other.Agent = store.NewID(), store.NewID() // nobody's conversation
		said := []store.Message{{Call: call.ID, Role: "caller", Text: "Hello", Turn: 1, At: 400 * time.Millisecond},
			{Call: call.ID, Seq: 1, Role: "assistant", Text: "Good day.", Turn: 1, At: 1500 * time.Millisecond}}
		record(store.Entry{Began: &other}, store.Entry{Began: &call})
		var c bots.Conversation
		next(bots.ConversationCreated, &c)
		if c.ID != call.ID || c.BotID != b.ID || c.Channel != store.Voice || c.ExternalID != call.From || c.Status != store.ConversationActive || c.DurationSeconds != nil {
			t.Errorf("conversation of a call: %+v", c)
		}
		record(store.Entry{Turned: &store.Turned{Turn: store.Turn{Call: call.ID, N: 1, Why: "words"}, Messages: said}})
		var told [2]bots.Message
		next(bots.MessageCreated, &told[0])
		next(bots.MessageCreated, &told[1])
		var listed []bots.Message
		w.want(w.ask(w.ours.key, "GET", "/api/v1/conversations/"+call.ID+"/messages", ""), http.StatusOK).data(t, &listed)
		if diff := cmp.Diff(told[:], listed, cmp.Transformer("time", func(at envelope.Time) string { return fmt.Sprint(time.Time(at)) })); diff != "" {
			t.Errorf("told - listed +:\n%s", diff)
		}
		if told[0].Role != "user" || told[0].Content != "Hello" || told[1].Role != "assistant" {
			t.Errorf("told %+v", told)
		}
		w.want(w.ask(w.ours.key, "POST", "/api/v1/conversations/"+call.ID+"/autoreply", `{"enabled":false}`), http.StatusOK)
		next(bots.ConversationUpdated, &c)
		if c.AutoReply {
			t.Errorf("auto-reply was turned off: %+v", c)
		}
		last := store.Message{Call: call.ID, Seq: 2, Role: "caller", Text: "Bye", At: 3 * time.Second}
		record(store.Entry{Ended: &store.Ended{Call: call.ID, Status: store.Completed, Messages: append(said, last),
			End: store.End{Ended: now.Add(84 * time.Second), Length: 84 * time.Second, Cause: "caller"}}})
		next(bots.MessageCreated, &told[0])
		next(bots.ConversationUpdated, &c)
		if told[0].Content != "Bye" || c.Status != store.ConversationCompleted || c.DurationSeconds == nil || *c.DurationSeconds != 84 {
			t.Errorf("told %+v, then %+v", told[0], c)
		}
		var counted bots.Bot
		w.want(w.ask(w.ours.key, "GET", "/api/v1/bots/"+b.ID, ""), http.StatusOK).data(t, &counted)
		if counted.ConversationCount != 1 {
			t.Errorf("the bot has %d conversations", counted.ConversationCount)
		}
	})
}
