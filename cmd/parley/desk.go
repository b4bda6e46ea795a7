package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"parley/control/lines"
	"parley/control/rehear"
	"parley/control/report"
	"parley/control/suppliers"
	"parley/control/traits"
	"parley/pipeline"
	"parley/providers/elevenlabs"
	"parley/providers/local"
	"parley/store"
)

// newReports is who reports on calls: the agents' language models where there are any, and the recogniser.
func (o *office) newReports(v *vendors) *report.Desk {
	return &report.Desk{
		Calls: o.store, Agents: o.store, Reports: o.store, Hear: v.rehear, Log: o.log, Model: o.company.reporter, Conversations: conversations{o.accounts},
		Settings: func(a store.Agent) string { return a.Settings },
		Open:     func(ctx context.Context, r store.Recording) (io.ReadCloser, error) { return o.sounds.Open(ctx, r) },
	}
}

// reporter is the language model by which an agent answers, or would if no script did: by its organisation's own account where it has one.
// An agent that another vendor's model than OpenAI's answers for is reported on by OpenAI's, as only that can be held to a schema here.
// It is a report.ModelOf.
func (c *company) reporter(org string, a store.Agent) (report.Model, func()) {
	v, done := c.hold(org)
	plan, _ := traits.Read(a.Settings, c.cfg.manners) // what is wrong with them has been told when the agent was made ready
	set := or(or(plan.Set.Providers).LLM)
	if mind := chosen(set.Vendor, v.mind); isModel(mind) && mind != "openai" {
		set = traits.LanguageModel{} // it is set for another vendor's
	}
	m, _ := v.tuned("openai", set, c.cfg)
	if r, ok := m.(report.Model); ok {
		return r, done
	}
	return nil, done
}

// rehear puts a recording into words: with the local recogniser if it is installed, since a vendor's listens no faster than people speak.
func (v *vendors) rehear(ctx context.Context, wav io.Reader, lang string) ([]store.Message, error) {
	if v.engine != nil {
		select {
		case <-v.engine.Ready():
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if v.engine.Status().Recogniser.Level != local.RecogniserNone {
			return rehear.Ear{Ears: v.engine, Words: v.engine}.Hear(ctx, wav, lang)
		}
	}
	if stt := v.distant(); stt != nil {
		return rehear.Ear{Ears: v.ear, Words: stt, Pace: 1}.Hear(ctx, wav, lang)
	}
	return nil, errors.New("no recogniser is installed: parley doctor says what is missing")
}

// distant is a vendor's recogniser: the one that hears, else the first that is there; nil: there is none.
func (v *vendors) distant() pipeline.Transcriber {
	for _, name := range append([]string{v.hears}, suppliers.Names(suppliers.Hears)...) {
		if name == "local" || v.opened[name].stt == nil {
			continue
		}
		if stt, err := v.opened[name].stt(""); err == nil {
			return stt
		}
	}
	return nil
}

// elevenLabs is the client of an organisation's own account, else of the server's, which serves many. A key that cannot be opened is not
// made up for by the server's: its account has none of those conversations.
func (a *accounts) elevenLabs(org string) (*elevenlabs.Client, error) {
	c, ok := a.directory.DefaultCredential(org, lines.ElevenLabs)
	if !ok && a.cfg.ElevenLabsKey == "" {
		return nil, errors.New("neither the organisation nor the server has a key of ElevenLabs")
	}
	if !ok {
		return &elevenlabs.Client{Key: a.cfg.ElevenLabsKey, BaseURL: a.cfg.ElevenLabsBaseURL}, nil
	}
	key, err := a.open(c)
	if err != nil {
		return nil, err
	}
	own := &elevenlabs.Client{Key: key, BaseURL: cmp.Or(c.BaseURL, a.cfg.ElevenLabsBaseURL)}
	if c.BaseURL != "" {
		own.HTTP = a.guardedClient()
	}
	return own, nil
}

// conversations are ElevenLabs' in the words of reports.
type conversations struct{ *accounts }

// Conversation fetches one. The account may be the server's: the desk sees to it that the conversation is the call's.
func (e conversations) Conversation(ctx context.Context, org, id string) (report.Conversation, error) {
	client, err := e.elevenLabs(org)
	if err != nil {
		return report.Conversation{}, err
	}
	v, err := client.Conversation(ctx, id)
	switch {
	case errors.Is(err, elevenlabs.ErrNotFound):
		return report.Conversation{}, fmt.Errorf("%w: %w", report.ErrNoConversation, err)
	case errors.Is(err, elevenlabs.ErrPending):
		return report.Conversation{}, fmt.Errorf("%w: %w", report.ErrPending, err)
	case err != nil:
		return report.Conversation{}, err
	}
	out := report.Conversation{CarrierID: v.CallSID, Began: v.Began, Extracted: v.Collected}
	out.Summary, out.Outcome = v.Summary, map[string]report.Outcome{"success": report.Achieved, "failure": report.NotAchieved}[v.Success]
	for i, l := range v.Lines {
		m := store.Message{Role: string(pipeline.Caller), Text: l.Text, Cut: l.Interrupted, At: l.At}
		if l.Agent {
			m.Role = string(pipeline.Assistant)
		}
		if end := v.Length; i+1 < len(v.Lines) { // at most until the next speaks: its own end is not told
			m.Length = max(0, v.Lines[i+1].At-l.At)
		} else {
			m.Length = max(0, end-l.At)
		}
		out.Messages = append(out.Messages, m)
	}
	return out, nil
}
