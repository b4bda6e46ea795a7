package twilio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"parley/providers/callapi"
	"parley/providers/message"
)

const (
	maxMedia = 16 << 20 // bytes (twilio.com/docs/whatsapp/guidance-whatsapp-media-messages)
	maxHops  = 3        // redirects that a file may take
)

// Fetch writes a file that came with a message. What was written is to be thrown away where there is an error. The account's token is told to
// Twilio alone, and not to where it sends us. Errors are a *message.Error, but for those of w.
func (a *Account) Fetch(ctx context.Context, m message.Media, w io.Writer) error {
	answer, err := a.open(ctx, m.URL)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // read-only
	switch s := answer.StatusCode; {
	case s == http.StatusNotFound || s == http.StatusGone:
		return &message.Error{Reason: message.MediaGone, Status: s, Message: "the file is there no more"}
	case s != http.StatusOK:
		return problem(&callapi.Failure{Status: s, Message: http.StatusText(s)})
	case answer.ContentLength > maxMedia:
		return &message.Error{Reason: message.MediaFailed, Message: fmt.Sprintf("the file is larger than %d bytes", maxMedia)}
	}
	source := &source{from: io.LimitReader(answer.Body, maxMedia+1)}
	got, err := io.Copy(w, source)
	switch {
	case source.err != nil:
		return &message.Error{Reason: message.Unanswered, Message: "the file broke off", Retry: true, Err: source.err}
	case err != nil:
		return fmt.Errorf("write file: %w", err)
	case got > maxMedia:
		return &message.Error{Reason: message.MediaFailed, Message: fmt.Sprintf("the file is larger than %d bytes", maxMedia)}
	}
	return nil
}

// source remembers what went wrong with reading.
type source struct {
	from io.Reader
	err  error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.from.Read(b)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
	}
	return n, err
}

// ours says whether the token may go to a URL.
func (a *Account) ours(u *url.URL) bool {
	if base, err := url.Parse(cmp.Or(a.Base, DefaultBase)); err == nil && u.Scheme == base.Scheme && u.Host == base.Host {
		return true
	}
	host := strings.ToLower(u.Hostname())
	return u.Scheme == "https" && u.User == nil && (u.Port() == "" || u.Port() == "443") && (host == "twilio.com" || strings.HasSuffix(host, ".twilio.com"))
}

// open asks for a file, and follows where Twilio sends us: over TLS, or on its own server.
func (a *Account) open(ctx context.Context, target string) (*http.Response, error) {
	wrong := func(what string) error { return &message.Error{Reason: message.MediaFailed, Message: what} }
	for hop := range maxHops + 1 {
		u, err := url.Parse(target)
		switch {
		case err != nil, hop == 0 && !a.ours(u):
			return nil, wrong("the file is at a place that is not Twilio's")
		case !a.ours(u) && u.Scheme != "https":
			return nil, wrong("Twilio sends us to a place without TLS")
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
		if err != nil {
			return nil, wrong("the file's URL makes no sense")
		}
		if a.ours(u) {
			r.SetBasicAuth(a.SID, a.Token)
		}
		answer, err := cmp.Or(a.Client, callapi.Plain).Do(r)
		if err != nil {
			e := lost(ctx, true, err)
			e.Retry = true
			return nil, e
		}
		next := answer.Header.Get("Location")
		if answer.StatusCode/100 != 3 || next == "" {
			return answer, nil
		}
		_ = answer.Body.Close() // nothing of it is wanted
		to, err := u.Parse(next)
		if err != nil {
			return nil, wrong("the file is nowhere: its redirect makes no sense")
		}
		target = to.String()
	}
	return nil, wrong("the file is nowhere: too many redirects")
}
