package providertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"parley/pipeline"
)

// Chat is the protocol of OpenAI's chat completions.
// Wire: https://platform.openai.com/docs/api-reference/chat-streaming
type Chat struct{}

func (Chat) paths() (answers, warms string) { return "POST /v1/chat/completions", "GET /v1/models" }

func (Chat) bases() []string { return []string{"/v1", "", "/", "/v1/", "/v1/chat/completions"} }

func (Chat) key(h http.Header) string { return strings.TrimPrefix(h.Get("Authorization"), "Bearer ") }

func (Chat) read(_ *http.Request, body []byte) (req ModelRequest, err error) {
	var o OpenAIRequest
	if err := json.Unmarshal(body, &o); err != nil {
		return req, err
	}
	if o.Model == "" || len(o.Messages) == 0 || !o.Stream || !o.StreamOptions.IncludeUsage {
		return req, errors.New("model, messages, stream and stream_options.include_usage are needed")
	}
	for _, m := range o.Messages {
		turn := ModelTurn{Role: m.Role, CallID: m.ToolCallID}
		if m.Content != nil {
			turn.Text = *m.Content
		}
		for _, c := range m.ToolCalls {
			turn.Calls = append(turn.Calls, pipeline.ToolCall{ID: c.ID, Name: c.Function.Name, Args: json.RawMessage(c.Function.Arguments)})
		}
		if m.Role == "system" {
			req.System += turn.Text
			continue
		}
		req.Turns = append(req.Turns, turn)
	}
	for _, t := range o.Tools {
		req.Tools = append(req.Tools, ModelTool{t.Function.Name, t.Function.Description, t.Function.Parameters})
	}
	return req, nil
}

func (Chat) refuse(status int, code, message string) ModelAnswer {
	return OpenAIRefuse(status, code, message)
}

func (Chat) unpaid() ModelAnswer {
	return OpenAIRefuse(http.StatusTooManyRequests, "insufficient_quota", "You exceeded your current quota.")
}

func (Chat) overloaded() ModelStep { return OpenAIData(`{"error":{"message":"overloaded"}}`) }

func (Chat) script(acts []Act) (steps []ModelStep) {
	index := -1
	for _, a := range acts {
		switch {
		case a.Raw != nil:
			steps = append(steps, *a.Raw)
		case a.Text != nil:
			steps = append(steps, OpenAIText(*a.Text))
		case a.Call != nil:
			if a.Call.ID != "" {
				index++
			}
			steps = append(steps, OpenAIToolCall(index, a.Call.ID, a.Call.Name, a.Call.Args))
		default:
			u := used(acts)
			steps = append(steps, OpenAIFinish(a.End), OpenAIUsage(u.Input, u.Output, u.Cached), OpenAIDone())
		}
	}
	return steps
}

func (Chat) torn() string { return `{"n":two}` }

func (Chat) answers() map[string]responderAnswer { return chatAnswers() }

// Responses is the protocol of OpenAI's responses.
// Wire: https://platform.openai.com/docs/api-reference/responses-streaming
type Responses struct{}

func (Responses) paths() (answers, warms string) { return "POST /v1/responses", "GET /v1/models" }

func (Responses) bases() []string { return []string{"/v1", "", "/", "/v1/", "/v1/responses"} }

func (Responses) key(h http.Header) string { return Chat{}.key(h) }

