package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"parley/control/traits"
	"parley/pipeline"
	"parley/pipeline/flow"
	"parley/providers"
	"parley/providers/local"
	"parley/providers/openai"
)

// defaultPrompt is what a language model is told when nobody says otherwise.
const defaultPrompt = "You are a friendly, capable receptionist on the telephone. Answer in one or two short spoken sentences, " +
	"without lists, markup or symbols. Ask one question at a time. When the caller says goodbye, say goodbye and end the call."

// vendors are the providers of a server, chosen by name. Those that agents may choose besides are there too, if there is a key of them.
type vendors struct {
	engine *local.Engine      // nil when nothing local is used
	opened map[string]opened  // by vendor, of those that there is a key of
	models map[string]thinker // their language models, by vendor; a scripted dialog may hand over to one
	mind   string             // the vendor of the model that is meant where none is named; empty: there is none

	embedder *openai.Client // makes vectors of documents and questions; nil: nobody does

	ear      pipeline.Listener
	stt      pipeline.Transcriber
	speakers map[string]speaker // by vendor
	script   *flow.Flow         // that answers; nil: a model does

	hears, thinks, speaks string // their names
	listens               string // the local recogniser's model
	lang                  string // in which agents speak that do not say otherwise

	keys *config // by which speech-to-speech models are asked
	ways ways

	warmed sync.Once // of an organisation's own: when they were first rehearsed
	tally  tally
	stand  *stand
}

// A tally counts what vendors are used for. Its zero value does not.
type tally struct {
	used func(providers.Use)
	fell func(provider, kind string) // it failed, and another took over

	guarded func(provider, kind, news string, own bool) // providers.Guard.Told; own: of the server's account
	hedged  func(provider string, won bool)             // it was asked as well, since the one before it was slow
}

// meter measures a vendor's model for one kind of work.
func (v *vendors) meter(vendor, kind, model string) providers.Meter {
	return providers.Meter{Provider: vendor, Model: model, Server: elsewhere(vendor, v.opened[vendor].bases[kind]), Told: v.tally.used}
}

// voiceMeter measures a vendor's voice.
func (v *vendors) voiceMeter(vendor string, c *config) providers.Meter {
	known := entryOf(vendor).speaks
	m := v.meter(vendor, providers.TTS, "")
	m.Named = known.named
	if known.model != nil {
		m.Model = known.model(c)
	}
	return m
}

// A speaker is a voice's vendor.
type speaker struct {
	known *providers.Cache     // speaks from memory what is known ahead
	tts   pipeline.Synthesizer // that, and the local voice where a vendor's fails
}

// ownSound is how many bytes of speech that is known ahead are kept for an organisation's own voice: two minutes at 8 kHz.
const ownSound = 2 << 20

// informed is the model with what the call's agent knows from documents; nil: the model as it is.
type informed func(model pipeline.Responder) pipeline.Responder

func (i informed) by(model pipeline.Responder) pipeline.Responder {
	if i == nil {
		return model
	}
	return i(model)
}

// newVendors opens the vendors of the settings.
func newVendors(c *config, t tally, log *slog.Logger) (*vendors, error) {
	return assemble(c, nil, nil, t, log)
}

// ways are how vendors are reached, by their names; what is not there is reached as always.
type ways map[string]road

// assemble is newVendors on top of others, whose local speech and script it shares; nil: on top of none.
func assemble(c *config, base *vendors, w ways, t tally, log *slog.Logger) (*vendors, error) {
	v := &vendors{hears: c.STT, thinks: c.LLM, speaks: c.TTS, listens: c.STTModel, lang: c.Lang, speakers: map[string]speaker{}, opened: map[string]opened{}, tally: t, keys: c, ways: w}
	v.choose(c)
	v.stand = &stand{set: &c.fallbacks, tally: t, own: base == nil, log: log}
	if base != nil {
		v.engine = base.engine
	} else if v.hears == "local" || v.speaks == "local" || c.Ear == "local" || c.needsLocal() {
		v.engine = local.New(local.Options{Dir: c.SpeechDir, STTModel: c.STTModel, Workers: c.SpeechWorkers, Exact: !c.Snap, Log: log})
	}
	if err := v.openAll(c, w, log); err != nil {
		return nil, usageError{err}
	}
	switch c.Ear {
	case "local":
		v.ear = v.engine
	case "energy":
		v.ear = local.Energy{}
	}
	v.speak(c, base)
	v.think()
	var err error
	if v.stt, err = v.hearing(v.hears, "", c); err != nil {
		return nil, usageError{err}
	}
	if base == nil { // vectors of documents are made by the server's own alone
		if err := v.checkFallbacks(); err != nil {
			return nil, err
		}
		if v.embedder, err = c.embedder(c.openAI); err != nil {
			return nil, err
		}
	}
	if v.thinks == "flow" {
		v.script, err = c.script(base)
	}
	return v, err
}

