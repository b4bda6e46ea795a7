package providertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"parley/pipeline"
)

// Gemini is the protocol of Google's streamGenerateContent.
// Wire: https://ai.google.dev/api/generate-content
type Gemini struct{}

func (Gemini) paths() (answers, warms string) {
	return "POST /v1beta/models/{call}", "GET /v1beta/models"
}

func (Gemini) bases() []string { return []string{"", "/", "/v1beta", "/v1beta/", "/v1beta/models"} }

func (Gemini) key(h http.Header) string { return h.Get("X-Goog-Api-Key") }

func (Gemini) read(r *http.Request, body []byte) (req ModelRequest, err error) {
	type content struct {
		Role  string
		Parts []struct {
			Text         string
			FunctionCall *struct {
				ID, Name string
				Args     json.RawMessage
			}
			FunctionResponse *struct {
				ID, Name string
				Response struct{ Result string }
			}
			ThoughtSignature string
		}
	}
	var o struct {
		SystemInstruction content
		Contents          []content
		Tools             []struct {
			FunctionDeclarations []struct {
				Name, Description    string
				ParametersJSONSchema json.RawMessage `json:"parametersJsonSchema"`
			}
		}
	}
	if err := json.Unmarshal(body, &o); err != nil {
		return req, err
	}
	if call := r.PathValue("call"); !strings.HasSuffix(call, ":streamGenerateContent") || r.URL.Query().Get("alt") != "sse" || len(o.Contents) == 0 {
		return req, fmt.Errorf("%s: contents, :streamGenerateContent and alt=sse are needed", call)
	}
	for _, p := range o.SystemInstruction.Parts {
		req.System += p.Text
	}
	asked := 0
	for i, c := range o.Contents {
		turn := ModelTurn{Role: map[string]string{"user": "user", "model": "assistant"}[c.Role]}
		results := 0
		for _, p := range c.Parts {
			turn.Text += p.Text
			if f := p.FunctionCall; f != nil {
				turn.Calls = append(turn.Calls, pipeline.ToolCall{ID: f.ID, Name: f.Name, Args: f.Args, Seal: p.ThoughtSignature})
			}
			if f := p.FunctionResponse; f != nil {
				results++
				req.Turns = append(req.Turns, ModelTurn{Role: "tool", Text: f.Response.Result, CallID: f.ID})
			}
		}
		if asked != results || turn.Role == "" {
			return req, fmt.Errorf("contents %d: %d results for %d calls, of role %q", i, results, asked, c.Role)
		}
		asked = len(turn.Calls)
		if turn.Text != "" || len(turn.Calls) > 0 {
			req.Turns = append(req.Turns, turn)
		}
	}
	if asked > 0 {
		return req, errors.New("calls without results")
	}
	for _, t := range o.Tools {
		for _, f := range t.FunctionDeclarations {
			req.Tools = append(req.Tools, ModelTool{f.Name, f.Description, f.ParametersJSONSchema})
		}
	}
	return req, nil
}

