package local

import (
	"context"
	"fmt"

	"parley/media/vad"
	"parley/pipeline"
)

// Energy is a pipeline.Listener that hears by loudness alone: it needs no model, costs 0.1 us a frame, and takes music and noise for
// speech. It is for load tests, and for calls whose recogniser detects turns itself.
type Energy struct{}

// Listen makes an Ear at once.
func (Energy) Listen(_ context.Context, o pipeline.EarOptions) (pipeline.Ear, error) {
	ear, err := newPlainEar(o.Rate, vad.Turns{MaybeAfter: o.MaybeAfter, EndAfter: o.EndAfter}, EarEnergy)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return ear, nil
}
