//go:build e2e

package main

import "testing"

// TestEndToEndFlux: with Flux for the whole server, calls are answered when it says that the caller has finished, and are as whole as ever.
func TestEndToEndFlux(t *testing.T) {
	t.Parallel()
	n := serve(t, append(mockVendors(t), "PARLEY_DEEPGRAM_STT_MODEL=flux-general-en")...)
	for i, r := range n.burst(5, "hear", "say agent-pass", "hear", "say conf-getpin", "hear", "hangup") {
		if r == nil {
			continue
		}
		for _, turn := range r.Turns {
			if !turn.Answered {
				t.Errorf("call %d: %q was not answered", i, turn.Step)
			}
		}
		said := 0
		for _, turn := range n.record(r.CallSID).Turns {
			if turn.Why == "words" {
				said++
			}
		}
		if said != 2 {
			t.Errorf("call %d: %d turns of the caller's words, want 2: %+v", i, said, n.record(r.CallSID).Turns)
		}
	}
	n.idle()
	if v := n.metric("parley_provider_failures_total") + n.metric("parley_frames_dropped_total"); v != 0 {
		t.Errorf("%v failures and drops", v)
	}
}
