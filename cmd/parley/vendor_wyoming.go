package main

import (
	"errors"
	"fmt"

	"parley/pipeline"
	"parley/providers/wyoming"
)

// wyomingSettings are those of Wyoming servers: one that listens, and one that speaks.
type wyomingSettings struct {
	WyomingSTTURL   string `name:"wyoming-stt-url" help:"A Wyoming server of one's own for recognition, such as tcp://localhost:10300 (wyoming-faster-whisper). Empty: there is none." var:"WYOMING_STT_URL"`
	WyomingSTTModel string `name:"wyoming-stt-model" help:"Its model, for agents that name none. Empty: the server's own." var:"PARLEY_WYOMING_STT_MODEL"`
	WyomingTTSURL   string `name:"wyoming-tts-url" help:"A Wyoming server of one's own for the voice, such as tcp://localhost:10200 (wyoming-piper). Empty: there is none." var:"WYOMING_TTS_URL"`
	WyomingVoice    string `name:"wyoming-voice" help:"Its voice, for agents that name none. Empty: the server's own." var:"PARLEY_WYOMING_VOICE"`
}

func (s *wyomingSettings) ears(model string, w wiring) *wyoming.Client {
	return &wyoming.Client{BaseURL: s.WyomingSTTURL, STTModel: model, NetDial: w.road.dial, Log: w.log}
}

func (s *wyomingSettings) voice(w wiring) *wyoming.Client {
	return &wyoming.Client{BaseURL: s.WyomingTTSURL, Voice: s.WyomingVoice, NetDial: w.road.dial, Log: w.log}
}

var wyomingVendor = entry{
	name:   "wyoming",
	absent: "this server knows of no such Wyoming server: WYOMING_STT_URL listens, WYOMING_TTS_URL speaks",
	found:  func(c *config) bool { return c.WyomingSTTURL != "" || c.WyomingTTSURL != "" },
	check: func(c *config) (bad []error) {
		if c.WyomingSTTURL == "" && c.STT == "wyoming" {
			bad = append(bad, errors.New("--stt is wyoming: WYOMING_STT_URL is not set"))
		}
		if c.WyomingTTSURL == "" && c.TTS == "wyoming" {
			bad = append(bad, errors.New("--tts is wyoming: WYOMING_TTS_URL is not set"))
		}
		if err := c.ears(c.WyomingSTTModel, wiring{}).Check(); err != nil {
			bad = append(bad, fmt.Errorf("--wyoming-stt-url, --wyoming-stt-model: %w", err))
		}
		if err := c.wyomingSettings.voice(wiring{}).Check(); err != nil {
			bad = append(bad, fmt.Errorf("--wyoming-tts-url, --wyoming-voice: %w", err))
		}
		return bad
	},
	open: func(c *config, w wiring) (o opened) {
		if c.WyomingSTTURL != "" {
			o.stt = tunedEars(c.ears(c.WyomingSTTModel, w), func(model string) pipeline.Transcriber { return c.ears(model, w) })
		}
		if c.WyomingTTSURL != "" {
			voice := c.voice(w)
			o.tts, o.close = voice, voice.Close
		}
		return o
	},
	hears: &hears{
		Abilities: wyoming.Hears,
		there:     func(c *config) bool { return c.WyomingSTTURL != "" },
		auto:      true,
		check:     wyoming.CheckModel,
		model:     func(c *config) string { return c.WyomingSTTModel },
	},
	speaks: &speaks{
		Abilities:  wyoming.Speaks,
		there:      func(c *config) bool { return c.WyomingTTSURL != "" },
		auto:       true,
		unmodelled: "a Wyoming server's voices are named by voice_settings.voice",
		checkVoice: wyoming.CheckVoice,
	},
}
