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
	"parley/providers"
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
	expects               []string // words
	sure                  float64  // what is heard with less confidence is not understood
	speaker               speaker
	model                 pipeline.Responder  // nil: there is none
	listens, asks, voices string              // their models' names; empty: the vendor's usual one, or it has none
	script                *flow.Flow          // that answers; nil: the model does
	conversant            pipeline.Conversant // hears the caller itself, and answers; nil: the script or the model does
	relay                 *relaying           // an app answers; nil: nobody's does
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
	r.lent = lent{}
	c.relay(r, row.Org)
	if r.plan.Tools != nil {
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

// hear chooses the recogniser, and its language.
func (c *company) hear(r *role, set traits.Speech) {
	const path = "settings.providers.stt."
	r.hears, r.stt = r.vendors.hears, r.vendors.stt
	vendor := chosen(set.Vendor, r.hears)
	model := ""
	switch stt, err := r.vendors.hearing(vendor, set.Model, c.cfg); {
	case err == nil:
		r.hears, r.stt, model = vendor, stt, set.Model
	case r.vendors.opened[vendor].stt != nil:
		r.refuse(path+"model", err.Error())
	default:
		r.refuse(path+"vendor", err.Error())
	}
	r.expects, r.sure = set.Keywords, set.Confidence
	known := entryOf(r.hears).hears
	r.listens = cmp.Or(model, known.model(c.cfg))
	if l := or(r.plan.Set.Languages).Listening; l != "" {
		if known.refuses != nil {
			if why := known.refuses(r.listens, l); why != "" {
				r.refuse("settings.languages.listening", why)
				return
			}
		}
		r.agent.Lang = l
	}
}

// speak chooses the voice, and its language.
func (c *company) speak(r *role, set traits.Speaking, settings string) {
	r.speaks = r.vendors.speaks
	if vendor := chosen(set.Vendor, r.speaks); r.vendors.has(vendor) {
		r.speaks = vendor
	} else {
		r.refuse("settings.providers.tts.vendor", noVoice(vendor).Error())
		set.Model = "" // it is that vendor's
	}
	r.speaker = r.vendors.speakers[r.speaks]
	known := entryOf(r.speaks).speaks
	if set.Model != "" {
		if why := known.refuses(set.Model); why != "" {
			r.refuse("settings.providers.tts.model", why)
			set.Model = ""
		}
	}
	var v voice.Voice
	if settings != "" && json.Unmarshal([]byte(settings), &v) != nil {
		r.refuse("voice_settings", "cannot be read")
	}
	name := or(v.Voice)
	if known.named {
		name, set.Model = cmp.Or(name, set.Model), ""
	}
	if name != "" && known.checkVoice != nil {
		if err := known.checkVoice(name); err != nil {
			r.refuse("voice_settings.voice", err.Error())
			name = ""
		}
	}
	r.agent.Voice = pipeline.Voice{Name: name, Model: set.Model, Lang: c.tongue(r, known.english, or(v.Language)), Pace: or(v.Speed)}
	if known.timbre {
		r.agent.Voice.Timbre = pipeline.Timbre{Stability: choice(v.Stability), Similarity: choice(v.SimilarityBoost), Style: choice(v.Style), Boost: choice(v.SpeakerBoost), Verbatim: set.Verbatim}
	}
	if r.voices = set.Model; known.named {
		r.voices = name
	}
	if known.model != nil {
		r.voices = cmp.Or(r.voices, known.model(c.cfg))
	}
}

// tongue is the language that a role speaks, by a voice that may speak English alone; own is what the voice's settings say.
func (c *company) tongue(r *role, alone bool, own string) string {
	lang, at := or(r.plan.Set.Languages).Speaking, "settings.languages.speaking"
	if own != "" {
		lang, at = own, "voice_settings.language"
	}
	if !alone {
		return lang
	}
	if lang != "" && !english(lang) {
		r.refuse(at, "the "+r.speaks+" voice speaks English alone")
		lang = ""
	}
	if lang == "" && !english(r.agent.Lang) && r.agent.Lang != c.cfg.Lang {
		r.refuse("settings.languages.speaking", "has to be English, as the "+r.speaks+" voice is: callers are heard in "+r.agent.Lang)
		lang = "en"
	}
	return lang
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
	if _, ok := speechModels[set.Vendor]; ok {
		c.converse(r, set)
		return
	}
	r.thinks, r.script = r.vendors.thinks, r.vendors.script
	vendor, mind := chosen(set.Vendor, ""), r.vendors.mind
	if isModel(vendor) && r.vendors.models[vendor] == nil && r.plan.Flow == nil {
		r.refuse(path+"vendor", absentModel(vendor).Error())
		set, vendor = traits.LanguageModel{}, "" // what else is set is for that vendor's model
	}
	if isModel(vendor) {
		mind = vendor
	}
	if m, name := r.vendors.tuned(mind, set, c.cfg); m != nil {
		r.model, r.asks = r.vendors.thinking(mind, name, m, c.cfg), name
	} else if tunes(set) && !isModel(vendor) {
		r.refuse(path+"model", absentModel(mind).Error())
	}
	if e := entryOf(mind); set.Model != "" && e != nil && e.thinks.check != nil {
		if err := e.thinks.check(set.Model); err != nil {
			r.refuse(path+"model", err.Error())
		}
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
func (r *role) cast(ctx context.Context, l pipeline.Listener, agent *pipeline.Agent, info media.Info, known informed, on relayLine) (pipeline.Parts, error) {
	manners := agent.Manners.WithDefaults()
	ear, err := l.Listen(ctx, pipeline.EarOptions{Rate: info.Rate, MaybeAfter: manners.Guess, EndAfter: manners.Hangover})
	if err != nil {
		return pipeline.Parts{}, fmt.Errorf("open ear: %w", err)
	}
	listening := agent.ListeningAt(info.Rate)
	listening.Words = r.expects
	stt, err := r.stt.Transcribe(ctx, listening)
	if err != nil {
		return pipeline.Parts{}, errors.Join(fmt.Errorf("open transcription: %w", err), ear.Close())
	}
	parts := r.answers(agent, info, known, on)
	parts.Ear, parts.Transcription = ear, providers.Sure(stt, r.sure)
	return parts, nil
}

// effective are the settings by which a role is played.
func (r *role) effective(cfg *config) traits.AgentSettings {
	set := r.plan.Set
	stt, llm, tts := or(or(set.Providers).STT), or(or(set.Providers).LLM), or(or(set.Providers).TTS)
	stt.Vendor, stt.Model = r.hears, r.listens
	if r.relay == nil {
		llm.Vendor = r.thinks
	}
	if llm.Model == "" {
		llm.Model = r.asks
	}
	tts.Vendor, tts.Model = r.speaks, cmp.Or(r.voices, tts.Model)
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
