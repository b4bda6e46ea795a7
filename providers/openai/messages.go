package openai

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"parley/pipeline"
)

// message is one entry of the request.
type message struct {
	Role      string  `json:"role"` // system, user, assistant, tool
	Content   *string `json:"content"`
	ToolCalls []call  `json:"tool_calls,omitempty"`
	CallID    string  `json:"tool_call_id,omitempty"`
}

type call struct {
	ID       string `json:"id"`
	Type     string `json:"type"` // function
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type tool struct {
	Type     string   `json:"type"` // function
	Function function `json:"function"`
}

type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"`
}

// house is what every model is told besides the agent's own prompt.
const house = "You are on the telephone: all that you write is spoken aloud. Write short plain sentences, without lists, markup or emoji. " +
	"A note in [square brackets] tells what happened on the line; never say one yourself. A dash at the end of your own words means " +
	"that the caller interrupted there, and has heard nothing of what came after."

func tools(ts []pipeline.Tool) []tool {
	var out []tool
	for _, t := range ts {
		parameters := t.Parameters
		if len(parameters) == 0 {
			parameters = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		out = append(out, tool{"function", function{t.Name, t.Description, parameters}})
	}
	return out
}

// messages tells a model what was said. Notes go into the caller's messages, in brackets: many servers want user and assistant to
// take turns, and a system message only at the front. Every tool call is followed by its result, whatever became of it.
func messages(talk pipeline.Talk) []message {
	prompt := house
	if talk.Agent != nil && strings.TrimSpace(talk.Agent.Prompt) != "" {
		prompt = strings.TrimSpace(talk.Agent.Prompt) + "\n\n" + house
	}
	ms := thread{{Role: "system", Content: &prompt}}
	for i, m := range talk.History {
		switch m.Role {
		case pipeline.Caller:
			ms.user(m.Text)
		case pipeline.Narrator:
			ms.note(m.Text)
		case pipeline.Assistant:
			ms.assistant(m, talk.History[i+1:])
		}
	}
	if last := ms[len(ms)-1].Role; last == "system" || last == "assistant" {
		ms.user(why(talk))
	}
	return ms
}

// why is what is to be answered, where the history does not end with it.
func why(talk pipeline.Talk) string {
	switch talk.Why {
	case pipeline.ForWords:
		if talk.Text != "" {
			return talk.Text
		}
		return "[The caller said something that could not be understood.]"
	case pipeline.ForKeys:
		return "[The caller pressed " + talk.Keys + ".]"
	case pipeline.ForSilence:
		return "[The caller is silent.]"
	case pipeline.ForGreeting:
		return "[The call has just been answered. Greet the caller.]"
	}
	return "[Go on.]"
}

// thread is the messages so far.
type thread []message

// user adds to the caller's message, or begins one.
func (t *thread) user(text string) {
	if text == "" {
		return
	}
	if last := &(*t)[len(*t)-1]; last.Role == "user" {
		joined := *last.Content + "\n" + text
		last.Content = &joined
		return
	}
	*t = append(*t, message{Role: "user", Content: &text})
}

func (t *thread) note(text string) {
	if text != "" {
		t.user("[" + text + "]")
	}
}

// assistant adds what the caller heard, what tools were asked for, and what they said.
func (t *thread) assistant(m pipeline.Message, later []pipeline.Message) {
	text := strings.TrimSpace(m.Text)
	if m.Cut && text != "" {
		text = strings.TrimRight(text, " .,;:—-") + "—"
	}
	if text != "" || len(m.Calls) > 0 {
		t.opened()
		t.answer(text, m.Calls)
		for _, c := range m.Calls {
			result := resultOf(c, later)
			*t = append(*t, message{Role: "tool", CallID: c.ID, Content: &result})
		}
	}
	if !m.Cut {
		return
	}
	if text == "" {
		t.note("The caller interrupted you before your answer could be heard.")
	} else {
		t.note("The caller interrupted you there.")
	}
}

// resultOf finds the result of a call: before the next calls, for some servers use an id again.
func resultOf(c pipeline.ToolCall, later []pipeline.Message) string {
	for _, m := range later {
		if m.Role == pipeline.ToolRole && m.CallID == c.ID {
			return m.Text
		}
		if len(m.Calls) > 0 {
			break
		}
	}
	return "cancelled"
}

// opened makes sure that the caller's side comes first, as some servers insist: the agent greets, so the call was answered.
func (t *thread) opened() {
	if !slices.ContainsFunc(*t, func(m message) bool { return m.Role == "user" }) {
		t.note("The call has just been answered.")
	}
}

// answer adds an assistant's message. Words that follow on the assistant's own words continue them.
func (t *thread) answer(text string, calls []pipeline.ToolCall) {
	if last := &(*t)[len(*t)-1]; last.Role == "assistant" && len(last.ToolCalls) == 0 && last.Content != nil && text != "" {
		joined := *last.Content + " " + text
		last.Content, last.ToolCalls = &joined, toCalls(calls)
		return
	}
	m := message{Role: "assistant", ToolCalls: toCalls(calls)}
	if text != "" {
		m.Content = &text
	}
	*t = append(*t, m)
}

func toCalls(calls []pipeline.ToolCall) []call {
	var out []call
	for i, c := range calls {
		w := call{ID: c.ID, Type: "function"}
		if w.ID == "" {
			w.ID = fmt.Sprintf("call_%d", i+1)
		}
		w.Function.Name, w.Function.Arguments = c.Name, "{}" // which many servers read, and refuse where it is no object
		if isObject(c.Args) {
			w.Function.Arguments = string(c.Args)
		}
		out = append(out, w)
	}
	return out
}
