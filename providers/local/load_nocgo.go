//go:build !cgo

package local

import (
	"context"
	"log/slog"
)

// load has nothing to open: models and voices need cgo.
func load(context.Context, string, string, *slog.Logger) models {
	const why = "this program was built without cgo"
	return models{
		report: Report{
			Ear:        Part{EarEnergy, why, fixCgo},
			Recogniser: Part{RecogniserNone, why, fixCgo},
			Endpoint:   Part{EndpointWords, why, fixCgo},
			Voice:      Part{VoiceNone, why, fixCgo},
		},
		close: func() {},
	}
}
