package callapi_test

import (
	"testing"

	"parley/pipeline"
	"parley/providers/callapi"
)

func TestState(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]pipeline.PlacedState{
		"queued": pipeline.PlacedRinging, "initiated": pipeline.PlacedRinging, "ringing": pipeline.PlacedRinging, "in-progress": pipeline.PlacedAnswered,
		"completed": pipeline.PlacedHungUp, "busy": pipeline.PlacedBusy, "no-answer": pipeline.PlacedNoAnswer, "failed": pipeline.PlacedFailed,
		"canceled": pipeline.PlacedCancelled, "something new": pipeline.PlacedRinging,
	} {
		if got := callapi.State(status); got != want || got.Over() != (want != pipeline.PlacedRinging && want != pipeline.PlacedAnswered) {
			t.Errorf("%s is %s, want %s", status, got, want)
		}
	}
}
