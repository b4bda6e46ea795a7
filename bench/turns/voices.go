package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"parley/bench/corpus"
	"parley/bench/stage"
	"parley/pipeline"
)

// The voices: the agent's, and one that is nobody's whom the agent could know.
const (
	agentVoice = ""    // the engine's own: Piper
	otherVoice = "slt" // flite's
)

// reply is what the agent answers, whatever the caller said.
const reply = "Thank you, I have noted that."

// voices is a Synthesizer that knows everything by heart, so that an answer sounds as soon as it is decided upon: what is measured is
// the turn-taking alone. It is read-only once made.
type voices struct {
	spoken  map[string][]pipeline.Speech // by voice and text
	words   map[string]corpus.Recording  // of one word, by its text in lower case
	prompts map[string]corpus.Recording  // of a sentence, by its text
}

// rehearse has an engine, with the models in dir, speak all that will be said.
func rehearse(ctx context.Context, c *corpus.Corpus, dir string) (*voices, error) {
	v := &voices{spoken: map[string][]pipeline.Speech{}, words: map[string]corpus.Recording{}, prompts: map[string]corpus.Recording{}}
	for _, r := range single(c) {
		v.words[strings.ToLower(r.Text)] = r
	}
	for _, r := range readable(c) {
		v.prompts[r.Text] = r
	}
	manners := pipeline.DefaultManners()
	err := stage.Rehearse(ctx, dir, func(speak stage.Speak) error {
		for _, text := range append([]string{askOpen, askDigits, askLetters, reply, manners.Sorry, manners.Goodbye}, speeches...) {
			if err := v.learn(speak, agentVoice, text); err != nil {
				return err
			}
		}
		for _, text := range backchannels {
			if err := v.learn(speak, otherVoice, text); err != nil {
				return err
			}
		}
		return nil
	})
	return v, err
}

func (v *voices) learn(speak stage.Speak, name, text string) (err error) {
	v.spoken[name+"/"+text], err = speak(name, text, corpus.Rate)
	return err
}

// sound is all of a text that was rehearsed.
func (v *voices) sound(name, text string) []int16 {
	var pcm []int16
	for _, s := range v.spoken[name+"/"+text] {
		pcm = append(pcm, s.PCM...)
	}
	return pcm
}

// A mouth is one call's voice.
type mouth struct {
	*voices
	mute bool // of word times
}

var errUnrehearsed = errors.New("nobody rehearsed this text")

// Speak implements pipeline.Synthesizer.
func (m mouth) Speak(ctx context.Context, text iter.Seq2[string, error], _ pipeline.Voice) iter.Seq2[pipeline.Speech, error] {
	return func(yield func(pipeline.Speech, error) bool) {
		var all strings.Builder
		for t, err := range text {
			if err != nil {
				yield(pipeline.Speech{}, err)
				return
			}
			all.WriteString(t)
		}
		if strings.TrimSpace(all.String()) == "" {
			return
		}
		speech, err := m.find(all.String())
		if err != nil {
			yield(pipeline.Speech{}, err)
			return
		}
		for _, s := range speech {
			if m.mute {
				s.Words = nil
			}
			if ctx.Err() != nil || !yield(s, nil) {
				return
			}
		}
	}
}

func (v *voices) find(text string) ([]pipeline.Speech, error) {
	if s, ok := v.spoken[agentVoice+"/"+text]; ok {
		return s, nil
	}
	pcm, words, ok := v.recite(text)
	if !ok {
		return nil, fmt.Errorf("%w: %q", errUnrehearsed, text)
	}
	speech := []pipeline.Speech{{Words: words}}
	for part := range slices.Chunk(pcm, corpus.Samples(time.Second)) {
		speech = append(speech, pipeline.Speech{PCM: part})
	}
	return speech, nil
}

// script is a Responder: it says its line, waits for what it expects, and answers everything in the same words.
type script struct{ item *item }

// Respond implements pipeline.Responder.
func (s script) Respond(_ context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		switch talk.Why {
		case pipeline.ForGreeting:
			if yield(pipeline.Delta{Text: s.item.ask}, nil) && s.item.expect != nil {
				yield(pipeline.Delta{Expect: s.item.expect}, nil)
			}
		case pipeline.ForWords:
			yield(pipeline.Delta{Text: reply}, nil)
		}
	}
}
