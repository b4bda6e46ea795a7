package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"parley/pipeline"
	"parley/providers/providertest"
)

func TestEndpoint(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"":                                    "https://api.openai.com/v1/chat/completions",
		"https://api.openai.com":              "https://api.openai.com/v1/chat/completions",
		"https://api.openai.com/v1/":          "https://api.openai.com/v1/chat/completions",
		"http://localhost:11434":              "http://localhost:11434/v1/chat/completions",
		"https://openrouter.ai/api/v1":        "https://openrouter.ai/api/v1/chat/completions",
		"https://g.example/v1beta/openai/":    "https://g.example/v1beta/openai/chat/completions",
		"https://a.example/openai/v1?api=x":   "https://a.example/openai/v1/chat/completions?api=x",
		"http://h/v1/chat/completions":        "http://h/v1/chat/completions",
		"localhost:8000":                      "",
		"ftp://h/v1":                          "",
		"http://":                             "",
		"https://u:secret@h.example:bad/v1?k": "",
	} {
		c := &Client{BaseURL: base, Model: "m"}
		got, err := c.endpoint("chat/completions")
		if got != want || (want == "") != (err != nil) || (want == "") != (c.Check() != nil) {
			t.Errorf("base %q: %q, %v, want %q", base, got, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), "BaseURL") {
			t.Errorf("base %q: %v names no field", base, err)
		}
	}
	if err := (&Client{}).Check(); err == nil || !strings.Contains(err.Error(), "Model") {
		t.Errorf("without a model: %v", err)
	}
	if err := (&Client{Model: "m", Extra: map[string]any{"a": make(chan int)}}).Check(); err == nil || !strings.Contains(err.Error(), "Extra") {
		t.Errorf("with a bad extra: %v", err)
	}
}

