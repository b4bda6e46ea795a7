package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"

	"parley/control"
	"parley/control/access"
	"parley/control/dialer"
	"parley/control/library"
	"parley/control/vault"
	"parley/control/webhook"
	"parley/store"
	"parley/store/sql"
)

// A teller does what the API does, for commands: at a server, or right beside a database, where the API is served to the command alone, in
// its own process. So there is one set of commands, and what they print and refuse is the same.
//
//	verb ──▶ teller ──▶ api ──(--url)──▶ network ──▶ server ──▶ control ──▶ store
//	                    └──(else)─────▶ counter ─────────────▶ control ──▶ store of --data-dir or DATABASE_URL
type teller struct {
	desk

	URL string `help:"Work by the API of this server, with --api-key. Empty: on the database." placeholder:"URL" var:"PARLEY_URL"`
	Key string `name:"api-key" help:"Key of the API, for --url." var:"PARLEY_API_KEY"`
}

// remote says whether a server is asked.
func (t *teller) remote() bool { return t.URL != "" }

// reach runs f with the API at hand. What fit adds to it counts beside a database alone; it may be nil.
func (t *teller) reach(ctx context.Context, con console, fit func(*sql.Store, *control.Options), f func(*api) error) error {
	if t.remote() {
		switch {
		case t.Key == "":
			return usageError{errors.New("--api-key (PARLEY_API_KEY) is needed with --url (PARLEY_URL)")}
		case t.Org != "":
			return usageError{errors.New("--org cannot be beside --url (PARLEY_URL): a key is of one organisation")}
		}
		return f(&api{URL: t.URL, Key: t.Key})
	}
	return t.with(ctx, con, func(s *sql.Store) error {
		o, err := t.options(s, newLogger("warn", "text", con.err))
		if err != nil {
			return err
		}
		if fit != nil {
			fit(s, &o)
		}
		here, err := control.New(o)
		if err != nil {
			return err
		}
		defer here.Close()
		mux := http.NewServeMux()
		here.Mount(mux)
		return f(&api{URL: "http://localhost", Key: randomHex(32), within: counter{mux}})
	})
}

// options are an API for whoever has the database: it asks for no key of anybody's, and nobody else can reach it. It dials
// nothing. Its secret ends with the command: whatever seals must be fitted with the server's vault.
func (t *teller) options(s *sql.Store, log *slog.Logger) (control.Options, error) {
	secret := []byte(randomHex(32))
	own, err := vault.New(secret)
	if err != nil {
		return control.Options{}, err
	}
	return control.Options{
		Agents: s, Calls: s, Tasks: s, Campaigns: s, Contacts: s, DoNotCall: s, Lines: s, Bots: s, Webhooks: s, People: s, Secret: secret,
		Dialer: dialer.New(dialer.Options{Store: s, Node: "command line", Log: log}), Hooks: &webhook.Secrets{Rules: s, Vault: own},
		Library: &library.Library{Store: s, Log: log}, Auth: insider{t.Org}, Limiter: &access.Limiter{Limit: math.MaxInt32},
		Default:      func(context.Context, string) (string, error) { return t.found.DefaultAgent, nil },
		Undocumented: true, Version: version(), Log: log,
	}, nil
}

// An insider has the database in hand, so there is nothing to keep from them.
type insider struct{ org string }

// Authenticate implements control.Authenticator.
func (i insider) Authenticate(context.Context, string) (access.Identity, error) {
	return access.Identity{Org: i.org, Key: "command line", Role: store.Owner, Scopes: []string{access.All}}, nil
}

// A counter hands requests to a handler in the same process.
type counter struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper. The answer is whole before it is given.
func (c counter) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RemoteAddr, in.RequestURI, in.Host = "127.0.0.1:0", r.URL.RequestURI(), r.URL.Host
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	out := &kept{header: http.Header{}}
	c.handler.ServeHTTP(out, in)
	if err := context.Cause(r.Context()); err != nil {
		return nil, err
	}
	out.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: fmt.Sprint(out.status, " ", http.StatusText(out.status)), StatusCode: out.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: out.header, ContentLength: int64(out.body.Len()), Body: io.NopCloser(&out.body), Request: r,
	}, nil
}

// What is kept is an http.ResponseWriter that keeps what is written.
type kept struct {
	header http.Header
	status int // 0: none yet
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (k *kept) Header() http.Header { return k.header }

// WriteHeader implements http.ResponseWriter: the first one counts.
func (k *kept) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

// Write implements http.ResponseWriter.
func (k *kept) Write(text []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	return k.body.Write(text)
}
