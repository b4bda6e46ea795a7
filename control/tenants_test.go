package control_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"parley/store"
)

// A description is what the tests read of /openapi.json.
type description struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		OperationID string                `json:"operationId"`
		Summary     string                `json:"summary"`
		Security    []map[string][]string `json:"security"`
		Parameters  []struct{ Name, In string }
		RequestBody *struct {
			Content map[string]struct {
				Example json.RawMessage `json:"example"`
			} `json:"content"`
		} `json:"requestBody"`
		Responses map[string]struct {
			Content map[string]struct {
				Schema map[string]any `json:"schema"`
			} `json:"content"`
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]map[string]any `json:"properties"`
		} `json:"schemas"`
	} `json:"components"`
}

// A route is an operation that the description names.
type route struct{ id, method, path, scope, body string }

// served are all operations, as /openapi.json describes them.
func (w *world) served() []route {
	w.t.Helper()
	a := w.want(w.ask("", "GET", "/openapi.json", ""), http.StatusOK)
	w.described = &description{}
	must(w.t, json.Unmarshal(a.body, w.described))
	var all []route
	for path, methods := range w.described.Paths {
		for method, op := range methods {
			r := route{id: op.OperationID, method: strings.ToUpper(method), path: path}
			for _, way := range op.Security {
				if s := way["key"]; len(s) == 1 {
					r.scope = s[0]
				}
			}
			if r.scope == "" {
				w.t.Errorf("%s %s asks for no scope", r.method, path)
			}
			if op.RequestBody != nil {
				r.body = string(op.RequestBody.Content["application/json"].Example)
			}
			all = append(all, r)
		}
	}
	if len(all) < 11 {
		w.t.Fatalf("the description has %d operations: the test looks at the wrong place", len(all))
	}
	slices.SortFunc(all, func(a, b route) int { return strings.Compare(a.id, b.id) })
	return all
}

// of puts a tenant's ids into a route's path. What a path names is told by the segment before it.
func (r route) of(t tenant) string {
	p := strings.Replace(r.path, "/agents/{id}", "/agents/"+t.agent, 1)
	p = strings.Replace(p, "/tasks/{id}", "/tasks/"+t.task, 1)
	p = strings.Replace(p, "/do-not-call/{id}", "/do-not-call/"+t.barred, 1)
	return strings.Replace(p, "/calls/{id}", "/calls/"+t.done, 1)
}

func TestNoRouteLeadsToAnotherOrganisation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	named := 0
	for _, r := range w.served() {
		path := r.of(w.theirs)
		if strings.Contains(path, "{") {
			t.Errorf("%s %s: the test has nothing to put into its path", r.method, r.path)
		}
		a := w.ask(w.ours.key, r.method, path, r.body)
		if path != r.path {
			named++
			w.want(a, http.StatusNotFound)
		}
		// Lists, and whatever else comes back, have nothing of theirs.
		for _, id := range []string{w.theirs.org, w.theirs.agent, w.theirs.standard, w.theirs.done, w.theirs.going, w.theirs.task, w.theirs.barred} {
			if strings.Contains(string(a.body), id) {
				t.Errorf("%s %s shows %s of the other organisation: %s", r.method, r.path, id, a.body)
			}
		}
		for _, id := range []string{"nonsense", "0", "%00", "%2e%2e%2f", strings.Repeat("a", 4000), "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"} {
			if strings.Contains(r.path, "{id}") {
				w.want(w.ask(w.ours.key, r.method, strings.Replace(r.path, "{id}", id, 1), r.body), http.StatusNotFound)
			}
		}
	}
	if named < 8 {
		t.Errorf("only %d routes name a thing", named)
	}
	for _, q := range []string{"calls?agent_id=" + w.theirs.standard, "calls?task_id=" + w.theirs.task, "tasks?agent_id=" + w.theirs.standard} {
		if a := w.want(w.ask(w.ours.key, "GET", "/api/v1/"+q, ""), http.StatusOK); string(a.parsed.Data) != "[]" || a.parsed.Meta["total"] != 0.0 {
			t.Errorf("calls of the other organisation by %s: %s", q, a.body)
		}
	}
	// Nothing of theirs was changed: they see it all.
	w.want(w.ask(w.theirs.key, "GET", "/api/v1/agents/"+w.theirs.agent, ""), http.StatusOK)
	if a := w.ask(w.theirs.key, "GET", "/api/v1/agents/"+w.theirs.agent, ""); !strings.Contains(string(a.body), `"version":1,`) {
		t.Errorf("their agent was changed: %s", a.body)
	}
	for _, path := range []string{"/api/v1/tasks/" + w.theirs.task, "/api/v1/do-not-call"} {
		if a := w.want(w.ask(w.theirs.key, "GET", path, ""), http.StatusOK); !strings.Contains(string(a.body), w.theirs.org) && !strings.Contains(string(a.body), w.theirs.barred) {
			t.Errorf("%s was changed: %s", path, a.body)
		}
	}
	if task, err := w.db.Task(t.Context(), w.theirs.org, w.theirs.task); err != nil || task.Status != store.Failed || task.Attempts != 1 {
		t.Errorf("their task was touched: %+v, %v", task, err)
	}
	if len(w.live.ended) != 0 {
		t.Errorf("their calls were ended: %v", w.live.ended)
	}
}

func TestEveryRouteAsksForAKeyAndAScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range w.served() {
		path := r.of(w.ours)
		for what, header := range map[string]string{
			"no key": "", "another scheme": "Basic b3duZXI6b3duZXI=", "an unknown key": "Bearer va_0123456789012345678901234567890123456789abc",
			"half a key": "Bearer " + w.ours.key[:20], "an empty key": "Bearer ", "two words": "Bearer " + w.ours.key + " x",
		} {
			var more []string
			if header != "" {
				more = []string{"Authorization", header}
			}
			a := w.want(w.ask("", r.method, path, r.body, more...), http.StatusUnauthorized)
			if got := a.head.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
				t.Errorf("%s with %s: WWW-Authenticate is %q", r.id, what, got)
			}
		}
		a := w.want(w.ask(w.ours.powerless, r.method, path, r.body), http.StatusForbidden)
		if a.parsed.Details["scope"] != r.scope || !strings.Contains(a.parsed.Error, r.scope) {
			t.Errorf("%s: the missing scope %s is not named: %s", r.id, r.scope, a.body)
		}
		// The key is looked at first: who has none learns nothing of what exists, nor of what is wrong with the request.
		w.want(w.ask("", r.method, strings.Replace(r.path, "{id}", "nonsense", 1)+"?nonsense=1", `{"nonsense":`), http.StatusUnauthorized)

		// A key that has this scope alone is let in.
		var own string
		_, err := w.db.CreateKey(t.Context(), w.newKey(&own, w.ours.org, r.scope))
		must(t, err)
		if a := w.ask(own, r.method, strings.Replace(r.path, "{id}", "nonsense", 1), r.body); a.status == http.StatusForbidden || a.status == http.StatusUnauthorized {
			t.Errorf("%s: a key with %s gets %d", r.id, r.scope, a.status)
		}
	}
	if got := w.changed(); got != 1 { // the one that creates
		t.Errorf("agents changed %d times", got)
	}
}

func (w *world) changed() int {
	w.counts.mu.Lock()
	defer w.counts.mu.Unlock()
	return w.counts.changes
}

func TestRoutesRefuseUnknownQueryParameters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range w.served() {
		a := w.want(w.ask(w.ours.key, r.method, r.of(w.ours)+"?nonsense=1&other=&more", r.body), http.StatusBadRequest)
		for _, name := range []string{"nonsense", "other", "more"} {
			if a.parsed.Details[name] != "unknown query parameter" {
				t.Errorf("%s does not name the unknown query parameter %s: %s", r.id, name, a.body)
			}
		}
		a = w.want(w.ask(w.ours.key, r.method, r.of(w.ours)+"?a=%zz", r.body), http.StatusBadRequest)
		if a.parsed.Details["query"] == "" {
			t.Errorf("%s takes a malformed query: %s", r.id, a.body)
		}
	}
}

func TestMetricsKnowPatternsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ask(w.ours.key, "GET", "/api/v1/calls/"+w.ours.done, "")
	w.ask(w.ours.key, "GET", "/api/v1/nonsense/"+w.ours.done, "")
	w.ask(w.ours.key, "BREW", "/api/v1/agents", "")
	w.counts.mu.Lock()
	defer w.counts.mu.Unlock()
	want := []string{"GET /api/v1/calls/{id}", "GET none", "other none"}
	if !slices.Equal(w.counts.routes, want) {
		t.Errorf("counted %q, want %q", w.counts.routes, want)
	}
}
