package main

import (
	"testing"

	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/gemini"
	"parley/providers/openai"
	"parley/store"
)

// TestConversants: an agent names a speech-to-speech model, and how to use it.
func TestConversants(t *testing.T) {
	t.Parallel()
	c, _ := companyOf(t, map[string]string{"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://localhost:1", "GEMINI_API_KEY": "g", "PARLEY_OPENAI_REALTIME_VOICE": "cedar"})
	played := func(llm string) *role {
		return c.of(c.vendors, store.Agent{ID: llm, Settings: `{"providers":{"llm":` + llm + `}}`})
	}
	r := played(`{"vendor":"openai-realtime","max_tokens":512}`)
	if m, ok := r.conversant.(*openai.Realtime); !ok || r.thinks != "openai-realtime" || r.asks != "gpt-realtime" || m.Key != "k" || m.BaseURL != "http://localhost:1" || m.Voice != "cedar" || m.MaxTokens != 512 {
		t.Errorf("OpenAI's: %+v", r)
	}
	if m, ok := providers.Unguarded(r.model).(*openai.Client); !ok || m.Model != "gpt-4.1-mini" {
		t.Errorf("what is only written is by %+v", r.model)
	}
	r = played(`{"vendor":"gemini-live","model":"some","voice":"Kore"}`)
	if m, ok := r.conversant.(*gemini.Live); !ok || r.asks != "some" || m.Key != "g" || m.Model != "some" || m.Voice != "Kore" {
		t.Errorf("Google's: %+v", r)
	}
	parts := r.answers(&pipeline.Agent{}, media.Info{Rate: 8000}, nil, relayLine{})
	if parts.Responder == nil || parts.Hearer == nil {
		t.Error("nobody answers, or nobody hears")
	}
	if err := parts.Hearer.Close(); err != nil {
		t.Error(err)
	}
}

// TestConversantsRefused: what a speech-to-speech model has not is said, and an agent whose vendor this server has no key of is answered for
// as others are.
func TestConversantsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		env      map[string]string
		settings string
		path     string
	}{
		"no key":        {nil, `{"providers":{"llm":{"vendor":"openai-realtime"}}}`, "settings.providers.llm.vendor"},
		"a bad name":    {map[string]string{"GEMINI_API_KEY": "g"}, `{"providers":{"llm":{"vendor":"gemini-live","model":"../x"}}}`, "settings.providers.llm.model"},
		"a temperature": {map[string]string{"OPENAI_API_KEY": "k"}, `{"providers":{"llm":{"vendor":"openai-realtime","temperature":1}}}`, "settings.providers.llm.temperature"},
		"effort":        {map[string]string{"OPENAI_API_KEY": "k"}, `{"providers":{"llm":{"vendor":"openai-realtime","reasoning_effort":"low"}}}`, "settings.providers.llm.reasoning_effort"},
	} {
		c, _ := companyOf(t, tt.env)
		r := c.of(c.vendors, store.Agent{ID: name, Settings: tt.settings})
		if len(r.problems) != 1 || r.problems[0].Path != tt.path {
			t.Errorf("%s: %v", name, r.problems)
		}
		if known := name == "a temperature" || name == "effort"; known != (r.conversant != nil) || r.model == nil && r.script == nil {
			t.Errorf("%s: answered by %T, model %T, script %v", name, r.conversant, r.model, r.script != nil)
		}
	}
}
