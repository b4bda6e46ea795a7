package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"parley/control/traits"
	"parley/control/voice"
	"parley/media"
	"parley/pipeline"
	"parley/pipeline/flow"
	"parley/providers/deepgram"
	"parley/providers/elevenlabs"
	"parley/providers/gemini"
	"parley/store"
)

// A role is what one version of an agent comes to on this server: its settings, made ready for calls. It is not changed any more.
type role struct {
	version  int
	vendors  *vendors // by whom it is played
	plan     traits.Plan
	problems []traits.Finding // what of the settings cannot be used: the server's own is there instead
	agent    pipeline.Agent   // without what belongs to a call: prompt, tools, keys

	hears, thinks, speaks string // the vendors' names
	stt                   pipeline.Transcriber
	speaker               speaker
	model                 pipeline.Responder // nil: there is none
	asks                  string             // the model's name
	script                *flow.Flow         // that answers; nil: the model does
	tools                 *toolbox
	lent                  lent // what they know of the organisation's secrets
	record                bool
}

// refuse notes what of the settings cannot be used.
func (r *role) refuse(path, reason string) {
	r.problems = append(r.problems, traits.Finding{Path: path, Reason: reason})
}

// newRole makes an agent's settings ready, each part for itself: one that cannot be used is the server's own.
func (c *company) newRole(v *vendors, row store.Agent) *role {
	r := &role{version: row.Version, vendors: v, record: c.cfg.Record, tools: c.tools}
	r.plan, r.problems = traits.Read(row.Settings, c.cfg.manners)
	r.agent = pipeline.Agent{Name: row.Name, Lang: c.cfg.Lang, Manners: r.plan.Manners}
	if rec := r.plan.Set.Recording; rec != nil && rec.Enabled != nil {
		r.record = *rec.Enabled
	}
	var set traits.Providers
	if r.plan.Set.Providers != nil {
		set = *r.plan.Set.Providers
	}
	c.hear(r, or(set.STT))
	c.speak(r, or(set.TTS), row.VoiceSettings)
	c.think(r, or(set.LLM))
	if r.plan.Tools != nil {
		r.lent = lent{}
		tools, wrong := c.toolsOf(r.plan.Tools, c.secretsOf(row.Org, r.lent))
		if r.problems = append(r.problems, wrong...); tools != nil {
			r.tools = tools
		}
	}
	return r
}

