package main

import (
	"cmp"
	"context"
	"net"
	"slices"

	"parley/control/traits"
	"parley/media"
	"parley/pipeline"
	"parley/providers"
	"parley/providers/gemini"
	"parley/providers/openai"
)

// conversantVendors are the speech-to-speech models that agents may choose (settings.providers.llm.vendor).
var conversantVendors = []string{"openai-realtime", "gemini-live"}

// isConversant says whether a vendor is one of speech-to-speech models.
func isConversant(vendor string) bool { return slices.Contains(conversantVendors, vendor) }

// conversants are the settings of speech-to-speech models besides their vendors' servers and keys.
type conversants struct {
	RealtimeModel string `name:"openai-realtime-model" help:"OpenAI's model that hears and speaks itself, for agents whose vendor is openai-realtime and that name none." default:"gpt-realtime" var:"PARLEY_OPENAI_REALTIME_MODEL"`
	RealtimeVoice string `name:"openai-realtime-voice" help:"Its voice, for agents that name none: marin, cedar, alloy, ash, ballad, coral, echo, sage, shimmer, verse." default:"marin" var:"PARLEY_OPENAI_REALTIME_VOICE"`
	LiveModel     string `name:"gemini-live-model" help:"Google's model that hears and speaks itself, for agents whose vendor is gemini-live and that name none." default:"gemini-2.5-flash-native-audio-preview-09-2025" var:"PARLEY_GEMINI_LIVE_MODEL"`
	LiveVoice     string `name:"gemini-live-voice" help:"Its voice, for agents that name none, such as Puck, Kore or Aoede." default:"Puck" var:"PARLEY_GEMINI_LIVE_VOICE"`
}

// dialing opens connections to servers that an organisation has named; nil: as all others.
type dialing func(ctx context.Context, network, address string) (net.Conn, error)

// conversant is a vendor's speech-to-speech model as an agent wants it, and its name; nil: there is no key of it.
func (v *vendors) conversant(c *config, set traits.LanguageModel) (pipeline.Conversant, string) {
	switch vendor := set.Vendor; {
	case vendor == "openai-realtime" && (v.keys.OpenAIKey != "" || v.keys.OpenAIBaseURL != ""):
		model := cmp.Or(set.Model, c.RealtimeModel)
		return &openai.Realtime{
			BaseURL: v.keys.OpenAIBaseURL, Key: v.keys.OpenAIKey, Model: model, Voice: cmp.Or(set.Voice, c.RealtimeVoice), MaxTokens: set.MaxTokens, NetDial: v.ways.realtime,
		}, model
	case vendor == "gemini-live" && v.keys.geminiKey() != "":
		model := cmp.Or(set.Model, c.LiveModel)
		return &gemini.Live{
			BaseURL: v.keys.GeminiBaseURL, Key: v.keys.geminiKey(), Model: model, Voice: cmp.Or(set.Voice, c.LiveVoice), MaxTokens: set.MaxTokens, NetDial: v.ways.live,
		}, model
	}
	return nil, ""
}

// converse lets a speech-to-speech model answer. What is only written is the server's own model's, as is all if there is no key of it.
func (c *company) converse(r *role, set traits.LanguageModel) {
	const path = "settings.providers.llm."
	c.think(r, traits.LanguageModel{})
	m, name := r.vendors.conversant(c.cfg, set)
	if m == nil {
		r.refuse(path+"vendor", r.vendors.absent(set.Vendor).Error())
		return
	}
	if set.Model != "" && set.Vendor == "gemini-live" && gemini.CheckModel(set.Model) != nil {
		r.refuse(path+"model", gemini.CheckModel(set.Model).Error())
		return
	}
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

// answers is who answers a call, and who hears the caller beside the recogniser, if somebody does.
func (r *role) answers(agent *pipeline.Agent, info media.Info, known informed) (pipeline.Responder, pipeline.Hearer) {
	if r.conversant == nil {
		return r.responder(info, known), nil
	}
	v := pipeline.NewConversation(r.conversant, pipeline.Briefing{Agent: agent, Rate: info.Rate})
	return known.by(r.vendors.meter(r.thinks).Responder(v)), v
}

// voice is the one that speaks the house's own words: with a speech-to-speech model it is not made ready for each of its answers.
func (r *role) voice() pipeline.Synthesizer {
	if r.conversant == nil {
		return r.speaker.tts
	}
	return providers.Patient{Synthesizer: r.speaker.tts}
}