func (Responses) read(_ *http.Request, body []byte) (req ModelRequest, err error) {
	var o struct {
		Model, Instructions string
		Stream              bool
		Store               *bool
		Input               []struct {
			Type, Role, Content, Name, Arguments, Output string
			CallID                                       string `json:"call_id"`
		}
		Tools []struct {
			Type, Name, Description string
			Parameters              json.RawMessage
			Strict                  *bool
		}
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return req, err
	}
	if o.Model == "" || len(o.Input) == 0 || !o.Stream || o.Store == nil || *o.Store {
		return req, errors.New("model, input, stream and store false are needed")
	}
	req.System = o.Instructions
	for _, i := range o.Input {
		switch i.Type {
		case "":
			req.Turns = append(req.Turns, ModelTurn{Role: i.Role, Text: i.Content})
		case "function_call_output":
			req.Turns = append(req.Turns, ModelTurn{Role: "tool", Text: i.Output, CallID: i.CallID})
		case "function_call":
			if n := len(req.Turns); n == 0 || req.Turns[n-1].Role != "assistant" {
				req.Turns = append(req.Turns, ModelTurn{Role: "assistant"})
			}
			last := &req.Turns[len(req.Turns)-1]
			last.Calls = append(last.Calls, pipeline.ToolCall{ID: i.CallID, Name: i.Name, Args: json.RawMessage(i.Arguments)})
		default:
			return req, fmt.Errorf("an item of type %q", i.Type)
		}
	}
	for _, t := range o.Tools {
		if t.Type != "function" || t.Strict == nil {
			return req, errors.New("a tool without type and strict")
		}
		req.Tools = append(req.Tools, ModelTool{t.Name, t.Description, t.Parameters})
	}
	return req, nil
}

func (Responses) refuse(status int, code, message string) ModelAnswer {
	return OpenAIRefuse(status, code, message)
}

func (Responses) unpaid() ModelAnswer { return Chat{}.unpaid() }

func (Responses) overloaded() ModelStep {
	return event("error", fields{"type": "error", "code": "server_error", "message": "Overloaded", "param": nil, "sequence_number": 3})
}

func (Responses) torn() string { return `{"n":two}` }

// script writes each act with the events that surround it.
func (Responses) script(acts []Act) []ModelStep {
	w := &responsesWriter{place: -1}
	w.write("response.created", fields{"response": fields{"id": "resp_1", "object": "response", "status": "in_progress", "output": []any{}}})
	for _, a := range acts {
		switch {
		case a.Raw != nil:
			w.steps = append(w.steps, *a.Raw)
		case a.Text != nil:
			w.open("message", fields{"type": "message", "id": "msg_1", "role": "assistant", "content": []any{}})
			w.write("response.output_text.delta", fields{"item_id": "msg_1", "output_index": w.place, "content_index": 0, "delta": *a.Text, "logprobs": []any{}})
		case a.Call != nil:
			if a.Call.ID != "" {
				w.open("", fields{"type": "function_call", "id": "fc_" + a.Call.ID, "call_id": a.Call.ID, "name": a.Call.Name, "arguments": ""})
			}
			w.args += a.Call.Args
			w.write("response.function_call_arguments.delta", fields{"item_id": w.item["id"], "output_index": w.place, "delta": a.Call.Args})
		default:
			w.shut(a.End != "length")
			w.end(a.End, used(acts))
		}
	}
	return w.steps
}

// responsesWriter writes the events of a response.
type responsesWriter struct {
	steps []ModelStep
	n     int    // of the next event
	place int    // of the item in the output
	item  fields // that is open
	args  string // of it
}

func (w *responsesWriter) write(name string, f fields) {
	f["type"], f["sequence_number"] = name, w.n
	w.n++
	w.steps = append(w.steps, event(name, f))
}

// open begins an item, unless one of that type goes on.
func (w *responsesWriter) open(goesOn string, item fields) {
	if w.item != nil && w.item["type"] == goesOn {
		return
	}
	w.shut(true)
	w.place, w.item, w.args = w.place+1, item, ""
	w.write("response.output_item.added", fields{"output_index": w.place, "item": item})
}

func (w *responsesWriter) shut(whole bool) {
	if w.item == nil || !whole {
		return
	}
	if w.item["type"] == "function_call" {
		w.item["arguments"] = w.args
		w.write("response.function_call_arguments.done", fields{"item_id": w.item["id"], "output_index": w.place, "name": w.item["name"], "arguments": w.args})
	}
	w.write("response.output_item.done", fields{"output_index": w.place, "item": w.item})
	w.item = nil
}

