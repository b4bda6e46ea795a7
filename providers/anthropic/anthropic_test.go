package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers/chat"
	"parley/providers/providertest"
)

// TestRequest: what was said so far, with the marks of the prompt cache at the instructions and at the end.
func TestRequest(t *testing.T) {
	t.Parallel()
	look := pipeline.ToolCall{ID: "c1", Name: "look", Args: json.RawMessage(`"no object"`)}
	talk := pipeline.Talk{Agent: &pipeline.Agent{Tools: []pipeline.Tool{{Name: "look", Description: "looks"}}}, History: []pipeline.Message{
		{Role: pipeline.Caller, Text: "Look"}, {Role: pipeline.Assistant, Text: "One moment.", Calls: []pipeline.ToolCall{look}},
		{Role: pipeline.ToolRole, CallID: "c1", Text: "found"}, {Role: pipeline.Caller, Text: "Well?"},
	}}
	hot := 1.5
	for cached, mark := range map[bool]string{true: `,"cache_control":{"type":"ephemeral"}`, false: ""} {
		c := &Client{Model: "m", Temperature: &hot, Uncached: !cached, Extra: map[string]any{"service_tier": "auto"}}
		body, err := json.Marshal(c.request(talk))
		if err != nil {
			t.Fatal(err)
		}
		instructions, err := json.Marshal(chat.Instructions(talk))
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		for text, to := range map[string]any{string(body): &got, `{"model":"m","stream":true,"max_tokens":1024,"temperature":1,"service_tier":"auto",
			"system":[{"type":"text","text":` + string(instructions) + mark + `}],
			"messages":[{"role":"user","content":[{"type":"text","text":"Look"}]},
				{"role":"assistant","content":[{"type":"text","text":"One moment."},{"type":"tool_use","id":"c1","name":"look","input":{}}]},
				{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"found"},{"type":"text","text":"Well?"` + mark + `}]}],
			"tools":[{"name":"look","description":"looks","input_schema":{"type":"object","properties":{}}}]}`: &want} {
			if err := json.Unmarshal([]byte(text), to); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	}
	if ephemeral.Type != "ephemeral" {
		t.Error("the mark was changed")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]*Client{
		"BaseURL": {BaseURL: "ftp://u:s3cret@h", Model: "m"}, "Model": {}, "Extra": {Model: "m", Extra: map[string]any{"a": make(chan int)}},
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
	base := providertest.StartModel(t, &providertest.Model{Dialect: providertest.Anthropic{}, Key: "right"})
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
