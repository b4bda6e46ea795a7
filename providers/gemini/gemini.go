// Package gemini is a language model over Google's Gemini API.
//
//	Talk ──▶ systemInstruction, contents, tools ──▶ POST {base}/v1beta/models/{model}:streamGenerateContent ──▶ reply ──▶ Text, Call, Finish, Usage
//
// What goes over the wire besides, and how often, is package chat's. The vendor keeps what requests begin with in a cache of its own accord.
//
// Wire: https://ai.google.dev/api/generate-content, .../gemini-api/docs/thought-signatures
package gemini

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/chat"
)

// Thinks is what a Client makes of its server.
var Thinks = providers.Abilities{Streams: true, Cancels: true, Languages: "the model's"}

// A Client is a model of Google's. It may be used by any number of calls at once, and must not be copied or changed once used.
type Client struct {
	BaseURL string // with or without a version at its end; empty: https://generativelanguage.googleapis.com/v1beta
	Key     string
	Model   string // such as gemini-2.5-flash, also with models/ before it

	Temperature *float64       // 0 to 2; nil: the model's default
	MaxTokens   int            // of one answer, with what the model thinks; 0: the model's default
	Thinking    *int           // tokens that it may think before it answers: 0 none, -1 as it likes; nil: the model's default
	Extra       map[string]any // more fields of the request

	// HTTP makes the requests; nil: a client of its own that keeps connections warm. A Timeout in it would cut long answers.
	HTTP *http.Client
	// Prepare may add headers to each request before it is sent, by what its context knows; nil: none.
	Prepare func(*http.Request)

	own chat.Own
}

var _ pipeline.Responder = (*Client)(nil)

func (c *Client) wire() chat.Wire {
	return chat.Wire{HTTP: c.own.Or(c.HTTP), Secret: c.Key, Prepare: c.Prepare, Sign: func(h http.Header) { h.Set("X-Goog-Api-Key", c.Key) }}
}

// Tuned is a client of the same account, on the same connections, with parameters of its own. An empty model is c's; what else is nil or
// zero is the default. Closing c closes it too.
func (c *Client) Tuned(model string, temperature *float64, maxTokens int, thinking *int) *Client {
	if model == "" {
		model = c.Model
	}
	return &Client{
		BaseURL: c.BaseURL, Key: c.Key, Model: model, Temperature: temperature, MaxTokens: maxTokens, Thinking: thinking,
		HTTP: c.own.Or(c.HTTP), Prepare: c.Prepare,
	}
}

// Close lets go of idle connections. Answers in progress go on.
func (c *Client) Close() { c.own.Or(c.HTTP).CloseIdleConnections() }

// modelName is what a model's name may hold, as it becomes a part of the URL.
var modelName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// Check says what is wrong with the Client's fields; nil if it can be used.
func (c *Client) Check() error {
	if _, err := c.endpoint("models"); err != nil {
		return err
	}
	if err := CheckModel(c.Model); err != nil {
		return err
	}
	if _, err := json.Marshal(c.Extra); err != nil {
		return fmt.Errorf("gemini: Extra: %w", err)
	}
	return nil
}

// CheckModel says whether a model can be named so.
func CheckModel(model string) error {
	if model == "" {
		return errors.New("gemini: Model is empty: name the model to use, such as gemini-2.5-flash")
	}
	if !modelName.MatchString(strings.TrimPrefix(model, "models/")) {
		return fmt.Errorf("gemini: Model is %q: want letters, digits, dots and dashes", model)
	}
	return nil
}

// version is a path segment such as v1 or v1beta: a base that has one is complete.
var version = regexp.MustCompile(`/v\d+[a-z0-9]*$`)

// endpoint is the URL of one of the API's resources.
func (c *Client) endpoint(resource string) (string, error) {
	base := c.BaseURL
	if base == "" {
		base = "https://generativelanguage.googleapis.com"
	}
	u, err := chat.Base(base)
	if err != nil {
		return "", fmt.Errorf("gemini: %w", err)
	}
	if u.Path = strings.TrimSuffix(u.Path, "/models"); !version.MatchString(u.Path) {
		u.Path += "/v1beta"
	}
	u.Path += "/" + resource
	return u.String(), nil
}

// Warm opens a connection, so that the first answer does not wait for it. A key that is refused comes back as a *chat.Error.
func (c *Client) Warm(ctx context.Context) error {
	to, err := c.endpoint("models")
	if err != nil {
		return err
	}
	if err := c.wire().Warm(ctx, to); err != nil {
		return fmt.Errorf("gemini: %w", err)
	}
	return nil
}

// Respond implements [pipeline.Responder]. Its errors wrap *chat.Error, except where ctx ended first.
func (c *Client) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if err := c.respond(ctx, talk, yield); err != nil {
			yield(pipeline.Delta{}, fmt.Errorf("gemini: %w", err))
		}
	}
}

func (c *Client) respond(ctx context.Context, talk pipeline.Talk, yield func(pipeline.Delta, error) bool) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err := CheckModel(c.Model); err != nil {
		return err
	}
	to, err := c.endpoint("models/" + strings.TrimPrefix(c.Model, "models/") + ":streamGenerateContent")
	if err != nil {
		return err
	}
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	body, err := json.Marshal(c.request(talk))
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	return c.wire().Respond(ctx, to+separator+"alt=sse", body, newReply, yield)
}

// request are the fields of a request.
func (c *Client) request(talk pipeline.Talk) map[string]any {
	fields := maps.Clone(c.Extra)
	if fields == nil {
		fields = map[string]any{}
	}
	generation := map[string]any{}
	if c.Temperature != nil {
		generation["temperature"] = *c.Temperature
	}
	if c.MaxTokens > 0 {
		generation["maxOutputTokens"] = c.MaxTokens
	}
	if c.Thinking != nil {
		generation["thinkingConfig"] = map[string]any{"thinkingBudget": *c.Thinking}
	}
	if len(generation) > 0 {
		fields["generationConfig"] = generation
	}
	fields["systemInstruction"] = map[string]any{"parts": []part{{Text: chat.Instructions(talk)}}}
	fields["contents"] = contents(talk)
	if talk.Agent != nil && len(talk.Agent.Tools) > 0 {
		var ts []declaration
		for _, t := range talk.Agent.Tools {
			ts = append(ts, declaration{t.Name, t.Description, t.Parameters})
		}
		fields["tools"] = []map[string]any{{"functionDeclarations": ts}}
	}
	return fields
}
