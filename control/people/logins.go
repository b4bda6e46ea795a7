package people

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/store"
)

// Rows is where people, their organisations and their sessions are.
type Rows interface {
	access.Lobby
	store.Organisations
}

// Logins handles /auth.
type Logins struct {
	Sessions *access.Sessions
	Store    Rows
}

// Credentials is the body of POST /auth/login.
type Credentials struct {
	Email    string `json:"email" minLength:"1" maxLength:"254" example:"owner@example.com"`
	Password string `json:"password" minLength:"1" maxLength:"512" example:"correct horse battery staple"`
}

// LoginOf is what POST /auth/login asks.
type LoginOf struct {
	envelope.Strict

	Body Credentials
}

// Token is a JWT that stands for a session.
type Token struct {
	Token     string        `json:"token" doc:"A JWT: send it as Authorization: Bearer. It ends with its session."`
	TokenType string        `json:"token_type" enum:"Bearer"`
	ExpiresIn int           `json:"expires_in" doc:"Seconds." example:"600"`
	ExpiresAt envelope.Time `json:"expires_at"`
}

// LoggedIn is who has a session, and where.
type LoggedIn struct {
	Token

	Session      SessionRow   `json:"session"`
	User         User         `json:"user"`
	Organization Organization `json:"organization" doc:"Where the session works: POST /auth/switch takes it to another."`
}

// SessionRow is a session as the API shows it.
type SessionRow struct {
	ID             string        `json:"id" format:"uuid"`
	OrganizationID string        `json:"organization_id" format:"uuid"`
	Current        bool          `json:"current" doc:"Whether it is the one that asks."`
	Address        string        `json:"address" doc:"Where the login came from." example:"192.0.2.1"`
	Client         *string       `json:"client" doc:"The program that it came from, as that says."`
	CreatedAt      envelope.Time `json:"created_at"`
	LastUsedAt     envelope.Time `json:"last_used_at" doc:"To the minute."`
	ExpiresAt      envelope.Time `json:"expires_at" doc:"Unless it is used before, and 14 days after the login in any case."`
}

func showSession(n store.Session, current string) SessionRow {
	return SessionRow{
		ID: n.ID, OrganizationID: n.Org, Current: n.ID == current, Address: n.Address, Client: envelope.Optional(n.Client), CreatedAt: envelope.Time(n.Created),
		LastUsedAt: envelope.Time(n.Seen), ExpiresAt: envelope.Time(n.Expires),
	}
}

// Entered is an answer that begins or ends a session.
type Entered[T any] struct {
	SetCookie string `header:"Set-Cookie"`
	Body      envelope.Answer[T]
}

// Login handles POST /auth/login.
func (h *Logins) Login(ctx context.Context, in *LoginOf) (*Entered[LoggedIn], error) {
	secret, n, err := h.Sessions.Login(ctx, in.Body.Email, access.Secret(in.Body.Password), From(ctx).From)
	if err != nil {
		return nil, refusal(err, "password")
	}
	return h.enter(ctx, secret, n)
}

// enter answers with a new session.
func (h *Logins) enter(ctx context.Context, secret access.Secret, n store.Session) (*Entered[LoggedIn], error) {
	in, err := h.show(ctx, n)
	if err != nil {
		return nil, err
	}
	return &Entered[LoggedIn]{SetCookie: From(ctx).cookie(secret), Body: envelope.Give(ctx, in).Body}, nil
}

// show is all of a session: who, where, and a token for it.
func (h *Logins) show(ctx context.Context, n store.Session) (LoggedIn, error) {
	u, err := h.Store.User(ctx, n.Org, n.User)
	if err != nil {
		return LoggedIn{}, fmt.Errorf("read user: %w", err)
	}
	m, err := h.Store.Membership(ctx, n.User, n.Org)
	if err != nil {
		return LoggedIn{}, fmt.Errorf("read organisation: %w", err)
	}
	token, err := h.token(n)
	return LoggedIn{Token: token, Session: showSession(n, n.ID), User: showUser(u), Organization: showOrganization(m, n.Org)}, err
}

func (h *Logins) token(n store.Session) (Token, error) {
	now := time.Now()
	token, expires, err := h.Sessions.Tokens().Issue(n, now)
	return Token{
		Token: token, TokenType: "Bearer", ExpiresIn: int(expires.Sub(now).Round(time.Second).Seconds()), ExpiresAt: envelope.Time(expires),
	}, err
}

// session is the one that asks.
func (h *Logins) session(ctx context.Context) (store.Session, error) {
	who, _ := access.From(ctx)
	n, err := h.Store.Session(ctx, who.Session, time.Now())
	if errors.Is(err, store.ErrNotFound) { // it ended a moment ago
		return n, envelope.Unauthorised(access.ErrUnauthenticated.Error())
	}
	return n, err
}

// Renew handles POST /auth/token.
func (h *Logins) Renew(ctx context.Context, _ *envelope.Nothing) (*envelope.One[Token], error) {
	n, err := h.session(ctx)
	if err != nil {
		return nil, err
	}
	token, err := h.token(n)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, token), nil
}

