//go:build e2e

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/bench/carrier"
)

// toApp is a message of ConversationRelay's that the app was sent.
type toApp struct {
	Type      string
	CallSid   string `json:"callSid"`
	From, To  string
	Direction string
	Custom    map[string]string `json:"customParameters"`
	Prompt    string            `json:"voicePrompt"`
	Last      bool
	Lang      string
	Digit     string
	Until     string `json:"utteranceUntilInterrupt"`
	Duration  int64  `json:"durationUntilInterruptMs"`
}

// relayApp starts the app of the documentation, which knows nothing of Parley, and says where it listens.
func relayApp(t *testing.T, token string) (port string, out *syncBuffer) {
	t.Helper()
	cmd := exec.Command("python3", "../../docs/examples/relay/app.py", "--port", "0")
	cmd.Env = append(os.Environ(), "RELAY_TOKEN="+token, "RELAY_URL=")
	out = &syncBuffer{}
	cmd.Stderr = out
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	if lines.Scan() {
		port = strings.TrimPrefix(lines.Text(), "listening on ")
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines.Scan() {
			fmt.Fprintln(out, lines.Text())
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("the app:\n%s", out)
		}
	})
	if port == "" {
		t.Fatal("the app does not listen")
	}
	return port, out
}

// messages are those that the app was sent.
func messages(t *testing.T, out *syncBuffer) (all []toApp) {
	t.Helper()
	for line := range strings.Lines(out.String()) {
		if text, ok := strings.CutPrefix(line, "< "); ok {
			var m toApp
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			all = append(all, m)
		}
	}
	return all
}

// TestEndToEndRelay: an app written against ConversationRelay's page, in Python, holds a conversation with recorded speech: greeting, words that
// it streams, an interruption of which it is told what was heard, keys, and an end with what it hands over. Its handshake is signed.
func TestEndToEndRelay(t *testing.T) {
	t.Parallel()
	const token = "relay-token-71c4"
	port, out := relayApp(t, token)
	n := serve(t, "PARLEY_LLM=flow", "PARLEY_STT=local", "PARLEY_TTS=local", "PARLEY_AGENT_HOSTS=127.0.0.1:"+port, "PARLEY_CREDENTIALS_ALLOW=127.0.0.1")
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	var made struct {
		ID string `json:"id"`
	}
	n.into(n.api(http.MethodPost, "/api/v1/credentials", map[string]any{"vendor": "custom", "name": "RELAY_TOKEN", "base_url": "http://127.0.0.1:" + port, "secret": token}), &made)
	n.into(n.api(http.MethodPost, "/api/v1/agents", map[string]any{
		"name": "App", "system_prompt": "An app answers.", "starting_message": "Welcome to the app.",
		"settings": map[string]any{"relay": map[string]any{"url": "ws://127.0.0.1:" + port + "/relay", "secret": "RELAY_TOKEN", "parameters": map[string]string{"plan": "gold", "caller": "{{from}}"}}},
	}), &made)
	n.into(n.api(http.MethodPost, "/api/v1/numbers", map[string]any{"phone_number": "+442070000009", "agent_id": made.ID}), &struct{}{})
	printed, code := command(t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, "call", "--connect", strings.TrimPrefix(n.url, "http://"), "--from", "+15550100009", "--to", "+442070000009",
		"--no-transcribe", "--json", "--wav", filepath.Join(t.TempDir(), "call.wav"),
		"--do", "hear quiet=600ms", "--do", "say vm-goodbye", "--do", "barge agent-pass after=2s", "--do", "hear quiet=600ms", "--do", "press 1", "--do", "hear quiet=600ms", "--do", "press 9", "--do", "hear")
	if code != 0 {
		t.Fatalf("parley call: %d\n%s\n%s", code, printed, n.log.String())
	}
	var r carrier.Result
	if err := json.Unmarshal([]byte(printed), &r); err != nil {
		t.Fatalf("parley call printed %s: %v", printed, err)
	}
	c := n.record(r.CallSID)
	for _, turn := range c.Turns {
		t.Logf("%-8s %-32q agent: %q heard %q", turn.Why, turn.Said, turn.Text, turn.Heard)
	}
	relayTold(t, messages(t, out), c)
	if c.Cause != "agent" || c.Collected["handoff_data"] != `{"reason": "done", "prompts": 2}` {
		t.Errorf("the call ended by %s, with %v", c.Cause, c.Collected)
	}
	if n.metric("parley_provider_requests_total", `provider="relay"`) == 0 {
		t.Error("the app is not measured")
	}
	if strings.Contains(out.String(), "error:") || strings.Contains(n.log.String(), token) {
		t.Error("the app was told of an error, or the log has its secret")
	}
	_ = n.recordingOf(c)
}

// relayTold compares what the app was told with the call's record.
func relayTold(t *testing.T, all []toApp, c callRow) {
	t.Helper()
	var kinds []string
	for _, m := range all {
		kinds = append(kinds, m.Type)
	}
	if got, want := strings.Join(kinds, " "), "setup prompt interrupt prompt dtmf dtmf"; got != want {
		t.Fatalf("the app was told %s, want %s", got, want)
	}
	set, first, cut, second := all[0], all[1], all[2], all[3]
	if set.CallSid != c.CarrierID || set.From != "+15550100009" || set.To != "+442070000009" || set.Direction != "inbound" || set.Custom["plan"] != "gold" || set.Custom["caller"] != "+15550100009" {
		t.Errorf("setup %+v of %+v", set, c)
	}
	if !first.Last || first.Lang == "" || !strings.Contains(strings.ToLower(first.Prompt), "good") || !strings.Contains(strings.ToLower(second.Prompt), "password") {
		t.Errorf("prompts %+v and %+v", first, second)
	}
	if all[4].Digit != "1" || all[5].Digit != "9" {
		t.Errorf("keys %+v and %+v", all[4], all[5])
	}
	var said []string
	for _, turn := range c.Turns {
		said = append(said, strings.TrimSpace(turn.Heard))
		if turn.Interrupted && (turn.Heard != cut.Until || turn.SoundedMS != cut.Duration || cut.Until == "" || cut.Duration == 0) {
			t.Errorf("the app was told that %q was heard, %d ms; the record has %q, %d ms", cut.Until, cut.Duration, turn.Heard, turn.SoundedMS)
		}
	}
	for _, want := range []string{"Welcome to the app.", "Thank you for telling me that.", "You pressed 1.", "Goodbye."} {
		if !strings.Contains(strings.Join(said, "|"), want) {
			t.Errorf("nobody heard %q: %q", want, said)
		}
	}
}
