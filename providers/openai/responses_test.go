package openai

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers/chat"
)

// TestResponsesRequest: what was said, and the fields that this protocol calls otherwise.
func TestResponsesRequest(t *testing.T) {
	t.Parallel()
	look := pipeline.ToolCall{ID: "c1", Name: "look", Args: json.RawMessage(`{"n":1}`)}
	talk := pipeline.Talk{Agent: &pipeline.Agent{Prompt: "Be kind.", Tools: []pipeline.Tool{{Name: "look", Description: "looks"}}}, History: []pipeline.Message{
		{Role: pipeline.Caller, Text: "Look"}, {Role: pipeline.Assistant, Text: "One moment.", Calls: []pipeline.ToolCall{look}}, {Role: pipeline.ToolRole, CallID: "c1"},
	}}
	c := &Client{Model: "m", API: Responses, MaxTokens: 90, Extra: map[string]any{"reasoning_effort": "low"}}
	got, err := json.MarshalIndent(c.responses(talk, ""), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var fields, want any
	if err := json.Unmarshal(got, &fields); err != nil {
		t.Fatal(err)
	}
	instructions, err := json.Marshal(chat.Instructions(talk))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"model":"m","stream":true,"store":false,"max_output_tokens":90,"reasoning":{"effort":"low"},"instructions":`+string(instructions)+`,
		"input":[{"role":"user","content":"Look"},{"role":"assistant","content":"One moment."},{"type":"function_call","call_id":"c1","name":"look","arguments":"{\"n\":1}"},
			{"type":"function_call_output","call_id":"c1","output":""}],
		"tools":[{"type":"function","name":"look","description":"looks","parameters":{"type":"object","properties":{}},"strict":false}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if c.Extra["reasoning_effort"] != "low" {
		t.Error("the client's own fields were changed")
	}
}
