package local_test

import (
	"testing"

	"parley/pipeline"
	"parley/providers/providertest"
)

// The contracts of the interfaces, as every vendor is held to them.

func TestTranscriberConformance(t *testing.T) {
	providertest.Transcriber(t, func(t *testing.T) pipeline.Transcriber { return whole(t) })
}

func TestSynthesizerConformance(t *testing.T) {
	providertest.Synthesizer(t, func(t *testing.T) pipeline.Synthesizer { return whole(t) })
}
