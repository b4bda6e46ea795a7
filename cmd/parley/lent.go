package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"parley/control/lines"
	"parley/providers/httptool"
	"parley/store"
)

// A lender has the secrets that organisations lend to their agents' tools, from memory: the accounts.
type lender interface {
	// named is an organisation's custom credential of a name; false: it has none.
	named(org, name string) (store.Credential, bool)
	open(store.Credential) (string, error)
}

// named implements lender.
func (a *accounts) named(org, name string) (store.Credential, bool) {
	return a.directory.NamedCredential(org, lines.Custom, name)
}

// lent are the credentials that an agent's tools name, as they were when it was made ready; those that there were not are zero.
type lent map[string]store.Credential

// lends says whether what was lent is still so. A secret that was changed, and one that has come or gone, make a role anew.
func (c *company) lends(org string, l lent) bool {
	for name, was := range l {
		now, _ := c.lender.named(org, name)
		if now.ID != was.ID || now.Sealed != was.Sealed || now.BaseURL != was.BaseURL {
			return false
		}
	}
	return true
}

// secretsOf resolves what an agent's tools name: its organisation's own, each for its server alone, then those that the server's settings
// give to agents. What was asked of the organisation's is noted.
func (c *company) secretsOf(org string, asked lent) httptool.Secrets {
	return func(origin, name string) (string, error) {
		if c.lender != nil {
			own, ok := c.lender.named(org, name)
			if asked[name] = own; ok {
				return c.lend(own, origin)
			}
		}
		if !slices.Contains(c.cfg.AgentSecrets, name) {
			return "", httptool.ErrNoSecret
		}
		return c.cfg.secret(origin, name)
	}
}

// lend gives a credential's secret to a tool that asks its server, and to no other: whoever may change an agent may not read it.
func (c *company) lend(own store.Credential, origin string) (string, error) {
	switch {
	case own.BaseURL == "":
		return "", errors.New("is a credential without a base_url: that has to name the one server that tools may send it to")
	case origin == "": // told already
		return "", errors.New("waits for the url to be right")
	case originOf(own.BaseURL) != originOf(origin):
		return "", fmt.Errorf("is for %s alone, which the credential's base_url names", originOf(own.BaseURL))
	}
	secret, err := c.lender.open(own)
	if err != nil {
		return "", errors.New("cannot be opened with the keys of this server")
	}
	return secret, nil
}

// originOf is a URL's scheme, host and port, where that is not the scheme's own; empty of a text that is none. To credentials, wss is https.
func originOf(text string) string {
	u, err := url.Parse(strings.ToLower(text))
	if err != nil || u.Hostname() == "" {
		return ""
	}
	scheme := map[string]string{"http": "http", "https": "https", "ws": "http", "wss": "https"}[u.Scheme]
	own := map[string]string{"http": ":80", "https": ":443"}[scheme]
	return scheme + "://" + strings.TrimSuffix(u.Host, own)
}
