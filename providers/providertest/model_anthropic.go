package providertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"parley/pipeline"
)

// Anthropic is the protocol of Anthropic's messages.
// Wire: https://docs.anthropic.com/en/api/messages-streaming
type Anthropic struct{}

func (Anthropic) paths() (answers, warms string) { return "POST /v1/messages", "GET /v1/models" }

func (Anthropic) bases() []string { return []string{"", "/", "/v1", "/v1/", "/v1/messages"} }

func (Anthropic) key(h http.Header) string { return h.Get("X-Api-Key") }

func (Anthropic) read(r *http.Request, body []byte) (req ModelRequest, err error) {
	type part struct {
		Type, Text, ID, Name, Content string
		Input                         json.RawMessage
		CallID                        string `json:"tool_use_id"`
	}
	var o struct {
		Model     string
		MaxTokens int `json:"max_tokens"`
		Stream    bool
		System    []part
		Messages  []struct {
			Role    string
			Content []part
		}
		Tools []struct {
			Name, Description string
			Schema            json.RawMessage `json:"input_schema"`
		}
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return req, err
	}
	if o.Model == "" || o.MaxTokens < 1 || len(o.Messages) == 0 || !o.Stream || r.Header.Get("Anthropic-Version") == "" {
		return req, errors.New("model, max_tokens, messages, stream and the header anthropic-version are needed")
	}
	for _, p := range o.System {
		req.System += p.Text
	}
	for i, m := range o.Messages {
		if want := []string{"user", "assistant"}[i%2]; m.Role != want || len(m.Content) == 0 {
			return req, fmt.Errorf("messages.%d: want one of %s with content", i, want)
		}
		turn := ModelTurn{Role: m.Role}
		for _, p := range m.Content {
			switch p.Type {
			case "text":
				turn.Text += p.Text
			case "tool_use":
				turn.Calls = append(turn.Calls, pipeline.ToolCall{ID: p.ID, Name: p.Name, Args: p.Input})
			case "tool_result":
				req.Turns = append(req.Turns, ModelTurn{Role: "tool", Text: p.Content, CallID: p.CallID})
			default:
				return req, fmt.Errorf("messages.%d: a block of type %q", i, p.Type)
			}
		}
		if turn.Text != "" || len(turn.Calls) > 0 {
			req.Turns = append(req.Turns, turn)
		}
	}
	for _, t := range o.Tools {
		req.Tools = append(req.Tools, ModelTool{t.Name, t.Description, t.Schema})
	}
	return req, nil
}

