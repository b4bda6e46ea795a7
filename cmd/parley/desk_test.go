package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"parley/control/report"
	"parley/control/vault"
	"parley/store"
)

// asked is what a vendor's server was asked by, and for.
type asked struct{ Key, Model string }

// TestReporter: a report is written by the model that the agent would answer with, and asked for by its organisation's own key; by the
// server's where it has none; by nobody where there is none at all.
func TestReporter(t *testing.T) {
	t.Parallel()
	heard := make(chan asked, 1)
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var a asked
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Error(err)
		}
		a.Key = r.Header.Get("Authorization")
		heard <- a
		_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"{}"},"finish_reason":"stop"}]}`)
	}))
	t.Cleanup(model.Close)
	b := newBureau(t)
	accounts, dir := b.another(filepath.Join(t.TempDir(), "directory.json"), b.env["PARLEY_SECRET"])
	b.ok("sk-of-the-organisation\n", nil, "credentials", "set", "Brain", "--vendor=openai")
	waitFor(t, "the key is known", func() bool { _, ok := dir.DefaultCredential(b.org, "openai"); return ok })

	server := map[string]string{"OPENAI_BASE_URL": model.URL, "OPENAI_API_KEY": "sk-of-the-server", "OPENAI_MODEL": "small"}
	tuned := `{"providers":{"llm":{"vendor":"openai","model":"big"}}}`
	for name, tt := range map[string]struct {
		env           map[string]string
		org, settings string
		want          asked // nothing: rules report
	}{
		"own key":                          {server, b.org, "", asked{"Bearer sk-of-the-organisation", "small"}},
		"own key, and the agent's model":   {server, b.org, tuned, asked{"Bearer sk-of-the-organisation", "big"}},
		"another organisation":             {server, store.NewID(), tuned, asked{"Bearer sk-of-the-server", "big"}},
		"settings that cannot be read":     {server, store.NewID(), `{`, asked{"Bearer sk-of-the-server", "small"}},
		"a script answers":                 {server, b.org, `{"providers":{"llm":{"vendor":"flow"}}}`, asked{"Bearer sk-of-the-organisation", "small"}},
		"neither has one":                  {nil, store.NewID(), tuned, asked{}},
		"the server has one without a key": {map[string]string{"OPENAI_BASE_URL": model.URL}, store.NewID(), "", asked{"", "gpt-4.1-mini"}},
	} {
		t.Run(name, func(t *testing.T) { // one after the other: they share the server
			c, _ := companyOf(t, tt.env)
			office := *accounts
			office.cfg = c.cfg
			c.players = office.players(c.vendors)
			t.Cleanup(func() {
				if err := c.players.close(); err != nil {
					t.Error(err)
				}
			})
			m, done := c.reporter(tt.org, store.Agent{ID: "a", Org: tt.org, Settings: tt.settings})
			defer done()
			if (m == nil) != (tt.want == asked{}) {
				t.Fatalf("the model is %v", m)
			}
			if m == nil {
				return
			}
			if _, err := m.Answer(t.Context(), "Report.", "{}", json.RawMessage(`{}`), 10); err != nil {
				t.Fatal(err)
			}
			if got := <-heard; got != tt.want {
				t.Errorf("asked %+v, want %+v", got, tt.want)
			}
		})
	}
}

// TestConversations: ElevenLabs is asked with the organisation's own key, else with the server's; one that cannot be opened is not made up for.
func TestConversations(t *testing.T) {
	t.Parallel()
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"conversation_id":"c","status":"done","transcript":[{"role":"user","message":"`+r.Header.Get("Xi-Api-Key")+`","time_in_call_secs":0}]}`)
	}))
	t.Cleanup(vendor.Close)
	b := newBureau(t)
	files := t.TempDir()
	accounts, dir := b.another(filepath.Join(files, "a.json"), b.env["PARLEY_SECRET"])
	keyless, other := b.another(filepath.Join(files, "b.json"), strings.Repeat("k", 32))
	b.ok("el-of-the-organisation\n", nil, "credentials", "set", "Voices", "--vendor=elevenlabs")
	waitFor(t, "the key is known", func() bool {
		_, here := dir.DefaultCredential(b.org, "elevenlabs")
		_, there := other.DefaultCredential(b.org, "elevenlabs")
		return here && there
	})
	ask := func(org string, key string) (string, error) {
		accounts.cfg.ElevenLabsKey, accounts.cfg.ElevenLabsBaseURL = key, vendor.URL
		c, err := conversations{accounts}.Conversation(t.Context(), org, "c")
		if err != nil {
			return "", err
		}
		return c.Messages[0].Text, nil
	}
	var _ report.Conversations = conversations{}
	for _, tt := range [][3]string{
		{b.org, "el-of-the-server", "el-of-the-organisation"}, {b.org, "", "el-of-the-organisation"}, {store.NewID(), "el-of-the-server", "el-of-the-server"},
	} {
		if got, err := ask(tt[0], tt[1]); err != nil || got != tt[2] {
			t.Errorf("asked with %q, %v: want %s", got, err, tt[2])
		}
	}
	if got, err := ask(store.NewID(), ""); err == nil {
		t.Errorf("without any key: asked with %q", got)
	}
	accounts = keyless
	if got, err := ask(b.org, "el-of-the-server"); !errors.Is(err, vault.ErrClosed) {
		t.Errorf("with a key that cannot be opened: asked with %q, %v", got, err)
	}
}
