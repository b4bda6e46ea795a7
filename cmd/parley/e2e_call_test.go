//go:build e2e

package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/media/wav"
	"parley/pipeline"
	"parley/providers/local"
	"parley/providers/providertest"
)

// place makes a call to the node, in this process, as Twilio would.
func (n *node) place(ctx context.Context, steps ...string) (*carrier.Result, error) {
	script, err := carrier.ParseScript("steps", strings.Join(steps, "\n"))
	if err != nil {
		n.t.Fatal(err)
	}
	return carrier.Call{URL: n.url + "/twilio/voice", AuthToken: testToken, Script: script}.Place(ctx)
}

// recogniser is the local recogniser, as a judge of what the agent said.
func recogniser(t *testing.T) func(pcm []int16) string {
	t.Helper()
	e := local.New(local.Options{Exact: true, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-e.Ready()
	if s := e.Status().Recogniser; s.Fix != "" {
		t.Fatalf("recogniser: %s: run %s", s.Why, s.Fix)
	}
	return func(pcm []int16) string {
		text, err := transcribe(t.Context(), e, pcm, carrier.Rate)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
}

// TestEndToEndFirstCall is the README's first call: the real server, the real caller, no key, default settings.
func TestEndToEndFirstCall(t *testing.T) {
	t.Parallel()
	n := serve(t)
	out, code := command(t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, "call", "--connect", strings.TrimPrefix(n.url, "http://"), "--wav", t.TempDir()+"/call.wav")
	t.Logf("parley call printed:\n%s", out)
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	if n.metric("parley_calls_total", `cause="caller"`) != 1 {
		t.Error("the server did not count the call")
	}
	if v := n.metric("parley_turn_latency_seconds_count", `stage="voice_to_voice"`); v < 1 {
		t.Errorf("%v turns were measured from voice to voice", v)
	}
}

// TestEndToEndAnswers has the recogniser hear what the caller heard: it is what the agent meant to say. Keys 1 and 2 lead to
// different answers, and silence is answered.
func TestEndToEndAnswers(t *testing.T) {
	t.Parallel()
	n := serve(t, "PARLEY_SILENCE=5s")
	hear := recogniser(t)
	r, err := n.place(t.Context(), "hear", "press 1", "hear", "press 2", "hear", "silent 10s", "hangup")
	if err != nil {
		t.Fatal(err)
	}
	call := n.record(r.CallSID)
	heard, err := wav.ReadFile(n.recordingOf(call))
	if err != nil {
		t.Fatal(err)
	}
	var wer providertest.WER
	why := map[string]string{}
	for _, turn := range call.Turns {
		why[turn.Why+" "+turn.Said] += turn.Text
		if turn.SoundedMS == 0 || turn.Interrupted {
			continue
		}
		from, to := turn.OffsetMS-100, turn.OffsetMS+turn.SoundedMS+200
		text := hear(agentChannel(heard, from, to))
		if errs := wer.Add(turn.Heard, text); errs > 0 {
			t.Logf("%d errors: said %q, recognised %q", errs, turn.Heard, text)
		}
	}
	t.Logf("agent's answers recognised again: %.1f %% of %d words wrong", 100*wer.Rate(), wer.Words)
	if wer.Words < 60 || wer.Rate() > 0.10 {
		t.Errorf("%.1f %% of %d words wrong: want 10 %% at most of 60 at least", 100*wer.Rate(), wer.Words)
	}
	one, two := why["keys 1"], why["keys 2"]
	if !strings.Contains(one, "Saturday we close") || !strings.Contains(two, "Which day") {
		t.Errorf("key 1: %q, key 2: %q", one, two)
	}
	silent := false
	for k := range why {
		silent = silent || strings.HasPrefix(k, string(pipeline.ForSilence))
	}
	if !silent {
		t.Error("10 s of silence were not answered")
	}
}

// agentChannel cuts the right side of a stereo recording, in milliseconds.
func agentChannel(a wav.Sound, from, to int64) []int16 {
	var pcm []int16
	rate := int64(a.Rate)
	for i := max(0, from*rate/1000); i < to*rate/1000 && int(2*i+1) < len(a.PCM); i++ {
		pcm = append(pcm, a.PCM[2*i+1])
	}
	return pcm
}

// TestEndToEndBargeIn interrupts a long answer: the wire falls silent, and the history holds what was heard, measured by the
// caller's own playout and by the words in its recording.
func TestEndToEndBargeIn(t *testing.T) {
	t.Parallel()
	for _, after := range []string{"3s", "6500ms", "11s"} {
		t.Run(after, func(t *testing.T) {
			t.Parallel()
			n, hear := serve(t), recogniser(t)
			r, err := n.place(t.Context(), "hear", "press 3", "barge agent-pass after="+after+" hush=1500ms", "hear", "hangup")
			if err != nil {
				t.Fatal(err)
			}
			if r.Frames.AfterClear != 0 {
				t.Errorf("%d media messages followed the clear at once", r.Frames.AfterClear)
			}
			checkHeard(t, hear, r, n.record(r.CallSID))
		})
	}
}

func checkHeard(t *testing.T, hear func([]int16) string, r *carrier.Result, call callRow) {
	t.Helper()
	var cut *turnRow
	for _, turn := range call.Turns {
		if turn.Interrupted {
			cut = &turn
		}
	}
	if cut == nil {
		t.Fatal("no turn was cut")
	}
	var barge, asked *carrier.Turn
	for i := range r.Turns {
		if r.Turns[i].BargedIn {
			barge, asked = &r.Turns[i], &r.Turns[i-1]
		}
	}
	if barge == nil || barge.Cleared == 0 {
		t.Fatalf("the caller saw no clear: %+v", r.Turns)
	}
	var ledger time.Duration // what the server believes was heard, of all turns
	for _, turn := range call.Turns {
		ledger += time.Duration(turn.SoundedMS) * time.Millisecond
	}
	off := ledger - time.Duration(r.Frames.Sounded)
	t.Logf("cleared %v after the caller's first sample, hushed after %v; %v heard by the ledger, off by %v", barge.Cleared, barge.Hushed, ledger, off)
	if off.Abs() > 300*time.Millisecond {
		t.Errorf("the ledger is off by %v, want 300 ms at most", off)
	}
	from, to := time.Duration(asked.End+asked.FirstSample), time.Duration(barge.At+barge.Cleared)
	recording := hear(r.Heard[samples(from-100*time.Millisecond):min(samples(to+100*time.Millisecond), len(r.Heard))])
	want, got := providertest.Words(recording), providertest.Words(cut.Heard)
	t.Logf("recording %q\nhistory %q", recording, cut.Heard)
	if d := len(want) - len(got); d < -2 || d > 2 { // one word, and one that the recogniser may have split or lost
		t.Errorf("the history has %d words, the recording %d", len(got), len(want))
	}
	for _, m := range call.Transcript {
		if m.Interrupted && m.Text != cut.Heard {
			t.Errorf("history %q, turn %q", m.Text, cut.Heard)
		}
	}
}

func samples(d time.Duration) int { return max(0, int(d*carrier.Rate/time.Second)) }
