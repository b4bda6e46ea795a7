package main

import (
	"fmt"

	"parley/pipeline"
	"parley/providers/assemblyai"
)

// assemblyAISettings are AssemblyAI's.
type assemblyAISettings struct {
	AssemblyAIKey     string `name:"assemblyai-api-key" help:"Key of AssemblyAI, for recognition." var:"ASSEMBLYAI_API_KEY"`
	AssemblyAIBaseURL string `name:"assemblyai-base-url" help:"AssemblyAI's server for streaming: wss://streaming.eu.assemblyai.com keeps data in the EU." default:"wss://streaming.assemblyai.com" var:"ASSEMBLYAI_BASE_URL"`
	AssemblyAIModel   string `name:"assemblyai-stt-model" help:"AssemblyAI's recogniser, for agents that name none: universal-streaming-english, or universal-streaming-multilingual." default:"universal-streaming-english" var:"PARLEY_ASSEMBLYAI_STT_MODEL"`
}

func (s *assemblyAISettings) client(model string, w wiring) *assemblyai.Client {
	return &assemblyai.Client{Key: s.AssemblyAIKey, BaseURL: s.AssemblyAIBaseURL, STTModel: model, NetDial: w.road.dial, Log: w.log}
}

var assemblyAIVendor = entry{
	name: "assemblyai",
	account: func(c *config) account {
		return account{key: &c.AssemblyAIKey, base: &c.AssemblyAIBaseURL, variable: "ASSEMBLYAI_API_KEY"}
	},
	check: func(c *config) []error {
		if err := c.assemblyAISettings.client(c.AssemblyAIModel, wiring{}).Check(); c.AssemblyAIKey != "" && err != nil {
			return []error{fmt.Errorf("--assemblyai-base-url, --assemblyai-stt-model: %w", err)}
		}
		return nil
	},
	open: func(c *config, w wiring) opened {
		a := c.assemblyAISettings.client(c.AssemblyAIModel, w)
		return opened{stt: tunedEars(a, func(model string) pipeline.Transcriber { return c.assemblyAISettings.client(model, w) }), check: a.Check, close: a.Close}
	},
	hears: &hears{
		Abilities: assemblyai.Hears,
		auto:      true,
		check:     assemblyai.CheckModel,
		model:     func(c *config) string { return c.AssemblyAIModel },
		refuses: func(model, lang string) string {
			if english(lang) || model != assemblyai.DefaultModel {
				return ""
			}
			return "AssemblyAI's " + model + " understands English alone: universal-streaming-multilingual understands others"
		},
	},
}
