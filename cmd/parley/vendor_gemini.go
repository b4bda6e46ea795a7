package main

import (
	"cmp"
	"fmt"

	"parley/control/traits"
	"parley/pipeline"
	"parley/providers/gemini"
)

// geminiSettings are Gemini's.
type geminiSettings struct {
	GeminiKey      string `name:"gemini-api-key" help:"Key of Google's Gemini API, for its language models." var:"GEMINI_API_KEY"`
	GoogleKey      string `name:"google-api-key" help:"Another name of that key, which comes before it." var:"GOOGLE_API_KEY"`
	GeminiBaseURL  string `name:"gemini-base-url" help:"Gemini's server, or one that speaks the same." default:"https://generativelanguage.googleapis.com" var:"GEMINI_BASE_URL"`
	GeminiModel    string `name:"gemini-model" help:"Google's model for agents that name none." default:"gemini-2.5-flash" var:"PARLEY_GEMINI_MODEL"`
	GeminiThinking int    `name:"gemini-thinking" help:"Tokens that this model may think before it answers, while the caller waits: 0 none, -1 as it likes; up to 32768. Some models cannot do without." default:"0" var:"PARLEY_GEMINI_THINKING"`
}

func (s *geminiSettings) client() *gemini.Client {
	return &gemini.Client{BaseURL: s.GeminiBaseURL, Key: cmp.Or(s.GoogleKey, s.GeminiKey), Model: s.GeminiModel, Thinking: &s.GeminiThinking}
}

var geminiVendor = entry{
	name: "gemini",
	account: func(c *config) account {
		return account{key: &c.GeminiKey, base: &c.GeminiBaseURL, other: &c.GoogleKey, variable: "GEMINI_API_KEY"}
	},
	check: func(c *config) (bad []error) {
		if c.GeminiThinking < -1 || c.GeminiThinking > 32768 {
			bad = append(bad, fmt.Errorf("--gemini-thinking is %d: want -1 to 32768", c.GeminiThinking))
		}
		if m := c.geminiSettings.client(); m.Key != "" {
			if err := m.Check(); err != nil {
				bad = append(bad, fmt.Errorf("--gemini-base-url, --gemini-model: %w", err))
			}
		}
		return bad
	},
	open: func(c *config, w wiring) opened {
		m := c.geminiSettings.client()
		m.HTTP, m.Prepare = w.road.http, c.carry()
		return opened{llm: m, check: m.Check, close: quietly(m.Close)}
	},
	thinks: &thinks{
		Abilities: gemini.Thinks,
		model:     func(c *config) string { return c.GeminiModel },
		check:     gemini.CheckModel,
		tune: func(m thinker, c *config, model string, set traits.LanguageModel) pipeline.Responder {
			g, thinking := m.(*gemini.Client), geminiEffort(set.Effort)
			if thinking == nil && model == c.GeminiModel {
				thinking = g.Thinking // which is said of that model
			}
			return g.Tuned(set.Model, set.Temperature, set.MaxTokens, thinking)
		},
	},
}

// geminiEffort is how much a model of Google's thinks, in tokens, as its OpenAI-compatible server has it.
func geminiEffort(effort string) *int {
	if effort == "" {
		return nil
	}
	budget := map[string]int{"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}[effort]
	return &budget
}
