package control_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/voice/voicetest"
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

// A route is an operation that the description names. It asks for a scope or a session, or is there for anybody.
type route struct {
	id, method, path, scope, body string
	session                       bool
}

// open says whether a route is there for anybody.
func (r route) open() bool { return !r.session && r.scope == "" }

// served are all operations, as /openapi.json describes them.
func (w *world) served() []route {
	w.t.Helper()
	a := w.want(w.ask("", "GET", "/openapi.json", ""), http.StatusOK)
	w.described = &description{}
	must(w.t, json.Unmarshal(a.body, w.described))
	var all []route
	for path, methods := range w.described.Paths {
		if !strings.HasPrefix(path, "/api/") && !envelope.InCRM(path) {
			continue // beside the API
		}
		for method, op := range methods {
			r := route{id: op.OperationID, method: strings.ToUpper(method), path: path}
			for _, way := range op.Security {
				if s := way["key"]; len(s) == 1 {
					r.scope = s[0]
				}
				if _, ok := way["session"]; ok && way["key"] == nil && len(op.Security) == 1 {
					r.session = true
				}
			}
			if r.open() && op.OperationID != "login" && op.OperationID != "accept-invite" && op.OperationID != "create-widget-token" {
				w.t.Errorf("%s %s asks for no scope", r.method, path)
			}
			if op.RequestBody != nil {
				r.body = string(op.RequestBody.Content["application/json"].Example)
				if form, ok := op.RequestBody.Content["multipart/form-data"]; ok {
					r.body = formOf(w.t, form.Example)
				}
			}
			all = append(all, r)
		}
	}
	if len(all) < 57 {
		w.t.Fatalf("the description has %d operations: the test looks at the wrong place", len(all))
	}
	slices.SortFunc(all, func(a, b route) int { return strings.Compare(a.id, b.id) })
	return all
}

// formOf is a form with the fields of a JSON object.
func formOf(t testing.TB, fields []byte) string {
	var all map[string]string
	must(t, json.Unmarshal(fields, &all))
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b.WriteString("--form\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + all[name] + "\r\n")
	}
	return b.String() + "--form--\r\n"
}

// of puts a tenant's ids into a route's path. What a path names is told by the segment before it.
func (r route) of(t tenant) string {
	p := r.path
	if envelope.InCRM(p) {
		p = strings.NewReplacer("/calls/{id}", "/calls/"+t.count, "/recordings/{id}", "/recordings/"+t.count, "/tasks/{id}", "/tasks/"+t.assignment).Replace(p)
	}
	for before, id := range map[string]string{
		"agents": t.agent, "calls": t.done, "api-keys": t.keyID, "organizations": t.org, "users": t.member, "sessions": t.session,
		"tasks": t.task, "do-not-call": t.barred, "campaigns": t.campaign, "deliveries": t.delivery, "credentials": t.account, "numbers": t.phone, "trunks": t.trunk, "extensions": t.extension,
		"bots": t.bot, "conversations": t.thread, "contacts": t.customer, "messages": t.message, "custom-fields": t.field, "media": t.file,
	} {
		p = strings.Replace(p, "/"+before+"/{id}", "/"+before+"/"+id, 1)
	}
	return within(p, t)
}

// within puts in what a path names within something else.
func within(path string, t tenant) string {
	return strings.NewReplacer("{version}", "1", "{document}", t.document, "{option}", t.option).Replace(path)
}

