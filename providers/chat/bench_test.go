package chat_test

import (
	"slices"
	"testing"
	"time"

	"parley/pipeline"
	"parley/providers/anthropic"
	"parley/providers/gemini"
	"parley/providers/openai"
	"parley/providers/providertest"
)

// BenchmarkFirstWord is what a client adds to a vendor's first word: a whole request over a warm connection on loopback, to a server that
// answers without delay, until the first text is there. The server's own work is in it.
func BenchmarkFirstWord(b *testing.B) {
	for name, of := range map[string]struct {
		speaks providertest.Dialect
		open   func(base string) pipeline.Responder
	}{
		"openai_chat": {providertest.Chat{}, func(base string) pipeline.Responder { return &openai.Client{BaseURL: base, Model: "m"} }},
		"openai_responses": {providertest.Responses{}, func(base string) pipeline.Responder {
			return &openai.Client{BaseURL: base, Model: "m", API: openai.Responses}
		}},
		"anthropic": {providertest.Anthropic{}, func(base string) pipeline.Responder { return &anthropic.Client{BaseURL: base, Model: "m"} }},
		"gemini":    {providertest.Gemini{}, func(base string) pipeline.Responder { return &gemini.Client{BaseURL: base, Model: "m"} }},
	} {
		b.Run(name, func(b *testing.B) {
			r := of.open(providertest.StartModel(b, &providertest.Model{Dialect: of.speaks}))
			talk := pipeline.Talk{Why: pipeline.ForWords, Text: "Hello", Agent: &pipeline.Agent{Prompt: "Be kind."}}
			var waits []time.Duration
			for b.Loop() {
				began, heard := time.Now(), false
				for d, err := range r.Respond(b.Context(), talk) {
					if err != nil {
						b.Fatal(err)
					}
					if d.Text != "" && !heard { // the rest is read, so that the connection is used again
						heard = true
						waits = append(waits, time.Since(began))
					}
				}
			}
			slices.Sort(waits)
			b.ReportMetric(float64(waits[len(waits)/2].Microseconds()), "p50-us")
			b.ReportMetric(float64(waits[len(waits)*99/100].Microseconds()), "p99-us")
		})
	}
}
