package openai

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers/chat"
)

// flat is a message as one line: role, text, calls, and the call that it answers.
func flat(ms []message) []string {
	var out []string
	for _, m := range ms {
		s := m.Role + ": "
		if m.Content != nil {
			s += *m.Content
		}
		for _, c := range m.ToolCalls {
			s += " +" + c.Function.Name + c.Function.Arguments + "#" + c.ID
		}
		if m.CallID != "" {
			s += " #" + m.CallID
		}
		out = append(out, s)
	}
	return out
}

func TestMessages(t *testing.T) {
	t.Parallel()
	said := func(text string) pipeline.Message { return pipeline.Message{Role: pipeline.Caller, Text: text} }
	note := func(text string) pipeline.Message { return pipeline.Message{Role: pipeline.Narrator, Text: text} }
	answered := func(text string, calls ...pipeline.ToolCall) pipeline.Message {
		return pipeline.Message{Role: pipeline.Assistant, Text: text, Calls: calls}
	}
	cut := func(text string) pipeline.Message {
		return pipeline.Message{Role: pipeline.Assistant, Text: text, Cut: true}
	}
	result := func(id, text string) pipeline.Message {
		return pipeline.Message{Role: pipeline.ToolRole, CallID: id, Text: text}
	}
	look := pipeline.ToolCall{ID: "c1", Name: "look", Args: json.RawMessage(`{"n":1}`)}
	const answeredNote = "user: [The call has just been answered.]"
	for name, tt := range map[string]struct {
		talk pipeline.Talk
		want []string // after the system's message
	}{
		"greeting":              {pipeline.Talk{Why: pipeline.ForGreeting}, []string{"user: [The call has just been answered. Greet the caller.]"}},
		"the agent first":       {pipeline.Talk{History: []pipeline.Message{answered("Hello!"), said("Hi")}}, []string{answeredNote, "assistant: Hello!", "user: Hi"}},
		"words without history": {pipeline.Talk{Why: pipeline.ForWords, Text: "Hi"}, []string{"user: Hi"}},
		"words not understood":  {pipeline.Talk{Why: pipeline.ForWords}, []string{"user: [The caller said something that could not be understood.]"}},
		"keys":                  {pipeline.Talk{History: []pipeline.Message{said("Hi"), answered("Well?"), note("The caller pressed 1.")}}, []string{"user: Hi", "assistant: Well?", "user: [The caller pressed 1.]"}},
		"keys without history":  {pipeline.Talk{Why: pipeline.ForKeys, Keys: "1#"}, []string{"user: [The caller pressed 1#.]"}},
		"silence":               {pipeline.Talk{Why: pipeline.ForSilence, History: []pipeline.Message{said("Hi"), answered("Well?")}}, []string{"user: Hi", "assistant: Well?", "user: [The caller is silent.]"}},
		"two in a row are one":  {pipeline.Talk{History: []pipeline.Message{note("The caller pressed 1."), said("And"), said("hello"), answered("Yes."), answered("So?"), said("No")}}, []string{"user: [The caller pressed 1.]\nAnd\nhello", "assistant: Yes. So?", "user: No"}},
		"interrupted":           {pipeline.Talk{History: []pipeline.Message{said("Hours?"), cut("We open at eight,"), said("On Sunday?")}}, []string{"user: Hours?", "assistant: We open at eight—", "user: [The caller interrupted you there.]\nOn Sunday?"}},
		"interrupted unheard":   {pipeline.Talk{History: []pipeline.Message{said("Hours?"), cut(""), said("On Sunday?")}}, []string{"user: Hours?\n[The caller interrupted you before your answer could be heard.]\nOn Sunday?"}},
		"tools": {pipeline.Talk{Why: pipeline.ForToolResult, History: []pipeline.Message{said("Look"), answered("One moment.", look), result("c1", "found")}},
			[]string{"user: Look", `assistant: One moment. +look{"n":1}#c1`, "tool: found #c1"}},
		"a tool without result": {pipeline.Talk{History: []pipeline.Message{said("Look"), answered("", look), said("Wait")}}, []string{"user: Look", `assistant:  +look{"n":1}#c1`, "tool: cancelled #c1", "user: Wait"}},
		"a result without tool": {pipeline.Talk{History: []pipeline.Message{said("Look"), result("c9", "lost"), said("Wait")}}, []string{"user: Look\nWait"}},
		"an id used again": {pipeline.Talk{History: []pipeline.Message{said("Look"), answered("", look), result("c1", "one"), answered("", look), result("c1", "two"), said("Well?")}},
			[]string{"user: Look", `assistant:  +look{"n":1}#c1`, "tool: one #c1", `assistant:  +look{"n":1}#c1`, "tool: two #c1", "user: Well?"}},
		"interrupted after a tool": {pipeline.Talk{History: []pipeline.Message{said("Look"), {Role: pipeline.Assistant, Text: "One", Cut: true, Calls: []pipeline.ToolCall{look}}, result("c1", "cancelled: the caller interrupted"), said("No")}},
			[]string{"user: Look", `assistant: One— +look{"n":1}#c1`, "tool: cancelled: the caller interrupted #c1", "user: [The caller interrupted you there.]\nNo"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := flat(messages(tt.talk))
			if got[0] != "system: "+chat.Instructions(pipeline.Talk{}) {
				t.Errorf("the first message is %q", got[0])
			}
			if diff := cmp.Diff(tt.want, got[1:]); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPromptComesBeforeTheHouse(t *testing.T) {
	t.Parallel()
	got := flat(messages(pipeline.Talk{Agent: &pipeline.Agent{Prompt: " Be kind. \n"}}))
	if want := "system: Be kind.\n\n" + chat.Instructions(pipeline.Talk{}); got[0] != want {
		t.Errorf("the system's message is %q, want %q", got[0], want)
	}
}
