package main

import (
	"cmp"

	"parley/control/traits"
	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/gemini"
	"parley/providers/openai"
)

// conversants are the settings of speech-to-speech models besides their vendors' servers and keys.
type conversants struct {
	RealtimeModel string `name:"openai-realtime-model" help:"OpenAI's model that hears and speaks itself, for agents whose vendor is openai-realtime and that name none." default:"gpt-realtime" var:"PARLEY_OPENAI_REALTIME_MODEL"`
	RealtimeVoice string `name:"openai-realtime-voice" help:"Its voice, for agents that name none: marin, cedar, alloy, ash, ballad, coral, echo, sage, shimmer, verse." default:"marin" var:"PARLEY_OPENAI_REALTIME_VOICE"`
	LiveModel     string `name:"gemini-live-model" help:"Google's model that hears and speaks itself, for agents whose vendor is gemini-live and that name none." default:"gemini-2.5-flash-native-audio-preview-09-2025" var:"PARLEY_GEMINI_LIVE_MODEL"`
	LiveVoice     string `name:"gemini-live-voice" help:"Its voice, for agents that name none, such as Puck, Kore or Aoede." default:"Puck" var:"PARLEY_GEMINI_LIVE_VOICE"`
}

// converses is what is known of a vendor's speech-to-speech models. They have the account of the vendor's other models.
type converses struct {
	providers.Abilities

	of    *entry // whose account it is
	check func(model string) error
	open  func(v *vendors, c *config, set traits.LanguageModel) (m pipeline.Conversant, model string)
}

// speechModels are the speech-to-speech models that agents may choose (settings.providers.llm.vendor), by their names.
var speechModels = map[string]converses{
	"openai-realtime": {
		Abilities: openai.Converses, of: &openAIVendor,
		open: func(v *vendors, c *config, set traits.LanguageModel) (pipeline.Conversant, string) {
			model := cmp.Or(set.Model, c.RealtimeModel)
			return &openai.Realtime{
				BaseURL: v.keys.OpenAIBaseURL, Key: v.keys.OpenAIKey, Model: model, Voice: cmp.Or(set.Voice, c.RealtimeVoice), MaxTokens: set.MaxTokens,
				NetDial: v.ways["openai"].dial,
			}, model
		},
	},
	"gemini-live": {
		Abilities: gemini.Converses, of: &geminiVendor, check: gemini.CheckModel,
		open: func(v *vendors, c *config, set traits.LanguageModel) (pipeline.Conversant, string) {
			model := cmp.Or(set.Model, c.LiveModel)
			return &gemini.Live{
				BaseURL: v.keys.GeminiBaseURL, Key: geminiVendor.account(v.keys).secret(), Model: model, Voice: cmp.Or(set.Voice, c.LiveVoice), MaxTokens: set.MaxTokens,
				NetDial: v.ways["gemini"].dial,
			}, model
		},
	},
}

// converse lets a speech-to-speech model answer. What is only written is the server's own model's, as is all if there is no key of it.
func (c *company) converse(r *role, set traits.LanguageModel) {
	const path = "settings.providers.llm."
	c.think(r, traits.LanguageModel{})
	known := speechModels[set.Vendor]
	if !known.of.there(r.vendors.keys) {
		r.refuse(path+"vendor", "this server has no key of "+known.of.name)
		return
	}
	if set.Model != "" && known.check != nil && known.check(set.Model) != nil {
		r.refuse(path+"model", known.check(set.Model).Error())
		return
	}
	m, name := known.open(r.vendors, c.cfg, set)
	if set.Temperature != nil {
		r.refuse(path+"temperature", set.Vendor+" has none")
	}
	if set.Effort != "" {
		r.refuse(path+"reasoning_effort", set.Vendor+" has none")
	}
	if r.plan.Flow != nil {
		r.refuse("settings.flow", "is not used: providers.llm.vendor is "+set.Vendor)
	}
	r.thinks, r.asks, r.script, r.conversant = set.Vendor, name, nil, m
}

// answers is who answers a call, with those who go along: who hears the caller beside the recogniser, who is told of what happens, who speaks.
func (r *role) answers(agent *pipeline.Agent, info media.Info, known informed, on relayLine) pipeline.Parts {
	switch {
	case r.relay != nil:
		return r.relayed(agent, info, on)
	case r.conversant == nil:
		return pipeline.Parts{Responder: r.responder(info, known), Synthesizer: r.voice()}
	}
	v := pipeline.NewConversation(r.conversant, pipeline.Briefing{Agent: agent, Rate: info.Rate})
	return pipeline.Parts{Responder: known.by(r.vendors.meter(r.thinks, providers.LLM, r.asks).Responder(v)), Hearer: v, Synthesizer: r.voice()}
}

// voice is the one that speaks the house's own words: with a speech-to-speech model it is not made ready for each of its answers.
func (r *role) voice() pipeline.Synthesizer {
	if r.conversant == nil {
		return r.speaker.tts
	}
	return providers.Patient{Synthesizer: r.speaker.tts}
}