// Current handles GET /auth/session.
func (h *Logins) Current(ctx context.Context, _ *envelope.Nothing) (*envelope.One[LoggedIn], error) {
	n, err := h.session(ctx)
	if err != nil {
		return nil, err
	}
	in, err := h.show(ctx, n)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, in), nil
}

// LoggedOut says that a session is over.
type LoggedOut struct {
	LoggedOut bool `json:"logged_out" example:"true"`
}

// Logout handles POST /auth/logout.
func (h *Logins) Logout(ctx context.Context, _ *envelope.Nothing) (*Entered[LoggedOut], error) {
	who, _ := access.From(ctx)
	if err := h.Store.EndSession(ctx, who.User, who.Session); err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("end session: %w", err)
	}
	return &Entered[LoggedOut]{SetCookie: From(ctx).cookie(""), Body: envelope.Give(ctx, LoggedOut{true}).Body}, nil
}

// List handles GET /auth/sessions.
func (h *Logins) List(ctx context.Context, in *envelope.Pages) (*envelope.Many[SessionRow], error) {
	who, _ := access.From(ctx)
	rows, total, err := h.Store.Sessions(ctx, who.User, time.Now(), in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	sessions := make([]SessionRow, len(rows))
	for i, n := range rows {
		sessions[i] = showSession(n, who.Session)
	}
	return envelope.List(ctx, sessions, total, in.Limit, in.Offset), nil
}

// SessionEnded says which session is over.
type SessionEnded struct {
	ID      string `json:"id" format:"uuid"`
	Deleted bool   `json:"deleted" example:"true"`
}

// End handles DELETE /auth/sessions/{id}.
func (h *Logins) End(ctx context.Context, in *envelope.ID) (*envelope.One[SessionEnded], error) {
	who, _ := access.From(ctx)
	id, err := envelope.Canonical(in.ID, "session")
	if err != nil {
		return nil, err
	}
	if err := h.Store.EndSession(ctx, who.User, id); err != nil {
		return nil, none(err, "session")
	}
	return envelope.Give(ctx, SessionEnded{id, true}), nil
}

// SwitchOf is what POST /auth/switch asks.
type SwitchOf struct {
	envelope.Strict

	Body struct {
		OrganizationID string `json:"organization_id" format:"uuid"`
	}
}

// Switch handles POST /auth/switch.
func (h *Logins) Switch(ctx context.Context, in *SwitchOf) (*envelope.One[LoggedIn], error) {
	who, _ := access.From(ctx)
	id, err := envelope.Canonical(in.Body.OrganizationID, "organization")
	if err != nil {
		return nil, err
	}
	if err := h.Store.MoveSession(ctx, who.Session, id); err != nil {
		return nil, none(err, "organization")
	}
	return h.Current(ctx, nil)
}

// PasswordOf is what POST /auth/password asks.
type PasswordOf struct {
	envelope.Strict

	Body struct {
		Current string `json:"current_password" minLength:"1" maxLength:"512"`
		New     string `json:"new_password" minLength:"12" maxLength:"512" doc:"12 characters or more, and not one of those that everybody tries first."`
	}
}

// PasswordChanged says so.
type PasswordChanged struct {
	Message string `json:"message" example:"Password changed: all other sessions are over"`
}

// Password handles POST /auth/password.
func (h *Logins) Password(ctx context.Context, in *PasswordOf) (*envelope.One[PasswordChanged], error) {
	who, _ := access.From(ctx)
	err := h.Sessions.ChangePassword(ctx, who, access.Secret(in.Body.Current), access.Secret(in.Body.New), From(ctx).From)
	if errors.Is(err, access.ErrCredentials) {
		return nil, envelope.Wrong("current_password", "is wrong")
	}
	if err != nil {
		return nil, refusal(err, "new_password")
	}
	return envelope.Give(ctx, PasswordChanged{"Password changed: all other sessions are over"}), nil
}

// Acceptance is the body of POST /auth/accept-invite.
type Acceptance struct {
	Token    string `json:"token" minLength:"1" maxLength:"200" doc:"What stands behind the # of the link."`
	Name     string `json:"name,omitempty" maxLength:"200" doc:"Of a new user, how they want to be called." example:"Ada Lovelace"`
	Password string `json:"password" minLength:"1" maxLength:"512" doc:"Of a new user: 12 characters or more, and not one of those that everybody tries first. Of one that there is: theirs."`
}

// Resolve implements huma.ResolverWithPath.
func (b *Acceptance) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	return envelope.Blank(at, "name", b.Name)
}

// AcceptOf is what POST /auth/accept-invite asks.
type AcceptOf struct {
	envelope.Strict

	Body Acceptance
}

// Accept handles POST /auth/accept-invite.
func (h *Logins) Accept(ctx context.Context, in *AcceptOf) (*Entered[LoggedIn], error) {
	b := in.Body
	secret, n, err := h.Sessions.Accept(ctx, b.Token, b.Name, access.Secret(b.Password), From(ctx).From)
	if err != nil {
		return nil, refusal(err, "password")
	}
	return h.enter(ctx, secret, n)
}
