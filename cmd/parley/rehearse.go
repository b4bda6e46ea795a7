package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"parley/media"
	"parley/pipeline"
	"parley/store"
)

// narrowband is the rate of the telephone's legs: what is made ahead is made for it.
const narrowband = 8000

// rehearse makes ahead what agents open with, and what the house says, so that nobody waits for the voice to say it; again whenever
// the directory has changed. It ends with ctx.
func (s *server) rehearse(ctx context.Context) {
	if e := s.vendors.engine; e != nil {
		select {
		case <-e.Ready():
		case <-ctx.Done():
			return
		}
	}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for known := int64(-1); ; {
		if now := s.office.directory.State().Revision; now != known {
			known = now
			s.rehearseAll(ctx)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		}
	}
}

// rehearsal holds, in place of a call, what greetings are made by.
const rehearsal = "rehearsal"

func (s *server) rehearseAll(ctx context.Context) {
	info := media.Info{Rate: narrowband}
	rows := s.office.directory.Agents()
	rows = slices.DeleteFunc(slices.Clone(rows), func(a store.Agent) bool { return !a.Enabled })
	s.company.keep(rows)
	for _, row := range rows { // first, for a voice takes its time
		s.company.now(row, func(*role) {})
	}
	for _, row := range rows {
		v := s.players.hold(rehearsal, row.Org)
		if v != s.vendors {
			v.warmed.Do(func() { v.warm(ctx, s.log) })
		}
		role := s.company.of(v, row)
		agent, responder := s.persona("", role, row, info), greets(role, row, info)
		texts := append(opening(ctx, responder, &agent, info), houseTexts(agent.Manners.WithDefaults())...)
		for _, t := range agent.Tools {
			if t.Filler != "" {
				texts = append(texts, t.Filler)
			}
		}
		err := role.speaker.known.Prepare(ctx, agent.VoiceAt(narrowband), texts...)
		s.players.release(rehearsal)
		if err != nil && !errors.Is(err, context.Canceled) {
			s.log.Warn("greeting not made ahead", "agent", row.ID, "error", err)
		}
	}
}

// opening is what a call would begin with, sentence by sentence; nothing if a model decides that.
func opening(ctx context.Context, r pipeline.Responder, agent *pipeline.Agent, info media.Info) []string {
	if r == nil {
		return nil
	}
	var texts []string
	for d, err := range r.Respond(ctx, pipeline.Talk{Turn: 1, Why: pipeline.ForGreeting, Agent: agent, Info: info}) {
		if err != nil {
			return nil
		}
		if d.Text != "" {
			texts = append(texts, d.Text)
		}
	}
	return texts
}

// greets is the responder of a call as far as its greeting is known ahead; nil if a model makes it up.
func greets(role *role, row store.Agent, info media.Info) pipeline.Responder {
	text, missing := pipeline.Fill(row.StartingMessage, pipeline.Slots(info))
	if role.script != nil {
		return pipeline.Greeting(text, role.play(info, nil))
	}
	if text == "" || len(missing) > 0 {
		return nil
	}
	return pipeline.Greeting(text, role.model) // which is not asked
}

// houseTexts are what the house itself may say to a caller.
func houseTexts(m pipeline.Manners) []string {
	texts := []string{m.Sorry, m.Goodbye, m.TooLong, m.CutOff}
	return append(texts, m.Filler.Say...)
}
