package control

import (
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/voice"
)

// The ways in, as the description names them.
const (
	byKey     = "key"     // Authorization: Bearer, a key
	byToken   = "jwt"     // Authorization: Bearer, a session's token
	bySession = "session" // the session's cookie
	byTicket  = "ticket"  // ?token=, signed
)

// What an operation may ask for in place of a scope.
const (
	anybody = ""        // nothing: it is there for those who are not known yet
	session = "session" // the cookie of a session
)

// authorise lets a request through to its operation if whoever asks has every scope that the operation's Security names, or the session
// that it needs, and tells the handler whose rows it may see.
func (c *Control) authorise(ctx huma.Context, next func(huma.Context)) {
	if len(ctx.Operation().Security) == 0 {
		next(ctx)
		return
	}
	who, err := c.admit(ctx)
	if err != nil {
		f := envelope.FaultOf(err)
		_ = huma.WriteErr(c.api, ctx, f.Status, f.Message, f)
		return
	}
	next(huma.WithContext(ctx, voice.With(access.With(ctx.Context(), who), c.agents)))
}

// admit tells who asks, if they may. An Authorization header goes before a ticket, and that before a cookie.
func (c *Control) admit(ctx huma.Context) (access.Identity, error) {
	op := ctx.Operation()
	if ticket := ctx.Query("token"); ticket != "" && ctx.Header("Authorization") == "" && offers(op, byTicket) {
		org, err := c.tickets[pages[op.OperationID].ticket].Open(ticket, ctx.Param("id"), time.Now())
		if err != nil {
			return access.Identity{}, envelope.Unauthorised(err.Error())
		}
		return access.Identity{Org: org, Scopes: scopes(op)}, nil
	}
	from := callerOf(ctx.Context())
	needsSession := !offers(op, byKey)
	switch {
	case errors.Is(from.err, access.ErrUnauthenticated) && needsSession:
		return from.who, envelope.Unauthorised("no session: log in with POST /api/v1/auth/login")
	case errors.Is(from.err, access.ErrUnauthenticated):
		return from.who, envelope.Unauthorised(access.ErrUnauthenticated.Error())
	case from.err != nil:
		return from.who, from.err
	case needsSession && (from.who.Session == "" || from.who.Token):
		return from.who, envelope.Denied("this takes the cookie of a session, not an API key or a token: log in with POST /api/v1/auth/login")
	}
	return from.who, permitted(from.who, scopes(op)...)
}

// permitted says which scope is missing.
func permitted(who access.Identity, scopes ...string) error {
	for _, scope := range scopes {
		if who.Allows(scope) {
			continue
		}
		f := envelope.Forbidden(scope)
		if !access.RoleAllows(who.Role, scope) {
			f.Message = fmt.Sprintf("the role %s does not have the scope %s", who.Role, scope)
		}
		return f
	}
	return nil
}

// scopes are what an operation asks of a key.
func scopes(op *huma.Operation) []string {
	for _, way := range op.Security {
		if s, ok := way[byKey]; ok {
			return s
		}
	}
	return nil
}

// offers says whether an operation can be reached in a certain way.
func offers(op *huma.Operation, way string) bool {
	for _, w := range op.Security {
		if _, ok := w[way]; ok {
			return true
		}
	}
	return false
}
