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

// Keys handles /api-keys.
type Keys struct {
	Store  store.KeyRing
	Forget func(hash string) // called when the secret with that hash came or went; may be nil
	Log    *slog.Logger
}

// APIKey is a key as the API shows it.
type APIKey struct {
	ID         string        `json:"id" format:"uuid"`
	Number     int64         `json:"number" doc:"Its second id, a number." example:"1"`
	Name       string        `json:"name" example:"CRM integration"`
	Prefix     string        `json:"prefix" doc:"How its secret begins." example:"va_4fQ8sZ1k"`
	Role       store.Role    `json:"role" enum:"owner,admin,member" doc:"Its maker's: it never may do more."`
	Scopes     []string      `json:"scopes" nullable:"false" example:"[\"agents:read\",\"calls:read\"]"`
	Status     string        `json:"status" enum:"active,expired,revoked"`
	CreatedBy  *string       `json:"created_by" doc:"The user who made it; null: the house itself."`
	CreatedAt  envelope.Time `json:"created_at"`
	ExpiresAt  envelope.Time `json:"expires_at" nullable:"true" doc:"null: never."`
	LastUsedAt envelope.Time `json:"last_used_at" nullable:"true" doc:"To the minute."`
	RevokedAt  envelope.Time `json:"revoked_at" nullable:"true"`
}

func showKey(k store.Key) APIKey {
	status := "active"
	switch {
	case !k.Revoked.IsZero():
		status = "revoked"
	case !k.Expires.IsZero() && !time.Now().Before(k.Expires):
		status = "expired"
	}
	scopes := k.Scopes
	if scopes == nil {
		scopes = []string{}
	}
	return APIKey{
		ID: k.ID, Number: k.Number, Name: k.Name, Prefix: k.Prefix, Role: k.Role, Scopes: scopes, Status: status, CreatedBy: envelope.Optional(k.User),
		CreatedAt: envelope.Time(k.Created), ExpiresAt: envelope.Time(k.Expires), LastUsedAt: envelope.Time(k.LastUsed),
		RevokedAt: envelope.Time(k.Revoked),
	}
}

// NewAPIKey is a key with its secret.
type NewAPIKey struct {
	APIKey

	Key string `json:"key" doc:"The secret, shown this once: Authorization: Bearer with it. It is not kept." example:"va_4fQ8sZ1k..."`
}

// List handles GET /api-keys.
func (h *Keys) List(ctx context.Context, in *envelope.Pages) (*envelope.Many[APIKey], error) {
	who, err := may(ctx, access.OwnKeys)
	if err != nil {
		return nil, err
	}
	var rows []store.Key
	var total int64
	if access.May(who.Role, access.AllKeys) {
		rows, total, err = h.Store.Keys(ctx, who.Org, in.Rows())
	} else {
		rows, total, err = h.Store.KeysBy(ctx, who.Org, who.User, in.Rows())
	}
	if err != nil {
		return nil, fmt.Errorf("list keys: %w", err)
	}
	keys := make([]APIKey, len(rows))
	for i, k := range rows {
		keys[i] = showKey(k)
	}
	return envelope.List(ctx, keys, total, in.Limit, in.Offset), nil
}

// key reads the row that a path names, if it is one's own or one may see everybody's.
func (h *Keys) key(ctx context.Context, id string) (access.Identity, store.Key, error) {
	who, err := may(ctx, access.OwnKeys)
	if err != nil {
		return who, store.Key{}, err
	}
	if id, err = envelope.Canonical(id, "key"); err != nil {
		return who, store.Key{}, err
	}
	k, err := h.Store.Key(ctx, who.Org, id)
	if err == nil && k.User != who.User && !access.May(who.Role, access.AllKeys) {
		err = store.ErrNotFound
	}
	return who, k, none(err, "key")
}

// Get handles GET /api-keys/{id}.
func (h *Keys) Get(ctx context.Context, in *envelope.ID) (*envelope.One[APIKey], error) {
	_, k, err := h.key(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, showKey(k)), nil
}

// APIKeyCreate is the body of POST /api-keys.
type APIKeyCreate struct {
	Name      string     `json:"name" minLength:"1" maxLength:"200" doc:"What it is for: not blank." example:"CRM integration"`
	Scopes    []string   `json:"scopes,omitempty" nullable:"true" maxItems:"100" doc:"What it may do, such as agents:read; never more than its maker's role. None given: everything (*)."`
	ExpiresAt *time.Time `json:"expires_at,omitempty" nullable:"true" doc:"When it stops working. None given: when it is revoked."`
	Prefix    string     `json:"prefix,omitempty" enum:"va_,cm_" default:"va_" doc:"How it begins. It tells people what a key is for: every key works on every part of the API that its scopes allow."`
}

