package main

import (
	"errors"
	"fmt"

	"parley/pipeline"
	"parley/providers/vosk"
)

// voskSettings are those of a vosk-server.
type voskSettings struct {
	VoskURL       string `name:"vosk-url" help:"A vosk-server of one's own, such as ws://localhost:2700, for recognition. Empty: there is none." var:"VOSK_URL"`
	VoskKey       string `name:"vosk-api-key" help:"Bearer token for a proxy before it; the server itself asks for none." var:"VOSK_API_KEY"`
	VoskModel     string `name:"vosk-model" help:"Path of a model on that server, for agents that name none. Empty: the one that it was started with." var:"PARLEY_VOSK_MODEL"`
	VoskExclusive bool   `name:"vosk-exclusive" help:"Let the words that a flow expects be all that it understands, as Vosk knows no words that are merely likely." default:"false" var:"PARLEY_VOSK_EXCLUSIVE"`
}

func (s *voskSettings) client(model string, w wiring) *vosk.Client {
	return &vosk.Client{Key: s.VoskKey, BaseURL: s.VoskURL, STTModel: model, Exclusive: s.VoskExclusive, NetDial: w.road.dial, Log: w.log}
}

var voskVendor = entry{
	name:   "vosk",
	absent: "this server knows of no vosk-server: VOSK_URL is not set",
	found:  func(c *config) bool { return c.VoskURL != "" },
	check: func(c *config) []error {
		if c.VoskURL == "" && c.STT == "vosk" {
			return []error{errors.New("--stt is vosk: VOSK_URL is not set")}
		}
		if err := c.voskSettings.client(c.VoskModel, wiring{}).Check(); c.VoskURL != "" && err != nil {
			return []error{fmt.Errorf("--vosk-url, --vosk-model: %w", err)}
		}
		return nil
	},
	open: func(c *config, w wiring) opened {
		k := c.voskSettings.client(c.VoskModel, w)
		return opened{stt: tunedEars(k, func(model string) pipeline.Transcriber { return c.voskSettings.client(model, w) }), check: k.Check, close: k.Close}
	},
	hears: &hears{
		Abilities: vosk.Hears,
		auto:      true,
		check:     vosk.CheckModel,
		model:     func(c *config) string { return c.VoskModel },
	},
}
