// Package openai is a language model over OpenAI's protocols: OpenAI itself, and every server that speaks the same.
//
//	Talk ──▶ messages ──▶ POST {base}/chat/completions ──▶ completion ──▶ Text, Call, Finish, Usage
//	   └───▶ items ─────▶ POST {base}/responses ─────────▶ response ─────┘
//
// Which of the two is asked is the Client's API. What goes over the wire besides, and how often, is package chat's.
//
// An Audio is a recogniser and a voice over the protocols for those:
//
//	stretches of speech ──▶ wss {base}/realtime, or POST {base}/audio/transcriptions ──▶ words
//	clauses ──▶ POST {base}/audio/speech ──▶ sound
//
// Wire: https://platform.openai.com/docs/api-reference/chat and .../responses, and what clones make of the first.
package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"parley/pipeline"
	"parley/providers/chat"
)

// An API is one of the protocols in which OpenAI's models are asked.
type API string

// The protocols.
const (
	Completions API = "chat"      // chat completions, which all clones speak
	Responses   API = "responses" // OpenAI's newer one, and some clones'; nothing is kept at the server (store is false)
)

// A Client is a model at an endpoint. It may be used by any number of calls at once, and must not be copied or changed once used.
type Client struct {
	BaseURL string // with or without /v1 at its end; empty: https://api.openai.com/v1
	Key     string // sent as a bearer token; empty: none, as local servers like it
	Model   string
	API     API // empty: Completions

	Temperature *float64       // nil: the server's default
	MaxTokens   int            // of one answer; 0: the server's default
	Extra       map[string]any // more fields of the request, such as "reasoning_effort": "minimal"

	// HTTP makes the requests; nil: a client of its own that keeps connections warm. A Timeout in it would cut long answers.
	HTTP *http.Client
	// Prepare may add headers to each request before it is sent, by what its context knows; nil: none.
	Prepare func(*http.Request)

	own chat.Own
}

// An Error is a refusal by the server, or a response that broke.
type Error = chat.Error

var _ pipeline.Responder = (*Client)(nil)

func (c *Client) wire() chat.Wire {
	return chat.Wire{HTTP: c.own.Or(c.HTTP), Secret: c.Key, Prepare: c.Prepare, Sign: func(h http.Header) {
		if c.Key != "" {
			h.Set("Authorization", "Bearer "+c.Key)
		}
	}}
}

// Tuned is a client of the same endpoint and key, on the same connections, with parameters of its own. An empty model is c's; what else is
// nil or zero is the server's default. Closing c closes it too.
func (c *Client) Tuned(model string, temperature *float64, maxTokens int, extra map[string]any) *Client {
	if model == "" {
		model = c.Model
	}
	return &Client{
		BaseURL: c.BaseURL, Key: c.Key, Model: model, API: c.API, Temperature: temperature, MaxTokens: maxTokens, Extra: extra,
		HTTP: c.own.Or(c.HTTP), Prepare: c.Prepare,
	}
}

// Close lets go of idle connections. Answers in progress go on.
func (c *Client) Close() { c.own.Or(c.HTTP).CloseIdleConnections() }

// version is a path segment such as v1 or v1beta: a base that has one is complete.
var version = regexp.MustCompile(`/v\d+[a-z0-9]*(/|$)`)

// Check says what is wrong with the Client's fields; nil if it can be used.
func (c *Client) Check() error {
	if _, err := c.endpoint("models"); err != nil {
		return err
	}
	if c.Model == "" {
		return fmt.Errorf("openai: Model is empty: name the model to use, such as gpt-4.1-mini")
	}
	if c.API != "" && c.API != Completions && c.API != Responses {
		return fmt.Errorf("openai: API is %q: want %s or %s", c.API, Completions, Responses)
	}
	if _, err := json.Marshal(c.Extra); err != nil {
		return fmt.Errorf("openai: Extra: %w", err)
	}
	return nil
}

// endpoint is the URL of one of the API's resources.
func (c *Client) endpoint(resource string) (string, error) {
	base := c.BaseURL
	if base == "" {
		base = "https://api.openai.com/v1"
	}
	u, err := chat.Base(base)
	if err != nil {
		return "", fmt.Errorf("openai: %w", err)
	}
	path := u.Path
	for _, whole := range []string{"/chat/completions", "/responses"} {
		path = strings.TrimSuffix(path, whole)
	}
	if !version.MatchString(path) {
		path += "/v1"
	}
	u.Path = path + "/" + resource
	return u.String(), nil
}

// Warm opens a connection, so that the first answer does not wait for it. Any answer of the server's will do, except that it
// refuses the key: that comes back as an *Error.
func (c *Client) Warm(ctx context.Context) error {
	to, err := c.endpoint("models")
	if err != nil {
		return err
	}
	if err := c.wire().Warm(ctx, to); err != nil {
		return fmt.Errorf("openai: %w", err)
	}
	return nil
}

// Respond implements [pipeline.Responder]. Its errors wrap *Error, except where ctx ended first.
func (c *Client) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if err := c.respond(ctx, talk, yield); err != nil {
			yield(pipeline.Delta{}, fmt.Errorf("openai: %w", err))
		}
	}
}

func (c *Client) respond(ctx context.Context, talk pipeline.Talk, yield func(pipeline.Delta, error) bool) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	resource, request, begin := "chat/completions", c.completions, newCompletion
	if c.API == Responses {
		resource, request, begin = "responses", c.responses, newResponse
	}
	to, err := c.endpoint(resource)
	if err != nil {
		return err
	}
	body, err := json.Marshal(request(talk, to))
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	return c.wire().Respond(ctx, to, body, begin, yield)
}

// fields are those of a request that both protocols have, on top of Extra.
func (c *Client) fields() map[string]any {
	fields := maps.Clone(c.Extra)
	if fields == nil {
		fields = map[string]any{}
	}
	fields["model"] = c.Model
	fields["stream"] = true
	if c.Temperature != nil {
		fields["temperature"] = *c.Temperature
	}
	return fields
}
