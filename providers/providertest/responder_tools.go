package providertest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
)

// modelIsTold: the prompt first, then who said what, the tools with their schema, and a result behind every call.
func modelIsTold(t *testing.T, open func(string) pipeline.Responder) {
	asked := make(chan OpenAIRequest, 1)
	r, _ := thinker(t, open, func(req OpenAIRequest) OpenAIAnswer {
		asked <- req
		return OpenAISay("Done.")
	})
	talk := spokenTalk()
	talk.Why, talk.Step = pipeline.ForToolResult, 1
	talk.History = append(talk.History,
		pipeline.Message{Role: pipeline.Assistant, Calls: []pipeline.ToolCall{bookTwo, bookFive}, Turn: 2},
		pipeline.Message{Role: pipeline.ToolRole, CallID: "call_A", Text: `{"ok":true}`, Turn: 2})
	if _, err := respond(t.Context(), r, talk); err != nil {
		t.Fatal(err)
	}
	req := <-asked
	var roles []string
	answered := map[string]string{}
	for _, m := range req.Messages {
		roles = append(roles, m.Role)
		if m.Role == "tool" {
			answered[m.ToolCallID] = *m.Content
		}
	}
	if diff := cmp.Diff([]string{"system", "user", "assistant", "user", "assistant", "tool", "tool"}, roles); diff != "" {
		t.Fatalf("roles (-want +got):\n%s", diff)
	}
	if m := req.Messages; !strings.HasPrefix(*m[0].Content, "You take bookings.") || *m[2].Content != "Hello!" || *m[3].Content != "A table for two" {
		t.Errorf("the model was told %s", req.Body)
	}
	if answered["call_A"] != `{"ok":true}` || answered["call_B"] == "" {
		t.Errorf("the tools' results are %v", answered)
	}
	if len(req.Tools) != 1 || req.Tools[0].Function.Name != "book" || !json.Valid(req.Tools[0].Function.Parameters) || !req.StreamOptions.IncludeUsage {
		t.Errorf("the request is %s", req.Body)
	}
}

// wholeRoundOfTools: the model asks for three tools at once, in pieces, one of them unknown and one with arguments that cannot be read.
// Their results come back behind the calls, in their order, and the model answers.
func wholeRoundOfTools(t *testing.T, open func(string) pipeline.Responder) {
	asked := make(chan OpenAIRequest, 2)
	r, _ := thinker(t, open, func(req OpenAIRequest) OpenAIAnswer {
		asked <- req
		if req.N > 1 {
			return OpenAISay("A table for two is booked.")
		}
		return drip(steps(OpenAIText("One moment. "), OpenAIToolCall(0, "call_A", "book", ""), OpenAIToolCall(0, "", "", `{"n`), OpenAIToolCall(0, "", "", `":2}`),
			OpenAIToolCall(1, "call_B", "abacus", `{"sum":`), OpenAIToolCall(1, "", "", `"1+1"}`), OpenAIToolCall(2, "call_C", "book", `{"n":two}`), OpenAIFinish("tool_calls"), OpenAIDone()))
	})
	talk := spokenTalk()
	first, err := respond(t.Context(), r, talk)
	if err != nil || len(first.Calls) != 3 {
		t.Fatalf("%+v, %v", first, err)
	}
	<-asked
	talk.History = append(talk.History, pipeline.Message{Role: pipeline.Assistant, Text: strings.TrimSpace(first.Text), Calls: first.Calls, Turn: 2})
	for i, result := range []string{"booked", `error: there is no tool "abacus"`, "error: the arguments: want an object"} {
		talk.History = append(talk.History, pipeline.Message{Role: pipeline.ToolRole, CallID: first.Calls[i].ID, Text: result, Turn: 2})
	}
	talk.Why, talk.Step = pipeline.ForToolResult, 1
	if then, err := respond(t.Context(), r, talk); err != nil || then.Text != "A table for two is booked." {
		t.Errorf("%q, %v", then.Text, err)
	}
	var got []string
	for _, m := range (<-asked).Messages[4:] {
		line := m.Role
		if m.Content != nil {
			line += " " + *m.Content
		}
		for _, c := range m.ToolCalls {
			line += " +" + c.ID + " " + c.Function.Name + c.Function.Arguments
		}
		got = append(got, strings.TrimSpace(line+" "+m.ToolCallID))
	}
	want := []string{
		`assistant One moment. +call_A book{"n":2} +call_B abacus{"sum":"1+1"} +call_C book{}`,
		"tool booked call_A", `tool error: there is no tool "abacus" call_B`, "tool error: the arguments: want an object call_C",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the model was told (-want +got):\n%s", diff)
	}
}
