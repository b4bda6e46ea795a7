package control_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/control"
	"parley/control/access"
	"parley/store"
	"parley/store/sql"
)

const newAgent = `{"name":"Once","system_prompt":"Help."}`

// count is how many agents with a name there are.
func (w *world) count(name string) (n int) {
	w.t.Helper()
	rows, _, err := w.db.Agents(w.t.Context(), w.ours.org, store.AgentFilter{}, store.Page{Limit: 100})
	must(w.t, err)
	for _, a := range rows {
		if a.Name == name {
			n++
		}
	}
	return n
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	post := func(idem, path, body string) *answer {
		return w.ask(w.ours.key, "POST", path, body, "Idempotency-Key", idem, "X-Request-Id", "same")
	}
	first := w.want(post("a", agents, newAgent), http.StatusCreated)
	again := w.want(post("a", agents, newAgent), http.StatusCreated)
	if !bytes.Equal(first.body, again.body) || again.head.Get("Idempotent-Replayed") != "true" || first.head.Get("Idempotent-Replayed") != "" ||
		again.head.Get("Content-Type") != first.head.Get("Content-Type") {
		t.Errorf("first %s, again %s %v", first.body, again.body, again.head)
	}
	a := w.want(post("a", agents, strings.Replace(newAgent, "Help", "Harm", 1)), http.StatusConflict)
	if a.head.Get("Retry-After") != "" || !strings.Contains(a.parsed.Error, "another request") {
		t.Errorf("another body: %s", a.body)
	}
	w.want(w.ask(w.ours.powerless, "POST", agents, newAgent, "Idempotency-Key", "a"), http.StatusForbidden) // learns nothing
	w.want(w.ask(w.theirs.key, "POST", agents, newAgent, "Idempotency-Key", "a"), http.StatusCreated)       // its own
	w.want(post("b", agents, newAgent), http.StatusCreated)
	if n := w.count("Once"); n != 2 {
		t.Errorf("%d agents, want 2", n)
	}

	// What was wrong with the first request is answered again, too, and what had no effect.
	for range 2 {
		w.want(post("c", agents, `{}`), http.StatusBadRequest)
	}
	w.want(post("d", "/api/v1/calls/"+w.ours.going+"/end", ""), http.StatusOK)
	w.want(post("d", "/api/v1/calls/"+w.ours.going+"/end", ""), http.StatusOK) // though it has ended
	w.want(post("d", "/api/v1/calls/"+w.ours.done+"/end", ""), http.StatusConflict)
	w.want(w.ask(w.ours.key, "POST", agents+"?x=1", newAgent, "Idempotency-Key", "a"), http.StatusConflict)

	for name, bad := range map[string]string{"empty": "", "too long": strings.Repeat("k", 256), "not printable": "a\tb", "not ASCII": "clé"} {
		a := w.want(post(bad, agents, newAgent), http.StatusBadRequest)
		if a.parsed.Details["Idempotency-Key"] == "" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	w.want(post(strings.Repeat("k", 255), agents, newAgent), http.StatusCreated)
	w.want(post("a b ~!", agents, newAgent), http.StatusCreated)
	w.want(post("e", agents, `{"name":"`+strings.Repeat("a", 1<<20)+`"}`), http.StatusRequestEntityTooLarge)
	w.want(post("e", agents, newAgent), http.StatusCreated) // was not used up

	// Methods that can be repeated anyhow do not heed it.
	for range 2 {
		w.want(w.ask(w.ours.key, "PATCH", agents+"/"+w.ours.agent, `{"name":"x"}`, "Idempotency-Key", "a"), http.StatusOK)
	}
	r := httptest.NewRequest("POST", agents, strings.NewReader(newAgent))
	r.Header = http.Header{"Authorization": {"Bearer " + w.ours.key}, "Content-Type": {"application/json"}, "Idempotency-Key": {"x", "y"}}
	rec := httptest.NewRecorder()
	if w.mux.ServeHTTP(rec, r); rec.Code != http.StatusBadRequest {
		t.Errorf("two keys: %d", rec.Code)
	}
}

// TestIdempotentSecret: a key that is made once is shown once more to who asks again, and lies in no table.
func TestIdempotentSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cookie, _ := w.begin(w.ours.org, w.ours.owner)
	member, _ := w.begin(w.ours.org, w.ours.member)
	make := func(cookie string) *answer {
		return w.ask("", "POST", "/api/v1/api-keys", `{"name":"x"}`, "Idempotency-Key", "k", "Cookie", cookie, "X-Request-Id", "same")
	}
	var first, again struct{ Key string }
	w.want(make(cookie), http.StatusCreated).data(t, &first)
	w.want(make(cookie), http.StatusCreated).data(t, &again)
	if first.Key == "" || again != first {
		t.Errorf("keys %q and %q", first, again)
	}
	w.want(make(member), http.StatusConflict) // somebody else in the organisation
	kept, claimed, err := w.db.ClaimAnswer(t.Context(), store.Answer{Org: w.ours.org, Route: "POST /api/v1/api-keys", Hash: access.Hash("k")}, time.Now())
	if err != nil || claimed || kept.Status != http.StatusCreated || len(kept.Body) == 0 || bytes.Contains(kept.Body, []byte(first.Key)) || bytes.Contains(kept.Body, []byte("success")) {
		t.Errorf("kept %q (%v)", kept.Body, err)
	}
	if age := time.Until(kept.Expires); age < 24*time.Hour-time.Minute || age > 24*time.Hour {
		t.Errorf("kept for %v", age)
	}
}

