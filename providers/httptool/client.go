package httptool

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
	"unicode"

	"parley/pipeline"
)

// mostRedirects are followed, all on one host.
const mostRedirects = 3

// rest is how much longer than its request a tool may take, to say what went wrong.
const rest = 2 * time.Second

// Options are what a Client is made of.
type Options struct {
	// Allow are hosts (also with :port), addresses and networks that may be asked although they are private: loopback, RFC 1918, link-local
	// and metadata, CGNAT, ULA and all that is not public.
	Allow []string
	Log   *slog.Logger // nil: nothing is logged; never what was asked or answered
}

// A Client makes the requests of all tools.
type Client struct {
	http *http.Client
	log  *slog.Logger
}

// New makes a Client. The error names what of Allow cannot be read.
func New(o Options) (*Client, error) {
	g, err := newGuard(o.Allow)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{log: o.Log, http: &http.Client{Transport: g.transport(), CheckRedirect: stay}}, nil
}

// Log is where a Client writes.
func (c *Client) Log() *slog.Logger { return c.log }

// Close lets go of idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

var errAway = errors.New("redirected")

// stay follows redirects on the same host, by the same scheme, and some of them only.
func stay(next *http.Request, before []*http.Request) error {
	if first := before[0].URL; next.URL.Host != first.Host || next.URL.Scheme != first.Scheme || len(before) > mostRedirects {
		return errAway
	}
	return nil
}

// For makes the tool of one call, of which these things are known: from, to, id, and what else the carrier said. The model sees none
// of it unless the server sends it back.
func (t *Tool) For(call map[string]string) pipeline.Tool {
	return pipeline.Tool{
		Name: t.Name, Description: t.Description, Parameters: t.Parameters,
		Firm: !t.Cancellable, Filler: t.Filler, Limit: t.Timeout + rest,
		Run: func(ctx context.Context, args json.RawMessage) (string, *pipeline.Command, error) {
			a, err := t.schema.Read(args)
			if err != nil {
				return "", nil, err
			}
			v := make(values)
			for name := range t.schema.Properties { // what else an open schema lets in is not asked for
				if a[name] != nil {
					v[name] = a[name]
				}
			}
			for name, value := range call {
				v["call."+name] = value
			}
			text, err := t.run(ctx, v)
			if err != nil {
				return "", nil, errors.New(t.discreet(err.Error()))
			}
			return t.discreet(text), nil, nil
		},
	}
}

// discreet is a text without the tool's secrets.
func (t *Tool) discreet(s string) string {
	for _, secret := range t.secrets {
		s = strings.ReplaceAll(s, secret, "[secret]")
	}
	return s
}

// run makes the request, and once more if there was no connection and it does no harm.
func (t *Tool) run(ctx context.Context, v values) (string, error) {
	target, err := t.target(v)
	if err != nil {
		return "", err
	}
	body, kind := t.content(v)
	running, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	began := time.Now()
	text, err := t.try(running, target, body, kind, v)
	if err != nil && t.harmless() && unconnected(err) && running.Err() == nil {
		text, err = t.try(running, target, body, kind, v)
	}
	if err == nil {
		return text, nil
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	if inner := new(url.Error); errors.As(err, &inner) {
		err = inner.Err // without the URL, which may hold secrets and what the caller said
	}
	t.client.log.Warn("tool request failed", "tool", t.Name, "took", time.Since(began).Round(time.Millisecond), "err", t.discreet(err.Error()))
	if answered := new(refusal); errors.As(err, &answered) {
		return "", err
	}
	return "", errors.New(t.reason(err, running.Err() != nil))
}

// reason says in words of a model's what went wrong with a connection.
func (t *Tool) reason(err error, late bool) string {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var timeout net.Error
	switch {
	case late || errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("the server did not answer within %v", t.Timeout)
	case errors.Is(err, errPrivate):
		return "the server has a private address, which must not be asked; somebody has to allow it in the settings"
	case errors.Is(err, errAway):
		return "the server sent us to another place, which is not followed"
	case errors.As(err, &dns):
		return "the server's name is not known"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the server takes no connections: it is down"
	case errors.As(err, &cert), errors.As(err, &authority):
		return "the server's certificate is not valid"
	}
	return "the connection to the server broke"
}

// harmless says whether asking twice is like asking once (RFC 9110, 9.2.2).
func (t *Tool) harmless() bool { return t.Method != http.MethodPost && t.Method != http.MethodPatch }

// unconnected says whether a request failed before there was an answer, for a reason that may pass.
func unconnected(err error) bool {
	var op *net.OpError
	return !errors.Is(err, errPrivate) && (errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
}

// target is the URL for these values.
func (t *Tool) target(v values) (string, error) {
	var path strings.Builder
	for _, segment := range t.path {
		text, lacks := segment.fill(v)
		if lacks {
			return "", errors.New("wrong arguments: one that is part of the address is missing or empty")
		}
		if strings.Trim(text, ".") == "" && text != "" {
			return "", fmt.Errorf("wrong arguments: %q cannot be part of the address", text)
		}
		path.WriteString("/" + url.PathEscape(text))
	}
	query := make(url.Values)
	for name, q := range t.query {
		text, lacks := q.fill(v)
		if _, lone := q.lone(); lone && lacks {
			continue
		}
		query.Set(name, text)
	}
	target := t.origin + path.String()
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return target, nil
}

// content is the request's body, and its type.
func (t *Tool) content(v values) (body []byte, kind string) {
	switch {
	case t.form != nil:
		form := make(url.Values)
		for name, f := range t.form {
			if text, lacks := f.fill(v); !lacks || len(f) > 1 {
				form.Set(name, text)
			}
		}
		return []byte(form.Encode()), "application/x-www-form-urlencoded"
	case t.body != nil:
		filled, _ := fillJSON(t.body, v)
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(filled); err != nil {
			return nil, "application/json" // what was read as JSON can be written as JSON
		}
		return bytes.TrimSpace(b.Bytes()), "application/json"
	}
	return nil, ""
}

// try makes the request once and reads the answer.
func (t *Tool) try(ctx context.Context, target string, body []byte, kind string, v values) (string, error) {
	var content io.Reader
	if kind != "" {
		content = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, t.Method, target, content)
	if err != nil {
		return "", errors.New("the request could not be made")
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	req.Header.Set("Accept", "application/json, text/plain;q=0.9, */*;q=0.1")
	req.Header.Set("User-Agent", "parley")
	for name, h := range t.headers {
		text, _ := h.fill(v)
		req.Header.Set(name, strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, text))
	}
	res, err := t.client.http.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close() //nolint:errcheck // read-only
	return t.answer(res)
}
