package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"parley/bench/carrier"
	"parley/bench/engine"
	"parley/bench/wire"
	"parley/media/stream"
)

// An office places calls, each in a goroutine of its own, until they are the generator's.
type office struct {
	plan    *Plan
	g       *generator
	dialer  engine.Dialer
	sockets engine.Dialer // of connections that are no WebSockets
	http    *http.Client
	run     uint64 // word of the calls' names
	placed  int
	waiting sync.WaitGroup
}

// webhookPatience is how long a webhook may take: Twilio's own limit.
const webhookPatience = 15 * time.Second

func newOffice(p *Plan, g *generator, run uint64) *office {
	o := &office{plan: p, g: g, run: run, dialer: engine.Dialer{Connect: p.Connect, TLS: p.TLS}}
	o.http = &http.Client{Timeout: webhookPatience, Transport: &http.Transport{
		DialContext: o.dialer.DialContext, TLSClientConfig: p.TLS, MaxIdleConnsPerHost: 1000, IdleConnTimeout: time.Minute,
	}}
	return o
}

// A refusal is a polite one: the server is well, and does not take the call.
type refusal string

func (r refusal) Error() string { return "refused: " + string(r) }

// place begins a call that is due at a time of the engine's.
func (o *office) place(ctx context.Context, due time.Duration, t *tally) {
	o.placed++
	n := o.placed
	o.g.live.Add(1)
	t.offers()
	o.waiting.Go(func() {
		err := o.connect(ctx, n, due, t)
		if err == nil {
			return
		}
		o.g.live.Add(-1)
		now := o.g.engine.Now()
		var no refusal
		switch {
		case ctx.Err() != nil: // the run is over
		case errors.As(err, &no):
			t.refuses(string(no), now-due)
		default:
			t.breaks(reason(err))
		}
		o.g.replace(now + again)
	})
}

// connect asks the webhook, opens the stream, and gives the n-th call to the generator.
func (o *office) connect(ctx context.Context, n int, due time.Duration, t *tally) error {
	ring := o.ring
	if o.plan.Carrier == carrier.Twilio {
		ring = o.ringTwilio
	}
	at, err := ring(ctx, n)
	if err != nil {
		return err
	}
	header := http.Header{}
	maps.Copy(header, o.plan.Header)
	maps.Copy(header, at.Header)
	of := wire.Call{
		Account: cmp.Or(at.Account, o.plan.AccountSID), ID: at.CallID, Stream: o.g.dialect.Stream(o.run, n), From: o.plan.From, To: o.plan.To, Params: at.Params,
	}
	conn, err := o.dial(ctx, at.URL, header)
	var refused *engine.Refused
	switch {
	case errors.As(err, &refused) && polite(refused.Status):
		return refusal("stream: " + statusText(refused.Status))
	case err != nil:
		return fmt.Errorf("stream: %w", err)
	}
	if _, err := conn.Write(o.g.dialect.Hello(o.g.key, nil, of)); err != nil {
		conn.Close()
		return fmt.Errorf("stream: %w", err)
	}
	line := o.g.dialect.NewLine(o.g.key, of)
	if err := o.opened(ctx, conn, line); err != nil {
		conn.Close()
		return err
	}
	now := o.g.engine.Now()
	t.answers(now - due)
	c := &call{g: o.g, line: line, ear: ear{due: due}, until: now + o.plan.MaxLength}
	return o.g.engine.Join(conn, c, 0)
}

// dial opens the connection of a stream.
func (o *office) dial(ctx context.Context, target string, header http.Header) (*engine.Conn, error) {
	if o.g.dialect.OverTCP() {
		return o.sockets.DialTCP(ctx, o.plan.Socket)
	}
	return o.dialer.Dial(ctx, o.real(target), header)
}

// opened waits until the server has said that a stream may begin, where that is the custom.
func (o *office) opened(ctx context.Context, conn *engine.Conn, line *wire.Line) error {
	if !o.g.dialect.Opens {
		return nil
	}
	err := conn.Await(ctx, func(b []byte) (size int, enough bool, err error) {
		m, size, err := o.g.dialect.Parse(b)
		line.Heard(&m)
		switch {
		case err != nil:
		case m.Kind == wire.Leave:
			err = refusal(m.Reason)
		case m.Kind == wire.Close:
			err = &engine.Closed{Code: m.Code, Reason: string(m.Reason)}
		}
		return size, m.Kind == wire.Opened, err
	})
	var no refusal
	if err != nil && !errors.As(err, &no) {
		return fmt.Errorf("stream: %w", err)
	}
	return err
}

