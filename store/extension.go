package store

import (
	"context"
	"time"
)

// An Extension is what a softphone registers with (RFC 3261, section 10): somebody of an organisation who can be called, and can call.
type Extension struct {
	ID       string
	Number   int64
	Org      string
	Username string // unique in the organisation, and of digest authentication; it stays
	Name     string // for people
	Agent    string // who answers its calls; empty, or gone: the organisation's default agent
	Sealed   Sealed // the password
	Created  time.Time
	Updated  time.Time
}

// Extensions are the organisations' softphones.
type Extensions interface {
	// CreateExtension keeps a new extension. ErrConflict if the organisation has its username, ErrNotFound if it has no such agent.
	CreateExtension(ctx context.Context, e Extension) (Extension, error)
	Extension(ctx context.Context, org, id string) (Extension, error)
	Extensions(ctx context.Context, org string, p Page) (extensions []Extension, total int64, err error) // newest first
	// UpdateExtension is as UpdateCredential; it cannot alter ID, Number, Org, Username or Created. ErrNotFound if it is given an agent that the
	// organisation has not.
	UpdateExtension(ctx context.Context, org, id string, at time.Time, change func(*Extension) error) (Extension, error)
	DeleteExtension(ctx context.Context, org, id string) error
}
