// Package access decides who asks, and what they may do: API keys, their scopes, and what an empty database begins with.
//
//	Authorization: Bearer va_… ──▶ Bearer ──▶ Authenticator.Authenticate ──▶ Identity ──▶ With(ctx) ──▶ handlers: From, Allows
//	                                                  │       ╰─ used ──▶ Run, once a minute ──▶ store.Keys.TouchKeys
//	                                         cache, 10 s ──▶ store.Keys.KeyByHash (SHA-256 of the secret)
//	first start ──▶ Found ──▶ organisation, owner, key, default agent; what was made is told once
//
// A secret is shown once, when it is made. After that the house has its SHA-256 and its first characters only. While it is on its way to
// whoever has to see it, its type is Secret, which prints as [secret].
//
// A revoked key stops at once on the node that revoked it (Forget), and within 10 s on every other.
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

// An Identity is who asks: a key of an organisation, and what it may do. It may be copied; Scopes is shared and must not be changed.
type Identity struct {
	Org    string
	Key    string // id of the key
	User   string // id of the key's creator; empty: the house itself
	Role   store.Role
	Scopes []string
}

// Allows says whether the identity has a scope, by its name or by All.
func (i Identity) Allows(scope string) bool {
	return slices.Contains(i.Scopes, All) || slices.Contains(i.Scopes, scope)
}

// LogValue names the identity by its ids.
func (i Identity) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("org", i.Org),
		slog.String("key", i.Key),
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