// by asks a route as a tenant: with the key, or with a new session of its owner.
func (w *world) by(t tenant, r route, path, body string) *answer {
	w.t.Helper()
	if !r.session {
		return w.ask(t.key, r.method, path, body)
	}
	cookie, _ := w.begin(t.org, t.owner)
	return w.ask("", r.method, path, body, "Cookie", cookie)
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
		a := w.by(w.ours, r, path, r.body)
		if path != r.path {
			named++
			w.want(a, http.StatusNotFound)
		}
		// Lists, and whatever else comes back, have nothing of theirs.
		for _, id := range []string{w.theirs.org, w.theirs.agent, w.theirs.standard, w.theirs.done, w.theirs.going, w.theirs.task,
			w.theirs.owner, w.theirs.member, w.theirs.keyID, w.theirs.session, w.theirs.barred, w.theirs.campaign, w.theirs.contact,
			w.theirs.account, w.theirs.phone, w.theirs.trunk, w.theirs.extension, w.theirs.delivery, w.theirs.document, w.theirs.bot, w.theirs.thread, w.theirs.message, w.theirs.file, w.theirs.assignment} {
			if strings.Contains(string(a.body), id) {
				t.Errorf("%s %s shows %s of the other organisation: %s", r.method, r.path, id, a.body)
			}
		}
		for _, id := range []string{"nonsense", "0", "%00", "%2e%2e%2f", strings.Repeat("a", 4000), "0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e"} {
			if strings.Contains(r.path, "{id}") {
				w.want(w.by(w.ours, r, within(strings.Replace(r.path, "{id}", id, 1), w.ours), r.body), http.StatusNotFound)
			}
		}
	}
	if named < 29 {
		t.Errorf("only %d routes name a thing", named)
	}
	for _, q := range []string{"calls?agent_id=" + w.theirs.standard, "calls?task_id=" + w.theirs.task, "tasks?agent_id=" + w.theirs.standard,
		"webhooks/deliveries?task_id=" + w.theirs.task, "webhooks/deliveries?call_id=" + w.theirs.done} {
		if a := w.want(w.ask(w.ours.key, "GET", "/api/v1/"+q, ""), http.StatusOK); string(a.parsed.Data) != "[]" || a.parsed.Meta["total"] != 0.0 {
			t.Errorf("calls of the other organisation by %s: %s", q, a.body)
		}
	}
	// Nothing of theirs was changed: they see it all.
	w.want(w.ask(w.theirs.key, "GET", "/api/v1/agents/"+w.theirs.agent, ""), http.StatusOK)
	if a := w.ask(w.theirs.key, "GET", "/api/v1/agents/"+w.theirs.agent, ""); !strings.Contains(string(a.body), `"version":1,`) {
		t.Errorf("their agent was changed: %s", a.body)
	}
	u, err := w.db.User(t.Context(), w.theirs.org, w.theirs.member)
	k, kerr := w.db.Key(t.Context(), w.theirs.org, w.theirs.keyID)
	if err != nil || kerr != nil || u.Role != store.Member || !k.Revoked.IsZero() {
		t.Errorf("their member is %+v (%v), their key %+v (%v)", u, err, k, kerr)
	}
	if _, err := w.db.Session(t.Context(), w.theirs.session, time.Now()); err != nil {
		t.Errorf("their session was ended: %v", err)
	}
	for _, path := range []string{"/api/v1/tasks/" + w.theirs.task, "/api/v1/do-not-call", "/api/v1/campaigns", "/api/v1/credentials/" + w.theirs.account,
		"/api/v1/numbers/" + w.theirs.phone, "/api/v1/trunks/" + w.theirs.trunk, "/api/v1/extensions/" + w.theirs.extension, "/api/v1/bots/" + w.theirs.bot,
		"/api/v1/conversations/" + w.theirs.thread, "/crm/api/v1/contacts/" + w.theirs.customer, "/crm/api/v1/messages/" + w.theirs.message, "/crm/api/v1/tasks/" + w.theirs.assignment, "/crm/api/v1/custom-fields/" + w.theirs.field,
		"/crm/api/v1/custom-fields/" + w.theirs.field + "/options/" + w.theirs.option} {
		if a := w.want(w.ask(w.theirs.key, "GET", path, ""), http.StatusOK); !strings.Contains(string(a.body), w.theirs.org) && !strings.Contains(string(a.body), w.theirs.barred) {
			t.Errorf("%s was changed: %s", path, a.body)
		}
	}
	if task, err := w.db.Task(t.Context(), w.theirs.org, w.theirs.task); err != nil || task.Status != store.Failed || task.Attempts != 1 {
		t.Errorf("their task was touched: %+v, %v", task, err)
	}
	if d, err := w.db.Delivery(t.Context(), w.theirs.org, w.theirs.delivery); err != nil || d.Status != store.DeliveryFailed {
		t.Errorf("their delivery was touched: %+v, %v", d, err)
	}
	if len(w.live.ended) != 0 {
		t.Errorf("their calls were ended: %v", w.live.ended)
	}
}

func TestEveryRouteAsksForAKeyAndAScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range w.served() {
		if r.scope == "" {
			continue // TestSessionRoutesTakeSessionsAlone
		}
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
	if got := w.changed(); got != 7 { // those that create an agent, a bot, a credential, a number, a trunk, an extension, and an agent for a call; the bridge call is to a number that is barred by then
		t.Errorf("agents changed %d times", got)
	}
}

func TestSessionRoutesTakeSessionsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token := w.token(w.ours)
	for _, r := range w.served() {
		if !r.session {
			continue
		}
		path := r.of(w.ours)
		cookie, id := w.begin(w.ours.org, w.ours.owner)
		must(t, w.db.EndSession(t.Context(), w.ours.owner, id))
		for what, cookies := range map[string]string{
			"no cookie": "", "another's name": "session=" + strings.TrimPrefix(cookie, "parley_session="), "a session that is over": cookie,
			"nonsense": "parley_session=x", "two": cookie + "; " + cookie, "nothing": "parley_session=", "the name for https": "__Host-" + cookie,
		} {
			a := w.want(w.ask("", r.method, path, r.body, "Cookie", cookies), http.StatusUnauthorized)
			if !strings.Contains(a.parsed.Error, "log in") {
				t.Errorf("%s with %s: %s", r.id, what, a.body)
			}
		}
		for what, secret := range map[string]string{"a key": w.ours.key, "a powerless key": w.ours.powerless, "a token": token} {
			a := w.want(w.ask(secret, r.method, path, r.body), http.StatusForbidden)
			if !strings.Contains(a.parsed.Error, "session") {
				t.Errorf("%s with %s: %s", r.id, what, a.body)
			}
		}
		if r.method != http.MethodGet {
			live, _ := w.begin(w.ours.org, w.ours.owner)
			w.want(w.ask("", r.method, path, r.body, "Cookie", live, "Sec-Fetch-Site", "cross-site"), http.StatusForbidden)
			w.want(w.ask("", r.method, path, r.body, "Cookie", live, "Origin", "https://evil.example"), http.StatusForbidden)
		}
	}
}

// TestManagedBySessions: what the page reserves to sessions is served, to sessions alone.
func TestManagedBySessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	routes := map[string]route{}
	for _, r := range w.served() {
		routes[r.method+" "+strings.TrimPrefix(r.path, "/api/v1")] = r
	}
	managed := map[string]map[string]string{
		"API Keys":      {"GET": "GET /api-keys", "POST": "POST /api-keys", "DELETE": "DELETE /api-keys/{id}", "regenerate": "POST /api-keys/{id}/regenerate"},
		"Organizations": {"GET": "GET /organizations", "PATCH": "PATCH /organizations/{id}", "create": "POST /organizations"},
		"Users":         {"GET": "GET /users", "invite": "POST /users/invite"},
	}
	c := voicetest.Load()
	if len(c.Sessions.Managed) != len(managed) {
		t.Fatalf("the page manages %v", c.Sessions.Managed)
	}
	for what, acts := range c.Sessions.Managed {
		for _, act := range acts {
			r, ok := routes[managed[what][act]]
			if !ok || !r.session {
				t.Errorf("%s (%s) is not served to sessions: %+v", what, act, r)
				continue
			}
			var unused string
			k, err := w.db.CreateKey(t.Context(), w.newKey(&unused, w.ours.org, access.All)) // one that is not revoked yet
			must(t, err)
			ours := w.ours
			ours.keyID = k.ID
			if a := w.by(ours, r, r.of(ours), r.body); a.status >= 300 {
				t.Errorf("%s (%s): %d %s", what, act, a.status, a.body)
			}
		}
	}
}

// token is the JWT of a new session of a tenant's owner.
func (w *world) token(t tenant) string {
	w.t.Helper()
	cookie, _ := w.begin(t.org, t.owner)
	var made struct{ Token string }
	w.want(w.ask("", "POST", "/api/v1/auth/token", "", "Cookie", cookie), http.StatusOK).data(w.t, &made)
	return made.Token
}

// TestSessionsReachAllElse: what takes a key takes a session too, by cookie and by token, within its person's role.
func TestSessionsReachAllElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	member := w.ours
	member.owner = w.ours.member
	for _, r := range w.served() {
		if r.scope == "" {
			continue
		}
		path := strings.Replace(r.path, "{id}", "nonsense", 1)
		for _, who := range []tenant{w.ours, member} {
			cookie, _ := w.begin(who.org, who.owner)
			for _, a := range []*answer{w.ask("", r.method, path, r.body, "Cookie", cookie), w.ask(w.token(who), r.method, path, r.body)} {
				refused := a.status == http.StatusForbidden
				if want := who.owner == member.owner && slices.Contains([]string{access.AgentsWrite, access.DialWrite, access.CredentialsWrite, access.NumbersWrite, access.TrunksWrite, access.HooksWrite, access.BotsWrite, access.FieldsWrite}, r.scope); refused != want || a.status == http.StatusUnauthorized {
					t.Errorf("%s by %s: %d %s", r.id, who.owner, a.status, a.body)
				}
			}
		}
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
		a := w.want(w.by(w.ours, r, r.of(w.ours)+"?nonsense=1&other=&more", r.body), http.StatusBadRequest)
		for _, name := range []string{"nonsense", "other", "more"} {
			if a.parsed.Details[name] != "unknown query parameter" {
				t.Errorf("%s does not name the unknown query parameter %s: %s", r.id, name, a.body)
			}
		}
		a = w.want(w.by(w.ours, r, r.of(w.ours)+"?a=%zz", r.body), http.StatusBadRequest)
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
