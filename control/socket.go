package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"parley/control/access"
	"parley/control/bots"
	"parley/control/envelope"
	"parley/control/people"
	"parley/control/voice"
	"parley/store"
)

// passKey is where a context has the session token that a socket was asked for with.
type passKey struct{}

func passOf(ctx context.Context) string {
	pass, _ := ctx.Value(passKey{}).(string)
	return pass
}

// unveil takes the secrets out of a socket's URL, where browsers have to put them since they can send no header: a key or a session's JWT is where
// these are from then on, a session token in the context. Nobody behind it sees the query, so nobody can write it down.
func unveil(r *http.Request) *http.Request {
	q := r.URL.Query()
	out := r.WithContext(context.WithValue(r.Context(), passKey{}, q.Get("session_token")))
	out.URL = &url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath}
	out.RequestURI = r.URL.EscapedPath()
	if key := cmp.Or(q.Get("token"), q.Get("api_key")); key != "" && r.Header["Authorization"] == nil {
		out.Header = r.Header.Clone()
		out.Header.Set("Authorization", "Bearer "+key)
	}
	return out
}

// watchCall opens the socket of a call, to whoever may read calls.
func (c *Control) watchCall(w http.ResponseWriter, r *http.Request) {
	v, err := c.viewer(r)
	if err != nil {
		envelope.Write(w, r, envelope.FaultOf(err))
		return
	}
	c.sockets.Serve(w, r, v)
}

// viewer tells who wants to watch, if they may. An Authorization header or an api_key goes before a session token, and that before a cookie.
func (c *Control) viewer(r *http.Request) (voice.Viewer, error) {
	v := voice.Viewer{Call: envelope.Plain(r.PathValue("id"))}
	if pass := passOf(r.Context()); pass != "" && r.Header["Authorization"] == nil {
		org, err := c.passes.OpenPass(pass, v.Call, time.Now())
		if err != nil {
			return v, envelope.Unauthorised(err.Error())
		}
		v.Org = org
		return v, nil
	}
	who, err := watcher(callerOf(r.Context()), access.CallsRead)
	if err != nil {
		return v, err
	}
	v.Org = who.Org
	if !who.Token { // which is over long before a call may be; whoever has one proved to have the session minutes ago
		visit := people.From(r.Context())
		v.Check = func(ctx context.Context) error {
			now, err := c.identify(r.WithContext(ctx), visit)
			_, err = watcher(caller{now, err}, access.CallsRead)
			return err
		}
	}
	return v, nil
}

// watcher is a caller who may watch what a scope allows to read.
func watcher(from caller, scope string) (access.Identity, error) {
	switch {
	case errors.Is(from.err, access.ErrUnauthenticated):
		return from.who, envelope.Unauthorised(access.ErrUnauthenticated.Error())
	case from.err != nil:
		return from.who, from.err
	}
	return from.who, permitted(from.who, scope)
}

// watchConversations opens the socket of an organisation's conversations, to whoever may read them.
func (c *Control) watchConversations(w http.ResponseWriter, r *http.Request) {
	who, err := watcher(callerOf(r.Context()), access.ConversationsRead)
	if err != nil {
		envelope.Write(w, r, envelope.FaultOf(err))
		return
	}
	visit := people.From(r.Context())
	check := func(ctx context.Context) error {
		now, err := c.identify(r.WithContext(ctx), visit)
		_, err = watcher(caller{now, err}, access.ConversationsRead)
		return err
	}
	if who.Token { // which is over long before the socket may be: what counts is its session
		check = func(ctx context.Context) error { return c.stillIn(ctx, who) }
	}
	c.threads.Serve(w, r, bots.Viewer{Org: who.Org, Check: check})
}

// stillIn says why a person's session is not what it was: it has ended, or is in another organisation, or their role has become too small.
func (c *Control) stillIn(ctx context.Context, who access.Identity) error {
	n, err := c.options.People.Session(ctx, who.Session, time.Now())
	if errors.Is(err, store.ErrNotFound) || err == nil && n.Org != who.Org {
		return envelope.Unauthorised(access.ErrUnauthenticated.Error())
	}
	if err != nil {
		return fmt.Errorf("find session: %w", err)
	}
	who.Role = n.Role
	return permitted(who, access.ConversationsRead)
}
