package whatsapp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"parley/providers/message"
)

const (
	maxAnswer       = 1 << 20
	defaultPatience = 10 * time.Second
	firstWait       = 500 * time.Millisecond // before a second try, where nobody says how long; then twice as long each time
	tries           = 4
)

// object is a piece of JSON.
type object = map[string]any

// ask sends a request with a body of JSON, none if body is nil, and decodes its answer. Errors are a *message.Error.
func (n *Number) ask(ctx context.Context, method, path string, body, into any) error {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return &message.Error{Reason: message.Invalid, Message: "write request", Err: err}
		}
	}
	return n.exchange(ctx, method, path, "application/json", bytes.NewReader(content), int64(len(content)), into)
}

// exchange sends one request of length bytes and decodes its answer.
func (n *Number) exchange(ctx context.Context, method, path, kind string, content io.Reader, length int64, into any) error {
	var sent atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
	r, err := http.NewRequestWithContext(traced, method, strings.TrimRight(cmp.Or(n.Base, DefaultBase), "/")+path, content)
	if err != nil {
		return &message.Error{Reason: message.Invalid, Message: "make request", Err: err}
	}
	if r.ContentLength = length; length > 0 {
		r.Header.Set("Content-Type", kind)
	} else {
		r.Body = http.NoBody
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+n.Token)
	answer, err := cmp.Or(n.Client, plain).Do(r)
	if err != nil {
		return lost(ctx, r, sent.Load(), err)
	}
	defer answer.Body.Close() //nolint:errcheck // read-only
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if answer.StatusCode/100 != 2 {
		e := refusal(answer.StatusCode, answer.Header, text, time.Now())
		e.Retry = e.Retry || e.Reason == message.Unanswered && method == http.MethodGet
		return e
	}
	if err != nil {
		return lost(ctx, r, true, err)
	}
	if err := read(text, into); err != nil {
		return &message.Error{Reason: message.Garbled, Status: answer.StatusCode, Message: "the answer makes no sense", Err: err}
	}
	return nil
}

// lost is of a request without an answer. Where it never had a connection it was not made; where it only asked, it may be made again.
func lost(ctx context.Context, r *http.Request, sent bool, err error) *message.Error {
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err // without the URL, which may hold a token
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if sent {
		return &message.Error{Reason: message.Unanswered, Message: "the answer is lost", Retry: r.Method == http.MethodGet, Err: err}
	}
	return &message.Error{Reason: message.Unconnected, Message: "WhatsApp cannot be reached", Retry: true, Err: err}
}

// patiently makes an attempt, and further ones while it is refused for what passes within the number's patience.
func (n *Number) patiently(ctx context.Context, attempt func() error) error {
	patience := cmp.Or(n.Patience, defaultPatience)
	began, wait := time.Now(), firstWait
	for try := 1; ; try++ {
		err := attempt()
		told := message.As(err)
		if told == nil || !told.Retry || try == tries {
			return err
		}
		pause := cmp.Or(told.After, wait)
		if time.Since(began)+pause > patience {
			return err
		}
		if sleep(ctx, pause) != nil {
			return err
		}
		wait *= 2
	}
}

// sleep waits, or says why the context has ended.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