func (w *responsesWriter) end(reason string, u ModelUsed) {
	response := fields{"id": "resp_1", "status": "completed", "error": nil, "incomplete_details": nil, "usage": fields{
		"input_tokens": u.Input, "input_tokens_details": fields{"cached_tokens": u.Cached}, "output_tokens": u.Output, "total_tokens": u.Input + u.Output,
	}}
	switch reason {
	case "length":
		reason = "max_output_tokens"
		fallthrough
	case "content_filter":
		response["status"], response["incomplete_details"] = "incomplete", fields{"reason": reason}
		w.write("response.incomplete", fields{"response": response})
	default:
		w.write("response.completed", fields{"response": response})
	}
}

// answers are the literal messages of OpenAI's documents, and what else its servers and clones send.
func (Responses) answers() map[string]responderAnswer {
	const created = `event: response.created` + "\n" + `data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","output":[]}}` + "\n\n"
	const sure = `event: response.output_text.delta` + "\n" +
		`data: {"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Sure. ","logprobs":[]}` + "\n\n"
	const completed = `event: response.completed` + "\n" + `data: {"type":"response.completed","sequence_number":13,"response":{"id":"resp_1","status":"completed",` +
		`"usage":{"input_tokens":120,"input_tokens_details":{"cached_tokens":64},"output_tokens":18,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":138}}}` + "\n\n"
	usage := pipeline.Usage{Input: 120, Output: 18, Cached: 64}
	failure := func(name, data string) responderAnswer {
		return responderAnswer{answer: stream(created + sure + "event: " + name + "\ndata: " + data + "\n\n"), want: partial, fails: true}
	}
	return shared(Responses{}, map[string]responderAnswer{
		"a call after words, as documented": {answer: drip(stream(created + sure +
			`data: {"type":"response.reasoning_summary_text.delta","sequence_number":5,"output_index":0,"delta":"hm"}` + "\n\n" +
			`data: {"type":"response.output_item.added","sequence_number":8,"output_index":1,"item":{"id":"fc_1","type":"function_call","call_id":"call_A","name":"book","arguments":"","status":"in_progress"}}` + "\n\n" +
			`data: {"type":"response.function_call_arguments.delta","sequence_number":9,"item_id":"fc_1","output_index":1,"delta":"{\"n\":"}` + "\n\n" +
			`data: {"type":"response.function_call_arguments.delta","sequence_number":10,"item_id":"fc_1","output_index":1,"delta":"2}"}` + "\n\n" +
			`data: {"type":"response.function_call_arguments.done","sequence_number":11,"item_id":"fc_1","output_index":1,"name":"book","arguments":"{\"n\":2}"}` + "\n\n" +
			`data: {"type":"response.output_item.done","sequence_number":12,"output_index":1,"item":{"id":"fc_1","type":"function_call","call_id":"call_A","name":"book","arguments":"{\"n\":2}","status":"completed"}}` + "\n\n" +
			completed)), want: response{Text: "Sure. ", Calls: []pipeline.ToolCall{bookTwo}, Finish: "tool_calls", Usage: usage}},
		"a refusal is said": {answer: stream(created + `data: {"type":"response.refusal.delta","sequence_number":4,"output_index":0,"delta":"I can't."}` + "\n\n" + completed),
			want: response{Text: "I can't.", Finish: "stop", Usage: usage}},
		"a clone that tells of the call only when it is over": {answer: stream(
			`data: {"type":"response.output_item.done","output_index":0,"item":{"type":"function_call","call_id":"call_A","name":"book","arguments":"{\"n\":2}"}}` + "\n\n" + completed),
			want: response{Calls: []pipeline.ToolCall{bookTwo}, Finish: "tool_calls", Usage: usage}},
		"it fails":            failure("response.failed", `{"type":"response.failed","response":{"error":{"code":"server_error","message":"Oops"}}}`),
		"an error":            failure("error", `{"type":"error","code":"rate_limit_exceeded","message":"Slow down","param":null,"sequence_number":5}`),
		"an event of no type": failure("error", `{"error":{"message":"overloaded"}}`),
	})
}