func TestRequestFields(t *testing.T) {
	t.Parallel()
	cold := 0.0
	c := &Client{Model: "m", Temperature: &cold, MaxTokens: 90, Extra: map[string]any{"reasoning_effort": "minimal"}}
	for endpoint, name := range map[string]string{"https://api.openai.com/v1/chat/completions": "max_completion_tokens", "http://localhost/v1/chat/completions": "max_tokens"} {
		body, err := json.Marshal(c.completions(pipeline.Talk{Agent: &pipeline.Agent{Tools: []pipeline.Tool{{Name: "wait"}}}}, endpoint))
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(body, &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "messages")
		want := map[string]any{
			"model": "m", "stream": true, "stream_options": map[string]any{"include_usage": true}, "temperature": 0.0, name: 90.0, "reasoning_effort": "minimal",
			"tools": []any{map[string]any{"type": "function", "function": map[string]any{"name": "wait", "parameters": map[string]any{"type": "object", "properties": map[string]any{}}}}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	}
	if len(c.Extra) != 1 {
		t.Errorf("Extra has become %v", c.Extra)
	}
}

// TestErrorsKeepSecrets: neither the key nor a query in the base URL is in an error, and the error is typed.
func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	base := providertest.StartOpenAI(t, &providertest.OpenAI{Key: "right"})
	for name, c := range map[string]*Client{
		"wrong key":  {BaseURL: base, Key: "s3cret", Model: "m"},
		"nobody":     {BaseURL: "http://127.0.0.1:1/v1?api-key=s3cret", Model: "m", Key: "s3cret"},
		"a bad base": {BaseURL: "ftp://u:s3cret@h/v1", Model: "m"},
	} {
		defer c.Close()
		var last error
		for _, err := range c.Respond(t.Context(), pipeline.Talk{Why: pipeline.ForGreeting}) {
			last = err
		}
		if last == nil || strings.Contains(last.Error(), "s3cret") {
			t.Errorf("%s: %v", name, last)
		}
		var e *Error
		if name != "a bad base" && !errors.As(last, &e) {
			t.Errorf("%s: %v is no *Error", name, last)
		}
		if name == "wrong key" && (e == nil || e.Status != 401 || e.Code != "invalid_api_key" || e.Retryable) {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestWarm(t *testing.T) {
	t.Parallel()
	o := &providertest.OpenAI{Key: "right"}
	base := providertest.StartOpenAI(t, o)
	c := &Client{BaseURL: base, Key: "right", Model: "m"}
	defer c.Close()
	if err := c.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, err := range c.Respond(t.Context(), pipeline.Talk{Why: pipeline.ForGreeting}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := o.Counts().Connections.Load(); n != 1 {
		t.Errorf("a warm client opened %d connections", n)
	}
	var e *Error
	if err := (&Client{BaseURL: base, Key: "wrong"}).Warm(t.Context()); !errors.As(err, &e) || e.Status != 401 {
		t.Errorf("with a wrong key: %v", err)
	}
	if err := (&Client{BaseURL: "http://127.0.0.1:1"}).Warm(t.Context()); err == nil {
		t.Error("no error although nobody listens")
	}
}

// TestThoughts: what a local model thinks is not said, however the stream is cut.
func TestThoughts(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"<think>\nhm <b>\n</think>\n\nYes. <think>": "Yes. <think>", "\n<think></think>Yes.": "Yes.", "<thing>": "<thing>", "Yes.": "Yes.", "<thi": "<thi",
		"<think>for ever": "", "  Yes": "  Yes", "": "",
	} {
		for size := 1; size <= len(said)+1; size++ {
			var th thoughts
			var got strings.Builder
			for rest := said; rest != ""; {
				n := min(size, len(rest))
				got.WriteString(th.without(rest[:n]))
				rest = rest[n:]
			}
			got.WriteString(th.rest())
			if got.String() != want {
				t.Errorf("%q in pieces of %d gives %q, want %q", said, size, got.String(), want)
			}
		}
	}
}

func TestReaderThatBreaksGetsNoError(t *testing.T) {
	t.Parallel()
	base := providertest.StartOpenAI(t, &providertest.OpenAI{Answer: func(providertest.OpenAIRequest) providertest.OpenAIAnswer {
		return providertest.OpenAIAnswer{Steps: []providertest.OpenAIStep{{Write: `data: {"choices":[{"delta":{"content":"a","tool_calls":[` +
			`{"id":"x","function":{"name":"n","arguments":"[1]"}}]},"finish_reason":"stop"}]}` + "\n\n"}}}
	}})
	c := &Client{BaseURL: base, Model: "m"}
	defer c.Close()
	n := 0
	for range c.Respond(context.Background(), pipeline.Talk{Why: pipeline.ForGreeting}) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d iterations after a break", n)
	}
}

// TestTuned: a client with parameters of its own asks the same endpoint with them, and leaves the other's alone.
func TestTuned(t *testing.T) {
	t.Parallel()
	bodies := make(chan map[string]any, 2)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		body["key"], body["trace"] = r.Header.Get("Authorization"), r.Header.Get("Traceparent")
		bodies <- body
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"content\":\"Yes.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	defer s.Close()
	c := &Client{BaseURL: s.URL, Key: "k", Model: "small", Prepare: func(r *http.Request) { r.Header.Set("traceparent", "00-1") }}
	defer c.Close()
	cold := 0.0
	for _, tc := range []struct {
		client *Client
		want   map[string]any
	}{
		{c.Tuned("big", &cold, 64, map[string]any{"reasoning_effort": "low"}), map[string]any{"model": "big", "temperature": 0.0, "reasoning_effort": "low", "key": "Bearer k"}},
		{c.Tuned("", nil, 0, nil), map[string]any{"model": "small", "temperature": nil, "reasoning_effort": nil, "key": "Bearer k"}},
		{c, map[string]any{"model": "small", "temperature": nil, "reasoning_effort": nil, "key": "Bearer k"}},
	} {
		for _, err := range tc.client.Respond(t.Context(), pipeline.Talk{Turn: 1, Why: pipeline.ForGreeting, Agent: &pipeline.Agent{}}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		body := <-bodies
		if body["trace"] != "00-1" {
			t.Errorf("the request was not prepared: %v", body)
		}
		for name, want := range tc.want {
			if body[name] != want {
				t.Errorf("%s is %v, want %v: %v", name, body[name], want, body)
			}
		}
	}
}
