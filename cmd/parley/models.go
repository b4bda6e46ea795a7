package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"parley/control/traits"
	"parley/pipeline"
	"parley/providers/anthropic"
	"parley/providers/gemini"
	"parley/providers/openai"
)

// modelVendors are those of language models, in the order in which "auto" chooses: the first with a key.
var modelVendors = []string{"openai", "anthropic", "gemini"}

// models are the settings of language models besides OpenAI's server and key.
type models struct {
	OpenAIModel string `name:"openai-model" help:"Model to ask for." default:"gpt-4.1-mini" var:"OPENAI_MODEL"`
	OpenAIAPI   string `name:"openai-api" help:"Protocol in which OpenAI, or a compatible server, is asked: chat (chat completions, which all speak) or responses." default:"chat" enum:"chat,responses" var:"PARLEY_OPENAI_API"`

	AnthropicKey     string `name:"anthropic-api-key" help:"Key of Anthropic, for its language models." var:"ANTHROPIC_API_KEY"`
	AnthropicBaseURL string `name:"anthropic-base-url" help:"Anthropic's server, or one that speaks the same." default:"https://api.anthropic.com" var:"ANTHROPIC_BASE_URL"`
	AnthropicModel   string `name:"anthropic-model" help:"Anthropic's model for agents that name none." default:"claude-haiku-4-5" var:"PARLEY_ANTHROPIC_MODEL"`
	AnthropicCache   bool   `name:"anthropic-cache" help:"Mark what requests begin with for Anthropic's prompt cache: later turns are quicker and cheaper; what is first written costs a quarter more." default:"true" negatable:"" var:"PARLEY_ANTHROPIC_CACHE"`

	GeminiKey      string `name:"gemini-api-key" help:"Key of Google's Gemini API, for its language models." var:"GEMINI_API_KEY"`
	GoogleKey      string `name:"google-api-key" help:"Another name of that key, which comes before it." var:"GOOGLE_API_KEY"`
	GeminiBaseURL  string `name:"gemini-base-url" help:"Gemini's server, or one that speaks the same." default:"https://generativelanguage.googleapis.com" var:"GEMINI_BASE_URL"`
	GeminiModel    string `name:"gemini-model" help:"Google's model for agents that name none." default:"gemini-2.5-flash" var:"PARLEY_GEMINI_MODEL"`
	GeminiThinking int    `name:"gemini-thinking" help:"Tokens that this model may think before it answers, while the caller waits: 0 none, -1 as it likes; up to 32768. Some models cannot do without." default:"0" var:"PARLEY_GEMINI_THINKING"`
}

// geminiKey is the key of Gemini by either of its names.
func (m *models) geminiKey() string { return cmp.Or(m.GoogleKey, m.GeminiKey) }

// check says what is wrong with the settings, as far as they are used.
func (m *models) check(llm string) (bad []error) {
	if m.GeminiThinking < -1 || m.GeminiThinking > 32768 {
		bad = append(bad, fmt.Errorf("--gemini-thinking is %d: want -1 to 32768", m.GeminiThinking))
	}
	for _, v := range []struct {
		name, key, variable string
		check               func() error
	}{
		{"anthropic", m.AnthropicKey, "ANTHROPIC_API_KEY", m.anthropic().Check},
		{"gemini", m.geminiKey(), "GEMINI_API_KEY", m.gemini().Check},
	} {
		switch {
		case v.key == "" && llm == v.name:
			bad = append(bad, fmt.Errorf("--llm is %s: %s is not set", v.name, v.variable))
		case v.key != "":
			if err := v.check(); err != nil {
				bad = append(bad, fmt.Errorf("--%s-base-url, --%s-model: %w", v.name, v.name, err))
			}
		}
	}
	return bad
}

func (m *models) anthropic() *anthropic.Client {
	return &anthropic.Client{BaseURL: m.AnthropicBaseURL, Key: m.AnthropicKey, Model: m.AnthropicModel, Uncached: !m.AnthropicCache}
}

func (m *models) gemini() *gemini.Client {
	return &gemini.Client{BaseURL: m.GeminiBaseURL, Key: m.geminiKey(), Model: m.GeminiModel, Thinking: &m.GeminiThinking}
}

// name is the model that a vendor is asked for where no agent says otherwise.
func (m *models) name(vendor string) string {
	return map[string]string{"openai": m.OpenAIModel, "anthropic": m.AnthropicModel, "gemini": m.GeminiModel}[vendor]
}

// A thinker is a vendor's language model.
type thinker interface {
	pipeline.Responder
	Warm(ctx context.Context) error
	Check() error
	Close()
}

// think makes the language models that there are keys of, and chooses the one that is meant where none is named.
func (v *vendors) think(c *config, w ways) error {
	v.models = map[string]thinker{}
	if v.thinks == "openai" || c.OpenAIKey != "" || c.OpenAIBaseURL != "" {
		v.model = &openai.Client{BaseURL: c.OpenAIBaseURL, Key: c.OpenAIKey, Model: c.OpenAIModel, API: openai.API(c.OpenAIAPI), HTTP: w.openai, Prepare: c.carry()}
		v.models["openai"] = v.model
	}
	if v.thinks == "anthropic" || c.AnthropicKey != "" {
		m := c.anthropic()
		m.HTTP, m.Prepare = w.anthropic, c.carry()
		v.models["anthropic"] = m
	}
	if v.thinks == "gemini" || c.geminiKey() != "" {
		m := c.gemini()
		m.HTTP, m.Prepare = w.gemini, c.carry()
		v.models["gemini"] = m
	}
	for _, name := range modelVendors {
		m, ok := v.models[name]
		if !ok {
			continue
		}
		if err := m.Check(); err != nil {
			return usageError{err}
		}
		if v.mind == "" || name == v.thinks {
			v.mind = name
		}
	}
	return nil
}

// tuned is a vendor's language model as settings want it, and its name; nil: there is none.
func (v *vendors) tuned(vendor string, set traits.LanguageModel, own *models) (pipeline.Responder, string) {
	m, ok := v.models[vendor]
	if !ok {
		return nil, ""
	}
	name := cmp.Or(set.Model, own.name(vendor))
	if !tunes(set) {
		return m, name
	}
	switch m := m.(type) {
	case *openai.Client:
		var extra map[string]any
		if set.Effort != "" {
			extra = map[string]any{"reasoning_effort": set.Effort}
		}
		return m.Tuned(set.Model, set.Temperature, set.MaxTokens, extra), name
	case *anthropic.Client:
		return m.Tuned(set.Model, set.Temperature, set.MaxTokens, anthropicEffort(set.Effort)), name
	case *gemini.Client:
		thinking := geminiEffort(set.Effort)
		if thinking == nil && name == own.GeminiModel {
			thinking = m.Thinking // which is said of that model
		}
		return m.Tuned(set.Model, set.Temperature, set.MaxTokens, thinking), name
	}
	return m, name
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

// geminiEffort is how much a model of Google's thinks, in tokens, as its OpenAI-compatible server has it.
func geminiEffort(effort string) *int {
	if effort == "" {
		return nil
	}
	budget := map[string]int{"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576}[effort]
	return &budget
}

// isModel says whether a vendor is one of language models.
func isModel(vendor string) bool { return slices.Contains(modelVendors, vendor) }
