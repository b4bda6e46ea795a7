package gemini

import (
	"encoding/json"
	"strings"

	"parley/pipeline"
	"parley/providers/chat"
)

// content is one side's turn.
type content struct {
	Role  string `json:"role"` // user, model
	Parts []part `json:"parts"`
}

// part is a piece of a content. One of its first three fields is set.
type part struct {
	Text   string          `json:"text,omitempty"`
	Call   *functionCall   `json:"functionCall,omitempty"`
	Result *functionResult `json:"functionResponse,omitempty"`

	Thought   bool   `json:"thought,omitempty"`          // the text is what the model thinks
	Signature string `json:"thoughtSignature,omitempty"` // to be sent back with a call as it came, or models that think refuse the request
}

type functionCall struct {
	ID   string          `json:"id,omitempty"` // some models give none
	Name string          `json:"name"`
	Args json.RawMessage `json:"args,omitempty"`
}

type functionResult struct {
	ID       string            `json:"id,omitempty"`
	Name     string            `json:"name"`
	Response map[string]string `json:"response"`
}

// declaration is a tool.
type declaration struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"parametersJsonSchema,omitempty"` // JSON Schema; the older parameters knows only a part of it
}

// contents tells a model what was said. The results of a turn's calls are one content, straight after them.
func contents(talk pipeline.Talk) (all []content) {
	var last chat.Speaker
	for i, l := range chat.Thread(talk) {
		var c content
		switch l.By {
		case chat.User:
			c = content{"user", []part{{Text: l.Text}}}
		case chat.Model:
			c.Role = "model"
			if l.Text != "" {
				c.Parts = append(c.Parts, part{Text: l.Text})
			}
			for _, k := range l.Calls {
				c.Parts = append(c.Parts, part{Call: &functionCall{theirs(k.ID), k.Name, chat.Arguments(k)}, Signature: k.Seal})
			}
		case chat.Result:
			c = content{"user", []part{{Result: &functionResult{theirs(l.CallID), l.Tool, map[string]string{"result": l.Text}}}}}
		}
		if i > 0 && l.By == chat.Result && last == chat.Result {
			all[len(all)-1].Parts = append(all[len(all)-1].Parts, c.Parts...)
		} else {
			all = append(all, c)
		}
		last = l.By
	}
	return all
}

// theirs is a call's id, if it is the server's own: what was made up here says nothing to it.
func theirs(id string) string {
	if strings.HasPrefix(id, chat.Made) {
		return ""
	}
	return id
}
