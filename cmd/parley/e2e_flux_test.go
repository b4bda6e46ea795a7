//go:build e2e

package main

import (
	"context"
	"testing"

	"parley/bench/carrier"
	"parley/bench/stamp"
	mocks "parley/bench/vendors"
	"parley/media/g711"
)

// TestEndToEndFlux: with Flux for the whole server, calls are answered when it says that the caller has finished, and are as whole as ever.
// What the voice stamps comes through to the caller, sample by sample.
func TestEndToEndFlux(t *testing.T) {
	t.Parallel()
	const calls = 5
	others, err := mocks.Start(context.WithoutCancel(t.Context()), mocks.Options{Stamps: true, Pace: 2}, binary, "bench", "vendors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the server, which is stopped first
		if err := others.Close(); err != nil {
			t.Error(err)
		}
	})
	n := serve(t, "DEEPGRAM_BASE_URL="+others.Deepgram, "DEEPGRAM_API_KEY=test", "OPENAI_BASE_URL="+others.OpenAI, "OPENAI_API_KEY=test",
		"PARLEY_DEEPGRAM_STT_MODEL=flux-general-en")
	for i, r := range n.burst(calls, "hear", "say agent-pass", "hear", "say conf-getpin", "hear", "hangup") {
		if r == nil {
			continue
		}
		for _, turn := range r.Turns {
			if !turn.Answered {
				t.Errorf("call %d: %q was not answered", i, turn.Step)
			}
		}
		said, row := 0, n.record(r.CallSID)
		for _, turn := range row.Turns {
			if turn.Why == "words" {
				said++
			}
		}
		if said != 2 {
			t.Errorf("call %d: %d turns of the caller's words, want 2: %+v", i, said, row.Turns)
		}
		if found := stampsIn(r); found < 2 {
			t.Errorf("call %d: %d stamps came through, want one an answer", i, found)
		}
	}
	n.idle()
	if v := n.metric("parley_provider_failures_total") + n.metric("parley_frames_dropped_total"); v != 0 {
		t.Errorf("%v failures and drops", v)
	}
	r, err := others.Report()
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts.Turns < 2*calls || r.Counts.Forced > 0 || r.Counts.Listens != calls || r.Counts.Finalizes != 0 {
		t.Errorf("the vendors saw %+v; want two turns a call or more, none of them forced, and no Finalize", r.Counts)
	}
}

// stampsIn is how many stamps there are in what the caller heard.
func stampsIn(r *carrier.Result) (n int) {
	law := make([]byte, len(r.Heard))
	g711.Ulaw.Encode(law, r.Heard)
	for _, next := stamp.Find(law); next >= 0; _, next = stamp.Find(law) {
		law = law[next:]
		n++
	}
	return n
}
