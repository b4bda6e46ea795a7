package openai_test

import (
	"testing"

	"parley/pipeline"
	"parley/providers/openai"
	"parley/providers/providertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	providertest.Responder(t, func(baseURL string) pipeline.Responder {
		return &openai.Client{BaseURL: baseURL, Model: "fake"}
	})
}
