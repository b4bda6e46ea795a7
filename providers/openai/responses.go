package openai

import (
	"encoding/json"
	"net/http"

	"parley/pipeline"
	"parley/providers/chat"
)

// item is one entry of a request for a response: a message, a call of a tool, or its result.
type item struct {
	Type      string  `json:"type,omitempty"` // function_call, function_call_output; of a message: none
	Role      string  `json:"role,omitempty"` // user, assistant
	Content   string  `json:"content,omitempty"`
	CallID    string  `json:"call_id,omitempty"`
	Name      string  `json:"name,omitempty"`
	Arguments string  `json:"arguments,omitempty"`
	Output    *string `json:"output,omitempty"`
}

// flatTool is a tool as this protocol has it: nothing is nested.
type flatTool struct {
	Type        string          `json:"type"` // function
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters"`
	Strict      bool            `json:"strict"` // always false: schemas of agents' tools need not be of the strict kind, and by default they would have to
}

// responses are the fields of a request for a response. The server keeps nothing: all that was said goes along each time.
func (c *Client) responses(talk pipeline.Talk, _ string) map[string]any {
	fields := c.fields()
	if effort, ok := fields["reasoning_effort"]; ok { // as chat completions call it
		delete(fields, "reasoning_effort")
		fields["reasoning"] = map[string]any{"effort": effort}
	}
	fields["store"] = false
	fields["instructions"] = chat.Instructions(talk)
	fields["input"] = items(talk)
	if c.MaxTokens > 0 {
		fields["max_output_tokens"] = c.MaxTokens
	}
	if talk.Agent != nil && len(talk.Agent.Tools) > 0 {
		var ts []flatTool
		for _, t := range talk.Agent.Tools {
			ts = append(ts, flatTool{Type: "function", Name: t.Name, Description: t.Description, Parameters: chat.Parameters(t)})
		}
		fields["tools"] = ts
	}
	return fields
}

func items(talk pipeline.Talk) (all []item) {
	for _, l := range chat.Thread(talk) {
		switch l.By {
		case chat.User:
			all = append(all, item{Role: "user", Content: l.Text})
		case chat.Result:
			all = append(all, item{Type: "function_call_output", CallID: l.CallID, Output: &l.Text})
		case chat.Model:
			if l.Text != "" {
				all = append(all, item{Role: "assistant", Content: l.Text})
			}
			for _, c := range l.Calls {
				all = append(all, item{Type: "function_call", CallID: c.ID, Name: c.Name, Arguments: string(chat.Arguments(c))})
			}
		}
	}
	return all
}

// happening is one event of a response. Those that are not named here are passed over, as is what the model thinks.
type happening struct {
	Type  string `json:"type"`
	Index int    `json:"output_index"`
	Delta string `json:"delta"`
	Item  struct {
		Type      string          `json:"type"` // function_call, message, reasoning, ...
		CallID    string          `json:"call_id"`
		Name      string          `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	} `json:"item"`
	Response outcome `json:"response"`
	Code     string  `json:"code"` // of an error
	Message  string  `json:"message"`
}

// outcome is the response as its last event has it.
type outcome struct {
	Error      json.RawMessage `json:"error"`
	Incomplete struct {
		Reason string `json:"reason"`
	} `json:"incomplete_details"`
	Usage *struct {
		Input   int `json:"input_tokens"`
		Output  int `json:"output_tokens"`
		Details struct {
			Cached int `json:"cached_tokens"`
		} `json:"input_tokens_details"`
	} `json:"usage"`
}

// response makes deltas of the events of a response. It is a chat.Reading.
type response struct {
	out   *chat.Outlet
	calls map[int]*chat.Building // that are not complete, by their place in the output
	made  bool                   // a call was yielded
	over  bool
}

func newResponse(out *chat.Outlet) chat.Reading {
	return &response{out: out, calls: map[int]*chat.Building{}}
}

// Finished implements [chat.Reading].
func (r *response) Finished() bool { return r.over }

// Take implements [chat.Reading].
func (r *response) Take(data []byte) (more bool, err error) {
	var h happening
	if err := json.Unmarshal(data, &h); err != nil {
		return false, &Error{Code: "garbage", Message: "an event is not one of a response", Retryable: true, Err: err}
	}
	switch h.Type {
	case "response.output_text.delta", "response.refusal.delta":
		r.out.Say(h.Delta)
	case "response.output_item.added":
		if h.Item.Type == "function_call" {
			b := &chat.Building{ID: h.Item.CallID, Name: h.Item.Name}
			r.calls[h.Index] = b
			return true, b.Write(chat.Loose(h.Item.Arguments)) // empty, as it has only begun; some clones send all at once
		}
	case "response.function_call_arguments.delta":
		if b := r.calls[h.Index]; b != nil {
			return true, b.Write(h.Delta)
		}
	case "response.output_item.done":
		return true, r.called(h)
	case "response.completed":
		r.end("", h.Response)
		return false, nil
	case "response.incomplete":
		return false, r.incomplete(h.Response)
	case "response.failed":
		return false, failed(chat.ServerError(data), h.Response.Error)
	case "error":
		return false, failed(chat.ServerError(data), nil)
	case "":
		return false, r.untyped(data)
	}
	return true, nil
}

// called yields a call that is complete. What its last event says comes before what its pieces said.
func (r *response) called(h happening) error {
	if h.Item.Type != "function_call" {
		return nil
	}
	b := r.calls[h.Index]
	delete(r.calls, h.Index)
	if args := chat.Loose(h.Item.Arguments); b == nil || args != "" {
		b = &chat.Building{ID: h.Item.CallID, Name: h.Item.Name}
		if err := b.Write(args); err != nil {
			return err
		}
	}
	made, err := b.Call()
	if err == nil {
		r.made = true
		r.out.Put(pipeline.Delta{Call: made})
	}
	return err
}

func (r *response) end(reason string, o outcome) {
	if reason == "" {
		reason = "stop"
		if r.made {
			reason = "tool_calls"
		}
	}
	r.over = true
	r.out.Put(pipeline.Delta{Finish: reason})
	if u := o.Usage; u != nil {
		r.out.Put(pipeline.Delta{Usage: &pipeline.Usage{Input: u.Input, Output: u.Output, Cached: u.Details.Cached}})
	}
}

// incomplete ends a response that had no room, or was held back.
func (r *response) incomplete(o outcome) error {
	reason := o.Incomplete.Reason
	if reason == "max_output_tokens" {
		reason = "length"
		for _, b := range r.calls {
			return b.Cut()
		}
	}
	r.end(reason, o)
	return nil
}

// untyped is what is no event: an error in a clone's envelope.
func (r *response) untyped(data []byte) error {
	if e := chat.ServerError(data); e.Message != "" {
		return failed(e, nil)
	}
	return &Error{Code: "garbage", Message: "an event has no type", Retryable: true}
}

// failed is the error of a stream: what its response says, if it does, comes first.
func failed(e *Error, inner json.RawMessage) *Error {
	if len(inner) > 0 && string(inner) != "null" {
		e = chat.ServerError(inner)
	}
	switch e.Code {
	case "server_error":
		e.Status = http.StatusInternalServerError
	case "rate_limit_exceeded":
		e.Status = http.StatusTooManyRequests
	}
	e.Retryable = e.Kind() != chat.Quota && e.Code != "invalid_prompt" && e.Type != "invalid_request_error"
	return e
}
