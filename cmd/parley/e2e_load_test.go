//go:build e2e

package main

import (
	"context"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	mocks "parley/bench/vendors"
)

// TestEndToEndFifty has 50 callers talk at once with vendors that answer at once, in another process, over their own protocols.
// No answer is late or lost, no frame comes late, and afterwards nothing is left over.
func TestEndToEndFifty(t *testing.T) {
	calls := 50
	if s := os.Getenv("PARLEY_E2E_CALLS"); s != "" {
		var err error
		if calls, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	n := serve(t, mockVendors(t)...)
	n.burst(calls, "hear", "say agent-pass", "hear", "hangup") // fills the vendors' pools of idle connections
	n.idle()
	goroutines, files := n.metric("go_goroutines"), n.metric("process_open_fds")

	results := n.burst(calls, "hear", "say agent-pass", "hear", "press 1", "hear", "say conf-getpin", "hear", "hangup")
	var worst time.Duration
	slowest := ""
	late, void, turns := 0, 0, 0
	for i, r := range results {
		if r == nil {
			continue
		}
		if r.Frames.SentLate > r.Frames.Sent/100 {
			void++
		}
		late += r.Frames.Gaps
		for _, turn := range r.Turns {
			turns++
			if !turn.Answered {
				t.Errorf("call %d: %q was not answered", i, turn.Step)
			}
			if d := time.Duration(turn.FirstSample); d > worst {
				worst, slowest = d, turn.Step
			}
		}
		if r.Frames.BadMessages > 0 || r.Frames.AfterClear > 0 {
			t.Errorf("call %d: %+v", i, r.Frames)
		}
	}
	t.Logf("%d calls, %d turns answered, worst first sample after %v (%s), %d gaps in the agents' audio; %d callers' own frames were late", calls, turns, worst, slowest, late, void)
	if void == 0 && late > 0 {
		t.Errorf("%d frames came late", late)
	}
	n.idle()
	var waits []int64 // voice to voice, in milliseconds
	for _, r := range results {
		if r == nil {
			continue
		}
		for _, turn := range n.record(r.CallSID).Turns {
			if d, ok := turn.Latency["voice_to_voice"]; ok {
				waits = append(waits, d)
			}
		}
	}
	slices.Sort(waits)
	if len(waits) != 2*calls { // two sentences a call
		t.Errorf("%d turns were measured from voice to voice, want %d", len(waits), 2*calls)
	} else {
		t.Logf("voice to voice, of which 500 ms are the hangover: p50 %d ms, p99 %d ms", waits[len(waits)/2], waits[len(waits)*99/100])
	}
	until(t, time.Minute, "goroutines and descriptors are back to base", func() bool {
		return n.metric("go_goroutines") <= goroutines && n.metric("process_open_fds") <= files
	})
	if v := n.metric("parley_calls_total", `cause="caller"`); v != float64(2*calls) {
		t.Errorf("%v calls ended by the caller, want %d", v, 2*calls)
	}
	if v := n.metric("parley_provider_failures_total") + n.metric("parley_frames_dropped_total"); v != 0 {
		t.Errorf("%v failures and drops", v)
	}
}

// mockVendors starts recogniser, model and voice in another process, and returns the settings of a server that uses them.
func mockVendors(t *testing.T) []string {
	t.Helper()
	others, err := mocks.Start(context.WithoutCancel(t.Context()), mocks.Options{}, binary, "bench", "vendors")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // after the server, which is stopped first
		if err := others.Close(); err != nil {
			t.Error(err)
		}
	})
	return []string{"DEEPGRAM_BASE_URL=" + others.Deepgram, "DEEPGRAM_API_KEY=test", "OPENAI_BASE_URL=" + others.OpenAI, "OPENAI_API_KEY=test"}
}

// burst places calls at once, 20 ms apart, and waits until the last has ended.
func (n *node) burst(calls int, steps ...string) []*carrier.Result {
	n.t.Helper()
	results := make([]*carrier.Result, calls)
	dial := time.NewTicker(20 * time.Millisecond)
	defer dial.Stop()
	var wg sync.WaitGroup
	for i := range calls {
		<-dial.C
		wg.Go(func() {
			r, err := n.place(n.t.Context(), steps...)
			if err != nil {
				n.t.Errorf("call %d: %v", i, err)
			}
			results[i] = r
		})
	}
	wg.Wait()
	return results
}

// idle waits until no call is live.
func (n *node) idle() {
	n.t.Helper()
	until(n.t, time.Minute, "no call is live", func() bool { return n.metric("parley_calls_live") == 0 })
}
