package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/control/webhook"
	"parley/store"
	"parley/store/storetest/litetest"
)

// moody are rules that are away when it is said so.
type moody struct {
	store.WebhookRules
	away atomic.Bool
}

func (m *moody) WebhookSettings(ctx context.Context, org string) (store.WebhookSettings, error) {
	if m.away.Load() {
		return store.WebhookSettings{}, store.ErrUnavailable
	}
	return m.WebhookRules.WebhookSettings(ctx, org)
}

// TestAsk: a question is signed and guarded as deliveries are, also while the database is away, and its answer is bounded.
func TestAsk(t *testing.T) {
	t.Parallel()
	h := newHouse(t, litetest.New(t, ""))
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("do") {
		case "lead":
			http.Redirect(w, r, "https://127.0.0.1:1/", http.StatusTemporaryRedirect)
		case "talk":
			_, _ = io.WriteString(w, strings.Repeat("a", 101))
		default:
			_, _ = io.WriteString(w, strings.Repeat("a", 100))
		}
	})
	allow, err := webhook.ParseAllow([]string{"127.0.0.1"})
	must(t, err)
	rules := &moody{WebhookRules: h.db}
	secrets := &webhook.Secrets{Rules: rules, Vault: newVault(t, nodeSecret)}
	asker := webhook.NewAsker(webhook.AskOptions{Secrets: secrets, Allow: allow, Roots: roots, Resolver: resolver(t, nil), Timeout: time.Minute})
	ask := func(org, url string) (webhook.Reply, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return asker.Ask(ctx, org, url, "q1", []byte(`{"a":"b"}`), 100)
	}

	rules.away.Store(true)
	if _, err := ask(h.org, e.at("a")); !errors.Is(err, webhook.ErrUnsigned) {
		t.Errorf("without a database: %v", err)
	}
	rules.away.Store(false)
	for _, away := range []bool{false, true} {
		rules.away.Store(away)
		if r, err := ask(h.org, e.at("a")); err != nil || r.Status != http.StatusOK || len(r.Body) != 100 {
			t.Errorf("database away %v: %d %q, %v", away, r.Status, r.Body, err)
		}
	}
	for _, one := range e.all() {
		if one.id != "q1" || one.body != `{"a":"b"}` || !verifies(one, h.secret) {
			t.Errorf("asked %+v", one)
		}
	}
	if n := len(e.all()); n != 2 {
		t.Errorf("%d questions, want 2", n)
	}
	if r, err := ask(h.org, e.at("a")+"?do=lead"); err != nil || r.Status != http.StatusTemporaryRedirect {
		t.Errorf("a redirect: %d, %v", r.Status, err)
	}
	if _, err := ask(h.org, e.at("a")+"?do=talk"); !errors.Is(err, webhook.ErrTooBig) {
		t.Errorf("too much: %v", err)
	}
	strict := webhook.NewAsker(webhook.AskOptions{Secrets: h.secrets, Roots: roots, Resolver: resolver(t, nil), Timeout: time.Minute})
	for _, url := range []string{e.at("a") + "?key=s3cret", "http://example.com?key=s3cret"} {
		if _, err := strict.Ask(t.Context(), h.org, url, "q1", nil, 100); !errors.Is(err, webhook.ErrForbidden) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	fresh, err := h.db.CreateOrganisation(t.Context(), store.Organisation{ID: store.NewID(), Name: "Fresh", Created: time.Now().UTC()})
	must(t, err)
	if _, err := ask(fresh.ID, e.at("a")); !errors.Is(err, webhook.ErrUnsigned) {
		t.Errorf("no secret, and no database to keep one: %v", err)
	}
	rules.away.Store(false)
	if _, err := ask(fresh.ID, e.at("a")); err != nil {
		t.Errorf("an organisation that has no secret yet: %v", err)
	}
}
