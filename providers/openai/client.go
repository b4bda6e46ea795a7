// Package openai is a language model over the chat completions protocol: OpenAI itself, and every server that speaks the same.
//
//	Talk ──▶ messages ──▶ POST {base}/chat/completions ──▶ event stream ──▶ assembly ──▶ Text, Call, Finish, Usage
//	                        └── once more on 408, 409, 429, 5xx or a broken connection, before the first delta
//
// A Client holds no conversation: each Respond sends the whole of it. Deltas are yielded on the goroutine that iterates, as they
// arrive; the package starts none of its own beyond those of net/http. Cancelling the context closes the response at once.
//
// Wire: https://platform.openai.com/docs/api-reference/chat, and what clones make of it.
package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"parley/pipeline"
)

// Limits of patience that do not depend on the agent's manners.
const (
	retryDelay = 150 * time.Millisecond // before the second try, when the server names no time; up to twice that
	retryLimit = 2 * time.Second        // a server that wants a longer wait gets no second try: nobody listens to silence
	finishWait = time.Second            // for usage and [DONE] after the model has finished
	drainWait  = 50 * time.Millisecond  // for the end of the stream after [DONE]
	forever    = 24 * time.Hour         // longer than any call: ctx ends first
	maxError   = 64 << 10               // bytes read of an error's body
	maxWhole   = 4 << 20                // bytes of an answer that does not stream
)

// A Client is a model at an endpoint. It may be used by any number of calls at once, and must not be copied or changed once used.
type Client struct {
	BaseURL string // with or without /v1 at its end; empty: https://api.openai.com/v1
	Key     string // sent as a bearer token; empty: none, as local servers like it
	Model   string

	Temperature *float64       // nil: the server's default
	MaxTokens   int            // of one answer; 0: the server's default
	Extra       map[string]any // more fields of the request, such as "reasoning_effort": "minimal"

	// HTTP makes the requests; nil: a client of its own that keeps connections warm. A Timeout in it would cut long answers.
	HTTP *http.Client
	// Prepare may add headers to each request before it is sent, by what its context knows; nil: none.
	Prepare func(*http.Request)

	once sync.Once
	own  *http.Client
}

var _ pipeline.Responder = (*Client)(nil)

// client is HTTP, or the Client's own.
func (c *Client) client() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	c.once.Do(func() {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConns, t.MaxIdleConnsPerHost, t.IdleConnTimeout = 256, 256, 5*time.Minute
		c.own = &http.Client{Transport: t}
	})
	return c.own
}

// Tuned is a client of the same endpoint and key, on the same connections, with parameters of its own. An empty model is c's; what else is
// nil or zero is the server's default. Closing c closes it too.
func (c *Client) Tuned(model string, temperature *float64, maxTokens int, extra map[string]any) *Client {
	if model == "" {
		model = c.Model
	}
	return &Client{BaseURL: c.BaseURL, Key: c.Key, Model: model, Temperature: temperature, MaxTokens: maxTokens, Extra: extra, HTTP: c.client(), Prepare: c.Prepare}
}

// Close lets go of idle connections. Answers in progress go on.
func (c *Client) Close() { c.client().CloseIdleConnections() }

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
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("openai: BaseURL %q is no http or https URL", redacted(u, base))
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/chat/completions")
	if !version.MatchString(path) {
		path += "/v1"
	}
	u.Path = path + "/" + resource
	return u.String(), nil
}

// redacted is a URL without what may be secret in it.
func redacted(u *url.URL, raw string) string {
	if u == nil {
		return strings.SplitN(raw, "?", 2)[0]
	}
	return u.Redacted()
}

// Warm opens a connection, so that the first answer does not wait for it. Any answer of the server's will do, except that it
// refuses the key: that comes back as an *Error.
func (c *Client) Warm(ctx context.Context) error {
	url, err := c.endpoint("models")
	if err != nil {
		return err
	}
	res, err := c.send(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("openai: warm up: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		return fmt.Errorf("openai: warm up: %w", refused(res))
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxWhole)) // a connection can be used again only when it was read to the end
	return nil
}

