package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"parley/media/opus"
	"parley/media/wav"
	"parley/store"
)

const (
	noteRate = 16000            // samples a second of a voice note, as recognisers want it
	longNote = 10 * time.Minute // what is longer is not heard
	sayRate  = 24000            // of one of ours
)

// Hear implements inbox.Voice: a voice note is put into words as a recording is.
func (c *company) Hear(ctx context.Context, row store.Agent, note []byte) (string, error) {
	pcm, err := opus.ReadAll(bytes.NewReader(note), noteRate, longNote)
	if err != nil {
		return "", fmt.Errorf("hear voice note: %w", err)
	}
	var sound bytes.Buffer
	if err := wav.Encode(&sound, wav.Sound{Rate: noteRate, Channels: 1, PCM: pcm}); err != nil {
		return "", fmt.Errorf("hear voice note: %w", err)
	}
	v, done := c.hold(row.Org)
	defer done()
	said, err := v.rehear(ctx, &sound, c.of(v, row).agent.Lang)
	if err != nil {
		return "", fmt.Errorf("hear voice note: %w", err)
	}
	var all []string
	for _, m := range said {
		all = append(all, m.Text)
	}
	return strings.TrimSpace(strings.Join(all, " ")), nil
}

// Say implements inbox.Voice: with the agent's voice.
func (c *company) Say(ctx context.Context, row store.Agent, text string) ([]byte, error) {
	v, done := c.hold(row.Org)
	defer done()
	r := c.of(v, row)
	var note bytes.Buffer
	w, err := opus.NewWriter(&note, sayRate, 1)
	if err != nil {
		return nil, fmt.Errorf("make voice note: %w", err)
	}
	samples := 0
	for s, err := range r.speaker.tts.Speak(ctx, once(text), r.agent.VoiceAt(sayRate)) {
		if err == nil {
			samples += len(s.PCM)
			err = w.Write(s.PCM)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("make voice note: %w", err), w.Close())
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("make voice note: %w", err)
	}
	if samples == 0 {
		return nil, errors.New("make voice note: there is nothing to be heard in it")
	}
	return note.Bytes(), nil
}

// once is a text that comes whole.
func once(text string) func(func(string, error) bool) {
	return func(yield func(string, error) bool) { yield(text, nil) }
}
