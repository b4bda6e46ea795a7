package control_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/control"
	"parley/control/envelope"
	"parley/control/voice/voicetest"
	"parley/store"
)

func TestContract(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := voicetest.Load()
	for _, op := range c.Operations {
		id := w.ours.agent
		if strings.HasPrefix(op.Path, "/calls") {
			id = w.ours.done
		}
		if op.Path == "/calls/:id/end" || op.Path == "/calls/:id/cancel" {
			id = w.ours.going
			w.live.up[id] = true // again, for the second of the two
		}
		if strings.HasPrefix(op.Path, "/tasks") {
			id = w.taskFor(op)
			op.Sample = bytes.Replace(op.Sample, []byte(`"agent_id": "uuid-here"`), []byte(`"agent_id": "`+w.ours.standard+`"`), 1)
		}
		path := c.Base + strings.Replace(op.Path, ":id", id, 1)
		if op.Curl != "" {
			path = c.Base + strings.Replace(op.Curl, "{call_id}", id, 1)
		}
		body := string(op.Sample)
		if op.Method == http.MethodPatch { // every field that the page lists as updatable has its sample there
			body = string(c.Sample("POST " + strings.TrimSuffix(op.Path, "/:id")))
			body = strings.Replace(body, `"agent_id": "uuid-here",`, "", 1) // but this one
		}
		a := w.ask(w.ours.key, op.Method, path, body)
		switch {
		case op.Method == http.MethodPost && (op.Path == "/agents" || op.Path == "/tasks"):
			w.want(a, http.StatusCreated)
		default:
			w.want(a, http.StatusOK)
		}
		if strings.HasSuffix(op.Path, "/stream") {
			if got := a.head.Get("Content-Type"); got != "audio/wav" {
				t.Errorf("%s is %q", op.Path, got)
			}
			continue
		}
		w.keys(op, c, a)
		w.parameters(op, c)
	}
}

// taskFor is a task in the state that an operation needs.
func (w *world) taskFor(op voicetest.Operation) string {
	w.t.Helper()
	id := store.NewID()
	_, err := w.db.CreateTask(w.t.Context(), store.Task{ID: id, Org: w.ours.org, Agent: w.ours.standard, Name: "n", To: "+1234567890", Created: time.Now().UTC()})
	must(w.t, err)
	if strings.HasSuffix(op.Path, "/reset") {
		w.failTask(w.ours.org, id, time.Now().UTC())
	}
	return id
}

// keys asserts every documented key of an answer, and what a sample sent.
func (w *world) keys(op voicetest.Operation, c voicetest.Contract, a *answer) {
	w.t.Helper()
	name := op.Name()
	var whole map[string]json.RawMessage
	must(w.t, json.Unmarshal(a.body, &whole))
	for key := range c.Success {
		if whole[key] == nil {
			w.t.Errorf("%s: no %s in %s", name, key, a.body)
		}
	}
	for key := range c.Success["meta"].(map[string]any) {
		if a.parsed.Meta[key] == nil {
			w.t.Errorf("%s: no meta.%s in %s", name, key, a.body)
		}
	}
	data := a.parsed.Data
	if op.Method == http.MethodGet && (op.Path == "/agents" || op.Path == "/tasks" || op.Path == "/calls") {
		for _, key := range c.ListMeta {
			if a.parsed.Meta[key] == nil {
				w.t.Errorf("%s: no meta.%s in %s", name, key, a.body)
			}
		}
		var rows []json.RawMessage
		must(w.t, json.Unmarshal(data, &rows))
		if len(rows) == 0 {
			w.t.Fatalf("%s: no rows in %s", name, a.body)
		}
		data = rows[0]
	}
	var got map[string]json.RawMessage
	must(w.t, json.Unmarshal(data, &got))
	if len(op.Keys) == 0 {
		w.t.Errorf("%s: the contract has no documented key", name)
	}
	for _, key := range op.Keys {
		if got[key] == nil {
			w.t.Errorf("%s: no data.%s in %s", name, key, a.body)
		}
	}
	var sent map[string]json.RawMessage
	if op.Sample != nil {
		must(w.t, json.Unmarshal(op.Sample, &sent))
	}
	for key, want := range sent {
		if compact(got[key]) != compact(want) {
			w.t.Errorf("%s: sent %s %s, got %s", name, key, want, got[key])
		}
	}
}

func compact(text json.RawMessage) string {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return "nothing"
	}
	out, _ := json.Marshal(v) //nolint:errchkjson // it was just read
	return string(out)
}

