package providertest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
)

// modelIsTold: the prompt first, then who said what, the tools with their schema, and a result behind every call.
func modelIsTold(t *testing.T, v mind) {
	asked := make(chan ModelRequest, 1)
	r, _ := thinker(t, v, func(req ModelRequest) ModelAnswer {
		asked <- req
		return v.say("Done.")
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
	for _, m := range req.Turns {
		roles = append(roles, m.Role)
		if m.Role == "tool" {
			answered[m.CallID] = m.Text
		}
	}
	if diff := cmp.Diff([]string{"user", "assistant", "user", "assistant", "tool", "tool"}, roles); diff != "" {
		t.Fatalf("roles (-want +got):\n%s", diff)
	}
	if m := req.Turns; !strings.HasPrefix(req.System, "You take bookings.") || m[1].Text != "Hello!" || m[2].Text != "A table for two" {
		t.Errorf("the model was told %s", req.Body)
	}
	if answered["call_A"] != `{"ok":true}` || answered["call_B"] == "" {
		t.Errorf("the tools' results are %v", answered)
	}
	if len(req.Tools) != 1 || req.Tools[0].Name != "book" || !json.Valid(req.Tools[0].Parameters) {
		t.Errorf("the request is %s", req.Body)
	}
}

// wholeRoundOfTools: the model asks for three tools at once, in pieces, one of them unknown and one with arguments that cannot be read.
// Their results come back behind the calls, in their order, and the model answers.
func wholeRoundOfTools(t *testing.T, v mind) {
	asked := make(chan ModelRequest, 2)
	r, _ := thinker(t, v, func(req ModelRequest) ModelAnswer {
		asked <- req
		if req.N > 1 {
			return v.say("A table for two is booked.")
		}
		return drip(v.play(said("One moment. "), called("call_A", "book", ""), more(`{"n`), more(`":2}`),
			called("call_B", "abacus", `{"sum":`), more(`"1+1"}`), called("call_C", "book", v.torn()), ended("tool_calls")))
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
	for _, m := range (<-asked).Turns[3:] {
		line := m.Role + " " + m.Text
		for _, c := range m.Calls {
			line += " +" + c.ID + " " + c.Name + string(c.Args)
		}
		got = append(got, strings.TrimSpace(line+" "+m.CallID))
	}
	want := []string{
		`assistant One moment. +call_A book{"n":2} +call_B abacus{"sum":"1+1"} +call_C book{}`,
		"tool booked call_A", `tool error: there is no tool "abacus" call_B`, "tool error: the arguments: want an object call_C",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the model was told (-want +got):\n%s", diff)
	}
}
