package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"parley/store"
)

const canary = "canary-0123456789-of-the-organisation"

// toolServer answers with what it was told of who is asking.
func toolServer(t *testing.T) (url string, heard chan string) {
	t.Helper()
	heard = make(chan string, 8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		heard <- r.Header.Get("Authorization")
		if r.URL.Path == "/away" {
			http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusTemporaryRedirect)
			return
		}
		_, _ = fmt.Fprintf(w, "You are %s.", r.Header.Get("Authorization"))
	}))
	t.Cleanup(s.Close)
	return s.URL, heard
}

// asking are settings of an agent whose one tool asks a URL with a secret.
func asking(url, secret string) string {
	text, err := json.Marshal(map[string]any{"tools": map[string]any{"allow": []string{"127.0.0.1"}, "http": []any{
		map[string]any{"name": "orders", "description": "Finds orders.", "url": url, "auth": map[string]string{"bearer": "${secret:" + secret + "}"}},
	}}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// TestLent: an agent's tool asks with its organisation's own secret, and only the server that the credential names; others' agents have
// none of it, and nobody is told it.
func TestLent(t *testing.T) {
	t.Parallel()
	url, heard := toolServer(t)
	elsewhere, stolen := toolServer(t)
	b := newBureau(t)
	accounts, dir := b.another(filepath.Join(t.TempDir(), "directory.json"), b.env["PARLEY_SECRET"])
	c, log := companyOf(t, map[string]string{"PARLEY_AGENT_HOSTS": "127.0.0.1", "PARLEY_AGENT_SECRETS": "GIVEN,Orders", "PARLEY_SECRET_GIVEN": "of-the-server"})
	c.lender = accounts
	org := b.org
	row := func(url, secret string) store.Agent {
		return store.Agent{ID: "a", Org: org, Version: 1, Settings: asking(url, secret)}
	}
	ask := func(a store.Agent) string {
		t.Helper()
		r := c.of(c.vendors, a)
		if len(r.problems) > 0 {
			t.Fatalf("problems: %v", r.problems)
		}
		said, _, err := r.tools.http[0].For(nil).Run(t.Context(), json.RawMessage(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		if said != "You are Bearer [secret]." {
			t.Errorf("the model is told %q", said)
		}
		return <-heard
	}
	refused := func(a store.Agent, want string) {
		t.Helper()
		found := c.Check(a)
		if len(found) != 1 || found[0].Path != "settings.tools.http[0].auth" || !strings.Contains(found[0].Reason, want) {
			t.Errorf("found %v, want %q", found, want)
		}
		if text := fmt.Sprint(found); strings.Contains(text, canary) {
			t.Errorf("the secret is told: %s", text)
		}
	}

	refused(row(url, "Orders"), "secret Orders is not given to agents here")
	if before := c.of(c.vendors, row(url, "Orders")); len(before.problems) == 0 {
		t.Error("a secret came from nowhere")
	}
	b.ok(canary+"\n", nil, "credentials", "set", "Orders", "--vendor=custom", "--base-url="+url+"/v1", "--credentials-allow=127.0.0.1")
	b.ok(canary+"\n", nil, "credentials", "set", "Homeless", "--vendor=custom")
	b.ok(canary+"\n", nil, "credentials", "set", "Groq", "--vendor=groq", "--base-url="+url, "--credentials-allow=127.0.0.1")
	waitFor(t, "the credentials are known", func() bool {
		_, ok := dir.NamedCredential(org, "groq", "Groq")
		return ok
	})
	if got := ask(row(url+"/orders", "Orders")); got != "Bearer "+canary {
		t.Errorf("the tool asks with %q", got)
	}
	if got := ask(store.Agent{ID: "b", Org: org, Settings: asking(url, "GIVEN")}); got != "Bearer of-the-server" {
		t.Errorf("with a secret of the server's: %q", got)
	}
	refused(row(elsewhere, "Orders"), "is for "+url+" alone")
	refused(row(strings.Replace(url, "http:", "https:", 1), "Orders"), "is for "+url+" alone")
	refused(row(strings.Replace(url, "127.0.0.1", "127.0.0.1.example.com", 1), "Orders"), "is for "+url+" alone")
	refused(row(url, "Homeless"), "without a base_url")
	refused(row(url, "Groq"), "is not given to agents here")
	theirs := row(url, "Orders")
	theirs.Org = store.NewID()
	refused(theirs, "is not given to agents here")

	// A redirect does not take it elsewhere.
	r := c.of(c.vendors, store.Agent{ID: "c", Org: org, Settings: asking(url+"/away?to="+elsewhere, "Orders")})
	if _, _, err := r.tools.http[0].For(nil).Run(t.Context(), json.RawMessage(`{}`)); err == nil || <-heard != "Bearer "+canary {
		t.Errorf("a redirect was followed: %v", err)
	}

	// What is changed is known for the next call; what is gone, too.
	b.ok("another-secret-0123\n", nil, "credentials", "set", "Orders")
	waitFor(t, "the new secret is used", func() bool { return ask(row(url+"/orders", "Orders")) == "Bearer another-secret-0123" })
	b.ok("", nil, "credentials", "set", "Homeless", "--default", "--keep-secret") // else Orders, the first, could not go
	b.ok("", nil, "credentials", "remove", "Orders")
	waitFor(t, "the secret is gone", func() bool { return len(c.of(c.vendors, row(url+"/orders", "Orders")).problems) > 0 })
	if len(stolen) > 0 {
		t.Errorf("another server was asked with %q", <-stolen)
	}
	if text := log.String(); strings.Contains(text, canary) {
		t.Errorf("the secret is in the log:\n%s", text)
	}
	if text := fmt.Sprint(c.Effective(row(url, "Orders"))); strings.Contains(text, "another-secret") || strings.Contains(text, canary) {
		t.Errorf("the secret is in the settings:\n%s", text)
	}
}

func TestOriginOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"https://API.example.com:443/v1?x": "https://api.example.com", "wss://api.example.com": "https://api.example.com", "http://h:80": "http://h",
		"http://h:443": "http://h:443", "https://h:8443": "https://h:8443", "https://[::1]:443/": "https://[::1]", "mailto:x": "", "https://": "", "": "",
	} {
		if got := originOf(text); got != want {
			t.Errorf("%s is at %q, want %q", text, got, want)
		}
	}
}
