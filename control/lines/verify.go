package lines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"parley/store"
)

// patience is how long a vendor may take to answer.
const patience = 10 * time.Second

// ErrUnverifiable says that there is no way to ask a vendor.
var ErrUnverifiable = errors.New("this vendor cannot be asked")

// A Verifier asks vendors whether secrets work. It may be used by any goroutine.
type Verifier struct {
	// Bases are the servers of vendors, by their names, that this server uses in place of their own.
	Bases map[string]string
	// House makes requests to the vendors' own servers and to Bases; nil: a client of its own.
	House *http.Client
	// Guarded makes requests to a credential's own server: it must refuse private addresses when it dials. Nil: none are made.
	Guarded *http.Client
}

// Verify asks the vendor of a credential. ErrUnverifiable if nobody can be asked; any other error is why there was no answer that says
// anything. Errors and answers do not hold the secret.
func (v *Verifier) Verify(ctx context.Context, c store.Credential, secret string) (store.Verdict, error) {
	probe, ok := probeOf(c.Vendor)
	if !ok || probe.Sign == nil {
		return "", ErrUnverifiable
	}
	base, client := probe.Base, v.House
	switch {
	case c.BaseURL != "" && (v.Guarded == nil || probe.Apart): // nobody knows where that server's API is
		return "", ErrUnverifiable
	case c.BaseURL != "":
		base, client = c.BaseURL, v.Guarded
	case v.Bases[c.Vendor] != "":
		base = v.Bases[c.Vendor]
	}
	if client == nil {
		client = &http.Client{}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target(c.Vendor, probe, base, c.Account), nil)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", c.Vendor, err)
	}
	probe.Sign(r.Header, c.Account, secret)
	r.Header.Set("Accept", "application/json")
	once := *client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the secret goes nowhere else
	answer, err := once.Do(r)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", c.Vendor, err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection may be used again
	switch status := answer.StatusCode; {
	case status == http.StatusOK:
		return store.Works, nil
	case status == http.StatusUnauthorized, status == http.StatusForbidden, slices.Contains(probe.Refusal, status):
		return store.Refused, nil
	default:
		return "", fmt.Errorf("ask %s: answer %d", c.Vendor, status)
	}
}
