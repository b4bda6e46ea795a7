package assemblyai_test

import (
	"log/slog"
	"testing"

	"parley/pipeline"
	"parley/providers/assemblyai"
	"parley/providers/providertest"
)

// client is a Client of a fake server; both end with the test.
func client(t *testing.T, server *providertest.AssemblyAI) *assemblyai.Client {
	t.Helper()
	server.Key = "secret"
	return &assemblyai.Client{BaseURL: providertest.StartAssemblyAI(t, server), Key: server.Key, Log: slog.New(slog.DiscardHandler)}
}

func TestTranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber {
		return client(t, &providertest.AssemblyAI{})
	})
}

func TestTroubles(t *testing.T) {
	t.Parallel()
	providertest.TranscriberTroubles(t, "assemblyai", func(t *testing.T, trouble providertest.Trouble, said []string) pipeline.Transcriber {
		c := client(t, &providertest.AssemblyAI{Trouble: trouble, Transcripts: said})
		c.DialLimit, c.FinalLimit, c.CloseLimit = providertest.LimitOfTroubles, providertest.LimitOfTroubles, providertest.LimitOfTroubles
		return c
	})
}