// Respond implements [pipeline.Responder]. Its errors wrap *Error, except where ctx ended first.
func (c *Client) Respond(ctx context.Context, talk pipeline.Talk) iter.Seq2[pipeline.Delta, error] {
	return func(yield func(pipeline.Delta, error) bool) {
		if err := c.respond(ctx, talk, yield); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			yield(pipeline.Delta{}, fmt.Errorf("openai: %w", err))
		}
	}
}

// respond tries once, and once more if that may help and nothing has been yielded yet.
func (c *Client) respond(ctx context.Context, talk pipeline.Talk, yield func(pipeline.Delta, error) bool) error {
	url, err := c.endpoint("chat/completions")
	if err != nil {
		return err
	}
	body, err := c.request(talk, url)
	if err != nil {
		return err
	}
	out := &outlet{yield: yield}
	err = c.try(ctx, url, body, out)
	wait, again := retry(err)
	if !again || out.begun {
		return out.unless(err)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return err
	}
	return out.unless(c.try(ctx, url, body, out))
}

// An outlet passes deltas on, and knows whether there were any and whether more are wanted.
type outlet struct {
	yield  func(pipeline.Delta, error) bool
	begun  bool
	closed bool
}

func (o *outlet) put(d pipeline.Delta) bool {
	o.begun = true
	if !o.closed && !o.yield(d, nil) {
		o.closed = true
	}
	return !o.closed
}

// unless is err while somebody wants to know it.
func (o *outlet) unless(err error) error {
	if o.closed {
		return nil
	}
	return err
}

// retry says whether a second try may help, and after how long.
func retry(err error) (time.Duration, bool) {
	e := asError(err)
	if e == nil || !e.Retryable || e.RetryAfter > retryLimit {
		return 0, false
	}
	if e.RetryAfter > 0 {
		return e.RetryAfter, true
	}
	return retryDelay + rand.N(retryDelay), true
}

// try makes one request and yields what comes of it. The deferred calls close the response whatever happens.
func (c *Client) try(ctx context.Context, url string, body []byte, out *outlet) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := c.send(ctx, http.MethodPost, url, body)
	if err != nil {
		return &Error{Code: "connection", Message: "the request failed", Retryable: true, Err: err}
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	if res.StatusCode != http.StatusOK {
		return refused(res)
	}
	es := newEvents(res.Body)
	late := time.AfterFunc(forever, cancel)
	defer late.Stop()
	a := &assembly{out: out, finished: func() { late.Reset(finishWait) }, drained: func() { late.Reset(drainWait) }}
	if es.json() { // asked to stream, it did not
		return a.whole(io.LimitReader(es.r, maxWhole))
	}
	return a.stream(es)
}

// send makes a request with the headers that all have.
func (c *Client) send(ctx context.Context, method, to string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "text/event-stream")
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if c.Prepare != nil {
		c.Prepare(req)
	}
	res, err := c.client().Do(req)
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // without the URL, in which some servers want a key
	}
	return res, err
}

// request is the body for one talk.
func (c *Client) request(talk pipeline.Talk, endpoint string) ([]byte, error) {
	fields := maps.Clone(c.Extra)
	if fields == nil {
		fields = map[string]any{}
	}
	fields["model"] = c.Model
	fields["stream"] = true
	fields["stream_options"] = map[string]any{"include_usage": true}
	fields["messages"] = messages(talk)
	if c.Temperature != nil {
		fields["temperature"] = *c.Temperature
	}
	if c.MaxTokens > 0 {
		fields[tokensField(endpoint)] = c.MaxTokens
	}
	if talk.Agent != nil && len(talk.Agent.Tools) > 0 {
		fields["tools"] = tools(talk.Agent.Tools)
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	return body, nil
}
