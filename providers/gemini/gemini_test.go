package gemini

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers/chat"
	"parley/providers/providertest"
)

// TestRequest: what was said so far. Seals come back with their calls, and ids that were made here do not.
func TestRequest(t *testing.T) {
	t.Parallel()
	calls := []pipeline.ToolCall{
		{ID: "c1", Name: "look", Args: json.RawMessage(`{"n":1}`), Seal: "c2ln"}, {ID: chat.Made + "7", Name: "wait", Args: json.RawMessage(`{}`)},
	}
	talk := pipeline.Talk{Agent: &pipeline.Agent{Tools: []pipeline.Tool{{Name: "look", Parameters: json.RawMessage(`{"type":"object"}`)}, {Name: "wait"}}}, History: []pipeline.Message{
		{Role: pipeline.Caller, Text: "Look"}, {Role: pipeline.Assistant, Text: "One moment.", Calls: calls},
		{Role: pipeline.ToolRole, CallID: "c1", Text: "found"}, {Role: pipeline.Caller, Text: "Well?"},
	}}
	cold, none := 0.0, 0
	body, err := json.Marshal((&Client{Model: "m", Temperature: &cold, MaxTokens: 90, Thinking: &none}).request(talk))
	if err != nil {
		t.Fatal(err)
	}
	instructions, err := json.Marshal(chat.Instructions(talk))
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	for text, to := range map[string]any{string(body): &got, `{"systemInstruction":{"parts":[{"text":` + string(instructions) + `}]},
		"contents":[{"role":"user","parts":[{"text":"Look"}]},
			{"role":"model","parts":[{"text":"One moment."},{"functionCall":{"id":"c1","name":"look","args":{"n":1}},"thoughtSignature":"c2ln"},{"functionCall":{"name":"wait","args":{}}}]},
			{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"look","response":{"result":"found"}}},{"functionResponse":{"name":"wait","response":{"result":"cancelled"}}}]},
			{"role":"user","parts":[{"text":"Well?"}]}],
		"tools":[{"functionDeclarations":[{"name":"look","parametersJsonSchema":{"type":"object"}},{"name":"wait"}]}],
		"generationConfig":{"temperature":0,"maxOutputTokens":90,"thinkingConfig":{"thinkingBudget":0}}}`: &want} {
		if err := json.Unmarshal([]byte(text), to); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]*Client{
		"BaseURL": {BaseURL: "ftp://u:s3cret@h", Model: "m"}, "Model is empty": {}, "Model is": {Model: "../x"}, "Extra": {Model: "m", Extra: map[string]any{"a": make(chan int)}},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), field) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", field, err)
		}
	}
	if err := (&Client{Model: "m"}).Check(); err != nil {
		t.Error(err)
	}
}

// TestKey: it is sent, a wrong one is told by Warm and by Respond, and is in no error.
func TestKey(t *testing.T) {
	t.Parallel()
	base := providertest.StartModel(t, &providertest.Model{Dialect: providertest.Gemini{}, Key: "right"})
	for key, want := range map[string]chat.Kind{"right": "", "s3cret": chat.Auth} {
		c := &Client{BaseURL: base, Key: key, Model: "m"}
		t.Cleanup(c.Close)
		errs := []error{c.Warm(t.Context())}
		for _, err := range c.Tuned("", nil, 64, nil).Respond(t.Context(), pipeline.Talk{Why: pipeline.ForGreeting}) {
			if err != nil {
				errs = append(errs, err)
			}
		}
		for _, err := range errs {
			e := chat.AsError(err)
			if (err == nil) != (want == "") || e != nil && (e.Kind() != want || !strings.Contains(e.Message, "No such key") || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("key %s: %v", key, err)
			}
		}
	}
}
