//go:build e2e

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// keypadRules are an agent's, over the default receptionist.
const keypadRules = `{
	"rules": [
		{"keys": "1", "say": "The museum opens on Sunday morning.", "barge_in": false},
		{"keys": "12", "say": "The museum is closed on Monday."},
		{"keys": "7", "gather": {"prompt": "Please enter your order number.", "slot": "order_number", "length": 4, "invalid": "That is too short.", "key_gap": "1s",
			"then": {"say": "Your order is on the way."}}},
		{"keys": "8", "gather": {"prompt": "Please enter your password.", "slot": "pin", "min": 4, "max": 6, "masked": true, "then": {"say": "Thank you very much."}}},
		{"keys": "*9", "hang_up": "Goodbye and thank you."}
	],
	"key_gap": "1s"
}`

// TestEndToEndKeypad: an agent gets its rules for keys over the API, and a caller presses them: what they say is heard, and what is gathered
// is in the call's record.
func TestEndToEndKeypad(t *testing.T) {
	t.Parallel()
	n := serve(t)
	var agents []struct {
		ID      string          `json:"id"`
		Default bool            `json:"is_default"`
		Rules   json.RawMessage `json:"dtmf_rules"`
	}
	n.into(n.api(http.MethodGet, "/api/v1/agents", nil), &agents)
	if len(agents) != 1 || !agents[0].Default {
		t.Fatalf("agents: %+v", agents)
	}
	path := "/api/v1/agents/" + agents[0].ID
	bad := n.api(http.MethodPatch, path, map[string]any{"dtmf_rules": json.RawMessage(`{"rules": [{"keys": "1", "gather": {"prompt": "P", "slot": "s", "length": 0}}, {"keys": "x", "say": "a"}]}`)})
	if bad.Status != http.StatusBadRequest || bad.Details["dtmf_rules.rules[0].gather.length"] == nil || bad.Details["dtmf_rules.rules[1].keys"] == nil {
		t.Errorf("wrong rules: %d %v", bad.Status, bad.Details)
	}
	n.into(n.api(http.MethodPatch, path, map[string]any{"dtmf_rules": json.RawMessage(keypadRules)}), &agents[0])

	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	heard := filepath.Join(t.TempDir(), "heard.wav")
	out, code := command(t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, "call", "--connect", strings.TrimPrefix(n.url, "http://"), "--wav", t.TempDir()+"/call.wav", "--heard", heard,
		"--do", "silent 2s", "--do", "press 1", "--do", "hear", "--do", "press 12", "--do", "hear",
		"--do", "press 7", "--do", "hear", "--do", "press 47", "--do", "hear", "--do", "press 4711#", "--do", "hear",
		"--do", "press 8", "--do", "hear", "--do", "press 90817#", "--do", "hear", "--do", "press *9", "--do", "hear")
	if code != 0 {
		t.Fatalf("parley call: %d\n%s", code, out)
	}
	calls := n.calls()
	if len(calls) != 1 {
		t.Fatalf("%d calls are listed, want 1", len(calls))
	}
	c := n.record(calls[0].CarrierID)
	said := c.text("agent")
	if strings.Contains(said, "Or just tell me what you need.") {
		t.Errorf("the key did not interrupt the greeting: %q", said)
	}
	for _, words := range []string{"opens on Sunday morning.", "closed on Monday.", "order number. That is too short. Please enter your order number. Your order is on the way.", "Thank you very much.", "Goodbye and thank you."} {
		if !strings.Contains(said, words) {
			t.Errorf("the record has not %q of the agent's words: %q", words, said)
		}
	}
	for _, word := range []string{"sunday", "monday", "order number", "goodbye"} { // by the recogniser
		if !strings.Contains(strings.ToLower(out), word) {
			t.Errorf("the caller has not heard %q:\n%s", word, out)
		}
	}
	if c.Cause != "agent" || c.AgentVersion != 2 {
		t.Errorf("the call: cause %q, version %d of the agent", c.Cause, c.AgentVersion)
	}
	var detail struct {
		Collected map[string]string `json:"collected"`
	}
	n.into(n.api(http.MethodGet, "/api/v1/calls/"+c.ID, nil), &detail)
	if diff := cmp.Diff(map[string]string{"order_number": "4711", "pin": "***"}, detail.Collected); diff != "" {
		t.Errorf("collected, want - got +:\n%s", diff)
	}
	n.checkKeypadCLI(agents[0].ID)
}

// checkKeypadCLI sets rules beside the running server.
func (n *node) checkKeypadCLI(agent string) {
	n.t.Helper()
	env := []string{"PARLEY_DATA_DIR=" + n.data}
	file := filepath.Join(n.t.TempDir(), "rules.json")
	for rules, want := range map[string]int{`{"1": "sales"}`: 0, `{"1": {"b": 1}, "x": 2}`: 2} {
		if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
			n.t.Fatal(err)
		}
		if out, code := command(n.t, env, "agents", "set", agent, "--dtmf-rules", "@"+file); code != want {
			n.t.Errorf("parley agents set --dtmf-rules %s: exit code %d, want %d\n%s", rules, code, want, out)
		}
	}
}
