package vosk_test

import (
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers/providertest"
	"parley/providers/vosk"
)

// client is a Client of a fake server, which ends with the test.
func client(t *testing.T, server *providertest.Vosk) *vosk.Client {
	t.Helper()
	return &vosk.Client{BaseURL: providertest.StartVosk(t, server), Log: slog.New(slog.DiscardHandler)}
}

func TestTranscriber(t *testing.T) {
	t.Parallel()
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber { return client(t, &providertest.Vosk{}) })
}

func TestTroubles(t *testing.T) {
	t.Parallel()
	providertest.TranscriberTroubles(t, "vosk", func(t *testing.T, trouble providertest.Trouble, said []string) pipeline.Transcriber {
		c := client(t, &providertest.Vosk{Trouble: trouble, Transcripts: said})
		c.DialLimit, c.FinalLimit, c.CloseLimit = providertest.LimitOfTroubles, providertest.LimitOfTroubles, providertest.LimitOfTroubles
		return c
	}, providertest.Complain)
}

// TestWordsAreToldOnlyIfTheyAreAll: a phrase list is all that Vosk understands, and no hint.
func TestWordsAreToldOnlyIfTheyAreAll(t *testing.T) {
	t.Parallel()
	for exclusive, want := range map[bool]string{
		false: `{"sample_rate":16000,"words":true,"max_alternatives":0}`,
		true:  `{"sample_rate":16000,"words":true,"max_alternatives":0,"phrase_list":["yes","no","[unk]"]}`,
	} {
		told := make(chan json.RawMessage, 1)
		c := client(t, &providertest.Vosk{Configured: func(config json.RawMessage) { told <- config }})
		c.Exclusive = exclusive
		tr, err := c.Transcribe(t.Context(), pipeline.Listening{Rate: 16000, Words: []string{"Yes", "no"}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(<-told)); diff != "" {
			t.Errorf("exclusive %v: config (-want +got):\n%s", exclusive, diff)
		}
		if err := tr.Close(); err != nil {
			t.Error(err)
		}
	}
}
