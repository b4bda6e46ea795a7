package stream

import (
	"testing"

	"parley/media"
	"parley/media/legtest"
)

var _ legtest.Far = (*far)(nil)

func TestConformance(t *testing.T) { conform(t, false) }

func TestConformanceTLS(t *testing.T) { conform(t, true) }

func conform(t *testing.T, secure bool) {
	legtest.Conformance(t, func(t *testing.T) (media.Leg, legtest.Far) {
		tw := &Twilio{}
		server := serve(t, tw, secure)
		legs := answered(t, tw)
		ws := call(t, server, testCall)
		return within(t, legs, "leg"), newFar(t, ws)
	})
}
