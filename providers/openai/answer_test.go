package openai

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/providers/chat"
)

// An asking is a request as the server sees it.
type asking struct {
	Model    string
	Stream   bool
	Tokens   int `json:"max_tokens"`
	Messages []struct{ Role, Content string }
	Format   *struct {
		Type   string
		Schema struct {
			Strict bool
			Schema json.RawMessage
		} `json:"json_schema"`
	} `json:"response_format"`
}

// answers is a server that answers each request with the next of its answers, and the last one over and over.
func answers(t *testing.T, all ...func(http.ResponseWriter, asking)) (*Client, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q asking
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || r.URL.Path != "/v1/chat/completions" || q.Stream || q.Tokens != 99 || q.Model != "m" {
			t.Errorf("%s %s: %+v, %v", r.Method, r.URL.Path, q, err)
		}
		all[min(int(n.Add(1)), len(all))-1](w, q)
	}))
	t.Cleanup(s.Close)
	c := &Client{BaseURL: s.URL, Model: "m"}
	t.Cleanup(c.Close)
	return c, &n
}

func replies(status int, body string) func(http.ResponseWriter, asking) {
	return func(w http.ResponseWriter, _ asking) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

const fine = `{"choices":[{"message":{"role":"assistant","content":"{\"a\":1}"},"finish_reason":"stop"}]}`

func TestAnswer(t *testing.T) {
	t.Parallel()
	schema := json.RawMessage(`{"type":"object"}`)
	c, n := answers(t, func(w http.ResponseWriter, q asking) {
		if q.Format == nil || q.Format.Type != "json_schema" || !q.Format.Schema.Strict || string(q.Format.Schema.Schema) != string(schema) ||
			len(q.Messages) != 2 || q.Messages[0].Role != "system" || q.Messages[0].Content != "do" || q.Messages[1].Role != "user" || q.Messages[1].Content != "data" {
			t.Errorf("%+v", q)
		}
		fmt.Fprint(w, fine)
	})
	if got, err := c.Answer(t.Context(), "do", "data", schema, 99); got != `{"a":1}` || err != nil || n.Load() != 1 {
		t.Errorf("%q, %v", got, err)
	}
	// A server that knows no structured outputs, nor even JSON.
	var formats []string
	refuse := func(w http.ResponseWriter, q asking) {
		if q.Format != nil {
			formats = append(formats, q.Format.Type)
			replies(400, `{"error":"response_format is not supported"}`)(w, q)
			return
		}
		fmt.Fprint(w, fine)
	}
	c, n = answers(t, refuse)
	if got, err := c.Answer(t.Context(), "do", "data", schema, 99); got != `{"a":1}` || err != nil || n.Load() != 3 || strings.Join(formats, " ") != "json_schema json_object" {
		t.Errorf("%q, %v, %v", got, err, formats)
	}
}

func TestAnswerFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		all  []func(http.ResponseWriter, asking)
		code string // of the error; empty: none
		n    int32
	}{
		"once":       {[]func(http.ResponseWriter, asking){replies(503, ""), replies(200, fine)}, "", 2},
		"for good":   {[]func(http.ResponseWriter, asking){replies(401, `{"error":{"code":"invalid_api_key","message":"no"}}`)}, "invalid_api_key", 1},
		"a refusal":  {[]func(http.ResponseWriter, asking){replies(200, `{"choices":[{"message":{"content":null,"refusal":"I will not"}}]}`)}, "refusal", 1},
		"cut off":    {[]func(http.ResponseWriter, asking){replies(200, strings.Replace(fine, "stop", "length", 1))}, "truncated", 1},
		"no text":    {[]func(http.ResponseWriter, asking){replies(200, `{"choices":[{"message":{}}]}`)}, "garbage", 1},
		"no choices": {[]func(http.ResponseWriter, asking){replies(200, `{}`)}, "garbage", 1},
		"no JSON":    {[]func(http.ResponseWriter, asking){replies(200, `<html>`)}, "garbage", 1},
		"an error":   {[]func(http.ResponseWriter, asking){replies(200, `{"error":{"code":"odd"}}`)}, "odd", 1},
		"endless":    {[]func(http.ResponseWriter, asking){replies(200, strings.Repeat(" ", maxReply+1))}, "too_long", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, n := answers(t, tc.all...)
			_, err := c.Answer(t.Context(), "do", "data", json.RawMessage(`{}`), 99)
			if e := chat.AsError(err); (e == nil) != (tc.code == "") || e != nil && e.Code != tc.code || n.Load() != tc.n {
				t.Errorf("%v after %d requests", err, n.Load())
			}
		})
	}
	over := make(chan struct{})
	c, _ := answers(t, func(http.ResponseWriter, asking) { <-over })
	defer close(over)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Answer(ctx, "do", "data", json.RawMessage(`{}`), 99); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
