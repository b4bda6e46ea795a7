package main

import (
	"fmt"

	"parley/pipeline"
	"parley/providers/cartesia"
)

// cartesiaSettings are Cartesia's.
type cartesiaSettings struct {
	CartesiaKey      string `name:"cartesia-api-key" help:"Key of Cartesia, for recognition and voice." var:"CARTESIA_API_KEY"`
	CartesiaBaseURL  string `name:"cartesia-base-url" help:"Cartesia's server." default:"wss://api.cartesia.ai" var:"CARTESIA_BASE_URL"`
	CartesiaSTTModel string `name:"cartesia-stt-model" help:"Cartesia's recogniser, for agents that name none: ink-2 (English; finds the ends of turns itself), ink-whisper. Empty: ink-2 for English, ink-whisper for other languages." var:"PARLEY_CARTESIA_STT_MODEL"`
	CartesiaTTSModel string `name:"cartesia-tts-model" help:"Cartesia's voice model, for agents that name none." default:"sonic-3" var:"PARLEY_CARTESIA_TTS_MODEL"`
	CartesiaVoice    string `name:"cartesia-voice" help:"Id of the Cartesia voice of agents that name none." default:"f786b574-daa5-4673-aa0c-cbe3e8534c02" var:"PARLEY_CARTESIA_VOICE"`
}

func (s *cartesiaSettings) client(model string, w wiring) *cartesia.Client {
	return &cartesia.Client{
		Key: s.CartesiaKey, BaseURL: s.CartesiaBaseURL, STTModel: model, Model: s.CartesiaTTSModel, Voice: s.CartesiaVoice, NetDial: w.road.dial, Log: w.log,
	}
}

var cartesiaVendor = entry{
	name: "cartesia",
	account: func(c *config) account {
		return account{key: &c.CartesiaKey, base: &c.CartesiaBaseURL, variable: "CARTESIA_API_KEY"}
	},
	check: func(c *config) []error {
		if err := c.cartesiaSettings.client(c.CartesiaSTTModel, wiring{}).Check(); c.CartesiaKey != "" && err != nil {
			return []error{fmt.Errorf("--cartesia-...: %w", err)}
		}
		return nil
	},
	open: func(c *config, w wiring) opened {
		k := c.cartesiaSettings.client(c.CartesiaSTTModel, w)
		return opened{
			stt: tunedEars(k, func(model string) pipeline.Transcriber { return c.cartesiaSettings.client(model, w) }),
			tts: k, check: k.Check, close: k.Close,
		}
	},
	hears: &hears{
		Abilities: cartesia.Hears,
		auto:      true,
		check:     cartesia.CheckModel,
		model:     func(c *config) string { return c.CartesiaSTTModel },
		turns:     cartesia.FindsTurns,
		refuses: func(model, lang string) string {
			if english(lang) || !cartesia.EnglishOnly(model) {
				return ""
			}
			return "Cartesia's " + model + " understands English alone: ink-whisper understands others"
		},
	},
	speaks: &speaks{
		Abilities:  cartesia.Speaks,
		auto:       true,
		model:      func(c *config) string { return c.CartesiaTTSModel },
		checkModel: cartesia.CheckModel,
		checkVoice: cartesia.CheckVoice,
	},
}
