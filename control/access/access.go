// Package access decides who asks, and what they may do: API keys and their scopes, people, their sessions and roles, how many requests
// they may make, and what an empty database begins with.
//
//	Authorization: Bearer va_… ──▶ Bearer ──▶ Authenticator.Authenticate ──▶ Identity ──▶ With(ctx) ──▶ handlers: From, Allows
//	                                                  │       ╰─ used ──▶ Run, once a minute ──▶ store.Keys.TouchKeys
//	                                         cache, 10 s ──▶ store.Keys.KeyByHash (SHA-256 of the secret)
//	Bearer eyJ… (JWT) ─────────▶ Sessions.OpenToken ───────────▶ Identity     Tokens: HS256, 10 min
//	Cookie: parley_session=… ──▶ Sessions.Open ────────────────▶ Identity     each time by one query: ended is ended, on every node
//	email, password ──▶ Sessions.Login ──▶ store.Attempts (lockout) ──▶ argon2id ──▶ session
//	every request ──▶ Limiter.Take ── a block at a time ──▶ store.Rates
//	first start ──▶ Found ──▶ organisation, owner, key, default agent; what was made is told once
//
// A secret is shown once, when it is made. After that the house has its SHA-256 and its first characters only. While it is on its way to
// whoever has to see it, its type is Secret, which prints as [secret].
//
// A revoked or regenerated key stops at once on the node that did it (Forget), on the others when they notice that the configuration has
// changed (ForgetAll, within a second or so), and in any case within 10 s. What roles may do is a table: Rights.
package access

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"parley/store"
)

// ErrUnauthenticated is told to whoever brings no key, or one that is malformed, unknown, revoked or has expired. Its text is the same
// for all of these, and may be shown to the client.
var ErrUnauthenticated = errors.New("missing or invalid API key")

// An Identity is who asks: a key of an organisation or a person with a session, and what they may do. It may be copied; Scopes is shared
// and must not be changed.
type Identity struct {
	Org     string
	Key     string // id of the key; empty: a person
	User    string // id of the person, or of the key's creator; empty: the house itself
	Role    store.Role
	Scopes  []string
	Session string // id of the session; empty: a key
	Token   bool   // by a JWT of that session, not by its cookie
}

// Allows says whether the identity has a scope, by its name or by All, and its role may have it.
func (i Identity) Allows(scope string) bool {
	return (slices.Contains(i.Scopes, All) || slices.Contains(i.Scopes, scope)) && RoleAllows(i.Role, scope)
}

// Who is whose requests are counted together: the key's, or the person's.
func (i Identity) Who() string {
	if i.Key != "" {
		return "key " + i.Key
	}
	return "user " + i.User
}

// LogValue names the identity by its ids.
func (i Identity) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("org", i.Org),
		slog.String("key", i.Key),
		slog.String("user", i.User),
		slog.String("role", string(i.Role)),
	)
}

// identityKey is where a context has its Identity.
type identityKey struct{}

// With is a context that says who asks.
func With(ctx context.Context, i Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// From tells who asks; false if nobody was authenticated.
func From(ctx context.Context) (Identity, bool) {
	i, ok := ctx.Value(identityKey{}).(Identity)
	return i, ok
}

// Org is whose rows a request may see. The middleware lets nobody through without one.
func Org(ctx context.Context) string {
	i, _ := From(ctx)
	return i.Org
}

// Bearer is the secret of a request's Authorization header (RFC 6750 section 2.1); the scheme's case does not matter (RFC 9110 section
// 11.1). False if there is no such header or more than one, another scheme, or a secret that no key can have: see Verbatim for their shape.
func Bearer(r *http.Request) (secret string, ok bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	secret = strings.Trim(rest, " \t")
	if !strings.EqualFold(scheme, "Bearer") || checkShape(secret) != nil {
		return "", false
	}
	return secret, true
}
