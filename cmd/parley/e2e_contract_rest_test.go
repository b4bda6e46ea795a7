//go:build e2e

package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"parley/control/voice/voicetest"
)

// hooks is a receiver of webhooks, and what it was told.
type hooks struct {
	server *httptest.Server

	mu     sync.Mutex
	events []map[string]any
	waited []time.Duration // how long the server waited for an answer that did not come
}

// receiver starts the receiver, whose certificate is in the file that it returns.
func (r *contractRun) receiver() (certificate string) {
	h := &hooks{}
	h.server = httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		text, _ := io.ReadAll(req.Body)
		var event map[string]any
		_ = json.Unmarshal(text, &event) // what is no JSON has no event
		h.mu.Lock()
		h.events = append(h.events, event)
		h.mu.Unlock()
		if req.URL.Path == "/slow" {
			began := time.Now()
			<-req.Context().Done()
			h.mu.Lock()
			h.waited = append(h.waited, time.Since(began))
			h.mu.Unlock()
		}
	}))
	r.t.Cleanup(h.server.Close)
	r.hooks = h
	certificate = filepath.Join(r.t.TempDir(), "receiver.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.server.Certificate().Raw})
	if err := os.WriteFile(certificate, block, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return certificate
}

// hook is an address of the receiver: /good, or /slow, which never answers.
func (r *contractRun) hook(path string) string { return r.hooks.server.URL + path }

// webhooks: all three events came, as the page samples them, and one that was not answered was waited for as long as the page says.
func (r *contractRun) webhooks() {
	limit := time.Duration(r.c.Webhook.Timeout) * time.Second
	for _, kind := range r.c.Words["webhook_events"] {
		until(r.t, time.Minute, "a webhook tells of "+kind, func() bool { return r.hooks.event(kind) != nil })
		event := r.hooks.event(kind)
		for _, key := range voicetest.Paths(r.c.Webhook.Payload) {
			if _, ok := voicetest.At(event, key); ok {
				r.saw("webhook " + key)
			} else if kind == "call_completed" {
				r.t.Errorf("%s has no %s: %v", kind, key, event)
			}
		}
		r.saw("webhook_events " + kind)
	}
	until(r.t, limit+20*time.Second, "a receiver that does not answer is given up", func() bool { return r.hooks.longest() > 0 })
	if waited := r.hooks.longest(); waited < limit-time.Second || waited > limit+5*time.Second {
		r.t.Errorf("the server waited %v for an answer, want %v", waited, limit)
	}
	r.saw(fmt.Sprintf("webhook timeout %d", r.c.Webhook.Timeout))
}

// event is one of a kind.
func (h *hooks) event(kind string) map[string]any {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		if e["event_type"] == kind {
			return e
		}
	}
	return nil
}

func (h *hooks) longest() (most time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.waited {
		most = max(most, d)
	}
	return most
}

// sessions: what the page reserves to sessions is done with the cookie of one, and not with a key.
func (r *contractRun) sessions() {
	login := r.good("POST", r.c.Base+"/auth/login", fmt.Sprintf(`{"email": %q, "password": %q}`, contractOwner, contractPassword), "Accept", "application/json")
	cookie, _, _ := strings.Cut(login.head.Get("Set-Cookie"), ";")
	if !strings.Contains(login.head.Get("Set-Cookie"), "HttpOnly") {
		r.t.Errorf("the session's cookie: %s", login.head.Get("Set-Cookie"))
	}
	by := func(item, method, path, body string) reply {
		r.t.Helper()
		if a := r.ask(method, r.c.Base+path, body); a.status != http.StatusForbidden {
			r.t.Errorf("%s %s with a key: %d, want 403", method, path, a.status)
		}
		a := r.good(method, r.c.Base+path, body, "Cookie", cookie)
		r.saw("session " + item)
		return a
	}
	made := by("API Keys POST", "POST", "/api-keys", `{"name": "Reader", "scopes": ["agents:read", "calls:read"]}`)
	id, _ := made.data["id"].(string)
	again := by("API Keys regenerate", "POST", "/api-keys/"+id+"/regenerate", "")
	key, _ := again.data["key"].(string)
	if !strings.HasPrefix(key, "va_") {
		r.t.Errorf("the key is %q", key)
	}
	if a := by("API Keys GET", "GET", "/api-keys", ""); len(a.rows) < 2 || strings.Contains(string(a.body), key) {
		r.t.Errorf("the keys: %s", a.body)
	}
	r.limits(key)
	id, _ = again.data["id"].(string)
	by("API Keys DELETE", "DELETE", "/api-keys/"+id, "")
	if a := r.ask("GET", r.c.Base+"/agents", "", "Authorization", "Bearer "+key); a.status != http.StatusUnauthorized {
		r.t.Errorf("a revoked key: %d", a.status)
	}
	orgs := by("Organizations GET", "GET", "/organizations", "")
	here, _ := orgs.rows[0]["id"].(string)
	by("Organizations PATCH", "PATCH", "/organizations/"+here, `{"name": "Renamed"}`)
	by("Organizations create", "POST", "/organizations", `{"name": "Another"}`)
	by("Users GET", "GET", "/users", "")
	by("Users invite", "POST", "/users/invite", `{"email": "ada@example.com", "role": "member"}`)
}

