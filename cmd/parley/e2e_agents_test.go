//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/bench/carrier"
	"parley/providers/providertest"
)

// deskOf is a flow of a desk, as JSON.
func deskOf(name, prompt string) string {
	return fmt.Sprintf(`{"flow":%q,"lang":"en-GB","start":"main","no_input":"{prompt}","no_match":"{prompt}","nodes":{
		"main":{"menu":{"prompt":%q,"choices":[{"digit":1,"goto":"bye"}]}},
		"bye":{"hang_up":"Goodbye from the %s."}}}`, name, prompt, name)
}

// TestEndToEndTwoAgents: two agents of one server have a flow, manners, and a vendor and language of their own, set over the API. What is
// changed is there with the next call, whose record names the version; what cannot be used is refused by name.
func TestEndToEndTwoAgents(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string][]string{} // models and languages that Deepgram was asked for, by path
	deepgram := providertest.StartDeepgram(t, &providertest.Deepgram{Key: "k", Asked: func(path string, q url.Values) {
		mu.Lock()
		defer mu.Unlock()
		asked[path] = append(asked[path], q.Get("model")+" "+q.Get("language"))
	}})
	n := serve(t, "PARLEY_STT=local", "PARLEY_TTS=local", "DEEPGRAM_API_KEY=k", "DEEPGRAM_BASE_URL="+deepgram)
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })

	type agentRow struct {
		ID       string           `json:"id"`
		Version  int              `json:"version"`
		Problems []map[string]any `json:"settings_problems"`
	}
	var north, south agentRow
	n.into(n.api(http.MethodPost, "/api/v1/agents", map[string]any{"name": "North", "system_prompt": "p"}), &north)
	n.into(n.api(http.MethodPost, "/api/v1/agents", map[string]any{"name": "South", "system_prompt": "p"}), &south)
	for number, agent := range map[string]string{"+442070000001": north.ID, "+442070000002": south.ID} {
		if out, code := command(t, []string{"PARLEY_DATA_DIR=" + n.data}, "numbers", "set", number, agent); code != 0 {
			t.Fatalf("parley numbers set: %s", out)
		}
	}
	set := func(a *agentRow, body string) {
		t.Helper()
		n.into(n.api(http.MethodPatch, "/api/v1/agents/"+a.ID, json.RawMessage(body)), a)
	}
	set(&north, `{"voice_settings":{"voice":"aura-2-celeste-es","language":"es"},"settings":{
		"providers":{"stt":{"vendor":"deepgram","model":"nova-2"},"tts":{"vendor":"deepgram"}},"languages":{"listening":"es-ES"},
		"manners":{"ladder":[{"after":"1s","say":"The north is waiting."},{"after":"1s","say":"The north has waited long enough.","hang_up":true}]},
		"flow":`+deskOf("north", "This is the north.")+`}}`)
	set(&south, `{"voice_settings":{"voice":"slt"},"settings":{"languages":{"listening":"en-GB"},"recording":{"enabled":false},
		"manners":{"ladder":[{"after":"1s","say":"The south is patient."},{"after":"2s","say":"The south says good night.","hang_up":true}]},
		"flow":`+deskOf("south", "This is the south.")+`}}`)

	dial := func(to string, steps ...string) (callRow, string) {
		t.Helper()
		args := []string{"call", "--connect", strings.TrimPrefix(n.url, "http://"), "--to", to, "--no-transcribe", "--json", "--wav", filepath.Join(t.TempDir(), "call.wav")}
		for _, s := range steps {
			args = append(args, "--do", s)
		}
		out, code := command(t, []string{"TWILIO_AUTH_TOKEN=" + testToken}, args...)
		if code != 0 {
			t.Fatalf("parley call: %d\n%s", code, out)
		}
		var r carrier.Result
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatalf("parley call printed %s: %v", out, err)
		}
		c := n.record(r.CallSID)
		return c, c.text("agent")
	}
	c, said := dial("+442070000001", "hear", "hear", "hear")
	if c.AgentID != north.ID || c.AgentVersion != north.Version || c.Cause != "silence" || !c.Recorded {
		t.Errorf("the call of the north: %+v", c)
	}
	if said != "This is the north. The north is waiting. The north has waited long enough." {
		t.Errorf("the north said %q", said)
	}
	c, said = dial("+442070000002", "hear", "hear", "hear")
	if c.AgentID != south.ID || c.AgentVersion != south.Version || c.Cause != "silence" || c.Recorded {
		t.Errorf("the call of the south: %+v", c)
	}
	if said != "This is the south. The south is patient. The south says good night." {
		t.Errorf("the south said %q", said)
	}
	mu.Lock()
	if got := fmt.Sprint(asked["/v1/listen"]); got != "[nova-2 es-ES]" {
		t.Errorf("Deepgram listened by %s", got)
	}
	if got := strings.Join(asked["/v1/speak"], ","); got == "" || strings.ReplaceAll(got, "aura-2-celeste-es ", "") != strings.Repeat(",", len(asked["/v1/speak"])-1) {
		t.Errorf("Deepgram spoke by %q", got)
	}
	mu.Unlock()

	// What is changed is there with the next call; what was before can be had again.
	first := south.Version
	set(&south, `{"settings":{"flow":`+deskOf("south", "The south has moved.")+`}}`)
	if _, said = dial("+442070000002", "hear", "press 1", "hear"); said != "The south has moved. Goodbye from the south." {
		t.Errorf("after the change the south said %q", said)
	}
	n.into(n.api(http.MethodPost, fmt.Sprintf("/api/v1/agents/%s/versions/%d/restore", south.ID, first), nil), &south)
	if c, said = dial("+442070000002", "hear", "press 1", "hear"); said != "This is the south. Goodbye from the south." || c.AgentVersion != first+2 {
		t.Errorf("after the restore the south, version %d, said %q", c.AgentVersion, said)
	}
	bad := n.api(http.MethodPatch, "/api/v1/agents/"+south.ID, json.RawMessage(`{"settings":{"providers":{"llm":{"vendor":"openai"}},"manners":{"silence":"9h"},"flow":{"flow":"x"}}}`))
	for _, field := range []string{"settings.providers.llm.vendor", "settings.manners.silence", "settings.flow"} {
		if bad.Status != http.StatusBadRequest || bad.Details[field] == nil {
			t.Errorf("%s: %d %v", field, bad.Status, bad.Details)
		}
	}
	var shown struct {
		Effective map[string]any `json:"effective_settings"`
	}
	n.into(n.api(http.MethodGet, "/api/v1/agents/"+south.ID+"?defaults=true", nil), &shown)
	if got := fmt.Sprint(shown.Effective["languages"]); got != "map[listening:en-GB speaking:en-GB]" {
		t.Errorf("effective languages: %s", got)
	}

	n.knows(south.ID)

	// Without the key the north answers all the same, by the server's own.
	n.stop()
	n = serve(t, "PARLEY_STT=local", "PARLEY_TTS=local", "PARLEY_DATA_DIR="+n.data)
	var row agentRow
	n.into(n.api(http.MethodGet, "/api/v1/agents/"+north.ID, nil), &row)
	if len(row.Problems) < 2 || fmt.Sprint(row.Problems[0]["path"]) == "" {
		t.Errorf("problems: %v", row.Problems)
	}
	until(t, time.Minute, "speech is ready", func() bool { return strings.Contains(n.log.String(), "speech models loaded") })
	if _, said = dial("+442070000001", "hear", "hear", "hear"); !strings.HasPrefix(said, "This is the north. The north is waiting.") {
		t.Errorf("without the key the north said %q", said)
	}
	if !strings.Contains(n.log.String(), "setting=settings.providers.stt.vendor") {
		t.Error("the log does not say what cannot be used")
	}
}

// knows lets an agent know a document over the API, larger than other bodies may be, and finds it.
func (n *node) knows(agent string) {
	n.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "fees.md")
	if err != nil {
		n.t.Fatal(err)
	}
	fmt.Fprint(part, "# Fees\n\nA sick note costs twenty pounds.\n\n# More\n\n"+strings.Repeat("There is nothing of interest in this long section. ", 30_000))
	if err := w.Close(); err != nil {
		n.t.Fatal(err)
	}
	path := "/api/v1/agents/" + agent + "/knowledge"
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodPost, n.url+path, &form)
	if err != nil {
		n.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+testKey)
	req.Header.Set("Content-Type", w.FormDataContentType())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusCreated {
		n.t.Fatalf("the upload is answered with %d (%v)", resp.StatusCode, err)
	}
	var found struct {
		Passages []struct{ Text string }
	}
	n.into(n.api(http.MethodPost, path+"/search", map[string]any{"question": "how much is a sick note"}), &found)
	if len(found.Passages) == 0 || !strings.Contains(found.Passages[0].Text, "twenty pounds") {
		n.t.Errorf("found %+v", found)
	}
}