// parameters asserts documented values, defaults and bounds, in the answers and in the description.
func (w *world) parameters(op voicetest.Operation, c voicetest.Contract) {
	w.t.Helper()
	w.served()
	path := c.Base + strings.Replace(op.Path, ":id", "{id}", 1)
	described, ok := w.described.Paths[path][strings.ToLower(op.Method)]
	if !ok {
		w.t.Errorf("%s %s is not described", op.Method, path)
		return
	}
	var names []string
	for _, p := range described.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	for _, q := range op.Query {
		if !slices.Contains(names, q.Name) {
			w.t.Errorf("%s %s: the query parameter %s is not described", op.Method, path, q.Name)
		}
		for _, value := range q.Values {
			w.want(w.ask(w.ours.key, op.Method, path+"?"+q.Name+"="+value, ""), http.StatusOK)
		}
		if len(q.Values) > 0 {
			a := w.want(w.ask(w.ours.key, op.Method, path+"?"+q.Name+"=nonsense", ""), http.StatusBadRequest)
			if a.parsed.Details[q.Name] == "" {
				w.t.Errorf("%s does not name a bad %s: %s", path, q.Name, a.body)
			}
		}
		if q.Default != nil {
			a := w.ask(w.ours.key, op.Method, path, "")
			if got, _ := a.parsed.Meta[q.Name].(float64); int(got) != *q.Default {
				w.t.Errorf("%s: %s is %v by default, want %d", path, q.Name, got, *q.Default)
			}
		}
		if q.Max != nil {
			w.want(w.ask(w.ours.key, op.Method, path+"?"+q.Name+"=100", ""), http.StatusOK)
			w.want(w.ask(w.ours.key, op.Method, path+"?"+q.Name+"=101", ""), http.StatusBadRequest)
			w.want(w.ask(w.ours.key, op.Method, path+"?"+q.Name+"=0", ""), http.StatusBadRequest)
		}
	}
	for _, f := range op.Body {
		schema := "AgentCreate"
		switch {
		case op.Method == http.MethodPatch && strings.HasPrefix(op.Path, "/tasks"):
			schema = "TaskPatch"
		case op.Method == http.MethodPatch:
			schema = "AgentPatch"
		}
		if w.described.Components.Schemas[schema].Properties[f.Name] == nil {
			w.t.Errorf("%s %s: the field %s is not described", op.Method, path, f.Name)
		}
		if f.Required {
			a := w.want(w.ask(w.ours.key, op.Method, path, "{}"), http.StatusBadRequest)
			if a.parsed.Details[f.Name] != "is required" {
				w.t.Errorf("%s %s: the missing field %s is not named: %s", op.Method, path, f.Name, a.body)
			}
		}
	}
}

func TestErrorsAreInTheEnvelope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := voicetest.Load()
	large := `{"name":"` + strings.Repeat("a", 1<<20) + `"}`
	for _, tc := range []struct {
		name, method, path, body string
		more                     []string
		status                   int
		head                     map[string]string
	}{
		{"a path that is not there", "GET", "/api/v1/nonsense", "", nil, 404, nil},
		{"another version", "GET", "/api/v2/agents", "", nil, 404, nil},
		{"the root of the API", "GET", "/api/", "", nil, 404, nil},
		{"a trailing slash", "GET", "/api/v1/agents/", "", nil, 404, nil},
		{"a method that is not there", "PUT", "/api/v1/agents", "{}", nil, 405, map[string]string{"Allow": "GET, HEAD, POST"}},
		{"a method of another path", "DELETE", "/api/v1/calls/x", "", nil, 405, map[string]string{"Allow": "GET, HEAD"}},
		{"a word for a method", "BREW", "/api/v1/agents/x", "", nil, 405, map[string]string{"Allow": "DELETE, GET, HEAD, PATCH"}},
		{"a POST to the description", "POST", "/openapi.json", "{}", nil, 405, map[string]string{"Allow": "GET, HEAD"}},
		{"malformed JSON", "POST", "/api/v1/agents", `{"name":`, nil, 400, nil},
		{"two values", "POST", "/api/v1/agents", `{} {}`, nil, 400, nil},
		{"no body", "POST", "/api/v1/agents", "", nil, 400, nil},
		{"not an object", "POST", "/api/v1/agents", `["name"]`, nil, 400, nil},
		{"a field twice", "POST", "/api/v1/agents", `{"name":"a","name":"b","system_prompt":"c"}`, nil, 400, nil},
		{"another case", "POST", "/api/v1/agents", `{"Name":"a","system_prompt":"c"}`, nil, 400, nil},
		{"too large", "POST", "/api/v1/agents", large, nil, 413, nil},
		{"a form", "POST", "/api/v1/agents", "name=a", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, nil},
		{"an unknown type", "PATCH", "/api/v1/agents/x", "<a/>", []string{"Content-Type", "text/xml; charset=utf-8"}, 415, nil},
		{"a broken type", "POST", "/api/v1/agents", "{}", []string{"Content-Type", ";+"}, 415, nil},
	} {
		a := w.want(w.ask(w.ours.key, tc.method, tc.path, tc.body, tc.more...), tc.status)
		var whole map[string]any
		must(t, json.Unmarshal(a.body, &whole))
		for key := range whole {
			if c.Error[key] == nil {
				t.Errorf("%s: %s is not of the contract: %s", tc.name, key, a.body)
			}
		}
		for name, want := range tc.head {
			if got := a.head.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", tc.name, name, got, want)
			}
		}
	}
}

func TestUnavailableDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *control.Options) { o.Default = nil })
	w.want(w.ask(w.ours.key, "GET", "/api/v1/agents", ""), http.StatusOK) // the key is known now
	routes := w.served()
	cookie, _ := w.begin(w.ours.org, w.ours.owner)
	must(t, w.db.Close())
	for _, r := range routes {
		if r.id == "get-agent-schema" || r.id == "list-providers" {
			continue // which ask nothing of the database
		}
		if r.id == "create-widget-token" || r.id == "create-file" {
			continue // which ask it only of an agent that is public, of a file that is kept
		}
		var more []string
		if r.session {
			more = []string{"Cookie", cookie}
		}
		key := w.ours.key
		if r.scope == "" {
			key = ""
		}
		a := w.want(w.ask(key, r.method, r.of(w.ours), r.body, more...), http.StatusServiceUnavailable)
		if a.head.Get("Retry-After") == "" || strings.Contains(string(a.body), "sql") {
			t.Errorf("%s: Retry-After %q, %s", r.id, a.head.Get("Retry-After"), a.body)
		}
	}
	w.want(w.ask(w.ours.key, "GET", "/openapi.json", ""), http.StatusOK)
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for given, kept := range map[string]bool{
		"abc-123_x.y:z": true, "": false, "a b": false, "a\"b": false, "\x1b[31m": false, strings.Repeat("a", 200): false, "é": false,
	} {
		a := w.ask(w.ours.key, "GET", "/api/v1/agents", "", "X-Request-Id", given)
		if got := a.head.Get("X-Request-Id"); (got == given) != kept || got == "" {
			t.Errorf("X-Request-Id %q was answered by %q", given, got)
		}
	}
}

func TestDescription(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	routes := w.served()
	if w.described.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %s", w.described.OpenAPI)
	}
	for _, r := range routes {
		op := w.described.Paths[r.path][strings.ToLower(r.method)]
		if op.Summary == "" || op.OperationID == "" {
			t.Errorf("%s %s has no summary or no id", r.method, r.path)
		}
		want := []string{"400", "401", "403", "429", "500", "503"}
		if r.method == http.MethodPost && !strings.Contains(r.path, "/auth/") && r.id != "upload-contacts" && r.id != "create-file" && r.id != "create-crm-conversations" {
			want = append(want, "409")
		}
		if strings.Contains(r.path, "{id}") {
			want = append(want, "404")
		}
		if r.body != "" {
			want = append(want, "413", "415")
		}
		failure := "#/components/schemas/Failure"
		switch {
		case envelope.IsBare(r.path):
			failure = "#/components/schemas/BareFailure"
		case envelope.InCRM(r.path):
			failure = "#/components/schemas/Refusal"
		}
		for _, status := range want {
			if got := op.Responses[status].Content["application/json"].Schema["$ref"]; got != failure {
				t.Errorf("%s describes %s by %v", r.id, status, got)
			}
		}
		for status := range op.Responses {
			if status == "422" || status == "default" {
				t.Errorf("%s describes %s, which it never answers", r.id, status)
			}
		}
	}
	c := voicetest.Load()
	var sent map[string]any
	must(t, json.Unmarshal(w.described.Paths["/api/v1/agents"]["post"].RequestBody.Content["application/json"].Example, &sent))
	example, _ := json.Marshal(sent) //nolint:errchkjson // it was just read
	if string(example) != compact(c.Sample("POST /agents")) {
		t.Errorf("the example of POST /agents is not the page's: %s", example)
	}
	if strings.Contains(string(w.ask("", "GET", "/openapi.json", "").body), "$schema") {
		t.Error("the description has $schema links")
	}
}
