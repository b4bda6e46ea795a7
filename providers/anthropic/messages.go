package anthropic

import (
	"encoding/json"

	"parley/pipeline"
	"parley/providers/chat"
)

// message is one side's turn.
type message struct {
	Role    string  `json:"role"` // user, assistant; they take turns
	Content []block `json:"content"`
}

// block is a part of a message, or of the system prompt.
type block struct {
	Type string `json:"type"` // text, tool_use, tool_result

	Text string `json:"text,omitempty"`

	ID    string          `json:"id,omitempty"` // of a tool_use
	Name  string          `json:"name,omitempty"`
	Input json.RawMessage `json:"input,omitempty"`

	CallID  string `json:"tool_use_id,omitempty"` // of a tool_result
	Content string `json:"content,omitempty"`

	Cache *cache `json:"cache_control,omitempty"`
}

// cache marks the end of what is to be kept in the prompt cache.
type cache struct {
	Type string `json:"type"`
}

// ephemeral keeps it for five minutes since it was last used.
var ephemeral = &cache{Type: "ephemeral"}

type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"input_schema"`
}

// messages tells a model what was said. Results of tools are of the user's side, ahead of what the caller says.
func messages(talk pipeline.Talk) (ms []message) {
	add := func(role string, b block) {
		if n := len(ms); n > 0 && ms[n-1].Role == role {
			ms[n-1].Content = append(ms[n-1].Content, b)
			return
		}
		ms = append(ms, message{Role: role, Content: []block{b}})
	}
	for _, l := range chat.Thread(talk) {
		switch l.By {
		case chat.User:
			add("user", block{Type: "text", Text: l.Text})
		case chat.Result:
			add("user", block{Type: "tool_result", CallID: l.CallID, Content: l.Text})
		case chat.Model:
			if l.Text != "" {
				add("assistant", block{Type: "text", Text: l.Text})
			}
			for _, c := range l.Calls {
				add("assistant", block{Type: "tool_use", ID: c.ID, Name: c.Name, Input: chat.Arguments(c)})
			}
		}
	}
	return ms
}
