package openai_test

import (
	"testing"

	"parley/pipeline"
	"parley/providers/openai"
	"parley/providers/providertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for api, speaks := range map[openai.API]providertest.Dialect{openai.Completions: providertest.Chat{}, openai.Responses: providertest.Responses{}} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			providertest.Responder(t, speaks, func(baseURL string) pipeline.Responder {
				return &openai.Client{BaseURL: baseURL, Model: "fake", API: api}
			})
		})
	}
}