// A gate is a store whose CreateAgent waits until it is opened, and then fails or panics if it is told to.
type gate struct {
	*sql.Store
	entered chan struct{}
	open    chan func() error
}

func newGate(db *sql.Store) *gate {
	return &gate{db, make(chan struct{}, 100), make(chan func() error, 100)}
}

func (g *gate) CreateAgent(ctx context.Context, a store.Agent) (store.Agent, error) {
	g.entered <- struct{}{}
	if err := (<-g.open)(); err != nil {
		return store.Agent{}, err
	}
	return g.Store.CreateAgent(ctx, a)
}

// TestIdempotencyOverNodes: while one node answers, the other says so; then both have the answer. It happens once.
func TestIdempotencyOverNodes(t *testing.T) {
	t.Parallel()
	var gates []*gate
	all := nodes(t, 2, 1000, func(_ int, o *control.Options) {
		g := newGate(o.People.(*sql.Store))
		gates = append(gates, g)
		o.Agents = g
	})
	post := func(w *world) *answer {
		return w.ask(w.ours.key, "POST", agents, newAgent, "Idempotency-Key", "k", "X-Request-Id", "same")
	}
	var first *answer
	var asking sync.WaitGroup
	asking.Go(func() { first = post(all[0]) })
	<-gates[0].entered
	for _, w := range all {
		a := w.want(post(w), http.StatusConflict)
		if a.head.Get("Retry-After") != "1" {
			t.Errorf("while it is answered: Retry-After %q", a.head.Get("Retry-After"))
		}
	}
	gates[0].open <- func() error { return nil }
	asking.Wait()
	all[0].want(first, http.StatusCreated)
	for _, w := range all {
		if a := w.want(post(w), http.StatusCreated); !bytes.Equal(a.body, first.body) {
			t.Errorf("first %s, again %s", first.body, a.body)
		}
	}
	if n := all[0].count("Once"); n != 1 {
		t.Errorf("%d agents, want 1", n)
	}
}

// TestIdempotentStorm: many requests with few keys, on two nodes at once, each until it is answered.
func TestIdempotentStorm(t *testing.T) {
	t.Parallel()
	all := nodes(t, 2, 100_000)
	const keys, callers = 5, 6
	bodies := [keys]sync.Map{}
	var asking sync.WaitGroup
	for i := range keys * callers {
		asking.Go(func() {
			w, k := all[i%2], i%keys
			for {
				a := w.ask(w.ours.key, "POST", agents, fmt.Sprintf(`{"name":"Storm %d","system_prompt":"Help."}`, k), "Idempotency-Key", fmt.Sprint(k))
				if a.status == http.StatusConflict {
					continue
				}
				w.want(a, http.StatusCreated)
				bodies[k].Store(string(a.body), true)
				return
			}
		})
	}
	asking.Wait()
	for k := range keys {
		different := 0
		bodies[k].Range(func(any, any) bool { different++; return true })
		if n := all[0].count(fmt.Sprintf("Storm %d", k)); n != 1 || different != 1 {
			t.Errorf("key %d: %d agents, %d different answers", k, n, different)
		}
	}
}