func (Gemini) refuse(status int, code, message string) ModelAnswer {
	word := map[int]string{400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}[status]
	if word == "" {
		word = "INTERNAL"
	}
	details := []any{fields{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": strings.ToUpper(code), "domain": "googleapis.com"}}
	return refusal(status, fields{"error": fields{"code": status, "message": message, "status": word, "details": details}})
}

func (g Gemini) unpaid() ModelAnswer {
	return g.refuse(http.StatusPaymentRequired, "billing_disabled", "Billing is disabled.")
}

func (Gemini) overloaded() ModelStep {
	return event("", fields{"error": fields{"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}})
}

// torn implements Dialect: arguments are objects of JSON here, and cannot be torn.
func (Gemini) torn() string { return "{}" }

// script writes each act as an event; calls come whole.
func (Gemini) script(acts []Act) (steps []ModelStep) {
	u := used(acts)
	write := func(reason string, parts ...fields) {
		candidate := fields{"index": 0, "content": fields{"role": "model", "parts": parts}}
		f := fields{"candidates": []any{candidate}, "modelVersion": "fake", "responseId": "r1", "usageMetadata": fields{"promptTokenCount": u.Input, "totalTokenCount": u.Input + 1}}
		if reason != "" {
			candidate["finishReason"] = reason
			f["usageMetadata"] = fields{"promptTokenCount": u.Input, "candidatesTokenCount": u.Output, "thoughtsTokenCount": 0, "cachedContentTokenCount": u.Cached, "totalTokenCount": u.Input + u.Output}
		}
		steps = append(steps, event("", f))
	}
	for i, a := range acts {
		switch {
		case a.Raw != nil:
			steps = append(steps, *a.Raw)
		case a.Text != nil:
			write("", fields{"text": *a.Text})
		case a.Call != nil && a.Call.ID != "":
			args := a.Call.Args
			for _, next := range acts[i+1:] {
				if next.Call == nil || next.Call.ID != "" {
					break
				}
				args += next.Call.Args
			}
			if args == "" {
				args = "{}"
			}
			write("", fields{"functionCall": fields{"id": a.Call.ID, "name": a.Call.Name, "args": json.RawMessage(args)}})
		case a.End != "":
			write(map[string]string{"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}[a.End])
		}
	}
	return steps
}

// answers are the literal messages of Google's documents, and what else its servers send.
func (Gemini) answers() map[string]responderAnswer {
	const sure = `data: {"candidates":[{"content":{"role":"model","parts":[{"text":"Sure. "}]},"index":0}],"usageMetadata":{"promptTokenCount":120,"totalTokenCount":121},` +
		`"modelVersion":"gemini-2.5-flash","responseId":"r1"}` + "\n\n"
	end := func(parts, reason string) string {
		return `data: {"candidates":[{"content":{"role":"model","parts":[` + parts + `]},"finishReason":"` + reason + `","index":0}],` +
			`"usageMetadata":{"promptTokenCount":120,"candidatesTokenCount":18,"thoughtsTokenCount":4,"cachedContentTokenCount":64,"totalTokenCount":142}}` + "\r\n\r\n"
	}
	usage := pipeline.Usage{Input: 120, Output: 22, Cached: 64}
	sealed := bookTwo
	sealed.Seal = "c2ln"
	return shared(Gemini{}, map[string]responderAnswer{
		"a call after words, as documented": {answer: drip(stream(sure + end(`{"functionCall":{"id":"call_A","name":"book","args":{"n":2}},"thoughtSignature":"c2ln"}`, "STOP"))),
			want: response{Text: "Sure. ", Calls: []pipeline.ToolCall{sealed}, Finish: "tool_calls", Usage: usage}},
		"thoughts are not said":      {answer: stream(end(`{"text":"hm","thought":true},{"text":"Sure. "}`, "STOP")), want: response{Text: "Sure. ", Finish: "stop", Usage: usage}},
		"held back at once":          {answer: stream(`data: {"candidates":[{"finishReason":"SAFETY","index":0}]}` + "\n\n"), fails: true},
		"held back in the middle":    {answer: stream(sure + end("", "PROHIBITED_CONTENT")), want: response{Text: "Sure. ", Finish: "content_filter", Usage: usage}},
		"the request is blocked":     {answer: stream(`data: {"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":9}}` + "\n\n"), fails: true},
		"a call that it cannot make": {answer: stream(sure + end("", "MALFORMED_FUNCTION_CALL")), want: partial, fails: true},
		"it stops for no reason":     {answer: stream(sure + end("", "OTHER")), want: response{Text: "Sure. ", Finish: "stop", Usage: usage}},
		"usage alone":                {answer: stream(`data: {"usageMetadata":{"promptTokenCount":120}}` + "\n\n" + sure + end("", "STOP")), want: response{Text: "Sure. ", Finish: "stop", Usage: usage}},
		"an answer that does not stream": {answer: ModelAnswer{Body: `{"candidates":[{"content":{"role":"model","parts":[{"text":"Sure. "}]},"finishReason":"STOP"}]}`},
			want: response{Text: "Sure. ", Finish: "stop"}},
	})
}
