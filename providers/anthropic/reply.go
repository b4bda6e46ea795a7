package anthropic

import (
	"encoding/json"
	"net/http"

	"parley/pipeline"
	"parley/providers/chat"
)

// event is one event of a stream. Those that are not named here are passed over, as is what the model thinks.
type event struct {
	Type    string `json:"type"`
	Message struct {
		Usage usage `json:"usage"`
	} `json:"message"` // of message_start
	Block struct {
		Type  string          `json:"type"` // text, tool_use, thinking, ...
		Text  string          `json:"text"`
		ID    string          `json:"id"`
		Name  string          `json:"name"`
		Input json.RawMessage `json:"input"`
	} `json:"content_block"`
	Delta struct {
		Type   string `json:"type"` // text_delta, input_json_delta, ...
		Text   string `json:"text"`
		JSON   string `json:"partial_json"`
		Reason string `json:"stop_reason"` // of message_delta
	} `json:"delta"`
	Usage usage `json:"usage"` // of message_delta: all so far
}

// usage is what an answer has cost so far. Fields may be missing where they have not changed.
type usage struct {
	Input   int `json:"input_tokens"` // besides those of the cache
	Written int `json:"cache_creation_input_tokens"`
	Read    int `json:"cache_read_input_tokens"`
	Output  int `json:"output_tokens"`
}

// reply makes deltas of the events of an answer. It is a chat.Reading.
type reply struct {
	out    *chat.Outlet
	call   *chat.Building // that is not complete
	usage  usage
	spoke  bool // text or a call was yielded
	finish string
}

func newReply(out *chat.Outlet) chat.Reading { return &reply{out: out} }

// Finished implements [chat.Reading].
func (r *reply) Finished() bool { return r.finish != "" }

// Take implements [chat.Reading].
func (r *reply) Take(data []byte) (more bool, err error) {
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return false, &chat.Error{Code: "garbage", Message: "an event is not one of a message", Retryable: true, Err: err}
	}
	switch e.Type {
	case "message_start":
		r.count(e.Message.Usage)
	case "content_block_start":
		return true, r.begin(e)
	case "content_block_delta":
		if e.Delta.Type == "input_json_delta" && r.call != nil {
			return true, r.call.Write(e.Delta.JSON)
		}
		r.say(e.Delta.Text)
	case "content_block_stop":
		if r.call != nil && r.call.Whole() { // else it may be cut off, which the reason to stop tells
			return true, r.called()
		}
	case "message_delta":
		r.count(e.Usage)
		if e.Delta.Reason != "" && r.finish == "" {
			return true, r.end(e.Delta.Reason)
		}
	case "message_stop":
		if r.finish == "" {
			return false, r.end("end_turn")
		}
		return false, nil
	case "error":
		return false, failed(data)
	case "":
		return false, &chat.Error{Code: "garbage", Message: "an event has no type", Retryable: true}
	}
	return true, nil
}

func (r *reply) say(text string) {
	if text != "" {
		r.spoke = true
		r.out.Say(text)
	}
}

// begin begins a block. A call whose block was not ended is complete.
func (r *reply) begin(e event) error {
	if err := r.called(); err != nil {
		return err
	}
	if e.Block.Type != "tool_use" {
		if e.Block.Type == "text" {
			r.say(e.Block.Text)
		}
		return nil
	}
	r.call = &chat.Building{ID: e.Block.ID, Name: e.Block.Name}
	if input := string(e.Block.Input); input != "{}" && input != "null" { // which stand for: it follows
		return r.call.Write(input)
	}
	return nil
}

// called yields the call that is being built, if there is one.
func (r *reply) called() error {
	if r.call == nil {
		return nil
	}
	made, err := r.call.Call()
	if err == nil {
		r.call, r.spoke = nil, true
		r.out.Put(pipeline.Delta{Call: made})
	}
	return err
}

func (r *reply) count(u usage) {
	r.usage = usage{max(r.usage.Input, u.Input), max(r.usage.Written, u.Written), max(r.usage.Read, u.Read), max(r.usage.Output, u.Output)}
}

// end takes the model's reason to stop.
func (r *reply) end(reason string) error {
	switch reason {
	case "end_turn", "stop_sequence", "pause_turn":
		reason = "stop"
	case "tool_use":
		reason = "tool_calls"
	case "max_tokens", "model_context_window_exceeded":
		reason = "length"
	case "refusal":
		if !r.spoke {
			return &chat.Error{Code: "refusal", Type: "refusal", Message: "the model declines to answer"}
		}
		reason = "content_filter"
	}
	if reason == "length" && r.call != nil && !r.call.Whole() {
		return r.call.Cut()
	}
	if err := r.called(); err != nil {
		return err
	}
	r.finish = reason
	r.out.Put(pipeline.Delta{Finish: reason})
	if u := r.usage; u != (usage{}) {
		r.out.Put(pipeline.Delta{Usage: &pipeline.Usage{Input: u.Input + u.Written + u.Read, Output: u.Output, Cached: u.Read}})
	}
	return nil
}

// failed is the error of a stream, with the status that it would have had before it.
func failed(data []byte) *chat.Error {
	e := chat.ServerError(data)
	switch e.Type {
	case "overloaded_error":
		e.Status = 529 // of Anthropic's own: overloaded
	case "api_error":
		e.Status = http.StatusInternalServerError
	case "timeout_error":
		e.Status = http.StatusGatewayTimeout
	case "rate_limit_error":
		e.Status = http.StatusTooManyRequests
	case "authentication_error":
		e.Status = http.StatusUnauthorized
	case "permission_error":
		e.Status = http.StatusForbidden
	case "billing_error":
		e.Status = http.StatusPaymentRequired
	case "invalid_request_error":
		e.Status = http.StatusBadRequest
	case "not_found_error":
		e.Status = http.StatusNotFound
	}
	e.Retryable = e.Status == 0 || e.Status >= http.StatusInternalServerError || e.Status == http.StatusTooManyRequests
	return e
}
