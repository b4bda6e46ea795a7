package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"parley/media"
	"parley/pipeline"
	"parley/pipeline/flow"
	"parley/providers"
	"parley/providers/deepgram"
	"parley/providers/local"
	"parley/providers/openai"
)

// defaultPrompt is what a language model is told when nobody says otherwise.
const defaultPrompt = "You are a friendly, capable receptionist on the telephone. Answer in one or two short spoken sentences, " +
	"without lists, markup or symbols. Ask one question at a time. When the caller says goodbye, say goodbye and end the call."

// vendors are the providers of a server, chosen by name.
type vendors struct {
	engine   *local.Engine    // nil when nothing local is used
	deepgram *deepgram.Client // nil when it is not used
	model    *openai.Client   // nil when there is none; a scripted dialog may hand over to it

	embedder *openai.Client // makes vectors of documents and questions; nil: nobody does

	ear       pipeline.Listener
	stt       pipeline.Transcriber
	known     *providers.Cache                              // speaks from memory what is known ahead
	tts       pipeline.Synthesizer                          // that, and the local voice where a vendor's fails
	responder func(media.Info, informed) pipeline.Responder // a call's own
	opens     func(media.Info) pipeline.Responder           // the same as far as its greeting is known ahead; nil if a model makes it up
	script    *flow.Flow                                    // that answers; nil: none does

	hears, thinks, speaks string // their names

	warmed sync.Once // of an organisation's own: when they were first rehearsed
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
func newVendors(c *config, log *slog.Logger) (*vendors, error) {
	return assemble(c, nil, ways{}, log)
}

// ways are how vendors are reached that not the operator has named; nil: as all others.
type ways struct {
	openai   *http.Client
	deepgram func(ctx context.Context, network, address string) (net.Conn, error)
}

// assemble is newVendors on top of others, whose local speech and script it shares; nil: on top of none.
func assemble(c *config, base *vendors, w ways, log *slog.Logger) (*vendors, error) {
	v := &vendors{hears: c.STT, thinks: c.LLM, speaks: c.TTS}
	v.choose(c)
	if base != nil {
		v.engine = base.engine
	} else if v.hears == "local" || v.speaks == "local" || c.Ear == "local" {
		v.engine = local.New(local.Options{Dir: c.SpeechDir, STTModel: c.STTModel, Workers: c.SpeechWorkers, Exact: !c.Snap, Log: log})
	}
	if v.hears == "deepgram" || v.speaks == "deepgram" {
		v.deepgram = &deepgram.Client{Key: c.DeepgramKey, BaseURL: c.DeepgramBaseURL, NetDial: w.deepgram, Log: log}
	}
	switch c.Ear {
	case "local":
		v.ear = v.engine
	case "energy":
		v.ear = local.Energy{}
	}
	switch v.hears {
	case "local":
		v.stt = v.engine
	case "deepgram":
		v.stt = v.deepgram
	}
	v.known = &providers.Cache{}
	if base != nil {
		v.known.Limit = ownSound
	}
	v.tts = v.known
	switch v.speaks {
	case "local":
		v.known.Synthesizer = v.engine
	case "deepgram":
		v.known.Synthesizer = v.deepgram
		if v.engine != nil {
			v.tts = &providers.Fallback{
				Voices: []pipeline.Synthesizer{v.known, v.engine},
				Failed: func(_, _ int, err error) { log.Warn("the voice has failed, the local one speaks", "error", err) },
			}
		}
	}
	if v.thinks == "openai" || c.OpenAIKey != "" || c.OpenAIBaseURL != "" {
		v.model = &openai.Client{BaseURL: c.OpenAIBaseURL, Key: c.OpenAIKey, Model: c.OpenAIModel, HTTP: w.openai}
		if err := v.model.Check(); err != nil {
			return nil, usageError{err}
		}
	}
	var err error
	if base == nil { // vectors of documents are made by the server's own alone
		if v.embedder, err = c.embedder(c.openAI); err != nil {
			return nil, err
		}
	}
	switch v.thinks {
	case "openai":
		v.responder = func(_ media.Info, known informed) pipeline.Responder { return known.by(v.model) }
	case "flow":
		script, err := c.script(base)
		if err != nil {
			return nil, err
		}
		v.script = script
		play := func(info media.Info, model pipeline.Responder) pipeline.Responder {
			return script.Responder(flow.Options{Context: map[string]string{"from": info.From, "to": info.To}, Model: model})
		}
		v.opens = func(info media.Info) pipeline.Responder { return play(info, nil) }
		v.responder = func(info media.Info, _ informed) pipeline.Responder { return play(info, nil) }
		if v.model != nil {
			v.responder = func(info media.Info, known informed) pipeline.Responder { return play(info, known.by(v.model)) }
		}
	}
	return v, nil
}

// script is the dialog of the settings, which is read once.
func (c *config) script(base *vendors) (*flow.Flow, error) {
	if base != nil && base.script != nil {
		return base.script, nil
	}
	return loadFlow(c.Flow)
}

// choose settles what is "auto": a vendor whose key is there, else what needs none.
func (v *vendors) choose(c *config) {
	speech := "local"
	if c.DeepgramKey != "" {
		speech = "deepgram"
	}
	if v.hears == "auto" {
		v.hears = speech
	}
	if v.speaks == "auto" {
		v.speaks = speech
	}
	if v.thinks == "auto" {
		v.thinks = "flow"
		if c.OpenAIKey != "" || c.OpenAIBaseURL != "" {
			v.thinks = "openai"
		}
	}
}

// warm opens connections, so that the first call does not wait for them, and says early what is wrong.
func (v *vendors) warm(ctx context.Context, log *slog.Logger) {
	if v.model != nil {
		if err := v.model.Warm(ctx); err != nil {
			log.Warn("the language model does not answer", "error", err)
		}
	}
	if v.deepgram != nil && v.speaks == "deepgram" {
		if err := v.deepgram.Warm(ctx, pipeline.Voice{Rate: 8000}); err != nil {
			log.Warn("the voice does not answer", "error", err)
		}
	}
}

// close ends what the vendors keep open between calls.
func (v *vendors) close() error {
	if v.model != nil {
		v.model.Close()
	}
	if v.embedder != nil {
		v.embedder.Close()
	}
	if v.deepgram == nil {
		return nil
	}
	return v.deepgram.Close()
}

// cast gives a call its providers, and its model what its agent knows; it waits for models to be loaded as long as ctx lasts.
func (v *vendors) cast(ctx context.Context, agent *pipeline.Agent, info media.Info, known informed) (pipeline.Parts, error) {
	manners := agent.Manners.WithDefaults()
	ear, err := v.ear.Listen(ctx, pipeline.EarOptions{Rate: info.Rate, MaybeAfter: manners.Guess, EndAfter: manners.Hangover})
	if err != nil {
		return pipeline.Parts{}, fmt.Errorf("open ear: %w", err)
	}
	stt, err := v.stt.Transcribe(ctx, agent.ListeningAt(info.Rate))
	if err != nil {
		return pipeline.Parts{}, errors.Join(fmt.Errorf("open transcription: %w", err), ear.Close())
	}
	return pipeline.Parts{Ear: ear, Transcription: stt, Responder: v.responder(info, known), Synthesizer: v.tts}, nil
}
