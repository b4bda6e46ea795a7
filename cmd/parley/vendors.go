package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"

	"parley/pipeline"
	"parley/pipeline/flow"
	"parley/providers"
	"parley/providers/deepgram"
	"parley/providers/elevenlabs"
	"parley/providers/local"
	"parley/providers/openai"
)

// defaultPrompt is what a language model is told when nobody says otherwise.
const defaultPrompt = "You are a friendly, capable receptionist on the telephone. Answer in one or two short spoken sentences, " +
	"without lists, markup or symbols. Ask one question at a time. When the caller says goodbye, say goodbye and end the call."

// vendors are the providers of a server, chosen by name. Those that agents may choose besides are there too, if there is a key of them.
type vendors struct {
	engine     *local.Engine      // nil when nothing local is used
	deepgram   *deepgram.Client   // nil when there is no key of it
	elevenlabs *elevenlabs.Client // nil when there is no key of it
	model      *openai.Client     // nil when there is none; it reports on calls, too
	models     map[string]thinker // by vendor, of those that there is a key of; a scripted dialog may hand over to one
	mind       string             // the vendor of the model that is meant where none is named; empty: there is none

	embedder *openai.Client // makes vectors of documents and questions; nil: nobody does

	ear      pipeline.Listener
	stt      pipeline.Transcriber
	speakers map[string]speaker // by vendor
	script   *flow.Flow         // that answers; nil: a model does

	hears, thinks, speaks string // their names
	listens               string // the local recogniser's model
	lang                  string // in which agents speak that do not say otherwise

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

// meter measures a vendor.
func (v *vendors) meter(vendor string) providers.Meter {
	return providers.Meter{Provider: vendor, Told: v.tally.used}
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

// newVendors is the table from names to constructors.
func newVendors(c *config, t tally, log *slog.Logger) (*vendors, error) {
	return assemble(c, nil, ways{}, t, log)
}

// ways are how vendors are reached that not the operator has named; nil: as all others.
type ways struct {
	openai, anthropic, gemini *http.Client
	deepgram, elevenlabs      func(ctx context.Context, network, address string) (net.Conn, error)
}

// assemble is newVendors on top of others, whose local speech and script it shares; nil: on top of none.
func assemble(c *config, base *vendors, w ways, t tally, log *slog.Logger) (*vendors, error) {
	v := &vendors{hears: c.STT, thinks: c.LLM, speaks: c.TTS, listens: c.STTModel, lang: c.Lang, speakers: map[string]speaker{}, tally: t}
	v.choose(c)
	v.stand = &stand{set: &c.fallbacks, tally: t, own: base == nil, log: log}
	if base != nil {
		v.engine = base.engine
	} else if v.hears == "local" || v.speaks == "local" || c.Ear == "local" || c.needsLocal() {
		v.engine = local.New(local.Options{Dir: c.SpeechDir, STTModel: c.STTModel, Workers: c.SpeechWorkers, Exact: !c.Snap, Log: log})
	}
	if v.hears == "deepgram" || v.speaks == "deepgram" || c.DeepgramKey != "" {
		v.deepgram = &deepgram.Client{Key: c.DeepgramKey, BaseURL: c.DeepgramBaseURL, STTModel: c.DeepgramSTTModel, NetDial: w.deepgram, Log: log}
	}
	if v.speaks == "elevenlabs" || c.ElevenLabsKey != "" {
		v.elevenlabs = &elevenlabs.Client{
			Key: c.ElevenLabsKey, BaseURL: c.ElevenLabsBaseURL, Voice: c.ElevenLabsVoice, Model: c.ElevenLabsModel, NetDial: w.elevenlabs,
		}
		if err := v.elevenlabs.Check(); err != nil {
			return nil, usageError{err}
		}
	}
	switch c.Ear {
	case "local":
		v.ear = v.engine
	case "energy":
		v.ear = local.Energy{}
	}
	v.speak(base)
	if err := v.think(c, w); err != nil {
		return nil, err
	}
	var err error
	if v.stt, err = v.hearing(v.hears, ""); err != nil {
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

// speak makes the voices that there are; the local one is shared with base.
func (v *vendors) speak(base *vendors) {
	limit, plain := 0, map[string]pipeline.Synthesizer{}
	if base != nil {
		limit = ownSound
	}
	voice := func(vendor string, s pipeline.Synthesizer) {
		plain[vendor] = v.stand.guard(vendor, providers.TTS).Synthesizer(v.meter(vendor).Synthesizer(s))
		v.speakers[vendor] = speaker{known: &providers.Cache{Synthesizer: plain[vendor], Limit: limit}}
	}
	if v.engine != nil {
		voice("local", v.engine)
	}
	if base != nil && v.engine != nil {
		v.speakers["local"] = base.speakers["local"]
	}
	if v.deepgram != nil {
		voice("deepgram", v.deepgram)
	}
	if v.elevenlabs != nil {
		voice("elevenlabs", v.elevenlabs)
	}
	v.standBehind(plain)
}

// recogniser is a vendor's, with a model of its own; empty: the usual one.
func (v *vendors) recogniser(vendor, model string) (pipeline.Transcriber, error) {
	switch {
	case vendor == "elevenlabs":
		return nil, errors.New("elevenlabs has a voice here and no recogniser: local and deepgram do")
	case vendor == "local" && v.engine == nil, vendor == "deepgram" && v.deepgram == nil:
		return nil, v.absent(vendor)
	case vendor == "local" && model != "" && model != v.listens:
		return nil, fmt.Errorf("this server has loaded the local model %s", v.listens)
	case vendor == "local":
		return v.heard(vendor, v.engine), nil
	case model == "":
		return v.heard(vendor, v.deepgram), nil
	}
	d := v.deepgram
	tuned := &deepgram.Client{Key: d.Key, BaseURL: d.BaseURL, NetDial: d.NetDial, STTModel: model, Log: d.Log}
	return v.heard(vendor, tuned), nil // recognition keeps nothing open between calls
}

// heard is a vendor's recogniser, guarded and measured.
func (v *vendors) heard(vendor string, t pipeline.Transcriber) pipeline.Transcriber {
	return v.stand.guard(vendor, providers.STT).Transcriber(v.meter(vendor).Transcriber(t))
}

// findsTurns says whether a vendor's model of recognition finds the ends of turns itself; an empty one is the usual.
func (v *vendors) findsTurns(vendor, model string) bool {
	return vendor == "deepgram" && strings.HasPrefix(cmp.Or(model, v.deepgram.STTModel), "flux-")
}

// has says whether a vendor of speech can be used here.
func (v *vendors) has(vendor string) bool {
	_, ok := v.speakers[vendor]
	return ok
}

// absent says why a vendor cannot be used here.
func (v *vendors) absent(vendor string) error {
	switch vendor {
	case "local":
		return errors.New("this server has not loaded local speech")
	case "openai":
		return errors.New("this server has no language model of OpenAI's, or of a compatible server: neither OPENAI_API_KEY nor OPENAI_BASE_URL is set")
	case "":
		return errors.New("this server has no language model: none of OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY and GEMINI_API_KEY is set")
	}
	return fmt.Errorf("this server has no key of %s", vendor)
}

// script is the dialog of the settings, which is read once.
func (c *config) script(base *vendors) (*flow.Flow, error) {
	if base != nil && base.script != nil {
		return base.script, nil
	}
	return loadFlow(c.Flow)
}

// choose settles what is "auto": a vendor whose key is there, else what needs none. Whoever has a key of two voices is spoken to by the
// one that hears, too.
func (v *vendors) choose(c *config) {
	hears, speaks := "local", "local"
	switch {
	case c.DeepgramKey != "":
		hears, speaks = "deepgram", "deepgram"
	case c.ElevenLabsKey != "":
		speaks = "elevenlabs"
	}
	if v.hears == "auto" {
		v.hears = hears
	}
	if v.speaks == "auto" {
		v.speaks = speaks
	}
	if v.thinks == "auto" {
		switch {
		case c.OpenAIKey != "" || c.OpenAIBaseURL != "":
			v.thinks = "openai"
		case c.AnthropicKey != "":
			v.thinks = "anthropic"
		case c.geminiKey() != "":
			v.thinks = "gemini"
		default:
			v.thinks = "flow"
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
	switch vendor {
	case "deepgram":
		return v.deepgram.Warm(ctx, pipeline.Voice{Rate: 8000})
	case "elevenlabs":
		return v.elevenlabs.Warm(ctx, pipeline.Voice{Rate: 8000, Lang: v.lang})
	}
	return nil
}

// close ends what the vendors keep open between calls.
func (v *vendors) close() error {
	v.stand.close()
	for _, m := range v.models {
		m.Close()
	}
	if v.embedder != nil {
		v.embedder.Close()
	}
	var bad []error
	if v.deepgram != nil {
		bad = append(bad, v.deepgram.Close())
	}
	if v.elevenlabs != nil {
		bad = append(bad, v.elevenlabs.Close())
	}
	return errors.Join(bad...)
}
