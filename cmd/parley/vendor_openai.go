package main

import (
	"cmp"
	"errors"
	"fmt"

	"parley/control/traits"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/openai"
)

// openAI is the server of a language model, and its key.
type openAI struct {
	OpenAIKey     string `name:"openai-api-key" help:"Key of the language model." var:"OPENAI_API_KEY"`
	OpenAIBaseURL string `name:"openai-base-url" help:"Any OpenAI-compatible server, such as http://localhost:11434/v1. Empty: OpenAI's own, if there is a key." var:"OPENAI_BASE_URL"`
}

// openAIModels are how that server is asked.
type openAIModels struct {
	OpenAIModel string `name:"openai-model" help:"Model to ask for." default:"gpt-4.1-mini" var:"OPENAI_MODEL"`
	OpenAIAPI   string `name:"openai-api" help:"Protocol in which OpenAI, or a compatible server, is asked: chat (chat completions, which all speak) or responses." default:"chat" enum:"chat,responses" var:"PARLEY_OPENAI_API"`
}

// openAISpeech is how it hears and speaks, also at servers of its own.
type openAISpeech struct {
	OpenAISTTModel     string `name:"openai-stt-model" help:"Model of recognition of OpenAI, or a compatible server, for agents that name none." default:"gpt-4o-transcribe" var:"PARLEY_OPENAI_STT_MODEL"`
	OpenAISTTTransport string `name:"openai-stt-transport" help:"How speech is brought to it: realtime (a socket, at OpenAI), uploads (a request for each stretch of speech, at any compatible server), auto (realtime at OpenAI itself, else uploads)." default:"auto" enum:"auto,realtime,uploads" var:"PARLEY_OPENAI_STT_TRANSPORT"`
	OpenAISTTBaseURL   string `name:"openai-stt-base-url" help:"Its OpenAI-compatible server, such as a Whisper of one's own. Empty: the language model's." var:"PARLEY_OPENAI_STT_BASE_URL"`
	OpenAISTTKey       string `name:"openai-stt-api-key" help:"Its key. Empty: the language model's, if it is the same server." var:"PARLEY_OPENAI_STT_API_KEY"`

	OpenAITTSModel        string `name:"openai-tts-model" help:"Model of the voice of OpenAI, or a compatible server, for agents that name none." default:"gpt-4o-mini-tts" var:"PARLEY_OPENAI_TTS_MODEL"`
	OpenAITTSVoice        string `name:"openai-tts-voice" help:"Its voice, for agents that name none." default:"marin" var:"PARLEY_OPENAI_TTS_VOICE"`
	OpenAITTSInstructions string `name:"openai-tts-instructions" help:"How it is to speak, such as: Speak calmly, as on the telephone." var:"PARLEY_OPENAI_TTS_INSTRUCTIONS"`
	OpenAITTSBaseURL      string `name:"openai-tts-base-url" help:"Its OpenAI-compatible server, such as a Kokoro of one's own. Empty: the language model's." var:"PARLEY_OPENAI_TTS_BASE_URL"`
	OpenAITTSKey          string `name:"openai-tts-api-key" help:"Its key. Empty: the language model's, if it is the same server." var:"PARLEY_OPENAI_TTS_API_KEY"`
}

// at is a server and its key, where a setting may name another than the language model's: a key goes to no other server.
func (o openAI) at(base, key string) (string, string) {
	if base == "" || base == o.OpenAIBaseURL {
		return o.OpenAIBaseURL, cmp.Or(key, o.OpenAIKey)
	}
	return base, key
}

// way leads to a server that may be another than the language model's: then it is one that the operator has named, maybe a private one, and an
// organisation's road is not for it.
func (o openAI) way(base string, w wiring) road {
	if base == "" || base == o.OpenAIBaseURL {
		return w.road
	}
	return road{}
}

// ears are its recogniser with a model.
func (c *config) openAIEars(model string, w wiring) *openai.Audio {
	way := c.way(c.OpenAISTTBaseURL, w)
	a := &openai.Audio{STTModel: model, NetDial: way.dial, HTTP: way.http, Log: w.log}
	if c.OpenAISTTTransport != traits.Auto {
		a.Transport = openai.Transport(c.OpenAISTTTransport)
	}
	a.BaseURL, a.Key = c.at(c.OpenAISTTBaseURL, c.OpenAISTTKey)
	return a
}

func (c *config) openAIVoice(w wiring) *openai.Audio {
	way := c.way(c.OpenAITTSBaseURL, w)
	a := &openai.Audio{Model: c.OpenAITTSModel, Voice: c.OpenAITTSVoice, Instructions: c.OpenAITTSInstructions, NetDial: way.dial, HTTP: way.http, Log: w.log}
	a.BaseURL, a.Key = c.at(c.OpenAITTSBaseURL, c.OpenAITTSKey)
	return a
}

// checkOpenAI says what is wrong with the servers of its speech.
func checkOpenAI(c *config) (bad []error) {
	for flag, base := range map[string]string{"openai-stt-base-url": c.OpenAISTTBaseURL, "openai-tts-base-url": c.OpenAITTSBaseURL} {
		if err := (&openai.Audio{BaseURL: base}).Check(); base != "" && err != nil {
			bad = append(bad, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	return bad
}

var openAIVendor = entry{
	name: "openai",
	account: func(c *config) account {
		return account{
			key: &c.OpenAIKey, base: &c.OpenAIBaseURL, bare: true,
			annexes: []annex{{&c.OpenAISTTKey, &c.OpenAISTTBaseURL}, {&c.OpenAITTSKey, &c.OpenAITTSBaseURL}},
		}
	},
	open: func(c *config, w wiring) opened {
		m := &openai.Client{BaseURL: c.OpenAIBaseURL, Key: c.OpenAIKey, Model: c.OpenAIModel, API: openai.API(c.OpenAIAPI), HTTP: w.road.http, Prepare: c.carry()}
		ears, voice := c.openAIEars(c.OpenAISTTModel, w), c.openAIVoice(w)
		return opened{
			llm: m, tts: voice, check: m.Check,
			stt:   tunedEars(ears, func(model string) pipeline.Transcriber { return c.openAIEars(model, w) }),
			close: func() error { m.Close(); return errors.Join(ears.Close(), voice.Close()) },
			bases: map[string]string{providers.LLM: m.BaseURL, providers.STT: ears.BaseURL, providers.TTS: voice.BaseURL},
		}
	},
	check:  checkOpenAI,
	hears:  &hears{Abilities: openai.Hears, model: func(c *config) string { return c.OpenAISTTModel }},
	speaks: &speaks{Abilities: openai.Speaks, model: func(c *config) string { return c.OpenAITTSModel }},
	thinks: &thinks{
		Abilities: openai.Thinks,
		model:     func(c *config) string { return c.OpenAIModel },
		tune: func(m thinker, _ *config, _ string, set traits.LanguageModel) pipeline.Responder {
			var extra map[string]any
			if set.Effort != "" {
				extra = map[string]any{"reasoning_effort": set.Effort}
			}
			return m.(*openai.Client).Tuned(set.Model, set.Temperature, set.MaxTokens, extra)
		},
	},
}

// quietly closes what tells of no error.
func quietly(closes func()) func() error { return func() error { closes(); return nil } }
