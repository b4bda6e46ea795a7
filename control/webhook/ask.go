package webhook

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"parley/store"
)

// AskOptions are what an Asker stands on. Secrets must be set.
type AskOptions struct {
	Secrets  *Secrets
	Allow    Allow          // what may be asked although its address is not public
	Roots    *x509.CertPool // nil: the system's
	Resolver *net.Resolver  // nil: the system's
	Timeout  time.Duration  // the most that a question may take, whatever its context says
}

// An Asker asks a client's server something, and waits for the answer: signed, guarded and without redirects, as deliveries are sent. Its
// methods may be called by any goroutine.
type Asker struct {
	secrets *Secrets
	client  *http.Client

	mu    sync.Mutex
	known map[string]knownSettings // by organisation
}

// knownSettings are how an organisation's webhooks were signed a moment ago, for when the database does not say.
type knownSettings struct {
	store.WebhookSettings
	at time.Time
}

// fresh is how long signing settings are good without looking at the database.
const fresh = 10 * time.Second

// NewAsker makes an Asker.
func NewAsker(o AskOptions) *Asker {
	g := &guard{allow: o.Allow, resolver: o.Resolver, timeout: o.Timeout}
	return &Asker{secrets: o.Secrets, client: g.client(o.Roots), known: map[string]knownSettings{}}
}

// A Reply is what an Asker was told.
type Reply struct {
	Status int
	Body   []byte
}

// The errors of Ask that are not the network's.
var (
	ErrUnsigned = errors.New("the webhooks' secret cannot be used")
	ErrTooBig   = errors.New("the answer is too big")
)

// Ask posts JSON to a URL, once, signed as an organisation's webhooks are. id is the question's: the same on another try. Of the answer no
// more than most bytes are taken: ErrTooBig if there are more. ErrForbidden: the address is none to ask. Errors do not have the URL in them.
func (a *Asker) Ask(ctx context.Context, org, target, id string, body []byte, most int64) (Reply, error) {
	if err := CheckURL(target); err != nil {
		return Reply{}, fmt.Errorf("%w: the URL %w", ErrForbidden, err)
	}
	now := time.Now()
	secrets, err := a.signing(ctx, org, now)
	if err != nil {
		return Reply{}, fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	signature, err := Sign(id, now.Unix(), body, secrets...)
	if err != nil {
		return Reply{}, fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return Reply{}, fmt.Errorf("%w: the URL makes no request", ErrForbidden)
	}
	req.Header = http.Header{
		"Content-Type": {"application/json"}, "Accept": {"application/json"}, "User-Agent": {agent},
		"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature},
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return Reply{}, unnamed(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err != nil {
		return Reply{}, unnamed(err)
	}
	if int64(len(text)) > most {
		return Reply{Status: resp.StatusCode}, ErrTooBig
	}
	return Reply{resp.StatusCode, text}, nil
}

// unnamed is an error of the client's without the URL, which may have a secret in it.
func unnamed(err error) error {
	var named *url.Error
	if errors.As(err, &named) {
		return named.Err
	}
	return err
}

// signing are the secrets that sign now. While the database does not answer, they are those of before.
func (a *Asker) signing(ctx context.Context, org string, now time.Time) ([]string, error) {
	a.mu.Lock()
	was, ok := a.known[org]
	a.mu.Unlock()
	if !ok || now.Sub(was.at) > fresh {
		w, err := a.settings(ctx, org, now)
		switch {
		case err == nil:
			was = knownSettings{w, now}
			a.mu.Lock()
			a.known[org] = was
			a.mu.Unlock()
		case !ok:
			return nil, err
		}
	}
	return a.secrets.signing(ctx, was.WebhookSettings, now)
}

// settings reads how an organisation's webhooks are signed, in half of the time that there is. One that has no secret gets one.
func (a *Asker) settings(ctx context.Context, org string, now time.Time) (store.WebhookSettings, error) {
	if end, ok := ctx.Deadline(); ok {
		half, cancel := context.WithTimeout(ctx, end.Sub(now)/2)
		defer cancel()
		ctx = half
	}
	w, err := a.secrets.Rules.WebhookSettings(ctx, org)
	if err != nil || w.Secret.Text != "" {
		return w, err
	}
	if _, err := a.secrets.signing(ctx, w, now); err != nil {
		return w, err
	}
	return a.secrets.Rules.WebhookSettings(ctx, org)
}
