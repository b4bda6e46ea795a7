package lines

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/suppliers"
	"parley/control/vault"
	"parley/store"
)

// A Gate says which servers may be asked at all.
type Gate interface {
	// Check says why a URL may not be asked, as far as that can be told without looking up its host.
	Check(url string) error
}

// Asker finds out whether secrets work: a Verifier.
type Asker interface {
	Verify(ctx context.Context, c store.Credential, secret string) (store.Verdict, error)
}

// Credentials handles /credentials.
type Credentials struct {
	Store   Rows
	Vault   *vault.Vault
	Gate    Gate                      // nil: no credential has a server of its own
	Asker   Asker                     // nil: none is asked
	Changed func(ctx context.Context) // called after one was made, changed or deleted; may be nil
	Log     *slog.Logger
}

// ListCredentials is what GET /credentials asks.
type ListCredentials struct {
	envelope.Pages

	Vendor suppliers.Account `query:"vendor" doc:"Filter by vendor."`
}

// List handles GET /credentials.
func (h *Credentials) List(ctx context.Context, in *ListCredentials) (*envelope.Many[Credential], error) {
	rows, total, err := h.Store.Credentials(ctx, access.Org(ctx), string(in.Vendor), in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	all := make([]Credential, len(rows))
	for i, row := range rows {
		all[i] = showCredential(row)
	}
	return envelope.List(ctx, all, total, in.Limit, in.Offset), nil
}

// row is the credential that a path names.
func (h *Credentials) row(ctx context.Context, id string) (store.Credential, error) {
	id, err := envelope.Canonical(id, "credential")
	if err != nil {
		return store.Credential{}, err
	}
	c, err := h.Store.Credential(ctx, access.Org(ctx), id)
	if err != nil {
		return c, failed(err, "credential", "")
	}
	return c, nil
}

// Get handles GET /credentials/{id}.
func (h *Credentials) Get(ctx context.Context, in *envelope.ID) (*envelope.One[Credential], error) {
	c, err := h.row(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, showCredential(c)), nil
}

// CreateCredential is what POST /credentials asks.
type CreateCredential struct {
	envelope.Strict

	Body CredentialCreate
}

// Create handles POST /credentials.
func (h *Credentials) Create(ctx context.Context, in *CreateCredential) (*envelope.One[Credential], error) {
	b, now := in.Body, time.Now().UTC().Truncate(time.Microsecond)
	c := store.Credential{
		ID: store.NewID(), Org: access.Org(ctx), Vendor: string(b.Vendor), Name: b.Name, Account: b.AccountID, Application: b.ApplicationID, PublicKey: b.PublicKey,
		BaseURL: b.BaseURL, Hint: Hint(b.Secret),
		Created: now, Updated: now,
	}
	if err := h.open(c.BaseURL); err != nil {
		return nil, err
	}
	if b.Default != nil {
		c.Default = *b.Default
	} else {
		_, others, err := h.Store.Credentials(ctx, c.Org, c.Vendor, store.Page{})
		if err != nil {
			return nil, fmt.Errorf("list credentials: %w", err)
		}
		c.Default = others == 0
	}
	c.Sealed = h.Vault.Seal(b.Secret, vault.PlaceOf(store.CredentialSecret, c.Org, c.ID))
	c, err := h.Store.CreateCredential(ctx, c)
	if err != nil {
		return nil, failed(err, "credential", "name")
	}
	h.Log.InfoContext(ctx, "credential made", "org", c.Org, "credential", c.ID, "vendor", c.Vendor)
	call(ctx, h.Changed)
	return envelope.Give(ctx, showCredential(c)), nil
}

// open refuses a server that the operator does not allow.
func (h *Credentials) open(base string) error {
	if base == "" {
		return nil
	}
	if h.Gate == nil {
		return envelope.Wrong("base_url", "must be left out: this server asks the vendors' own servers alone")
	}
	if err := h.Gate.Check(base); err != nil {
		return envelope.Wrong("base_url", err.Error())
	}
	return nil
}

// UpdateCredential is what PATCH /credentials/{id} asks.
type UpdateCredential struct {
	envelope.ID

	Body CredentialPatch
}

// Update handles PATCH /credentials/{id}.
func (h *Credentials) Update(ctx context.Context, in *UpdateCredential) (*envelope.One[Credential], error) {
	if in.Body.empty() {
		return nil, envelope.Bad("nothing to update: give at least one of name, account_id, application_id, public_key, secret, base_url, default")
	}
	id, err := envelope.Canonical(in.ID.ID, "credential")
	if err != nil {
		return nil, err
	}
	c, err := h.Store.UpdateCredential(ctx, access.Org(ctx), id, time.Now().UTC().Truncate(time.Microsecond), func(c *store.Credential) error {
		return h.change(c, in.Body)
	})
	if err != nil {
		return nil, failed(err, "credential", "name")
	}
	h.Log.InfoContext(ctx, "credential changed", "org", c.Org, "credential", c.ID, "vendor", c.Vendor, "secret", in.Body.Secret.Set)
	call(ctx, h.Changed)
	return envelope.Give(ctx, showCredential(c)), nil
}

// change applies a patch to a row, or says what stands against it.
func (h *Credentials) change(c *store.Credential, b CredentialPatch) error {
	was := *c
	if b.Name.Set {
		c.Name = b.Name.Value
	}
	if b.AccountID.Set {
		c.Account = b.AccountID.Value
	}
	if b.ApplicationID.Set {
		c.Application = b.ApplicationID.Value
	}
	if b.PublicKey.Set {
		c.PublicKey = b.PublicKey.Value
	}
	if b.BaseURL.Set {
		c.BaseURL = b.BaseURL.Value
	}
	if b.Default.Set {
		c.Default = b.Default.Value
	}
	bad := CheckCredential(*c)
	if c.BaseURL != was.BaseURL {
		if !b.Secret.Set {
			bad["secret"] = "is needed for another base_url"
		}
		var f *envelope.Fault
		if err := h.open(c.BaseURL); bad["base_url"] == "" && errors.As(err, &f) {
			bad["base_url"] = f.Details["base_url"]
		}
	}
	if err := invalid(bad); err != nil {
		return err
	}
	if b.Secret.Set {
		c.Sealed, c.Hint = h.Vault.Seal(b.Secret.Value, vault.PlaceOf(store.CredentialSecret, c.Org, c.ID)), Hint(b.Secret.Value)
	}
	if b.Secret.Set || c.Account != was.Account || c.BaseURL != was.BaseURL {
		c.Verdict, c.Verified = "", time.Time{}
	}
	return nil
}

// Delete handles DELETE /credentials/{id}.
func (h *Credentials) Delete(ctx context.Context, in *envelope.ID) (*envelope.One[Gone], error) {
	id, err := envelope.Canonical(in.ID, "credential")
	if err != nil {
		return nil, err
	}
	if err := h.Store.DeleteCredential(ctx, access.Org(ctx), id); err != nil {
		return nil, needed(err, "credential")
	}
	h.Log.InfoContext(ctx, "credential deleted", "org", access.Org(ctx), "credential", id)
	call(ctx, h.Changed)
	return envelope.Give(ctx, Gone{ID: id, Deleted: true}), nil
}

// Verify handles POST /credentials/{id}/verify.
func (h *Credentials) Verify(ctx context.Context, in *envelope.ID) (*envelope.One[Verification], error) {
	c, err := h.row(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if h.Asker == nil {
		return nil, envelope.Busy("this server asks no vendors", nil)
	}
	v, err := Verify(ctx, h.Store, h.Vault, h.Asker, c)
	switch {
	case errors.Is(err, ErrUnverifiable):
		return nil, envelope.Bad("credentials of " + c.Vendor + " cannot be verified")
	case errors.Is(err, vault.ErrClosed):
		return nil, envelope.Bad("the secret cannot be opened: the key that sealed it is missing on this server; set the secret anew")
	case errors.Is(err, store.ErrNotFound):
		return nil, envelope.Bad("the credential was changed meanwhile: ask again")
	case err != nil:
		return nil, envelope.Busy("the vendor could not be asked", err)
	}
	return envelope.Give(ctx, v), nil
}

// Verify asks a credential's vendor whether its secret works, and keeps the verdict. vault.ErrClosed if the secret cannot be opened,
// ErrUnverifiable if nobody can be asked, store.ErrNotFound if the credential has changed or is gone.
func Verify(ctx context.Context, rows store.Credentials, v *vault.Vault, asker Asker, c store.Credential) (Verification, error) {
	secret, err := v.Open(c.Sealed, vault.PlaceOf(store.CredentialSecret, c.Org, c.ID))
	if err != nil {
		return Verification{}, err
	}
	verdict, err := asker.Verify(ctx, c, secret)
	if err != nil {
		return Verification{}, err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	if err := rows.NoteVerdict(ctx, c.Org, c.ID, c.Sealed, verdict, now); err != nil {
		return Verification{}, fmt.Errorf("keep verdict: %w", err)
	}
	return Verification{
		ID: c.ID, Vendor: c.Vendor, Works: verdict == store.Works, Verdict: string(verdict), VerifiedAt: envelope.Time(now),
	}, nil
}
