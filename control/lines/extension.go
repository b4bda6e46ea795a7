package lines

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/vault"
	"parley/store"
)

// Extensions handles /extensions.
type Extensions struct {
	Store   store.Extensions
	Agents  store.Agents
	Vault   *vault.Vault
	Changed func(ctx context.Context) // called after one was made, changed or deleted; may be nil
	Log     *slog.Logger
}

// Extension is what a softphone registers with, as the API shows it.
type Extension struct {
	ID        string        `json:"id" format:"uuid"`
	Number    int64         `json:"number" doc:"Its second id, a number." example:"1"`
	Username  string        `json:"username" doc:"Of the softphone's account; unique in the organisation." example:"anna"`
	Name      string        `json:"name" doc:"For people." example:"Anna at the front desk"`
	AgentID   *string       `json:"agent_id" format:"uuid" doc:"Who answers its calls; null: the default agent."`
	CreatedAt envelope.Time `json:"created_at"`
	UpdatedAt envelope.Time `json:"updated_at"`
}

// NewExtension is an extension with its password, which is shown this once.
type NewExtension struct {
	Extension

	Password string `json:"password" doc:"Of the softphone's account. It is sealed, and not shown again." example:"4J7QK2W5ZP3TNY6MXR2VHC5BDA"`
}

func showExtension(e store.Extension) Extension {
	return Extension{
		ID: e.ID, Number: e.Number, Username: e.Username, Name: e.Name, AgentID: envelope.Optional(e.Agent),
		CreatedAt: envelope.Time(e.Created), UpdatedAt: envelope.Time(e.Updated),
	}
}

// ExtensionReadOnly are the fields of an extension that nobody can set.
type ExtensionReadOnly struct {
	ReadOnly

	Password envelope.Given `json:"password,omitempty" hidden:"true"`
}

func (r ExtensionReadOnly) check(at *huma.PathBuffer) []error {
	bad := r.ReadOnly.check(at)
	if r.Password {
		bad = append(bad, envelope.Complain(at, "password", "is made by the server: POST /extensions/{id}/password makes another"))
	}
	return bad
}

// username is the user part of a SIP address that needs no escapes (RFC 3261, 25.1), in small letters, so that it can be dialled and said.
var username = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// CheckExtension says what is wrong with an extension beyond its types, by the names of the API's fields.
func CheckExtension(e store.Extension) map[string]string {
	bad := map[string]string{}
	if !username.MatchString(e.Username) {
		bad["username"] = "must be small letters, digits, dots, _ and -, 63 at most, and begin with a letter or digit"
	}
	if strings.ContainsFunc(e.Name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		bad["name"] = "must not contain control characters"
	}
	return bad
}

// ExtensionCreate is the body of POST /extensions.
type ExtensionCreate struct {
	ExtensionReadOnly

	Username string `json:"username" maxLength:"63" doc:"Of the softphone's account: small letters, digits, dots, _ and -; unique in the organisation. It stays."`
	Name     string `json:"name,omitempty" nullable:"true" maxLength:"100" doc:"For people. None given: the username."`
	AgentID  string `json:"agent_id,omitempty" nullable:"true" format:"uuid" doc:"Who answers its calls; none given: the default agent."`
}

// Resolve implements huma.ResolverWithPath.
func (b *ExtensionCreate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	return append(b.check(at), complaints(at, CheckExtension(store.Extension{Username: b.Username, Name: b.Name}))...)
}

// ExtensionPatch is the body of PATCH /extensions/{id}: what is left out stays, null clears.
type ExtensionPatch struct {
	ExtensionReadOnly

	Username envelope.Given         `json:"username,omitempty" hidden:"true"`
	Name     envelope.Field[string] `json:"name,omitempty" nullable:"false" minLength:"1" maxLength:"100" doc:"For people."`
	AgentID  envelope.Field[string] `json:"agent_id,omitempty" format:"uuid" doc:"Who answers its calls; null: the default agent."`
}

// Resolve implements huma.ResolverWithPath.
func (b *ExtensionPatch) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := b.check(at)
	if b.Username {
		bad = append(bad, envelope.Complain(at, "username", "stays: make another extension"))
	}
	bad = append(bad, b.Name.Check(at, "name", false)...)
	return append(bad, b.AgentID.Check(at, "agent_id", true)...)
}

// List handles GET /extensions.
func (h *Extensions) List(ctx context.Context, in *envelope.Pages) (*envelope.Many[Extension], error) {
	rows, total, err := h.Store.Extensions(ctx, access.Org(ctx), in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list extensions: %w", err)
	}
	all := make([]Extension, len(rows))
	for i, row := range rows {
		all[i] = showExtension(row)
	}
	return envelope.List(ctx, all, total, in.Limit, in.Offset), nil
}

