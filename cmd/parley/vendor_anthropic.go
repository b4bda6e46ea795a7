package main

import (
	"fmt"

	"parley/control/traits"
	"parley/pipeline"
	"parley/providers/anthropic"
)

// anthropicSettings are Anthropic's.
type anthropicSettings struct {
	AnthropicKey     string `name:"anthropic-api-key" help:"Key of Anthropic, for its language models." var:"ANTHROPIC_API_KEY"`
	AnthropicBaseURL string `name:"anthropic-base-url" help:"Anthropic's server, or one that speaks the same." default:"https://api.anthropic.com" var:"ANTHROPIC_BASE_URL"`
	AnthropicModel   string `name:"anthropic-model" help:"Anthropic's model for agents that name none." default:"claude-haiku-4-5" var:"PARLEY_ANTHROPIC_MODEL"`
	AnthropicCache   bool   `name:"anthropic-cache" help:"Mark what requests begin with for Anthropic's prompt cache: later turns are quicker and cheaper; what is first written costs a quarter more." default:"true" negatable:"" var:"PARLEY_ANTHROPIC_CACHE"`
}

func (s *anthropicSettings) client() *anthropic.Client {
	return &anthropic.Client{BaseURL: s.AnthropicBaseURL, Key: s.AnthropicKey, Model: s.AnthropicModel, Uncached: !s.AnthropicCache}
}

var anthropicVendor = entry{
	name: "anthropic",
	account: func(c *config) account {
		return account{key: &c.AnthropicKey, base: &c.AnthropicBaseURL, variable: "ANTHROPIC_API_KEY"}
	},
	check: func(c *config) []error {
		if err := c.anthropicSettings.client().Check(); c.AnthropicKey != "" && err != nil {
			return []error{fmt.Errorf("--anthropic-base-url, --anthropic-model: %w", err)}
		}
		return nil
	},
	open: func(c *config, w wiring) opened {
		m := c.anthropicSettings.client()
		m.HTTP, m.Prepare = w.road.http, c.carry()
		return opened{llm: m, check: m.Check, close: quietly(m.Close)}
	},
	thinks: &thinks{
		Abilities: anthropic.Thinks,
		model:     func(c *config) string { return c.AnthropicModel },
		tune: func(m thinker, _ *config, _ string, set traits.LanguageModel) pipeline.Responder {
			return m.(*anthropic.Client).Tuned(set.Model, set.Temperature, set.MaxTokens, anthropicEffort(set.Effort))
		},
	},
}

// anthropicEffort is how much a model of Anthropic's thinks.
func anthropicEffort(effort string) map[string]any {
	switch effort {
	case "":
		return nil
	case "none", "minimal":
		return map[string]any{"thinking": map[string]any{"type": "disabled"}}
	}
	return map[string]any{"output_config": map[string]any{"effort": effort}}
}