// ring asks another carrier's webhook, where it has one.
func (o *office) ring(ctx context.Context, _ int) (*carrier.Opening, error) {
	p := o.plan
	at, err := carrier.Call{
		Kind: p.Carrier, Key: p.Key, URL: p.URL, Connect: p.Connect, AccountSID: p.AccountSID, AuthToken: p.AuthToken, APIKey: p.APIKey, From: p.From, To: p.To, Script: p.Script,
	}.Ring(ctx, o.http)
	var no *carrier.StatusError
	switch {
	case errors.As(err, &no) && polite(no.Code):
		return nil, refusal(statusText(no.Code))
	case errors.As(err, &no):
		return nil, fmt.Errorf("webhook: %s", statusText(no.Code))
	case err != nil:
		return nil, fmt.Errorf("webhook: %w", err)
	case at.Refused != "":
		return nil, refusal(at.Refused)
	}
	return at, nil
}

// ringTwilio asks the webhook as Twilio does.
func (o *office) ringTwilio(ctx context.Context, n int) (*carrier.Opening, error) {
	call := wire.CallSID(o.run, n)
	a, err := o.ask(ctx, call)
	if err != nil {
		return nil, err
	}
	header := http.Header{"User-Agent": {"Twilio.TmeWs/1.0"}}
	if o.plan.AuthToken != "" {
		header.Set("X-Twilio-Signature", stream.Sign(o.plan.AuthToken, a.stream, nil))
	}
	return &carrier.Opening{CallID: call, URL: a.stream, Params: a.params, Header: header}, nil
}

// statusText is a status as an answer's first line has it.
func statusText(code int) string { return fmt.Sprintf("%d %s", code, http.StatusText(code)) }

// real is the URL to use for a request to the one that is signed: without TLS when Connect is set.
func (o *office) real(target string) string {
	if o.plan.Connect == "" {
		return target
	}
	target = strings.Replace(target, "https://", "http://", 1)
	return strings.Replace(target, "wss://", "ws://", 1)
}

// mostDocuments is how many TwiML documents one call may lead through.
const mostDocuments = 10

// ask asks the voice webhook what to do with a call, as far as a stream to open.
func (o *office) ask(ctx context.Context, call string) (answer, error) {
	target, status := o.plan.URL, "ringing"
	for range mostDocuments {
		form := url.Values{
			"AccountSid": {o.plan.AccountSID}, "ApiVersion": {"2010-04-01"}, "CallSid": {call}, "CallStatus": {status}, "Direction": {"inbound"},
			"From": {o.plan.From}, "Caller": {o.plan.From}, "To": {o.plan.To}, "Called": {o.plan.To},
		}
		base, err := url.Parse(target)
		if err != nil {
			return answer{}, fmt.Errorf("webhook: %w", err)
		}
		text, err := o.post(ctx, target, form)
		if err != nil {
			return answer{}, err
		}
		a, err := readTwiML(text, base)
		switch {
		case err != nil:
			return a, fmt.Errorf("webhook: %w", err)
		case a.stream != "":
			return a, nil
		case a.redirect == "":
			return a, refusal(a.refused)
		}
		target, status = a.redirect, "in-progress"
	}
	return answer{}, fmt.Errorf("webhook: a call was led through %d documents: they go round in a circle", mostDocuments)
}

// post sends a signed form as Twilio would and returns the body of a 2xx answer.
func (o *office) post(ctx context.Context, target string, form url.Values) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, o.real(target), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	for name, values := range o.plan.Header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	r.Header.Set("User-Agent", "TwilioProxy/1.1")
	if o.plan.AuthToken != "" {
		r.Header.Set("X-Twilio-Signature", stream.Sign(o.plan.AuthToken, target, form))
	}
	reply, err := o.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(io.LimitReader(reply.Body, 64<<10)) // Twilio's limit of a TwiML document
	switch {
	case polite(reply.StatusCode):
		return nil, refusal(reply.Status)
	case err != nil:
		return nil, fmt.Errorf("webhook: read answer: %w", err)
	case reply.StatusCode/100 != 2:
		return nil, fmt.Errorf("webhook: %s", reply.Status)
	}
	return text, nil
}

// polite says whether a status is that of a server which is well and does not want more.
func polite(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// reason is an error in words that are the same for all calls which it befalls.
func reason(err error) string {
	step, _, _ := strings.Cut(err.Error(), ":")
	var timeout net.Error
	var errno syscall.Errno
	var refused *engine.Refused
	switch {
	case errors.As(err, &refused):
		return short(fmt.Sprintf("%s: %s", step, refused))
	case errors.As(err, &errno):
		return fmt.Sprintf("%s: %s", step, errno)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return step + ": no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return step + ": the server dropped the connection"
	}
	return short(err.Error())
}
