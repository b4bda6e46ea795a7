package main

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/providers"
	"parley/providers/anthropic"
	"parley/providers/chat"
	"parley/providers/gemini"
	"parley/providers/openai"
	"parley/store"
)

// TestWhoThinks: the first with a key, unless another is named.
func TestWhoThinks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		env          map[string]string
		thinks, mind string
	}{
		"nobody":            {nil, "flow", ""},
		"all":               {map[string]string{"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k"}, "openai", "openai"},
		"no OpenAI":         {map[string]string{"ANTHROPIC_API_KEY": "k", "GEMINI_API_KEY": "k"}, "anthropic", "anthropic"},
		"Google's name":     {map[string]string{"GOOGLE_API_KEY": "k"}, "gemini", "gemini"},
		"named":             {map[string]string{"OPENAI_API_KEY": "k", "GEMINI_API_KEY": "k", "PARLEY_LLM": "gemini"}, "gemini", "gemini"},
		"a flow hands over": {map[string]string{"ANTHROPIC_API_KEY": "k", "PARLEY_LLM": "flow"}, "flow", "anthropic"},
	} {
		c, err := parseServe(t, tc.env)
		if err != nil || c.check() != nil {
			t.Fatalf("%s: %v, %v", name, err, c.check())
		}
		v, err := newVendors(&c, tally{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]string{tc.thinks, tc.mind}, []string{v.thinks, v.mind}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if err := v.close(); err != nil {
			t.Error(err)
		}
	}
}

// TestModelSettingsRefused: each by its name, and those of a vendor without a key only if it is to be used.
func TestModelSettingsRefused(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"ANTHROPIC_API_KEY":    {"--llm=anthropic"},
		"GEMINI_API_KEY":       {"--llm=gemini"},
		"--anthropic-base-url": {"--anthropic-api-key=k", "--anthropic-base-url=ftp://x"},
		"--gemini-model":       {"--gemini-api-key=k", "--gemini-model=../x"},
		"--gemini-thinking":    {"--gemini-thinking=-2"},
	} {
		c, err := parseServe(t, nil, args...)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// TestRoleOfOtherModels: an agent names a vendor, and how to use its model.
func TestRoleOfOtherModels(t *testing.T) {
	t.Parallel()
	c, _ := companyOf(t, map[string]string{"OPENAI_API_KEY": "k", "PARLEY_OPENAI_API": "responses", "ANTHROPIC_API_KEY": "a", "GEMINI_API_KEY": "g"})
	played := func(llm string) *role {
		return c.of(c.vendors, store.Agent{ID: llm, Settings: `{"providers":{"llm":` + llm + `}}`})
	}
	if r := played(`{}`); r.thinks != "openai" || r.asks != "gpt-4.1-mini" || providers.Unguarded(r.model).(*openai.Client).API != openai.Responses {
		t.Errorf("the server's own: %+v", r)
	}
	r := played(`{"vendor":"anthropic","model":"big","max_tokens":64,"reasoning_effort":"none"}`)
	if a, ok := providers.Unguarded(r.model).(*anthropic.Client); !ok || r.thinks != "anthropic" || r.asks != "big" || a.Model != "big" || a.Key != "a" || a.MaxTokens != 64 || a.Extra["thinking"] == nil {
		t.Errorf("Anthropic's: %+v", r)
	}
	r = played(`{"vendor":"gemini","temperature":0}`)
	if g, ok := providers.Unguarded(r.model).(*gemini.Client); !ok || r.asks != "gemini-2.5-flash" || g.Key != "g" || *g.Temperature != 0 || *g.Thinking != 0 {
		t.Errorf("Google's: %+v", r)
	}
	r = played(`{"vendor":"gemini","model":"pro","reasoning_effort":"low"}`)
	if g, ok := providers.Unguarded(r.model).(*gemini.Client); !ok || g.Model != "pro" || *g.Thinking != 1024 {
		t.Errorf("another of Google's: %+v", r)
	}
	if found := c.Check(store.Agent{Settings: `{"providers":{"llm":{"vendor":"gemini","model":"../x"}}}`}); len(found) != 1 || found[0].Path != "settings.providers.llm.model" {
		t.Errorf("a bad name: %v", found)
	}
	m, done := c.reporter("", store.Agent{Settings: `{"providers":{"llm":{"vendor":"anthropic","model":"big"}}}`})
	defer done()
	if o, ok := m.(*openai.Client); !ok || o.Model != "gpt-4.1-mini" {
		t.Errorf("it is reported on by %+v", m)
	}
}

func TestMending(t *testing.T) {
	t.Parallel()
	if got := mending("gemini", &chat.Error{Status: 401}); got != "check GEMINI_API_KEY: it is refused" {
		t.Error(got)
	}
	if got := mending("openai", &chat.Error{Code: "connection"}); !strings.Contains(got, "OPENAI_BASE_URL") {
		t.Error(got)
	}
}

// TestAbsentModel: an agent whose vendor this server has no key of, or none any more, is answered for as others are.
func TestAbsentModel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env          map[string]string
		thinks, asks string
	}{
		"another model": {map[string]string{"ANTHROPIC_API_KEY": "a"}, "anthropic", "claude-haiku-4-5"},
		"a script":      {nil, "flow", ""},
	} {
		house, _ := companyOf(t, c.env)
		r := house.of(house.vendors, store.Agent{ID: name, Settings: `{"providers":{"llm":{"vendor":"gemini","model":"gemini-2.5-pro","max_tokens":64}}}`})
		if r.thinks != c.thinks || r.asks != c.asks || r.model == nil && r.script == nil || len(r.problems) != 1 || r.problems[0].Path != "settings.providers.llm.vendor" {
			t.Errorf("%s: %q answers by model %T (%q) and script %v; problems: %v", name, r.thinks, r.model, r.asks, r.script != nil, r.problems)
		}
	}
}