// Get handles GET /extensions/{id}.
func (h *Extensions) Get(ctx context.Context, in *envelope.ID) (*envelope.One[Extension], error) {
	id, err := envelope.Canonical(in.ID, "extension")
	if err != nil {
		return nil, err
	}
	e, err := h.Store.Extension(ctx, access.Org(ctx), id)
	if err != nil {
		return nil, failed(err, "extension", "")
	}
	return envelope.Give(ctx, showExtension(e)), nil
}

// CreateExtension is what POST /extensions asks.
type CreateExtension struct {
	envelope.Strict

	Body ExtensionCreate
}

// Create handles POST /extensions.
func (h *Extensions) Create(ctx context.Context, in *CreateExtension) (*envelope.One[NewExtension], error) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	e := store.Extension{
		ID: store.NewID(), Org: access.Org(ctx), Username: in.Body.Username, Name: in.Body.Name, Agent: envelope.Plain(in.Body.AgentID), Created: now, Updated: now,
	}
	if e.Name == "" {
		e.Name = e.Username
	}
	if err := h.answers(ctx, e.Agent); err != nil {
		return nil, err
	}
	password := h.renew(&e)
	e, err := h.Store.CreateExtension(ctx, e)
	if err != nil {
		return nil, failed(err, "extension", "username")
	}
	h.Log.InfoContext(ctx, "extension made", "org", e.Org, "extension", e.ID)
	call(ctx, h.Changed)
	return envelope.Give(ctx, NewExtension{showExtension(e), password}), nil
}

// renew makes an extension's password: 130 bits, which no digest on the wire gives away.
func (h *Extensions) renew(e *store.Extension) (password string) {
	password = rand.Text()
	e.Sealed = h.Vault.Seal(password, vault.PlaceOf(store.ExtensionSecret, e.Org, e.ID))
	return password
}

// answers refuses an agent that the organisation has not.
func (h *Extensions) answers(ctx context.Context, agent string) error {
	if agent == "" {
		return nil
	}
	_, err := h.Agents.Agent(ctx, access.Org(ctx), agent)
	if errors.Is(err, store.ErrNotFound) {
		return envelope.Wrong("agent_id", "is no agent of the organisation")
	}
	if err != nil {
		return fmt.Errorf("read agent: %w", err)
	}
	return nil
}

// UpdateExtension is what PATCH /extensions/{id} asks.
type UpdateExtension struct {
	envelope.ID

	Body ExtensionPatch
}

// Update handles PATCH /extensions/{id}.
func (h *Extensions) Update(ctx context.Context, in *UpdateExtension) (*envelope.One[Extension], error) {
	if !in.Body.Name.Set && !in.Body.AgentID.Set {
		return nil, envelope.Bad("nothing to update: give at least one of name, agent_id")
	}
	agent := envelope.Plain(in.Body.AgentID.Value)
	if err := h.answers(ctx, agent); err != nil {
		return nil, err
	}
	e, err := h.change(ctx, in.ID.ID, func(e *store.Extension) error {
		if in.Body.Name.Set {
			e.Name = in.Body.Name.Value
		}
		if in.Body.AgentID.Set {
			e.Agent = agent
		}
		return invalid(CheckExtension(*e))
	})
	if err != nil {
		return nil, failed(err, "extension", "username")
	}
	return envelope.Give(ctx, showExtension(e)), nil
}

// Password handles POST /extensions/{id}/password.
func (h *Extensions) Password(ctx context.Context, in *envelope.ID) (*envelope.One[NewExtension], error) {
	var password string
	e, err := h.change(ctx, in.ID, func(e *store.Extension) error {
		password = h.renew(e)
		return nil
	})
	if err != nil {
		return nil, failed(err, "extension", "username")
	}
	return envelope.Give(ctx, NewExtension{showExtension(e), password}), nil
}

// change alters an extension that a path names.
func (h *Extensions) change(ctx context.Context, id string, change func(*store.Extension) error) (store.Extension, error) {
	id, err := envelope.Canonical(id, "extension")
	if err != nil {
		return store.Extension{}, err
	}
	e, err := h.Store.UpdateExtension(ctx, access.Org(ctx), id, time.Now().UTC().Truncate(time.Microsecond), change)
	if err != nil {
		return e, err
	}
	h.Log.InfoContext(ctx, "extension changed", "org", e.Org, "extension", e.ID)
	call(ctx, h.Changed)
	return e, nil
}

// Delete handles DELETE /extensions/{id}.
func (h *Extensions) Delete(ctx context.Context, in *envelope.ID) (*envelope.One[Gone], error) {
	id, err := envelope.Canonical(in.ID, "extension")
	if err != nil {
		return nil, err
	}
	if err := h.Store.DeleteExtension(ctx, access.Org(ctx), id); err != nil {
		return nil, failed(err, "extension", "")
	}
	h.Log.InfoContext(ctx, "extension deleted", "org", access.Org(ctx), "extension", id)
	call(ctx, h.Changed)
	return envelope.Give(ctx, Gone{ID: id, Deleted: true}), nil
}
