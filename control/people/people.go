// Package people serves what people do with a session: logging in and out, API keys, organisations and users.
//
//	POST /auth/login ──▶ access.Sessions ──▶ cookie, JWT
//	cookie ──▶ control.meet ──▶ Visit, access.Identity ──▶ Keys, Organisations, Users ──▶ access.May (the table of roles) ──▶ store
//
// A person may be in several organisations. A session works in one of them at a time: in the one that they worked in last, until
// POST /auth/switch. An invite is a link that works once, within seven days; nothing is mailed, whoever invites hands it over. Handlers
// decode, call and encode; they own no goroutine.
package people

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/store"
)

// A Visit is how a request came here, besides what is in it.
type Visit struct {
	From   access.Visitor
	Base   string // the address by which the client came, such as https://voice.example.com
	Secure bool   // by https: the session's cookie is for https alone
}

// visitKey is where a context has its Visit.
type visitKey struct{}

// With is a context that says how the request came.
func With(ctx context.Context, v *Visit) context.Context {
	return context.WithValue(ctx, visitKey{}, v)
}

// From is how a request came. The middleware lets nobody through without one.
func From(ctx context.Context) *Visit {
	v, _ := ctx.Value(visitKey{}).(*Visit)
	if v == nil {
		return &Visit{}
	}
	return v
}

// CookieName is the name of the session's cookie. By https it has the prefix that browsers take from this host alone
// (draft-ietf-httpbis-rfc6265bis, section 4.1.3.2).
func CookieName(secure bool) string {
	if secure {
		return "__Host-parley_session"
	}
	return "parley_session"
}

// cookie carries a session's secret; an empty one ends it. It is sent with top-level navigation from elsewhere, and with nothing else.
func (v *Visit) cookie(secret access.Secret) string {
	c := http.Cookie{
		Name: CookieName(v.Secure), Value: string(secret), Path: "/", HttpOnly: true, Secure: v.Secure, SameSite: http.SameSiteLaxMode,
		MaxAge: int(access.SessionLife.Seconds()),
	}
	if secret == "" {
		c.MaxAge = -1
	}
	return c.String()
}

// may is who asks, if their role lets them do something.
func may(ctx context.Context, a access.Act) (access.Identity, error) {
	who, _ := access.From(ctx)
	if !access.May(who.Role, a) {
		return who, envelope.Denied(fmt.Sprintf("your role, %s, does not let you %s", who.Role, strings.TrimPrefix(string(a), "the same ")))
	}
	return who, nil
}

// above refuses what is done to somebody or something of a higher role than one's own.
func above(who access.Identity, r store.Role) error {
	if access.UpTo(r, who.Role) {
		return nil
	}
	return envelope.Denied(fmt.Sprintf("your role, %s, is below %s", who.Role, r))
}

// none names what was not found.
func none(err error, noun string) error {
	if errors.Is(err, store.ErrNotFound) {
		return envelope.Missing("no such " + noun)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", noun, err)
	}
	return nil
}

// refusal says what access.Sessions has against a login, a password or an invite.
func refusal(err error, field string) error {
	var locked access.Locked
	switch {
	case errors.As(err, &locked):
		return envelope.TooMany("too many failed attempts: try again later", locked.Wait)
	case errors.Is(err, access.ErrCredentials):
		return &envelope.Fault{Status: http.StatusUnauthorized, Message: access.ErrCredentials.Error(),
			Header: http.Header{"Www-Authenticate": {`Bearer realm="parley"`}}}
	case errors.Is(err, access.ErrInvite):
		return envelope.Bad(access.ErrInvite.Error())
	case errors.Is(err, access.ErrPassword):
		_, reason, _ := strings.Cut(err.Error(), ": ")
		return envelope.Wrong(field, reason)
	}
	return err
}

// email complains about what is no address.
func email(at *huma.PathBuffer, text string) []error {
	if _, ok := access.Email(text); text != "" && !ok {
		return []error{envelope.Complain(at, "email", "is not an email address")}
	}
	return nil
}
