package chat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"parley/pipeline"
)

// Limits of patience that do not depend on the agent's manners.
const (
	retryDelay = 150 * time.Millisecond // before the second try, when the server names no time; up to twice that
	retryLimit = 2 * time.Second        // a server that wants a longer wait gets no second try: nobody listens to silence
	finishWait = time.Second            // for usage and the end after the model has finished
	drainWait  = 50 * time.Millisecond  // for the end of the stream after its last event
	forever    = 24 * time.Hour         // longer than any call: ctx ends first
	maxError   = 64 << 10               // bytes read of an error's body
	maxWhole   = 4 << 20                // bytes of an answer that does not stream
)

// Own are a client's own connections, kept warm for all its calls. Its zero value is ready.
type Own struct {
	once sync.Once
	http *http.Client
}

// Or is the client that was given, or, for nil, one on these connections.
func (o *Own) Or(given *http.Client) *http.Client {
	if given != nil {
		return given
	}
	o.once.Do(func() {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConns, t.MaxIdleConnsPerHost, t.IdleConnTimeout = 256, 256, 5*time.Minute
		o.http = &http.Client{Transport: t, CheckRedirect: Stay}
	})
	return o.http
}

// Stay is an http.Client's CheckRedirect that follows none to another host: a key in a header of its own would go along.
func Stay(to *http.Request, via []*http.Request) error {
	if to.URL.Host != via[0].URL.Host || len(via) > 5 {
		return http.ErrUseLastResponse
	}
	return nil
}

// A Wire makes a vendor's requests.
type Wire struct {
	HTTP    *http.Client
	Secret  string              // is in no error, also where the server repeats it
	Sign    func(http.Header)   // adds what shows who asks
	Prepare func(*http.Request) // may add headers by what the context knows; nil: none
}

// A Reading makes deltas of a vendor's events, and puts them into an outlet.
type Reading interface {
	// Take reads one event. It says whether more may come; its error is an *Error.
	Take(data []byte) (more bool, err error)
	// Finished says whether the model has: what comes after is welcome, but hardly waited for.
	Finished() bool
}

