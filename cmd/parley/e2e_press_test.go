//go:build e2e

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"parley/providers/providertest"
)

// navigator is a model that presses keys as soon as it hears a machine, waits for what comes of it, and thanks the machine then.
func navigator(req providertest.OpenAIRequest) providertest.OpenAIAnswer {
	var heard strings.Builder
	pressed := false
	for _, m := range req.Messages {
		pressed = pressed || m.Role == "tool"
		if m.Role == "user" {
			heard.WriteString(strings.ToLower(*m.Content))
		}
	}
	switch said := heard.String(); {
	case strings.Contains(said, "try again"):
		return providertest.OpenAISay("Thank you, that was all.")
	case pressed:
		return providertest.OpenAIAnswer{Steps: []providertest.OpenAIStep{providertest.OpenAIFinish("stop"), providertest.OpenAIDone()}}
	case strings.Contains(said, "password"):
		return providertest.OpenAIAnswer{Steps: []providertest.OpenAIStep{
			providertest.OpenAIToolCall(0, fmt.Sprintf("call_%d", req.N), "press_keys", `{"keys":"4w2077#"}`), providertest.OpenAIFinish("tool_calls"), providertest.OpenAIDone(),
		}}
	}
	return providertest.OpenAISay("Hello, who is there?")
}

// TestEndToEndPress: a model presses its way through a machine's menu. The far end hears the tones, all of them, though it talks on; the
// record says what was pressed.
func TestEndToEndPress(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tools.yaml")
	if err := os.WriteFile(file, []byte("built_in: {press_keys: true}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := serve(t, "PARLEY_TOOLS="+file, "OPENAI_BASE_URL="+providertest.StartOpenAI(t, &providertest.OpenAI{Answer: navigator}))
	r, err := n.place(t.Context(), "hear within=60s", "say agent-pass", "barge conf-invalid after=150ms", "hear quiet=3s", "hangup")
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	if err := r.Print(&told); err != nil {
		t.Fatal(err)
	}
	t.Logf("the far end:\n%s", &told)
	if r.Keys != "42077#" {
		t.Errorf("the far end heard the keys %q", r.Keys)
	}
	c := n.record(r.CallSID)
	pressed := false
	for _, m := range c.Transcript {
		pressed = pressed || m.Role == "system" && m.Text == "You pressed 4 2 0 7 7 #."
	}
	if said := c.text("agent"); !pressed || !strings.Contains(said, "that was all") || strings.Contains(said, "Sorry") {
		t.Errorf("the transcript: %+v", c.Transcript)
	}
}