func (Anthropic) refuse(status int, _, message string) ModelAnswer {
	kind := map[int]string{400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error", 529: "overloaded_error"}[status]
	if kind == "" {
		kind = "api_error"
	}
	return refusal(status, fields{"type": "error", "error": fields{"type": kind, "message": message}, "request_id": "req_1"})
}

func (Anthropic) unpaid() ModelAnswer {
	return refusal(http.StatusForbidden, fields{"type": "error", "error": fields{"type": "billing_error", "message": "Your credit balance is too low."}})
}

func (Anthropic) overloaded() ModelStep {
	return event("error", fields{"type": "error", "error": fields{"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"})
}

func (Anthropic) torn() string { return `{"n":two}` }

// script writes each act with the events that surround it.
func (Anthropic) script(acts []Act) []ModelStep {
	w := &anthropicWriter{place: -1}
	u := used(acts)
	w.write("message_start", fields{"message": fields{"id": "msg_01", "type": "message", "role": "assistant", "model": "fake", "content": []any{}, "stop_reason": nil,
		"usage": fields{"input_tokens": u.Input - u.Cached, "cache_creation_input_tokens": 0, "cache_read_input_tokens": u.Cached, "output_tokens": 1}}})
	for _, a := range acts {
		switch {
		case a.Raw != nil:
			w.steps = append(w.steps, *a.Raw)
		case a.Text != nil:
			if w.open != "text" {
				w.begin("text", fields{"type": "text", "text": ""})
				w.write("ping", fields{})
			}
			w.write("content_block_delta", fields{"index": w.place, "delta": fields{"type": "text_delta", "text": *a.Text}})
		case a.Call != nil:
			if a.Call.ID != "" {
				w.begin("tool_use", fields{"type": "tool_use", "id": a.Call.ID, "name": a.Call.Name, "input": fields{}})
			}
			w.write("content_block_delta", fields{"index": w.place, "delta": fields{"type": "input_json_delta", "partial_json": a.Call.Args}})
		default:
			w.stop()
			reason := map[string]string{"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens", "content_filter": "refusal"}[a.End]
			w.write("message_delta", fields{"delta": fields{"stop_reason": reason, "stop_sequence": nil}, "usage": fields{"output_tokens": u.Output}})
			w.write("message_stop", fields{})
		}
	}
	return w.steps
}

// anthropicWriter writes the events of a message.
type anthropicWriter struct {
	steps []ModelStep
	place int    // of the block
	open  string // the type of the block; empty: none is
}

func (w *anthropicWriter) write(name string, f fields) {
	f["type"] = name
	w.steps = append(w.steps, event(name, f))
}

func (w *anthropicWriter) begin(kind string, block fields) {
	w.stop()
	w.place, w.open = w.place+1, kind
	w.write("content_block_start", fields{"index": w.place, "content_block": block})
}

func (w *anthropicWriter) stop() {
	if w.open != "" {
		w.write("content_block_stop", fields{"index": w.place})
		w.open = ""
	}
}

// answers are the literal messages of Anthropic's documents, and what else its servers send.
func (Anthropic) answers() map[string]responderAnswer {
	const start = "event: message_start\n" + `data: {"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[],` +
		`"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":50,"cache_creation_input_tokens":6,"cache_read_input_tokens":64,"output_tokens":1}}}` + "\n\n"
	const sure = "event: content_block_start\n" + `data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n" +
		"event: ping\n" + `data: {"type":"ping"}` + "\n\n" +
		"event: content_block_delta\n" + `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Sure. "}}` + "\n\n" +
		"event: content_block_stop\n" + `data: {"type":"content_block_stop","index":0}` + "\n\n"
	const call = "event: content_block_start\n" + `data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"call_A","name":"book","input":{}}}` + "\n\n" +
		"event: content_block_delta\n" + `data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}` + "\n\n" +
		"event: content_block_delta\n" + `data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"n\":"}}` + "\n\n" +
		"event: content_block_delta\n" + `data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"2}"}}` + "\n\n" +
		"event: content_block_stop\n" + `data: {"type":"content_block_stop","index":1}` + "\n\n"
	end := func(reason string) string {
		return "event: message_delta\n" + `data: {"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_sequence":null},"usage":{"output_tokens":42}}` + "\n\n" +
			"event: message_stop\n" + `data: {"type":"message_stop"}` + "\n\n"
	}
	const thought = `data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}` + "\n\n" +
		`data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}` + "\n\n" +
		`data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"c2ln"}}` + "\n\n" +
		`data: {"type":"content_block_stop","index":0}` + "\n\n"
	usage := pipeline.Usage{Input: 120, Output: 42, Cached: 64}
	return shared(Anthropic{}, map[string]responderAnswer{
		"a call after words, as documented": {answer: drip(stream(start + sure + call + end("tool_use"))),
			want: response{Text: "Sure. ", Calls: []pipeline.ToolCall{bookTwo}, Finish: "tool_calls", Usage: usage}},
		"thoughts are not said":          {answer: stream(start + thought + sure + end("end_turn")), want: response{Text: "Sure. ", Finish: "stop", Usage: usage}},
		"no room":                        {answer: stream(start + sure + end("model_context_window_exceeded")), want: response{Text: "Sure. ", Finish: "length", Usage: usage}},
		"it declines in the middle":      {answer: stream(start + sure + end("refusal")), want: response{Text: "Sure. ", Finish: "content_filter", Usage: usage}},
		"it declines at once":            {answer: stream(start + end("refusal")), fails: true},
		"an event that nobody knows":     {answer: stream(start + "event: news\ndata: {\"type\":\"news\",\"x\":[1]}\n\n" + sure + end("end_turn")), want: response{Text: "Sure. ", Finish: "stop", Usage: usage}},
		"no reason to stop, but the end": {answer: stream(start + sure + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"), want: response{Text: "Sure. ", Finish: "stop", Usage: pipeline.Usage{Input: 120, Output: 1, Cached: 64}}},
		"an event of no type":            {answer: stream(start + sure + "data: {}\n\n"), want: partial, fails: true},
	})
}
