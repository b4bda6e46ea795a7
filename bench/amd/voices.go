package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"parley/bench/corpus"
	"parley/bench/stage"
	"parley/pipeline"
)

// What the agent says, with the engine's own voice.
const (
	opening   = "Hello, this is Northwind Clinic. Do you have a minute?"
	message   = "Hello, this is Northwind Clinic, about your appointment on Friday. Please call us back."
	introduce = "It is Northwind Clinic, about an appointment."
	reply     = "Thank you."
)

// voices know by heart what anybody says. They are read-only once made.
type voices struct {
	personas []string                     // the synthetic voices of those who answer
	spoken   map[string][]pipeline.Speech // by voice and text
}

func rehearse(ctx context.Context, dir string, personas ...string) (*voices, error) {
	v := &voices{personas, map[string][]pipeline.Speech{}}
	said := []string{"Hello? I'm here, I'm here.", "Hello?"}
	for _, t := range texts {
		said = append(said, t...)
	}
	slices.Sort(said)
	manners := pipeline.DefaultManners()
	err := stage.Rehearse(ctx, dir, func(speak stage.Speak) error {
		lines := map[string][]string{"": {opening, message, introduce, reply, manners.Sorry, manners.Goodbye}}
		for _, p := range personas {
			lines[p] = said
		}
		for voice, all := range lines {
			for _, text := range slices.Compact(all) {
				speech, err := speak(voice, text, corpus.Rate)
				if err != nil {
					return err
				}
				v.spoken[voice+"/"+text] = speech
			}
		}
		return nil
	})
	return v, err
}

// sound is all of a text.
func (v *voices) sound(voice, text string) (pcm []int16) {
	for _, s := range v.spoken[voice+"/"+text] {
		pcm = append(pcm, s.PCM...)
	}
	return pcm
}

// Speak implements pipeline.Synthesizer, of the agent.
func (v *voices) Speak(ctx context.Context, text iter.Seq2[string, error], _ pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		var all strings.Builder
		for t, err := range text {
			if err != nil {
				yield(pipeline.Speech{}, err)
				return
			}
			all.WriteString(t)
		}
		speech, ok := v.spoken["/"+all.String()]
		if !ok && all.Len() > 0 {
			yield(pipeline.Speech{}, fmt.Errorf("nobody rehearsed %q", all.String()))
			return
		}
		for _, s := range speech {
			if ctx.Err() != nil || !yield(s, nil) {
				return
			}
		}
	}
}

// script is a Responder of few words.
type script struct{}

// Respond implements pipeline.Responder.
func (script) Respond(_ context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if talk.Why == pipeline.ForGreeting {
			yield(pipeline.Delta{Text: opening}, nil)
			return
		}
		yield(pipeline.Delta{Text: reply}, nil)
	}
}
