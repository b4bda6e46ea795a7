package main

import (
	"fmt"

	"parley/providers/rime"
)

// rimeSettings are Rime's.
type rimeSettings struct {
	RimeKey     string `name:"rime-api-key" help:"Key of Rime, for its voice." var:"RIME_API_KEY"`
	RimeBaseURL string `name:"rime-base-url" help:"Rime's server, or one of a region." default:"wss://users-ws.rime.ai" var:"RIME_BASE_URL"`
	RimeModel   string `name:"rime-tts-model" help:"Rime's model, for agents that name none: coda, mistv3, mistv2." default:"coda" var:"PARLEY_RIME_TTS_MODEL"`
	RimeVoice   string `name:"rime-voice" help:"Name of the Rime speaker of agents that name none." default:"astra" var:"PARLEY_RIME_VOICE"`
}

func (s *rimeSettings) client(w wiring) *rime.Client {
	return &rime.Client{Key: s.RimeKey, BaseURL: s.RimeBaseURL, Model: s.RimeModel, Voice: s.RimeVoice, NetDial: w.road.dial}
}

var rimeVendor = entry{
	name: "rime",
	account: func(c *config) account {
		return account{key: &c.RimeKey, base: &c.RimeBaseURL, variable: "RIME_API_KEY"}
	},
	check: func(c *config) []error {
		if err := c.rimeSettings.client(wiring{}).Check(); c.RimeKey != "" && err != nil {
			return []error{fmt.Errorf("--rime-base-url, --rime-tts-model, --rime-voice: %w", err)}
		}
		return nil
	},
	open: func(c *config, w wiring) opened {
		r := c.rimeSettings.client(w)
		return opened{tts: r, check: r.Check, close: r.Close}
	},
	speaks: &speaks{
		Abilities:  rime.Speaks,
		auto:       true,
		model:      func(c *config) string { return c.RimeModel },
		checkModel: rime.CheckModel,
		checkVoice: rime.CheckVoice,
	},
}
