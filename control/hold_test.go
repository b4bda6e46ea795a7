package control_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/control"
	"parley/control/access"
	"parley/control/bots"
	"parley/control/crm"
	outside "parley/control/lines"
	"parley/control/voice"
	"parley/control/webhook"
	"parley/store"
)

// A claims is store.Answers in memory, for one request.
type claims struct {
	mu   sync.Mutex
	kept store.Answer
	held int
}

func (c *claims) ClaimAnswer(_ context.Context, a store.Answer, now time.Time) (store.Answer, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept.Expires.After(now) {
		return c.kept, false, nil
	}
	c.kept = a
	return store.Answer{}, true, nil
}

func (c *claims) HoldAnswer(_ context.Context, a store.Answer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held++
	c.kept.Expires = a.Expires
	return nil
}

func (c *claims) KeepAnswer(_ context.Context, a store.Answer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = a
	return nil
}

func (c *claims) DropAnswer(context.Context, store.Answer) error { panic("nothing is dropped here") }

// someone lets everybody in.
type someone struct{}

func (someone) Authenticate(context.Context, string) (access.Identity, error) {
	return access.Identity{Org: "org", Key: "key", Role: store.Owner, Scopes: []string{access.All}}, nil
}

// Interfaces under names that do not hide their own methods when they are embedded.
type (
	storeAgents    store.Agents
	storeCalls     store.Calls
	storeTasks     store.Tasks
	storeBarred    store.DoNotCall
	storeCampaigns store.Campaigns
)

// slow takes three minutes to make an agent.
type slow struct {
	storeAgents
	made int
}

func (s *slow) CreateAgent(_ context.Context, a store.Agent) (store.Agent, error) {
	time.Sleep(3 * time.Minute)
	s.made++
	return a, nil
}

// TestClaimIsHeld: a handler that takes longer than a claim lasts keeps it.
func TestClaimIsHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers, rows := &claims{}, &slow{}
		c, err := control.New(control.Options{
			Agents: rows, Calls: struct{ storeCalls }{}, Tasks: struct{ storeTasks }{}, Campaigns: struct{ storeCampaigns }{}, Contacts: struct{ crm.MessageRows }{}, DoNotCall: struct{ storeBarred }{},
			Lines: struct{ outside.Rows }{}, Bots: struct{ bots.Rows }{}, Dialer: struct{ control.Dialer }{}, Webhooks: struct{ voice.HookStore }{}, Hooks: &webhook.Secrets{}, People: struct{ control.People }{}, Auth: someone{}, Answers: answers, Secret: secret,
		})
		must(t, err)
		mux := http.NewServeMux()
		c.Mount(mux)
		post := func() *httptest.ResponseRecorder {
			r := httptest.NewRequestWithContext(t.Context(), "POST", agents, strings.NewReader(newAgent))
			r.Header = http.Header{"Authorization": {"Bearer " + strings.Repeat("k", 20)}, "Content-Type": {"application/json"}, "Idempotency-Key": {"k"}}
			rec := httptest.NewRecorder()
			mux.ServeHTTP(rec, r)
			return rec
		}
		var first *httptest.ResponseRecorder
		var asking sync.WaitGroup
		asking.Go(func() { first = post() })
		for range 17 {
			time.Sleep(10*time.Second + time.Millisecond)
			if rec := post(); rec.Code != http.StatusConflict || rec.Header().Get("Retry-After") != "1" {
				t.Errorf("while it is answered: %d %s", rec.Code, rec.Body)
			}
		}
		asking.Wait()
		again := post()
		if first.Code != http.StatusCreated || again.Code != first.Code || again.Body.String() != first.Body.String() || rows.made != 1 {
			t.Errorf("first %d, again %d, made %d", first.Code, again.Code, rows.made)
		}
		held := answers.held
		time.Sleep(time.Hour)
		if held != 8 && held != 9 || answers.held != held {
			t.Errorf("held %d times in three minutes, and %d times after", held, answers.held-held)
		}
	})
}