// Resolve implements huma.ResolverWithPath.
func (b *APIKeyCreate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := envelope.Blank(at, "name", b.Name)
	if len(b.Scopes) > 0 {
		if err := access.CheckScopes(b.Scopes); err != nil {
			bad = append(bad, envelope.Complain(at, "scopes", err.Error()))
		}
	}
	if b.ExpiresAt != nil && (!b.ExpiresAt.After(time.Now()) || b.ExpiresAt.UTC().Year() > 9999) {
		bad = append(bad, envelope.Complain(at, "expires_at", "must be in the future, and before the year 10000"))
	}
	return bad
}

// CreateKey is what POST /api-keys asks.
type CreateKey struct {
	envelope.Strict

	Body APIKeyCreate
}

// Create handles POST /api-keys.
func (h *Keys) Create(ctx context.Context, in *CreateKey) (*envelope.One[NewAPIKey], error) {
	who, err := may(ctx, access.OwnKeys)
	if err != nil {
		return nil, err
	}
	b := in.Body
	if len(b.Scopes) == 0 {
		b.Scopes = []string{access.All}
	}
	for _, scope := range b.Scopes {
		if scope != access.All && !access.RoleAllows(who.Role, scope) {
			f := envelope.Denied(fmt.Sprintf("your role, %s, cannot give a key the scope %s", who.Role, scope))
			f.Details = map[string]string{"scopes": scope}
			return nil, f
		}
	}
	made, err := access.NewKey(b.Prefix)
	if err != nil {
		return nil, err
	}
	k := store.Key{
		ID: store.NewID(), Org: who.Org, User: who.User, Role: who.Role, Name: b.Name, Prefix: made.Prefix, Hash: made.Hash, Scopes: b.Scopes,
		Created: time.Now().UTC().Truncate(time.Microsecond),
	}
	if b.ExpiresAt != nil {
		k.Expires = b.ExpiresAt.UTC().Truncate(time.Microsecond)
	}
	if k, err = h.Store.CreateKey(ctx, k); err != nil {
		return nil, fmt.Errorf("create key: %w", err)
	}
	h.Log.InfoContext(ctx, "key made", "org", who.Org, "user", who.User, "key", k.ID, "scopes", k.Scopes)
	return envelope.Give(ctx, NewAPIKey{showKey(k), string(made.Secret)}), nil
}

// Revoke handles DELETE /api-keys/{id}.
func (h *Keys) Revoke(ctx context.Context, in *envelope.ID) (*envelope.One[APIKey], error) {
	who, k, err := h.key(ctx, in.ID)
	if err == nil {
		err = above(who, k.Role)
	}
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	if err := h.Store.RevokeKey(ctx, who.Org, k.ID, now); err != nil {
		return nil, none(err, "key")
	}
	h.forget(k.Hash)
	if k.Revoked.IsZero() {
		k.Revoked = now
		h.Log.InfoContext(ctx, "key revoked", "org", who.Org, "user", who.User, "key", k.ID)
	}
	return envelope.Give(ctx, showKey(k)), nil
}

// Regenerate handles POST /api-keys/{id}/regenerate.
func (h *Keys) Regenerate(ctx context.Context, in *envelope.ID) (*envelope.One[NewAPIKey], error) {
	who, k, err := h.key(ctx, in.ID)
	if err == nil {
		err = above(who, k.Role)
	}
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	if !k.Expires.IsZero() && !now.Before(k.Expires) {
		return nil, envelope.Bad("the key has expired: make a new one")
	}
	prefix := access.VoicePrefix
	if strings.HasPrefix(k.Prefix, access.CRMPrefix) {
		prefix = access.CRMPrefix
	}
	made, err := access.NewKey(prefix)
	if err != nil {
		return nil, err
	}
	old := k.Hash
	k, err = h.Store.ReplaceKey(ctx, who.Org, k.ID, made.Prefix, made.Hash, now)
	h.forget(old)
	if errors.Is(err, store.ErrConflict) {
		return nil, envelope.Bad("the key is revoked: make a new one")
	}
	if err != nil {
		return nil, none(err, "key")
	}
	h.Log.InfoContext(ctx, "key regenerated", "org", who.Org, "user", who.User, "key", k.ID)
	return envelope.Give(ctx, NewAPIKey{showKey(k), string(made.Secret)}), nil
}

func (h *Keys) forget(hash string) {
	if h.Forget != nil {
		h.Forget(hash)
	}
}