// Respond posts a request, and once more if that may help and nothing has been yielded yet. The end of what is yielded may be an error: an
// *Error, or ctx's cause.
func (w Wire) Respond(ctx context.Context, to string, body []byte, begin func(*Outlet) Reading, yield func(pipeline.Delta, error) bool) error {
	out := &Outlet{yield: yield}
	err := w.twice(ctx, func() error { return w.try(ctx, to, body, begin(out), out) }, out)
	if err != nil && out.closed {
		return nil // nobody wants to know
	}
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

func (w Wire) twice(ctx context.Context, try func() error, out *Outlet) error {
	err := try()
	wait, again := Retry(err)
	if !again || out.begun {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return try()
	case <-ctx.Done():
		return err
	}
}

// Retry says whether a second try may help, and after how long.
func Retry(err error) (time.Duration, bool) {
	e := AsError(err)
	if e == nil || !e.Retryable || e.RetryAfter > retryLimit {
		return 0, false
	}
	if e.RetryAfter > 0 {
		return e.RetryAfter, true
	}
	return retryDelay + rand.N(retryDelay), true
}

// try makes one request and yields what comes of it. The deferred calls close the response whatever happens.
func (w Wire) try(ctx context.Context, to string, body []byte, r Reading, out *Outlet) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := w.Send(ctx, http.MethodPost, to, body)
	if err != nil {
		return &Error{Code: "connection", Message: "the request failed", Retryable: true, Err: err}
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	if res.StatusCode != http.StatusOK {
		return w.Refused(res)
	}
	es := NewEvents(res.Body)
	late := time.AfterFunc(forever, cancel)
	defer late.Stop()
	if es.JSON() { // asked to stream, it did not
		return whole(io.LimitReader(es.r, maxWhole), r)
	}
	return stream(es, r, out, late, alive(ctx))
}

// watched is the key of what a context's answers tell.
type watched struct{}

// Watched is ctx, of whose answers alive is told with each event of the stream: a long tool call is one delta, but many signs of life.
func Watched(ctx context.Context, alive func()) context.Context {
	return context.WithValue(ctx, watched{}, alive)
}

// alive is what is told of signs of life.
func alive(ctx context.Context) func() {
	if told, ok := ctx.Value(watched{}).(func()); ok {
		return told
	}
	return func() {}
}

// whole reads an answer that did not stream although it was asked to.
func whole(from io.Reader, r Reading) error {
	body, err := io.ReadAll(from)
	if err != nil {
		return &Error{Code: "connection", Message: "the answer broke", Retryable: true, Err: err}
	}
	if _, err := r.Take(body); err != nil {
		return err
	}
	if !r.Finished() {
		return truncated()
	}
	return nil
}

func truncated() *Error {
	return &Error{Code: "truncated", Message: "the stream ended before the answer did", Retryable: true}
}

// stream reads events until the last one, the end, or nobody wants more.
func stream(es *Events, r Reading, out *Outlet, late *time.Timer, alive func()) error {
	finished := false
	for !out.closed {
		data, err := es.Next()
		switch {
		case finished && err != nil:
			return nil //nolint:nilerr // all that matters was there
		case errors.Is(err, errTooLong):
			return &Error{Code: "too_long", Message: "the stream broke its bounds", Err: err}
		case errors.Is(err, io.EOF):
			return truncated()
		case err != nil:
			return &Error{Code: "connection", Message: "the stream broke", Retryable: true, Err: err}
		}
		alive()
		more, err := r.Take(data)
		if err != nil {
			return err
		}
		if !more {
			late.Reset(drainWait)
			es.Drain()
			return nil
		}
		if r.Finished() && !finished {
			finished = true
			late.Reset(finishWait)
		}
	}
	return nil
}

// Send makes a request with the headers that all have. Its errors are without the URL, in which some servers want a key.
func (w Wire) Send(ctx context.Context, method, to string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "text/event-stream")
	}
	if w.Sign != nil {
		w.Sign(req.Header)
	}
	if w.Prepare != nil {
		w.Prepare(req)
	}
	res, err := w.HTTP.Do(req)
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	return res, err
}

// Refused reads the answer of a server that did not say 200.
func (w Wire) Refused(res *http.Response) *Error {
	e := refused(res)
	if w.Secret != "" {
		e.Message = strings.ReplaceAll(e.Message, w.Secret, "***")
	}
	return e
}

// Warm opens a connection, so that the first answer does not wait for it. Any answer of the server's will do, except that it refuses the
// key: that comes back as an *Error.
func (w Wire) Warm(ctx context.Context, to string) error {
	res, err := w.Send(ctx, http.MethodGet, to, nil)
	if err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	if res.StatusCode != http.StatusOK {
		if e := w.Refused(res); e.Kind() == Auth {
			return fmt.Errorf("warm up: %w", e)
		}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxWhole)) // a connection can be used again only when it was read to the end
	return nil
}

// An Outlet passes deltas on, and knows whether there were any and whether more are wanted.
type Outlet struct {
	yield  func(pipeline.Delta, error) bool
	begun  bool
	closed bool
}

// NewOutlet is one that passes deltas to yield.
func NewOutlet(yield func(pipeline.Delta, error) bool) *Outlet { return &Outlet{yield: yield} }

// Put yields a delta; false: nobody wants more.
func (o *Outlet) Put(d pipeline.Delta) bool {
	o.begun = true
	if !o.closed && !o.yield(d, nil) {
		o.closed = true
	}
	return !o.closed
}

// Say yields text, if there is any.
func (o *Outlet) Say(text string) {
	if text != "" {
		o.Put(pipeline.Delta{Text: text})
	}
}
