package control_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"parley/control/access"
)

// bearer puts a key to each request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// model is an MCP client with a key.
type model struct {
	t *testing.T
	*mcp.ClientSession
}

func (w *world) model(t *testing.T, key, query string) *model {
	t.Helper()
	server := httptest.NewServer(w.mux)
	t.Cleanup(server.Close)
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test"}, nil).Connect(t.Context(), &mcp.StreamableClientTransport{
		Endpoint: server.URL + "/mcp" + query, HTTPClient: &http.Client{Transport: bearer(key)}, DisableStandaloneSSE: true, MaxRetries: -1,
	}, nil)
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return &model{t, session}
}

// tools are the names of those that it has.
func (m *model) tools() (names []string) {
	m.t.Helper()
	for tool, err := range m.Tools(m.t.Context(), nil) {
		must(m.t, err)
		names = append(names, tool.Name)
	}
	return names
}

// use uses a tool, and gives what it says.
func (m *model) use(name string, args map[string]any) (text string, failed bool) {
	m.t.Helper()
	r, err := m.CallTool(m.t.Context(), &mcp.CallToolParams{Name: name, Arguments: args})
	must(m.t, err)
	for _, c := range r.Content {
		if c, ok := c.(*mcp.TextContent); ok {
			text += c.Text
		}
	}
	return text, r.IsError
}

// TestModels: a model that has a key does what the key may do, in its organisation, and is told what is wrong.
func TestModels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.model(t, w.ours.key, "")
	var agents struct{ Data []struct{ ID string } }
	text, failed := m.use("list_agents", map[string]any{"limit": 100})
	if err := json.Unmarshal([]byte(text), &agents); err != nil || failed || !slices.ContainsFunc(agents.Data, func(a struct{ ID string }) bool { return a.ID == w.ours.agent }) {
		t.Errorf("the agents are %s", text)
	}
	var made struct{ Data struct{ ID, Name string } }
	text, failed = m.use("create_agent", map[string]any{"body": map[string]any{"name": "Made by a model", "system_prompt": "Be brief."}})
	if err := json.Unmarshal([]byte(text), &made); err != nil || failed || made.Data.Name != "Made by a model" {
		t.Fatalf("created: %s", text)
	}
	if text, failed = m.use("get_agent", map[string]any{"id": made.Data.ID, "defaults": true}); failed || !strings.Contains(text, "Be brief.") {
		t.Errorf("the agent is %s", text)
	}
	for _, c := range []struct {
		tool string
		args map[string]any
		want string
	}{
		{"create_agent", map[string]any{"body": map[string]any{"name": ""}}, "validation failed"},
		{"get_agent", map[string]any{"id": w.theirs.agent}, "no such agent"},
		{"get_agent", map[string]any{"id": "../calls"}, "no such agent"},
		{"get_agent", nil, "id is missing"},
		{"list_agents", map[string]any{"limits": 3}, "no argument limits"},
		{"list_agents", map[string]any{"limit": 1000}, "limit"},
	} {
		if text, failed := m.use(c.tool, c.args); !failed || !strings.Contains(text, c.want) {
			t.Errorf("%s %v: %s", c.tool, c.args, text)
		}
	}
}

// TestModelsMayNoMore: a model is shown what its key may use, and gets nothing else; without a key it gets nothing.
func TestModelsMayNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var reader string
	_, err := w.db.CreateKey(t.Context(), w.newKey(&reader, w.ours.org, access.CallsRead))
	must(t, err)
	m := w.model(t, reader, "")
	names := m.tools()
	if !slices.Contains(names, "list_calls") || slices.Contains(names, "end_call") || slices.Contains(names, "list_agents") || slices.Contains(names, "stream_call_recording") {
		t.Errorf("a reader of calls has %v", names)
	}
	if _, err := m.CallTool(t.Context(), &mcp.CallToolParams{Name: "list_agents"}); err == nil {
		t.Error("a tool that is not shown can be used")
	}
	all := w.model(t, w.ours.key, "").tools()
	for _, name := range []string{"create_api_key", "login", "invite_user", "upload_contacts", "create_widget_token"} {
		if slices.Contains(all, name) {
			t.Errorf("models have %s", name)
		}
	}
	if some := w.model(t, w.ours.key, "?tags=campaigns,do%20not%20call").tools(); len(some) == 0 || len(some) >= len(all) || !slices.Contains(some, "list_campaigns") || slices.Contains(some, "list_calls") {
		t.Errorf("of %d tools those of campaigns are %v", len(all), some)
	}
	const hello = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	if a := w.ask("", "POST", "/mcp", hello); a.status != http.StatusUnauthorized || a.head.Get("WWW-Authenticate") == "" {
		t.Errorf("without a key: %d", a.status)
	}
	cookie, _ := w.begin(w.ours.org, w.ours.owner)
	if a := w.ask("", "POST", "/mcp", hello, "Cookie", cookie); a.status != http.StatusUnauthorized {
		t.Errorf("with a cookie: %d", a.status)
	}
	if a := w.ask("va_wrong", "POST", "/mcp", hello); a.status != http.StatusUnauthorized {
		t.Errorf("with a wrong key: %d", a.status)
	}
	must(t, w.db.RevokeKey(t.Context(), w.ours.org, keyID(t, w, reader), time.Now()))
	w.auth.ForgetAll()
	if _, err := m.CallTool(t.Context(), &mcp.CallToolParams{Name: "list_calls"}); err == nil {
		t.Error("a key that was revoked still works")
	}
}

// TestModelsTools: each tool says what it is for, and what it takes, in a schema that is whole.
func TestModelsTools(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := 0
	for tool, err := range w.model(t, w.ours.key, "").Tools(t.Context(), nil) {
		must(t, err)
		n++
		if tool.Description == "" || tool.Title == "" || tool.Annotations == nil || strings.ContainsAny(tool.Name, "- ") {
			t.Errorf("%s: %+v", tool.Name, tool)
		}
		text, err := json.Marshal(tool.InputSchema)
		must(t, err)
		schema, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
		must(t, err)
		c := jsonschema.NewCompiler()
		must(t, c.AddResource("tool.json", schema))
		if _, err := c.Compile("tool.json"); err != nil {
			t.Errorf("%s: %v", tool.Name, err)
		}
	}
	if n < 60 {
		t.Errorf("there are %d tools", n)
	}
}

// keyID is the id of a key.
func keyID(t *testing.T, w *world, secret string) string {
	t.Helper()
	k, err := w.db.KeyByHash(t.Context(), access.Hash(secret))
	must(t, err)
	return k.ID
}
