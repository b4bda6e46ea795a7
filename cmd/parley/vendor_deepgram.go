package main

import (
	"strings"

	"parley/pipeline"
	"parley/providers/deepgram"
)

// deepgramSettings are Deepgram's.
type deepgramSettings struct {
	DeepgramKey     string `name:"deepgram-api-key" help:"Key of Deepgram, for recognition and voice." var:"DEEPGRAM_API_KEY"`
	DeepgramBaseURL string `name:"deepgram-base-url" help:"Deepgram's server, or one's own." default:"wss://api.deepgram.com" var:"DEEPGRAM_BASE_URL"`
	// DeepgramSTTModel is prefixed, as PARLEY_STT_MODEL is the local recogniser's.
	DeepgramSTTModel string `name:"deepgram-stt-model" help:"Deepgram's recogniser, of agents that name none: nova-3 (any language), or flux-general-en or flux-general-multi, which find the ends of turns themselves." default:"nova-3" var:"PARLEY_DEEPGRAM_STT_MODEL"`
}

// deepgramVoice speaks where an agent names no voice.
const deepgramVoice = "aura-2-thalia-en"

var deepgramVendor = entry{
	name:    "deepgram",
	account: func(c *config) account { return account{key: &c.DeepgramKey, base: &c.DeepgramBaseURL} },
	open: func(c *config, w wiring) opened {
		with := func(model string) *deepgram.Client {
			return &deepgram.Client{Key: c.DeepgramKey, BaseURL: c.DeepgramBaseURL, STTModel: model, TTSModel: deepgramVoice, NetDial: w.road.dial, Log: w.log}
		}
		d := with(c.DeepgramSTTModel)
		return opened{stt: tunedEars(d, func(model string) pipeline.Transcriber { return with(model) }), tts: d, close: d.Close}
	},
	hears: &hears{
		Abilities: deepgram.Hears,
		auto:      true,
		model:     func(c *config) string { return c.DeepgramSTTModel },
		turns:     func(model string, _ pipeline.Listening) bool { return strings.HasPrefix(model, "flux-") },
		refuses: func(model, lang string) string {
			if english(lang) || !deepgram.EnglishOnly(model) {
				return ""
			}
			return "Deepgram's " + model + " understands English alone: flux-general-multi and nova-3 understand others"
		},
	},
	speaks: &speaks{
		Abilities: deepgram.Speaks,
		auto:      true,
		model:     func(*config) string { return deepgramVoice },
		named:     true,
	},
}

// tunedEars are a vendor's recognisers: its usual one, and those with another model. Recognition keeps nothing open between calls.
func tunedEars(usual pipeline.Transcriber, with func(model string) pipeline.Transcriber) func(model string) (pipeline.Transcriber, error) {
	return func(model string) (pipeline.Transcriber, error) {
		if model == "" {
			return usual, nil
		}
		return with(model), nil
	}
}