// openAll opens local speech where it is loaded, and the vendors that there is a key of or that were named.
func (v *vendors) openAll(c *config, w ways, log *slog.Logger) error {
	if v.engine != nil {
		v.opened["local"] = openLocal(v.engine, c.STTModel)
	}
	for _, e := range table {
		if e.open == nil || !e.there(c) && e.name != v.hears && e.name != v.thinks && e.name != v.speaks {
			continue
		}
		o := e.open(c, wiring{road: w[e.name], log: log})
		if o.check != nil {
			if err := o.check(); err != nil {
				return err
			}
		}
		if o.bases == nil && e.account != nil {
			base := *e.account(c).base
			o.bases = map[string]string{providers.STT: base, providers.LLM: base, providers.TTS: base}
		}
		v.opened[e.name] = o
	}
	return nil
}

// speak makes the voices that there are; the local one is shared with base.
func (v *vendors) speak(c *config, base *vendors) {
	limit, plain := 0, map[string]pipeline.Synthesizer{}
	if base != nil {
		limit = ownSound
	}
	for name, o := range v.opened {
		if o.tts == nil {
			continue
		}
		plain[name] = v.stand.guard(name, providers.TTS).Synthesizer(v.voiceMeter(name, c).Synthesizer(o.tts))
		v.speakers[name] = speaker{known: &providers.Cache{Synthesizer: plain[name], Limit: limit}}
	}
	if base != nil && v.engine != nil {
		v.speakers["local"] = base.speakers["local"]
	}
	v.standBehind(plain)
}

// recogniser is a vendor's, with a model of its own; empty: the usual one of settings.
func (v *vendors) recogniser(vendor, model string, c *config) (pipeline.Transcriber, error) {
	e := entryOf(vendor)
	switch o := v.opened[vendor]; {
	case e != nil && e.hears == nil && e.speaks != nil:
		return nil, fmt.Errorf("%s has a voice here and no recogniser: %s do", vendor, recognisers())
	case o.stt == nil:
		return nil, absent(vendor)
	default:
		if model != "" && e.hears.check != nil {
			if err := e.hears.check(model); err != nil {
				return nil, err
			}
		}
		stt, err := o.stt(model)
		if err != nil {
			return nil, err
		}
		stt = v.meter(vendor, providers.STT, cmp.Or(model, e.hears.model(c))).Transcriber(stt)
		return v.stand.guard(vendor, providers.STT).Transcriber(stt), nil
	}
}

// has says whether a vendor's voice can be used here.
func (v *vendors) has(vendor string) bool {
	_, ok := v.speakers[vendor]
	return ok
}

// script is the dialog of the settings, which is read once.
func (c *config) script(base *vendors) (*flow.Flow, error) {
	if base != nil && base.script != nil {
		return base.script, nil
	}
	return loadFlow(c.Flow)
}

// choose settles what is "auto": the first vendor of the table that is there, else what needs none. Whoever has a key of two voices is spoken
// to by the one that hears, too.
func (v *vendors) choose(c *config) {
	hears, thinks, speaks := "", "", ""
	for _, e := range table {
		if !e.there(c) {
			continue
		}
		if hears == "" && e.hears != nil && e.hears.auto && (e.hears.there == nil || e.hears.there(c)) {
			hears = e.name
		}
		if thinks == "" && e.thinks != nil {
			thinks = e.name
		}
		if e.speaks != nil && e.speaks.auto && (e.speaks.there == nil || e.speaks.there(c)) && (speaks == "" || e.name == hears) {
			speaks = e.name
		}
	}
	for _, part := range []struct {
		to           *string
		first, other string
	}{{&v.hears, hears, "local"}, {&v.thinks, thinks, "flow"}, {&v.speaks, speaks, "local"}} {
		if *part.to == traits.Auto {
			*part.to = cmp.Or(part.first, part.other)
		}
	}
}

// warm opens connections, so that the first call does not wait for them, and says early what is wrong.
func (v *vendors) warm(ctx context.Context, log *slog.Logger) {
	if m := v.models[v.mind]; m != nil {
		if err := m.Warm(ctx); err != nil {
			log.Warn("the language model does not answer", "vendor", v.mind, "error", err)
		}
	}
	if err := v.warmVoice(ctx, v.speaks); err != nil {
		log.Warn("the voice does not answer", "error", err)
	}
	v.warmFallbacks(ctx, log)
}

// warmVoice opens a connection to a vendor's voice.
func (v *vendors) warmVoice(ctx context.Context, vendor string) error {
	if w, ok := v.opened[vendor].tts.(warmer); ok {
		return w.Warm(ctx, pipeline.Voice{Rate: narrowband, Lang: v.lang})
	}
	return nil
}

// close ends what the vendors keep open between calls.
func (v *vendors) close() error {
	v.stand.close()
	if v.embedder != nil {
		v.embedder.Close()
	}
	var bad []error
	for _, o := range v.opened {
		if o.close != nil {
			bad = append(bad, o.close())
		}
	}
	return errors.Join(bad...)
}
