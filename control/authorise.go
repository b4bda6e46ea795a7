package control

import (
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"parley/control/access"
	"parley/control/envelope"
)

// The ways in, as the description names them.
const (
	byKey    = "key"    // Authorization: Bearer
	byTicket = "ticket" // ?token=, signed
)

// authorise lets a request through to its operation if its key has every scope that the operation's Security names, and tells the
// handler whose rows it may see.
func (c *Control) authorise(ctx huma.Context, next func(huma.Context)) {
	if len(ctx.Operation().Security) == 0 {
		next(ctx)
		return
	}
	who, err := c.identify(ctx)
	if err == nil {
		err = allowed(ctx.Operation(), who)
	}
	if err != nil {
		f := envelope.FaultOf(err)
		_ = huma.WriteErr(c.api, ctx, f.Status, f.Message, f)
		return
	}
	next(huma.WithContext(ctx, access.With(ctx.Context(), who)))
}

// identify finds out who asks. A key goes before a ticket.
func (c *Control) identify(ctx huma.Context) (access.Identity, error) {
	if ticket := ctx.Query("token"); ticket != "" && ctx.Header("Authorization") == "" && offers(ctx.Operation(), byTicket) {
		org, err := c.tickets.Open(ticket, ctx.Param("id"), time.Now())
		if err != nil {
			return access.Identity{}, envelope.Unauthorised(err.Error())
		}
		return access.Identity{Org: org, Scopes: scopes(ctx.Operation())}, nil
	}
	r, _ := humago.Unwrap(ctx)
	secret, ok := access.Bearer(r)
	if !ok {
		return access.Identity{}, envelope.Unauthorised(access.ErrUnauthenticated.Error())
	}
	who, err := c.options.Auth.Authenticate(ctx.Context(), secret)
	if errors.Is(err, access.ErrUnauthenticated) {
		return who, envelope.Unauthorised(access.ErrUnauthenticated.Error())
	}
	if err != nil {
		return who, fmt.Errorf("authenticate: %w", err)
	}
	return who, nil
}

// allowed says which scope is missing.
func allowed(op *huma.Operation, who access.Identity) error {
	for _, scope := range scopes(op) {
		if !who.Allows(scope) {
			return envelope.Forbidden(scope)
		}
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
