package people

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/store"
)

// Users handles /users.
type Users struct {
	Store    store.People
	Sessions *access.Sessions
	Forget   func()       // called when keys have another role, or are revoked; may be nil
	Public   string       // where clients reach this server; empty: as the request says
	Log      *slog.Logger // of who did what
}

// User is a person as their organisation sees them.
type User struct {
	ID        string        `json:"id" format:"uuid"`
	Number    int64         `json:"number" doc:"Its second id, a number." example:"1"`
	Email     string        `json:"email" example:"ada@example.com"`
	Name      *string       `json:"name" example:"Ada Lovelace"`
	Role      store.Role    `json:"role" enum:"owner,admin,member" doc:"In this organisation."`
	CreatedAt envelope.Time `json:"created_at"`
}

func showUser(u store.User) User {
	return User{ID: u.ID, Number: u.Number, Email: u.Email, Name: envelope.Optional(u.Name), Role: u.Role, CreatedAt: envelope.Time(u.Created)}
}

// List handles GET /users.
func (h *Users) List(ctx context.Context, in *envelope.Pages) (*envelope.Many[User], error) {
	who, err := may(ctx, access.SeeUsers)
	if err != nil {
		return nil, err
	}
	rows, total, err := h.Store.Users(ctx, who.Org, in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	users := make([]User, len(rows))
	for i, u := range rows {
		users[i] = showUser(u)
	}
	return envelope.List(ctx, users, total, in.Limit, in.Offset), nil
}

// user reads the row that a path names.
func (h *Users) user(ctx context.Context, act access.Act, id string) (access.Identity, store.User, error) {
	who, err := may(ctx, act)
	if err != nil {
		return who, store.User{}, err
	}
	if id, err = envelope.Canonical(id, "user"); err != nil {
		return who, store.User{}, err
	}
	u, err := h.Store.User(ctx, who.Org, id)
	return who, u, none(err, "user")
}

// Get handles GET /users/{id}.
func (h *Users) Get(ctx context.Context, in *envelope.ID) (*envelope.One[User], error) {
	_, u, err := h.user(ctx, access.SeeUsers, in.ID)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, showUser(u)), nil
}

// UserInvite is the body of POST /users/invite.
type UserInvite struct {
	Email string     `json:"email" minLength:"1" maxLength:"254" example:"ada@example.com"`
	Role  store.Role `json:"role,omitempty" enum:"owner,admin,member" default:"member"`
}

// Resolve implements huma.ResolverWithPath.
func (b *UserInvite) Resolve(_ huma.Context, at *huma.PathBuffer) []error { return email(at, b.Email) }

// InviteUser is what POST /users/invite asks.
type InviteUser struct {
	envelope.Strict

	Body UserInvite
}

// Invited is an invite with its link.
type Invited struct {
	ID        string        `json:"id" format:"uuid"`
	Email     string        `json:"email" example:"ada@example.com"`
	Role      store.Role    `json:"role" enum:"owner,admin,member"`
	InviteURL string        `json:"invite_url" format:"uri" doc:"Shown this once. It works once, until expires_at, and in place of an earlier one for the same address."`
	Token     string        `json:"token" doc:"The same for POST /auth/accept-invite."`
	ExpiresAt envelope.Time `json:"expires_at"`
	EmailSent bool          `json:"email_sent" doc:"Whether the link was mailed: always false, as no mailer is configured." example:"false"`
	Message   string        `json:"message"`
}

// Invite handles POST /users/invite.
func (h *Users) Invite(ctx context.Context, in *InviteUser) (*envelope.One[Invited], error) {
	who, err := may(ctx, access.Manage)
	if err == nil {
		err = above(who, in.Body.Role)
	}
	if err != nil {
		return nil, err
	}
	secret, i, err := h.Sessions.Invite(ctx, who, in.Body.Email, in.Body.Role)
	if errors.Is(err, store.ErrConflict) {
		return nil, envelope.Wrong("email", "is a member's already")
	}
	if err != nil {
		return nil, err
	}
	base := h.Public
	if base == "" {
		base = From(ctx).Base
	}
	return envelope.Give(ctx, Invited{
		ID: i.ID, Email: i.Email, Role: i.Role, InviteURL: base + "/invite#" + string(secret), Token: string(secret), ExpiresAt: envelope.Time(i.Expires),
		Message: "No mailer is configured, so nothing was sent: hand the link over yourself. It works once, within seven days",
	}), nil
}

// UserPatch is the body of PATCH /users/{id}.
type UserPatch struct {
	Role store.Role `json:"role" enum:"owner,admin,member"`
}

// UpdateUser is what PATCH /users/{id} asks.
type UpdateUser struct {
	envelope.ID

	Body UserPatch
}

// Update handles PATCH /users/{id}.
func (h *Users) Update(ctx context.Context, in *UpdateUser) (*envelope.One[User], error) {
	who, u, err := h.user(ctx, access.Manage, in.ID.ID)
	for _, r := range []store.Role{u.Role, in.Body.Role} {
		if err == nil {
			err = above(who, r)
		}
	}
	if err != nil {
		return nil, err
	}
	u, err = h.Store.SetRole(ctx, who.Org, u.ID, in.Body.Role)
	if errors.Is(err, store.ErrConflict) {
		return nil, envelope.Wrong("role", "the organization's last owner stays one: make another user an owner first")
	}
	if err != nil {
		return nil, none(err, "user")
	}
	h.Log.InfoContext(ctx, "role changed", "org", who.Org, "by", who.User, "user", u.ID, "role", u.Role)
	h.forget()
	return envelope.Give(ctx, showUser(u)), nil
}

// UserRemoved says who has left.
type UserRemoved struct {
	ID          string `json:"id" format:"uuid"`
	Deleted     bool   `json:"deleted" example:"true"`
	KeysRevoked int64  `json:"keys_revoked" doc:"How many keys that they made were revoked."`
}

// Remove handles DELETE /users/{id}.
func (h *Users) Remove(ctx context.Context, in *envelope.ID) (*envelope.One[UserRemoved], error) {
	act := access.Manage
	if me, _ := access.From(ctx); strings.EqualFold(in.ID, me.User) {
		act = access.Leave
	}
	who, u, err := h.user(ctx, act, in.ID)
	if err == nil {
		err = above(who, u.Role)
	}
	if err != nil {
		return nil, err
	}
	keys, err := h.Store.RemoveUser(ctx, who.Org, u.ID, time.Now().UTC().Truncate(time.Microsecond))
	if errors.Is(err, store.ErrConflict) {
		return nil, envelope.Bad("the organization's last owner cannot be removed: make another user an owner first")
	}
	if err != nil {
		return nil, none(err, "user")
	}
	h.Log.InfoContext(ctx, "user removed", "org", who.Org, "by", who.User, "user", u.ID, "keys_revoked", keys)
	h.forget()
	return envelope.Give(ctx, UserRemoved{u.ID, true, keys}), nil
}

func (h *Users) forget() {
	if h.Forget != nil {
		h.Forget()
	}
}
