package anthropic_test

import (
	"testing"

	"parley/pipeline"
	"parley/providers/anthropic"
	"parley/providers/providertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	providertest.Responder(t, providertest.Anthropic{}, func(baseURL string) pipeline.Responder {
		return &anthropic.Client{BaseURL: baseURL, Model: "fake"}
	})
}
