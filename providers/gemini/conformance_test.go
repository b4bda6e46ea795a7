package gemini_test

import (
	"testing"

	"parley/pipeline"
	"parley/providers/gemini"
	"parley/providers/providertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	providertest.Responder(t, providertest.Gemini{}, func(baseURL string) pipeline.Responder {
		return &gemini.Client{BaseURL: baseURL, Model: "fake"}
	})
}
