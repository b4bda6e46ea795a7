package main

import (
	"parley/control/traits"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/openai"
)

// openAI is the server of a language model, and its key.
type openAI struct {
	OpenAIKey     string `name:"openai-api-key" help:"Key of the language model." var:"OPENAI_API_KEY"`
	OpenAIBaseURL string `name:"openai-base-url" help:"Any OpenAI-compatible server, such as http://localhost:11434/v1. Empty: OpenAI's own, if there is a key." var:"OPENAI_BASE_URL"`
}

// openAIModels are how that server is asked.
type openAIModels struct {
	OpenAIModel string `name:"openai-model" help:"Model to ask for." default:"gpt-4.1-mini" var:"OPENAI_MODEL"`
	OpenAIAPI   string `name:"openai-api" help:"Protocol in which OpenAI, or a compatible server, is asked: chat (chat completions, which all speak) or responses." default:"chat" enum:"chat,responses" var:"PARLEY_OPENAI_API"`
}

var openAIVendor = entry{
	name:    "openai",
	account: func(c *config) account { return account{key: &c.OpenAIKey, base: &c.OpenAIBaseURL, bare: true} },
	open: func(c *config, w wiring) opened {
		m := &openai.Client{BaseURL: c.OpenAIBaseURL, Key: c.OpenAIKey, Model: c.OpenAIModel, API: openai.API(c.OpenAIAPI), HTTP: w.road.http, Prepare: c.carry()}
		return opened{llm: m, check: m.Check, close: quietly(m.Close)}
	},
	thinks: &thinks{
		Abilities: providers.Abilities{Streams: true, Cancels: true, Languages: "the model's own"},
		model:     func(c *config) string { return c.OpenAIModel },
		tune: func(m thinker, _ *config, _ string, set traits.LanguageModel) pipeline.Responder {
			var extra map[string]any
			if set.Effort != "" {
				extra = map[string]any{"reasoning_effort": set.Effort}
			}
			return m.(*openai.Client).Tuned(set.Model, set.Temperature, set.MaxTokens, extra)
		},
	},
}

// quietly closes what tells of no error.
func quietly(closes func()) func() error { return func() error { closes(); return nil } }
