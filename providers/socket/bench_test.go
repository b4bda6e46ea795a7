package socket_test

import (
	"iter"
	"slices"
	"testing"
	"time"

	"parley/pipeline"
	"parley/providers/gemini"
	"parley/providers/openai"
	"parley/providers/providertest"
)

// BenchmarkFirstSound is what a client adds to a vendor's first sound: from the end of a caller's turn of 2 s to the first sound of the
// answer, from a server that answers without delay. The server's own work is in it.
func BenchmarkFirstSound(b *testing.B) {
	for name, of := range map[string]struct {
		start func(testing.TB, *providertest.Live) string
		open  func(base string) pipeline.Conversant
	}{
		"openai_realtime": {providertest.StartRealtime, func(base string) pipeline.Conversant { return &openai.Realtime{BaseURL: base} }},
		"gemini_live":     {providertest.StartGeminiLive, func(base string) pipeline.Conversant { return &gemini.Live{BaseURL: base} }},
	} {
		b.Run(name, func(b *testing.B) {
			base := of.start(b, &providertest.Live{Answer: func(providertest.LiveTurn) providertest.LiveAnswer { return providertest.LiveAnswer{Text: "Sure."} }})
			s, err := of.open(base).Converse(b.Context(), pipeline.Briefing{Agent: &pipeline.Agent{Prompt: "Be kind."}, Rate: 8000})
			if err != nil {
				b.Fatal(err)
			}
			next, stop := iter.Pull2(s.Outcomes())
			defer stop()
			defer func() { _ = s.Close() }()
			turn := providertest.Tones("talking talking talking talking talking", 8000)[:16000]
			var waits []time.Duration
			for key := 2; b.Loop(); key += 2 {
				for frame := range slices.Chunk(turn, 160) {
					if err := s.Write(frame); err != nil {
						b.Fatal(err)
					}
				}
				began, heard := time.Now(), false
				if err := s.Ask(key, []pipeline.Edit{{Kind: pipeline.Heard, Key: key - 1}}); err != nil {
					b.Fatal(err)
				}
				for done := false; !done; {
					o, err, ok := next()
					if err != nil || !ok {
						b.Fatal("the session has ended: ", err)
					}
					if a := o.Delta.Aloud; a != nil && len(a.PCM) > 0 && !heard {
						heard = true
						waits = append(waits, time.Since(began))
					}
					done = o.Done
				}
			}
			slices.Sort(waits)
			b.ReportMetric(float64(waits[len(waits)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds()), "p99-us")
		})
	}
}
