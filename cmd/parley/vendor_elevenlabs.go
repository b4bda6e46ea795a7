package main

import (
	"fmt"

	"parley/pipeline"
	"parley/providers/elevenlabs"
)

// elevenLabsSettings are ElevenLabs'.
type elevenLabsSettings struct {
	ElevenLabsKey     string `name:"elevenlabs-api-key" help:"Key of ElevenLabs, for its voice, and to fetch the transcripts of calls that its agents held, for organisations without a key of their own. Empty: those have neither." var:"ELEVENLABS_API_KEY"`
	ElevenLabsBaseURL string `name:"elevenlabs-base-url" help:"ElevenLabs' server: https://api.us.elevenlabs.io and others keep data in one region." default:"https://api.elevenlabs.io" var:"ELEVENLABS_BASE_URL"`
	ElevenLabsVoice   string `name:"elevenlabs-voice" help:"Id of the ElevenLabs voice of agents that name none (voice_settings.voice)." default:"JBFqnCBsd6RMkjVDRZzb" var:"ELEVENLABS_VOICE"`
	ElevenLabsModel   string `name:"elevenlabs-model" help:"ElevenLabs' model for agents that name none (settings.providers.tts.model): eleven_flash_v2_5 (quickest), eleven_turbo_v2_5, eleven_multilingual_v2; not eleven_v3." default:"eleven_flash_v2_5" var:"ELEVENLABS_MODEL"`
	ElevenLabsBy      string `name:"elevenlabs-tts-transport" help:"How ElevenLabs' voice is asked: socket, or http (a request for each clause) for networks and plans without sockets." default:"socket" enum:"socket,http" var:"PARLEY_ELEVENLABS_TTS_TRANSPORT"`
	ElevenLabsSTT     string `name:"elevenlabs-stt-model" help:"ElevenLabs' recogniser, for agents that name none." default:"scribe_v2_realtime" var:"PARLEY_ELEVENLABS_STT_MODEL"`
}

// scribe is its recogniser with a model.
func (s *elevenLabsSettings) scribe(model string, w wiring) *elevenlabs.Scribe {
	return &elevenlabs.Scribe{Key: s.ElevenLabsKey, BaseURL: s.ElevenLabsBaseURL, STTModel: model, NetDial: w.road.dial, Log: w.log}
}

var elevenLabsVendor = entry{
	name: "elevenlabs",
	account: func(c *config) account {
		return account{key: &c.ElevenLabsKey, base: &c.ElevenLabsBaseURL, variable: "ELEVENLABS_API_KEY"}
	},
	check: func(c *config) (bad []error) {
		if c.ElevenLabsKey == "" {
			return nil
		}
		if err := (&elevenlabs.Client{Key: c.ElevenLabsKey, BaseURL: c.ElevenLabsBaseURL}).Check(); err != nil {
			bad = append(bad, fmt.Errorf("--elevenlabs-base-url is %q: %w", c.ElevenLabsBaseURL, err))
		}
		if err := elevenlabs.CheckVoice(c.ElevenLabsVoice); err != nil {
			bad = append(bad, fmt.Errorf("--elevenlabs-voice: %w", err))
		}
		if err := elevenlabs.CheckModel(c.ElevenLabsModel); err != nil {
			bad = append(bad, fmt.Errorf("--elevenlabs-model: %w", err))
		}
		if err := elevenlabs.CheckSTTModel(c.ElevenLabsSTT); err != nil {
			bad = append(bad, fmt.Errorf("--elevenlabs-stt-model: %w", err))
		}
		return bad
	},
	open: func(c *config, w wiring) opened {
		e := &elevenlabs.Client{
			Key: c.ElevenLabsKey, BaseURL: c.ElevenLabsBaseURL, Voice: c.ElevenLabsVoice, Model: c.ElevenLabsModel, NetDial: w.road.dial, HTTP: w.road.http,
			Transport: elevenlabs.Transport(c.ElevenLabsBy),
		}
		stt := tunedEars(c.scribe(c.ElevenLabsSTT, w), func(model string) pipeline.Transcriber { return c.scribe(model, w) })
		return opened{stt: stt, tts: e, check: e.Check, close: e.Close}
	},
	hears: &hears{
		Abilities: elevenlabs.Hears,
		check:     elevenlabs.CheckSTTModel,
		model:     func(c *config) string { return c.ElevenLabsSTT },
	},
	speaks: &speaks{
		Abilities:  elevenlabs.Speaks,
		auto:       true,
		model:      func(c *config) string { return c.ElevenLabsModel },
		checkModel: elevenlabs.CheckModel,
		checkVoice: elevenlabs.CheckVoice,
		timbre:     true,
	},
}
