package main

import (
	"errors"
	"fmt"
	"slices"

	"parley/pipeline"
	"parley/providers/vosk"
)

// voskSettings are those of a vosk-server.
type voskSettings struct {
	VoskURL       string   `name:"vosk-url" help:"A vosk-server of one's own, such as ws://localhost:2700, for recognition. Empty: there is none." var:"VOSK_URL"`
	VoskKey       string   `name:"vosk-api-key" help:"Bearer token for a proxy before it; the server itself asks for none." var:"VOSK_API_KEY"`
	VoskModel     string   `name:"vosk-model" help:"Path of a model on that server, for agents that name none. Empty: the one that it was started with." var:"PARLEY_VOSK_MODEL"`
	VoskModels    []string `name:"vosk-models" help:"Paths of models on that server that agents may name besides, separated by commas. The server as it comes has one model at a time, for all calls. Empty: none." placeholder:"PATH" var:"PARLEY_VOSK_MODELS"`
	VoskExclusive bool     `name:"vosk-exclusive" help:"Let the words that a flow expects be all that it understands, as Vosk knows no words that are merely likely." default:"false" var:"PARLEY_VOSK_EXCLUSIVE"`
}

func (s *voskSettings) client(model string, w wiring) *vosk.Client {
	return &vosk.Client{Key: s.VoskKey, BaseURL: s.VoskURL, STTModel: model, Exclusive: s.VoskExclusive, NetDial: w.road.dial, Log: w.log}
}

// voskAllows says whether an agent may name a model: a path on a server of the operator's, which would have it loaded for all calls.
func (s *voskSettings) voskAllows(model string) bool {
	return model == "" || model == s.VoskModel || slices.Contains(s.VoskModels, model)
}

var voskVendor = entry{
	name:   "vosk",
	absent: "this server knows of no vosk-server: VOSK_URL is not set",
	found:  func(c *config) bool { return c.VoskURL != "" },
	check: func(c *config) []error {
		if c.VoskURL == "" && c.STT == "vosk" {
			return []error{errors.New("--stt is vosk: VOSK_URL is not set")}
		}
		for _, model := range append([]string{c.VoskModel}, c.VoskModels...) {
			if err := c.voskSettings.client(model, wiring{}).Check(); c.VoskURL != "" && err != nil {
				return []error{fmt.Errorf("--vosk-url, --vosk-model, --vosk-models: %w", err)}
			}
		}
		return nil
	},
	open: func(c *config, w wiring) opened {
		k := c.voskSettings.client(c.VoskModel, w)
		tuned := tunedEars(k, func(model string) pipeline.Transcriber { return c.voskSettings.client(model, w) })
		stt := func(model string) (pipeline.Transcriber, error) {
			if !c.voskAllows(model) {
				return nil, fmt.Errorf("the operator has not listed %q among the models of vosk-server that agents may name (PARLEY_VOSK_MODELS)", model)
			}
			return tuned(model)
		}
		return opened{stt: stt, check: k.Check, close: k.Close}
	},
	hears: &hears{
		Abilities: vosk.Hears,
		auto:      true,
		model:     func(c *config) string { return c.VoskModel },
	},
}
