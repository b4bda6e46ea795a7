//go:build e2e

package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/media/wav"
	"parley/providers/providertest"
)

const hours = "We are open from nine to five on weekdays and from ten to two on Saturdays but never on Sundays, as far as anybody here can remember."

// attendant is a speech-to-speech model: it uses a tool when the caller first speaks, then says a lot, and says goodbye to who interrupts that.
type attendant struct {
	mu    sync.Mutex
	known [][]providertest.LiveMessage
}

func (a *attendant) answer(turn providertest.LiveTurn) providertest.LiveAnswer {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = append(a.known, turn.Messages)
	spoke := 0
	for _, m := range turn.Messages {
		if m.Role == "user" && m.Sound > 0 {
			spoke++
		}
	}
	switch last := turn.Messages[len(turn.Messages)-1]; {
	case last.Role == "tool":
		return providertest.LiveAnswer{Text: hours}
	case spoke == 0:
		return providertest.LiveAnswer{Text: "Hello. What can I do for you?"}
	case spoke == 1:
		return providertest.LiveAnswer{Call: &providertest.Piece{ID: "call_A1", Name: "collect_caller", Args: `{"name":"Anna"}`}}
	}
	return providertest.LiveAnswer{Text: "Goodbye then."}
}

// TestEndToEndConversant: a call with recorded speech to an agent on a speech-to-speech model. It hears the caller in the telephone's own
// format, uses a tool, is interrupted, and knows to the millisecond how much of its words was heard, as do record and recording.
func TestEndToEndConversant(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		vendor, key, base string
		start             func(testing.TB, *providertest.Live) string
	}{
		{"openai-realtime", "OPENAI_API_KEY", "OPENAI_BASE_URL", providertest.StartRealtime},
		{"gemini-live", "GEMINI_API_KEY", "GEMINI_BASE_URL", providertest.StartGeminiLive},
	} {
		t.Run(v.vendor, func(t *testing.T) {
			t.Parallel()
			a := &attendant{}
			live := &providertest.Live{Key: "live-key", Answer: a.answer}
			n := serve(t, "PARLEY_LLM=flow", "PARLEY_STT=local", "PARLEY_TTS=local", v.key+"=live-key", v.base+"="+v.start(t, live))
			until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
			r := n.callConversant(t, v.vendor)
			c := n.record(r.CallSID)
			var cut *turnRow
			for i, turn := range c.Turns {
				if turn.Interrupted {
					cut = &c.Turns[i]
				}
			}
			last := c.Turns[len(c.Turns)-1]
			if cut == nil || !strings.HasPrefix(hours, cut.Text) || cut.Counts["tools"] != 1 || last.Heard != "Goodbye then." {
				t.Fatalf("turns %+v", c.Turns)
			}
			if d := len(strings.Fields(cut.Heard)) - len(strings.Fields(heardBy(hours, time.Duration(cut.SoundedMS)*time.Millisecond))); d < -1 || d > 1 || !strings.HasPrefix(hours, cut.Heard) {
				t.Errorf("of %d ms the record has %q as heard", cut.SoundedMS, cut.Heard)
			}
			if !strings.Contains(strings.ToLower(cut.Said), "password") {
				t.Errorf("the recogniser understood %q", cut.Said)
			}
			a.knew(t, cut, v.vendor == "openai-realtime")
			soundsUntilCut(t, n, c, cut, last.OffsetMS)
			if wrong := live.Counts().Wrong.Load(); wrong != 0 {
				t.Errorf("the model refused %d messages", wrong)
			}
			if n.metric("parley_provider_requests_total", `provider="`+v.vendor+`"`) == 0 {
				t.Errorf("%s is not measured", v.vendor)
			}
		})
	}
}

// callConversant calls an agent on a speech-to-speech model.
func (n *node) callConversant(t *testing.T, vendor string) (r carrier.Result) {
	t.Helper()
	var agent struct {
		ID string `json:"id"`
	}
	n.into(n.api(http.MethodPost, "/api/v1/agents", map[string]any{"name": "Attendant", "system_prompt": "You tell the hours."}), &agent)
	if out, code := command(t, []string{"PARLEY_DATA_DIR=" + n.data}, "numbers", "set", "+442070000003", agent.ID); code != 0 {
		t.Fatalf("parley numbers set: %s", out)
	}
	n.into(n.api(http.MethodPatch, "/api/v1/agents/"+agent.ID, map[string]any{"settings": json.RawMessage(`{
		"providers":{"llm":{"vendor":"` + vendor + `"}},"tools":{"built_in":{"collect":[{"name":"caller","fields":[{"name":"name"}]}]}}}`)}), &agent)
	out, code := command(t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, "call", "--connect", strings.TrimPrefix(n.url, "http://"), "--to", "+442070000003",
		"--no-transcribe", "--json", "--wav", filepath.Join(t.TempDir(), "call.wav"),
		"--do", "hear", "--do", "say agent-pass", "--do", "barge agent-pass after=3s hush=2s", "--do", "hear", "--do", "hangup")
	if code != 0 {
		t.Fatalf("parley call: %d\n%s\n%s", code, out, n.log.String())
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("parley call printed %s: %v", out, err)
	}
	return r
}

// knew checks what the model knew when it was asked last: its own words as far as they were heard, and the caller's by their sound.
func (a *attendant) knew(t *testing.T, cut *turnRow, edits bool) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.known[len(a.known)-1]
	if len(last) < 2 {
		t.Fatalf("it knew %+v", last)
	}
	said, heard := last[len(last)-2], last[len(last)-1]
	if edits && (said.Role != "assistant" || said.Sound != time.Duration(cut.SoundedMS)*time.Millisecond || said.Text == hours) {
		t.Errorf("of its words it takes %+v for heard; it was %d ms", said, cut.SoundedMS)
	}
	if !edits && !strings.Contains(said.Text, `they heard only "`+cut.Heard+`"`) {
		t.Errorf("it was told %q; %q was heard", said.Text, cut.Heard)
	}
	if heard.Role != "user" || heard.Sound < time.Second || heard.Sound > 6*time.Second {
		t.Errorf("of who interrupted it heard %+v", heard)
	}
}

// soundsUntilCut checks the recording: the answer sounds until it was cut, and then nothing until the next. Where the machine was late with
// its sound, that has lasted longer than the sound.
func soundsUntilCut(t *testing.T, n *node, c callRow, cut *turnRow, next int64) {
	t.Helper()
	heard, err := wav.ReadFile(n.recordingOf(c))
	if err != nil {
		t.Fatal(err)
	}
	sounding := func(from, to int64) (n int) {
		for _, s := range agentChannel(heard, from, to) {
			if s > 1000 {
				n++
			}
		}
		return n
	}
	end := cut.OffsetMS + cut.SoundedMS
	if before, after := sounding(cut.OffsetMS, end), sounding(next-1000, next-100); before == 0 || after != 0 {
		t.Errorf("the recording has %d loud samples of the answer, and %d after it was cut", before, after)
	}
}
