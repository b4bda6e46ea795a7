package openai

import (
	"encoding/json"

	"parley/pipeline"
	"parley/providers/chat"
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

// completions are the fields of a request for a chat completion.
func (c *Client) completions(talk pipeline.Talk, endpoint string) map[string]any {
	fields := c.fields()
	fields["stream_options"] = map[string]any{"include_usage": true}
	fields["messages"] = messages(talk)
	if c.MaxTokens > 0 {
		fields[tokensField(endpoint)] = c.MaxTokens
	}
	if talk.Agent != nil && len(talk.Agent.Tools) > 0 {
		var ts []tool
		for _, t := range talk.Agent.Tools {
			ts = append(ts, tool{"function", function{t.Name, t.Description, chat.Parameters(t)}})
		}
		fields["tools"] = ts
	}
	return fields
}

// messages tells a model what was said, after its instructions.
func messages(talk pipeline.Talk) []message {
	prompt := chat.Instructions(talk)
	ms := []message{{Role: "system", Content: &prompt}}
	for _, l := range chat.Thread(talk) {
		m := message{Role: "user", Content: &l.Text}
		switch l.By {
		case chat.Model:
			m.Role, m.ToolCalls = "assistant", toCalls(l.Calls)
			if l.Text == "" {
				m.Content = nil
			}
		case chat.Result:
			m.Role, m.CallID = "tool", l.CallID
		}
		ms = append(ms, m)
	}
	return ms
}

func toCalls(calls []pipeline.ToolCall) []call {
	var out []call
	for _, c := range calls {
		w := call{ID: c.ID, Type: "function"}
		w.Function.Name, w.Function.Arguments = c.Name, string(chat.Arguments(c))
		out = append(out, w)
	}
	return out
}