// TestIdempotencyAndFailures: what was not done may be asked again; what may have been done is not done twice; a crash frees the key in time.
func TestIdempotencyAndFailures(t *testing.T) {
	t.Parallel()
	var g *gate
	w := newWorld(t, func(o *control.Options) {
		g = newGate(o.People.(*sql.Store))
		o.Agents = g
	})
	post := func(idem string, outcome func() error, status int) *answer {
		t.Helper()
		if outcome != nil {
			g.open <- outcome
		}
		r := httptest.NewRequestWithContext(t.Context(), "POST", agents, strings.NewReader(newAgent))
		r.Header = http.Header{"Authorization": {"Bearer " + w.ours.key}, "Content-Type": {"application/json"}, "Idempotency-Key": {idem}}
		rec := httptest.NewRecorder()
		w.mux.ServeHTTP(rec, r)
		if rec.Code != status {
			t.Errorf("key %s: %d %s, want %d", idem, rec.Code, rec.Body, status)
		}
		return &answer{status: rec.Code, head: rec.Header()}
	}
	fine := func() error { return nil }
	post("away", func() error { return store.ErrUnavailable }, http.StatusServiceUnavailable)
	post("away", fine, http.StatusCreated)

	post("fault", func() error { return errors.New("fault") }, http.StatusInternalServerError)
	post("fault", nil, http.StatusInternalServerError) // without asking again

	post("panic", func() error { panic("crash") }, http.StatusInternalServerError)
	post("panic", nil, http.StatusConflict)
	// As if a minute had passed: the claim is over, and the next request is a first one.
	claim := store.Answer{Org: w.ours.org, Route: "POST " + agents, Hash: access.Hash("panic"), Holder: "the next node", Expires: time.Now().Add(time.Minute)}
	first, claimed, err := w.db.ClaimAnswer(t.Context(), claim, time.Now().Add(30*time.Second))
	if err != nil || claimed || time.Until(first.Expires) > time.Minute {
		t.Errorf("claim of a crashed request: %+v (%v)", first, err)
	}
	if _, claimed, err := w.db.ClaimAnswer(t.Context(), claim, time.Now().Add(time.Minute)); err != nil || !claimed {
		t.Errorf("a crashed request wedges its key (%v)", err)
	}
	must(t, w.db.DropAnswer(t.Context(), claim))
	post("panic", fine, http.StatusCreated)

	// A client that goes away does not stop what it has begun: it will ask again.
	ctx, leave := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, "POST", agents, strings.NewReader(strings.Replace(newAgent, "Once", "Left", 1)))
	r.Header = http.Header{"Authorization": {"Bearer " + w.ours.key}, "Content-Type": {"application/json"}, "Idempotency-Key": {"left"}}
	for len(g.entered) > 0 {
		<-g.entered
	}
	var asking sync.WaitGroup
	asking.Go(func() { w.mux.ServeHTTP(httptest.NewRecorder(), r) })
	<-g.entered
	leave()
	g.open <- fine
	asking.Wait()
	if n := w.count("Left"); n != 1 {
		t.Errorf("%d agents of a client that has left, want 1", n)
	}
	a := w.ask(w.ours.key, "POST", agents, strings.Replace(newAgent, "Once", "Left", 1), "Idempotency-Key", "left")
	if w.want(a, http.StatusCreated); a.head.Get("Idempotent-Replayed") != "true" {
		t.Error("it was done again")
	}
}

// TestIdempotentBodyBreaksOff: a body that does not arrive whole is answered as ever, and uses up no key.
func TestIdempotentBodyBreaksOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := httptest.NewRequestWithContext(t.Context(), "POST", agents, io.MultiReader(strings.NewReader(newAgent[:10]), brokenBody{}))
	r.Header = http.Header{"Authorization": {"Bearer " + w.ours.key}, "Content-Type": {"application/json"}, "Idempotency-Key": {"k"}}
	rec := httptest.NewRecorder()
	w.mux.ServeHTTP(rec, r)
	if rec.Code != http.StatusBadRequest || !strings.Contains(rec.Body.String(), "whole") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	w.want(w.ask(w.ours.key, "POST", agents, newAgent, "Idempotency-Key", "k"), http.StatusCreated)
}

type brokenBody struct{}

func (brokenBody) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
