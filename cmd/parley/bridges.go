package main

import (
	"context"
	"iter"
	"time"

	"parley/control/crm"
	"parley/media"
	"parley/pipeline"
)

// bridgeRing is how long the contact of a bridge call may take to answer.
const bridgeRing = 45 * time.Second

// bridged lets a call that was placed for a bridge (POST /crm/api/v1/calls/bridge) join its callee with somebody else at once, in place of
// who would answer it.
func bridged(info media.Info, otherwise pipeline.Responder) pipeline.Responder {
	if to := info.Params[crm.BridgeSlot]; to != "" && info.Outbound {
		return bridge(to)
	}
	return otherwise
}

// A bridge has somebody called, and says nothing. When they cannot be reached, the call ends.
type bridge string

// Respond implements pipeline.Responder.
func (b bridge) Respond(_ context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		do := pipeline.Command{Kind: pipeline.HangUp}
		switch talk.Why {
		case pipeline.ForGreeting, pipeline.ForWords, pipeline.ForKeys: // while they ring, another such order changes nothing
			do = pipeline.Command{Kind: pipeline.Bridge, To: string(b), Join: pipeline.Join{Ring: bridgeRing, After: pipeline.End}}
		}
		yield(pipeline.Delta{Do: &do}, nil)
	}
}