// limits: a key with few scopes is refused what it may not, and after 1,000 requests in a minute everything.
func (r *contractRun) limits(key string) {
	head := []string{"Authorization", "Bearer " + key}
	if a := r.ask("POST", r.c.Base+"/agents", `{"name": "a", "system_prompt": "b"}`, head...); a.status != http.StatusForbidden {
		r.t.Errorf("a key without the scope: %d", a.status)
	}
	for n := 1; ; n++ {
		a := r.ask("GET", r.c.Base+"/agents?limit=1", "", head...)
		if a.status == http.StatusTooManyRequests {
			if a.head.Get("Retry-After") == "" || a.head.Get("X-RateLimit-Remaining") != "0" || n < r.c.RateLimit.PerMinute/2 {
				r.t.Errorf("429 after %d requests: %v", n, a.head)
			}
			return
		}
		if n > 20*r.c.RateLimit.PerMinute { // minutes may end meanwhile
			r.t.Errorf("%d requests were all answered", n)
			return
		}
	}
}

// errors are those of the page's list that nothing before has met.
func (r *contractRun) errors() {
	if a := r.ask("GET", r.c.Base+"/agents", "", "Accept", "application/json"); a.status != http.StatusUnauthorized {
		r.t.Errorf("without a key: %d", a.status)
	}
	r.bad(http.StatusNotFound, "GET", r.c.Base+"/agents/0193e7a1-6f0c-7d52-9d3c-3f4a5b6c7d8e", "")

	// A server without a carrier cannot place calls.
	deaf := &contractRun{t: r.t, c: r.c, open: r.open, n: serve(r.t)}
	made := deaf.good("POST", r.c.Base+"/agents", string(r.c.Sample("POST /agents")))
	deaf.agent, _ = made.data["id"].(string)
	task := deaf.good("POST", r.c.Base+"/tasks", strings.ReplaceAll(string(r.c.Sample("POST /tasks")), "uuid-here", deaf.agent))
	id, _ := task.data["id"].(string)
	deaf.bad(http.StatusServiceUnavailable, "POST", r.c.Base+"/tasks/"+id+"/execute", "")

	// Nothing that a client can send makes the server fail: of 500 there is the description alone.
	_, text := r.n.get("/openapi.json")
	var described struct {
		Paths map[string]map[string]struct {
			Responses map[string]any `json:"responses"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(text), &described); err != nil {
		r.t.Fatal(err)
	}
	if described.Paths[r.c.Base+"/agents"]["get"].Responses["500"] == nil {
		r.t.Error("500 is not described")
	}
	r.saw("status 500")
}

// deletes come last: what is needed cannot be deleted, what is not can.
func (r *contractRun) deletes() {
	r.bad(http.StatusBadRequest, "DELETE", r.c.Base+"/tasks/"+r.task, "") // it is completed
	for _, what := range []string{"agents", "tasks"} {
		body := string(r.c.Sample("POST /" + what))
		made := r.good("POST", r.c.Base+"/"+what, strings.ReplaceAll(body, "uuid-here", r.agent))
		id, _ := made.data["id"].(string)
		op := r.op("DELETE /" + what + "/:id")
		path := r.c.Base + "/" + what + "/" + id
		if what == "tasks" {
			r.bad(http.StatusBadRequest, "DELETE", r.c.Base+"/agents/"+r.agent, "") // this task is pending
		}
		r.keys(op, r.good("DELETE", path, "").data)
		r.bad(http.StatusNotFound, "GET", path, "")
	}
}
