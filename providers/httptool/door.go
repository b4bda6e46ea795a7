package httptool

import (
	"io"
	"net/http"
	"time"
)

// mostAnswer is how much of one answer is read by a Door, in bytes.
const mostAnswer = 4 << 20

// A Door is a server that is asked by a protocol of its own, such as MCP, with the guard, the headers and the discretion of tools.
type Door struct {
	URL  string
	HTTP *http.Client
	tool *Tool
}

// Door makes one. Of the definition it takes URL, Headers and Auth, which have no places but those of secrets. The error names all that is wrong.
func (c *Client) Door(d Definition, secrets Secrets) (*Door, error) {
	t, err := c.Compile(Definition{
		Name: "door", Description: "A door.", Method: http.MethodPost, URL: d.URL, Headers: d.Headers, Auth: d.Auth,
	}, secrets)
	if err != nil {
		return nil, err
	}
	target, err := t.target(nil)
	if err != nil {
		return nil, err
	}
	headers := make(http.Header)
	for name, h := range t.headers {
		text, _ := h.fill(nil)
		headers.Set(name, text)
	}
	return &Door{URL: target, tool: t, HTTP: &http.Client{
		Transport: knocker{c.http.Transport, headers}, CheckRedirect: stay, Timeout: time.Minute,
	}}, nil
}

// Discreet is a text without the door's secrets.
func (d *Door) Discreet(s string) string { return d.tool.discreet(s) }

// A knocker puts a door's headers to each request, and reads no more than so much of an answer.
type knocker struct {
	inner   http.RoundTripper
	headers http.Header
}

// RoundTrip implements http.RoundTripper.
func (k knocker) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range k.headers {
		r.Header[name] = values
	}
	res, err := k.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, mostAnswer), res.Body}
	return res, nil
}
