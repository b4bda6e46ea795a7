package deepgram_test

import (
	"log/slog"
	"testing"

	"parley/pipeline"
	"parley/providers/deepgram"
	"parley/providers/providertest"
)

// client is a Client of a fake server; both end with the test.
func client(t *testing.T, server *providertest.Deepgram) *deepgram.Client {
	t.Helper()
	c := &deepgram.Client{BaseURL: providertest.StartDeepgram(t, server), Key: server.Key, Log: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

func TestTranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber {
		return client(t, &providertest.Deepgram{Key: "secret"})
	})
}

func TestSynthesizer(t *testing.T) {
	t.Parallel()
	providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer {
		return client(t, &providertest.Deepgram{Key: "secret"})
	})
}
