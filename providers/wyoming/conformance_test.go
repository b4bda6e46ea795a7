package wyoming_test

import (
	"log/slog"
	"testing"

	"parley/pipeline"
	"parley/providers/providertest"
	"parley/providers/wyoming"
)

// client is a Client of a fake server; both end with the test.
func client(t *testing.T, server *providertest.Wyoming) *wyoming.Client {
	t.Helper()
	c := &wyoming.Client{BaseURL: providertest.StartWyoming(t, server), Log: slog.New(slog.DiscardHandler)}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return c
}

// servers are the kinds of servers that there are.
var servers = map[string]func() *providertest.Wyoming{
	"plain":          func() *providertest.Wyoming { return &providertest.Wyoming{} },
	"streaming":      func() *providertest.Wyoming { return &providertest.Wyoming{Streams: true, Stays: true} },
	"hangs up often": func() *providertest.Wyoming { return &providertest.Wyoming{Once: true, Rate: 16000} },
}

func TestTranscriber(t *testing.T) {
	t.Parallel()
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber { return client(t, server()) })
		})
	}
}

func TestSynthesizer(t *testing.T) {
	t.Parallel()
	for name, server := range servers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer { return client(t, server()) })
		})
	}
}

func TestTroubles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain", "streaming"} {
		server := servers[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.TranscriberTroubles(t, "wyoming", func(t *testing.T, trouble providertest.Trouble, said []string) pipeline.Transcriber {
				w := server()
				w.Listen, w.Transcripts = trouble, said
				c := client(t, w)
				c.DialLimit, c.FinalLimit, c.CloseLimit = providertest.LimitOfTroubles, providertest.LimitOfTroubles, providertest.LimitOfTroubles
				return c
			}, providertest.Refuse) // the protocol has no refusal but to hang up
		})
	}
}
