package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"parley/control/rehear"
	"parley/control/report"
	"parley/pipeline"
	"parley/providers/elevenlabs"
	"parley/providers/local"
	"parley/store"
)

// newReports is who reports on calls: the language model if there is one, and the recogniser.
func (o *office) newReports(v *vendors) *report.Desk {
	d := &report.Desk{
		Calls: o.store, Agents: o.store, Reports: o.store, Hear: v.rehear, Log: o.log,
		Settings: func(a store.Agent) string { return a.Settings },
		Open:     func(ctx context.Context, r store.Recording) (io.ReadCloser, error) { return o.sounds.Open(ctx, r) },
	}
	if v.model != nil {
		d.Model = v.model
	}
	if o.cfg.ElevenLabsKey != "" {
		d.Conversations = conversations{o.cfg.elevenLabs()}
	}
	return d
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
	if v.deepgram != nil {
		return rehear.Ear{Ears: v.ear, Words: v.deepgram, Pace: 1}.Hear(ctx, wav, lang)
	}
	return nil, errors.New("no recogniser is installed: parley doctor says what is missing")
}

// elevenLabs is the client of ElevenLabs.
func (c *config) elevenLabs() *elevenlabs.Client {
	return &elevenlabs.Client{Key: c.ElevenLabsKey, BaseURL: c.ElevenLabsBaseURL}
}

// conversations are ElevenLabs' in the words of reports.
type conversations struct{ client *elevenlabs.Client }

// Conversation fetches one. The account is the server's, whatever the organisation: the desk sees to it that the conversation is the call's.
func (e conversations) Conversation(ctx context.Context, _, id string) (report.Conversation, error) {
	v, err := e.client.Conversation(ctx, id)
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