// or is what p points to, or nothing set.
func or[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// chosen is a vendor by its name, where "auto" and none mean the server's own.
func chosen(vendor, own string) string {
	switch vendor {
	case "", "auto":
		return own
	case "11labs": // as other contracts call it
		return "elevenlabs"
	}
	return vendor
}

// hear chooses the recogniser, and its language.
func (c *company) hear(r *role, set traits.Speech) {
	const path = "settings.providers.stt."
	r.hears, r.stt = r.vendors.hears, r.vendors.stt
	vendor, model := chosen(set.Vendor, r.hears), c.cfg.DeepgramSTTModel
	switch stt, err := r.vendors.hearing(vendor, set.Model); {
	case err == nil:
		r.hears, r.stt, model = vendor, stt, cmp.Or(set.Model, model)
	case r.vendors.has(vendor) && vendor != "elevenlabs": // which only speaks
		r.refuse(path+"model", err.Error())
	default:
		r.refuse(path+"vendor", err.Error())
	}
	if l := or(r.plan.Set.Languages).Listening; l != "" {
		if r.hears == "local" && !english(l) {
			r.refuse("settings.languages.listening", "the local recogniser understands English alone")
			return
		}
		if r.hears == "deepgram" && deepgram.EnglishOnly(model) && !english(l) {
			r.refuse("settings.languages.listening", "Deepgram's "+model+" understands English alone: flux-general-multi and nova-3 understand others")
			return
		}
		r.agent.Lang = l
	}
}

// localVoices are those that local speech has.
var localVoices = []string{"jenny", "slt"}

// speak chooses the voice, and its language.
func (c *company) speak(r *role, set traits.Speaking, settings string) {
	r.speaks = r.vendors.speaks
	switch vendor := chosen(set.Vendor, r.speaks); {
	case !r.vendors.has(vendor):
		r.refuse("settings.providers.tts.vendor", r.vendors.absent(vendor).Error())
		set.Model = "" // it is that vendor's
	case vendor == "local" && set.Model != "":
		r.refuse("settings.providers.tts.model", "the local vendor's voices are named by voice_settings.voice: "+strings.Join(localVoices, ", "))
	default:
		r.speaks = vendor
	}
	r.speaker = r.vendors.speakers[r.speaks]
	var v voice.Voice
	if settings != "" && json.Unmarshal([]byte(settings), &v) != nil {
		r.refuse("voice_settings", "cannot be read")
	}
	name, lang, at := or(v.Voice), or(r.plan.Set.Languages).Speaking, "settings.languages.speaking"
	if own := or(v.Language); own != "" {
		lang, at = own, "voice_settings.language"
	}
	if r.speaks == "deepgram" {
		name = cmp.Or(name, set.Model) // which are the same to it
	}
	if r.speaks == "elevenlabs" {
		r.agent.Voice = r.elevenLabs(name, set.Model, lang, v)
		return
	}
	if r.speaks == "local" && name != "" && name != localVoices[0] && name != localVoices[1] {
		r.refuse("voice_settings.voice", "the local voices are "+strings.Join(localVoices, " and "))
		name = ""
	}
	if r.speaks == "local" && lang != "" && !english(lang) {
		r.refuse(at, "the local voice speaks English alone")
		lang = ""
	}
	if r.speaks == "local" && lang == "" && !english(r.agent.Lang) && r.agent.Lang != c.cfg.Lang {
		r.refuse("settings.languages.speaking", "has to be English, as the local voice is: callers are heard in "+r.agent.Lang)
		lang = "en"
	}
	r.agent.Voice = pipeline.Voice{Name: name, Lang: lang, Pace: or(v.Speed)}
}

// elevenLabs is a voice of theirs, which alone knows all of voice_settings.
func (r *role) elevenLabs(name, model, lang string, v voice.Voice) pipeline.Voice {
	if err := elevenlabs.CheckVoice(name); name != "" && err != nil {
		r.refuse("voice_settings.voice", err.Error())
		name = ""
	}
	if err := elevenlabs.CheckModel(model); model != "" && err != nil {
		r.refuse("settings.providers.tts.model", err.Error())
		model = ""
	}
	return pipeline.Voice{
		Name: name, Model: model, Lang: lang, Pace: or(v.Speed),
		Timbre: pipeline.Timbre{Stability: choice(v.Stability), Similarity: choice(v.SimilarityBoost), Style: choice(v.Style), Boost: choice(v.SpeakerBoost)},
	}
}

// choice is what p points to, or none.
func choice[T comparable](p *T) (c pipeline.Choice[T]) {
	if p != nil {
		c.Made, c.Value = true, *p
	}
	return c
}

// think chooses who answers.
func (c *company) think(r *role, set traits.LanguageModel) {
	const path = "settings.providers.llm."
	r.thinks, r.script = r.vendors.thinks, r.vendors.script
	vendor, mind := chosen(set.Vendor, ""), r.vendors.mind
	if isModel(vendor) && r.vendors.models[vendor] == nil && r.plan.Flow == nil {
		r.refuse(path+"vendor", r.vendors.absent(vendor).Error())
		set, vendor = traits.LanguageModel{}, "" // what else is set is for that vendor's model
	}
	if isModel(vendor) {
		mind = vendor
	}
	if m, name := r.vendors.tuned(mind, set, &c.cfg.models); m != nil {
		r.model, r.asks = r.vendors.thinking(mind, m), name
	} else if tunes(set) && !isModel(vendor) {
		r.refuse(path+"model", r.vendors.absent(mind).Error())
	}
	if set.Model != "" && mind == "gemini" && gemini.CheckModel(set.Model) != nil {
		r.refuse(path+"model", gemini.CheckModel(set.Model).Error())
	}
	own := r.plan.Flow
	switch {
	case isModel(vendor) && own != nil:
		r.refuse("settings.flow", "is not used: providers.llm.vendor is "+vendor+"; a flow can hand over to the model at a model node")
		r.thinks, r.script = "flow", own
	case isModel(vendor):
		r.thinks, r.script = vendor, nil
	case own != nil:
		r.thinks, r.script = "flow", own
	case vendor == "flow" && r.script == nil:
		r.refuse("settings.flow", "is required: providers.llm.vendor is flow, and this server has no script of its own")
	}
}

// tunes says whether settings ask for another model than the server's, or for another way to use it.
func tunes(set traits.LanguageModel) bool {
	return set.Model != "" || set.Temperature != nil || set.MaxTokens != 0 || set.Effort != ""
}

// english says whether a language tag is English.
func english(tag string) bool {
	lang, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return lang == "" || lang == "en"
}

// responder answers one call.
func (r *role) responder(info media.Info, known informed) pipeline.Responder {
	var model pipeline.Responder
	if r.model != nil {
		model = known.by(r.model)
	}
	if r.script == nil {
		return model
	}
	return r.play(info, model)
}

func (r *role) play(info media.Info, model pipeline.Responder) pipeline.Responder {
	return r.script.Responder(flow.Options{Context: map[string]string{"from": info.From, "to": info.To}, Model: model})
}

// cast gives a call its providers, and its model what its agent knows; it waits for models to be loaded as long as ctx lasts.
func (r *role) cast(ctx context.Context, l pipeline.Listener, agent *pipeline.Agent, info media.Info, known informed) (pipeline.Parts, error) {
	manners := agent.Manners.WithDefaults()
	ear, err := l.Listen(ctx, pipeline.EarOptions{Rate: info.Rate, MaybeAfter: manners.Guess, EndAfter: manners.Hangover})
	if err != nil {
		return pipeline.Parts{}, fmt.Errorf("open ear: %w", err)
	}
	stt, err := r.stt.Transcribe(ctx, agent.ListeningAt(info.Rate))
	if err != nil {
		return pipeline.Parts{}, errors.Join(fmt.Errorf("open transcription: %w", err), ear.Close())
	}
	return pipeline.Parts{Ear: ear, Transcription: stt, Responder: r.responder(info, known), Synthesizer: r.speaker.tts}, nil
}

// effective are the settings by which a role is played.
func (r *role) effective(cfg *config) traits.AgentSettings {
	set := r.plan.Set
	stt, llm, tts := or(or(set.Providers).STT), or(or(set.Providers).LLM), or(or(set.Providers).TTS)
	if stt.Vendor = r.hears; stt.Vendor == "local" {
		stt.Model = r.vendors.listens
	}
	if llm.Vendor = r.thinks; llm.Model == "" {
		llm.Model = r.asks
	}
	if tts.Vendor = r.speaks; tts.Vendor == "elevenlabs" {
		tts.Model = cmp.Or(r.agent.Voice.Model, cfg.ElevenLabsModel)
	}
	text, err := json.Marshal(traits.WriteManners(r.plan.Manners.WithDefaults()))
	if err != nil {
		panic("manners are no JSON: " + err.Error()) // they are texts, numbers and lists
	}
	v := r.agent.VoiceAt(0)
	set.Providers = &traits.Providers{STT: &stt, LLM: &llm, TTS: &tts}
	set.Languages = &traits.Languages{Listening: r.agent.Lang, Speaking: v.Lang}
	set.Manners, set.Recording = text, &traits.AgentRecording{Enabled: &r.record}
	return set
}
