package providers_test

import (
	"log/slog"
	"testing"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/deepgram"
	"parley/providers/providertest"
)

// TestCacheIsASynthesizer holds a Cache before a real client and a fake vendor to the contract: with nothing prepared, and with every
// text of the suite known, at the rate that it uses most.
func TestCacheIsASynthesizer(t *testing.T) {
	t.Parallel()
	for name, known := range map[string][]string{
		"nothing is known": nil,
		"all is known": {
			"Yes.", "The quick brown fox jumps over the lazy dog.", "Good morning, this is the reception. How can I help you today?",
			"Good morning, this is the reception.", "How can I help you today?",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer {
				server := &providertest.Deepgram{Key: "secret"}
				voice := &deepgram.Client{BaseURL: providertest.StartDeepgram(t, server), Key: server.Key, Log: slog.New(slog.DiscardHandler)}
				t.Cleanup(func() {
					if err := voice.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
				c := &providers.Cache{Synthesizer: voice}
				if err := c.Prepare(t.Context(), pipeline.Voice{Lang: "en-US", Rate: 8000}, known...); err != nil {
					t.Fatal(err)
				}
				return c
			})
		})
	}
}
