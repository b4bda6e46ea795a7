// Package anthropic is a language model over Anthropic's Messages API.
//
//	Talk ──▶ system, messages, tools ──▶ POST {base}/v1/messages ──▶ reply ──▶ Text, Call, Finish, Usage
//
// What goes over the wire besides, and how often, is package chat's. Instructions, tools and what was said so far are marked to be kept
// in the vendor's prompt cache: from the second turn on they are read from there, which is quicker and costs a tenth.
//
// Wire: https://docs.anthropic.com/en/api/messages, .../streaming, .../build-with-claude/prompt-caching
package anthropic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"strings"

	"parley/pipeline"
	"parley/providers"
	"parley/providers/chat"
)

// version is that of the API; its shapes here are those of later ones, too.
const version = "2023-06-01"

// defaultTokens is the longest answer where nobody says otherwise: the API wants a limit, and nobody listens to more on a telephone.
const defaultTokens = 1024

// Thinks is what a Client makes of its server.
var Thinks = providers.Abilities{Streams: true, Cancels: true, Languages: "the model's"}

// A Client is a model of Anthropic's. It may be used by any number of calls at once, and must not be copied or changed once used.
type Client struct {
	BaseURL string // with or without /v1 at its end; empty: https://api.anthropic.com
	Key     string
	Model   string

	Temperature *float64       // 0 to 1; nil: the model's default. Models that have none refuse it
	MaxTokens   int            // of one answer; 0: 1024
	Extra       map[string]any // more fields of the request
	Uncached    bool           // nothing is marked for the prompt cache

	// HTTP makes the requests; nil: a client of its own that keeps connections warm. A Timeout in it would cut long answers.
	HTTP *http.Client
	// Prepare may add headers to each request before it is sent, by what its context knows; nil: none.
	Prepare func(*http.Request)

	own chat.Own
}

var _ pipeline.Responder = (*Client)(nil)

func (c *Client) wire() chat.Wire {
	return chat.Wire{HTTP: c.own.Or(c.HTTP), Secret: c.Key, Prepare: c.Prepare, Sign: func(h http.Header) {
		h.Set("X-Api-Key", c.Key)
		h.Set("Anthropic-Version", version)
	}}
}

// Tuned is a client of the same account, on the same connections, with parameters of its own. An empty model is c's; what else is nil or
// zero is the default. Closing c closes it too.
func (c *Client) Tuned(model string, temperature *float64, maxTokens int, extra map[string]any) *Client {
	if model == "" {
		model = c.Model
	}
	return &Client{
		BaseURL: c.BaseURL, Key: c.Key, Model: model, Temperature: temperature, MaxTokens: maxTokens, Extra: extra, Uncached: c.Uncached,
		HTTP: c.own.Or(c.HTTP), Prepare: c.Prepare,
	}
}

// Close lets go of idle connections. Answers in progress go on.
func (c *Client) Close() { c.own.Or(c.HTTP).CloseIdleConnections() }

// Check says what is wrong with the Client's fields; nil if it can be used.
func (c *Client) Check() error {
	if _, err := c.endpoint("messages"); err != nil {
		return err
	}
	if c.Model == "" {
		return errors.New("anthropic: Model is empty: name the model to use, such as claude-haiku-4-5")
	}
	if _, err := json.Marshal(c.Extra); err != nil {
		return fmt.Errorf("anthropic: Extra: %w", err)
	}
	return nil
}

// endpoint is the URL of one of the API's resources.
func (c *Client) endpoint(resource string) (string, error) {
	base := c.BaseURL
	if base == "" {
		base = "https://api.anthropic.com"
	}
	u, err := chat.Base(base)
	if err != nil {
		return "", fmt.Errorf("anthropic: %w", err)
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/messages"), "/v1") + "/v1/" + resource
	return u.String(), nil
}

// Warm opens a connection, so that the first answer does not wait for it. A key that is refused comes back as a *chat.Error.
func (c *Client) Warm(ctx context.Context) error {
	to, err := c.endpoint("models")
	if err != nil {
		return err
	}
	if err := c.wire().Warm(ctx, to); err != nil {
		return fmt.Errorf("anthropic: %w", err)
	}
	return nil
}

// Respond implements [pipeline.Responder]. Its errors wrap *chat.Error, except where ctx ended first.
func (c *Client) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if err := c.respond(ctx, talk, yield); err != nil {
			yield(pipeline.Delta{}, fmt.Errorf("anthropic: %w", err))
		}
	}
}

func (c *Client) respond(ctx context.Context, talk pipeline.Talk, yield func(pipeline.Delta, error) bool) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	to, err := c.endpoint("messages")
	if err != nil {
		return err
	}
	body, err := json.Marshal(c.request(talk))
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	return c.wire().Respond(ctx, to, body, newReply, yield)
}

// request are the fields of a request.
func (c *Client) request(talk pipeline.Talk) map[string]any {
	fields := maps.Clone(c.Extra)
	if fields == nil {
		fields = map[string]any{}
	}
	fields["model"], fields["stream"], fields["max_tokens"] = c.Model, true, defaultTokens
	if c.MaxTokens > 0 {
		fields["max_tokens"] = c.MaxTokens
	}
	if c.Temperature != nil {
		fields["temperature"] = min(*c.Temperature, 1) // other vendors go up to 2
	}
	system := []block{{Type: "text", Text: chat.Instructions(talk)}}
	said := messages(talk)
	if !c.Uncached {
		system[0].Cache = ephemeral // and with it the tools, which come before it
		last := said[len(said)-1].Content
		last[len(last)-1].Cache = ephemeral
	}
	fields["system"], fields["messages"] = system, said
	if talk.Agent != nil && len(talk.Agent.Tools) > 0 {
		var ts []tool
		for _, t := range talk.Agent.Tools {
			ts = append(ts, tool{t.Name, t.Description, chat.Parameters(t)})
		}
		fields["tools"] = ts
	}
	return fields
}
