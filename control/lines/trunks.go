package lines

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/vault"
	"parley/store"
)

// Trunks handles /trunks.
type Trunks struct {
	Store   Rows
	Vault   *vault.Vault
	State   func(trunk string) *TrunkState // how one stands, nil if that is not known; nil: of none it is
	Changed func(ctx context.Context)      // called after one was made, changed or deleted; may be nil
	Log     *slog.Logger
}

// show is a row as the API shows it.
func (h *Trunks) show(row store.Trunk) Trunk {
	shown := showTrunk(row)
	if h.State != nil {
		shown.showState(h.State(row.ID))
	}
	return shown
}

// List handles GET /trunks.
func (h *Trunks) List(ctx context.Context, in *envelope.Pages) (*envelope.Many[Trunk], error) {
	rows, total, err := h.Store.Trunks(ctx, access.Org(ctx), in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list trunks: %w", err)
	}
	all := make([]Trunk, len(rows))
	for i, row := range rows {
		all[i] = h.show(row)
	}
	return envelope.List(ctx, all, total, in.Limit, in.Offset), nil
}

// Get handles GET /trunks/{id}.
func (h *Trunks) Get(ctx context.Context, in *envelope.ID) (*envelope.One[Trunk], error) {
	id, err := envelope.Canonical(in.ID, "trunk")
	if err != nil {
		return nil, err
	}
	t, err := h.Store.Trunk(ctx, access.Org(ctx), id)
	if err != nil {
		return nil, failed(err, "trunk", "")
	}
	return envelope.Give(ctx, h.show(t)), nil
}

// CreateTrunk is what POST /trunks asks.
type CreateTrunk struct {
	envelope.Strict

	Body TrunkCreate
}

// Create handles POST /trunks.
func (h *Trunks) Create(ctx context.Context, in *CreateTrunk) (*envelope.One[Trunk], error) {
	t, now := in.Body.trunk(), time.Now().UTC().Truncate(time.Microsecond)
	t.ID, t.Org, t.Created, t.Updated = store.NewID(), access.Org(ctx), now, now
	t.Allowed = Networks(t.Allowed)
	t.Sealed = h.Vault.Seal(in.Body.Password, vault.PlaceOf(store.TrunkSecret, t.Org, t.ID))
	t, err := h.Store.CreateTrunk(ctx, t)
	if err != nil {
		return nil, failed(err, "trunk", "name")
	}
	h.Log.InfoContext(ctx, "trunk made", "org", t.Org, "trunk", t.ID)
	call(ctx, h.Changed)
	return envelope.Give(ctx, h.show(t)), nil
}

// UpdateTrunk is what PATCH /trunks/{id} asks.
type UpdateTrunk struct {
	envelope.ID

	Body TrunkPatch
}

// Update handles PATCH /trunks/{id}.
func (h *Trunks) Update(ctx context.Context, in *UpdateTrunk) (*envelope.One[Trunk], error) {
	if in.Body.empty() {
		return nil, envelope.Bad("nothing to update: give at least one of name, host, port, transport, username, password, realm, " +
			"allowed_networks, codecs, caller_id, outbound, register")
	}
	id, err := envelope.Canonical(in.ID.ID, "trunk")
	if err != nil {
		return nil, err
	}
	t, err := h.Store.UpdateTrunk(ctx, access.Org(ctx), id, time.Now().UTC().Truncate(time.Microsecond), func(t *store.Trunk) error {
		return h.change(t, in.Body)
	})
	if err != nil {
		return nil, failed(err, "trunk", "name")
	}
	h.Log.InfoContext(ctx, "trunk changed", "org", t.Org, "trunk", t.ID, "password", in.Body.Password.Set)
	call(ctx, h.Changed)
	return envelope.Give(ctx, h.show(t)), nil
}

// change applies a patch to a row, or says what stands against it.
func (h *Trunks) change(t *store.Trunk, b TrunkPatch) error {
	host := t.Host
	b.apply(t)
	if b.Password.Set {
		t.Sealed = h.Vault.Seal(b.Password.Value, vault.PlaceOf(store.TrunkSecret, t.Org, t.ID))
	}
	bad := CheckTrunk(*t, t.Sealed.Text != "")
	if !strings.EqualFold(host, t.Host) && t.Sealed.Text != "" && !b.Password.Set {
		bad["password"] = "is needed for another host"
	}
	if err := invalid(bad); err != nil {
		return err
	}
	t.Allowed = Networks(t.Allowed)
	return nil
}

// Delete handles DELETE /trunks/{id}.
func (h *Trunks) Delete(ctx context.Context, in *envelope.ID) (*envelope.One[Gone], error) {
	id, err := envelope.Canonical(in.ID, "trunk")
	if err != nil {
		return nil, err
	}
	if err := h.Store.DeleteTrunk(ctx, access.Org(ctx), id); err != nil {
		return nil, needed(err, "trunk")
	}
	h.Log.InfoContext(ctx, "trunk deleted", "org", access.Org(ctx), "trunk", id)
	call(ctx, h.Changed)
	return envelope.Give(ctx, Gone{ID: id, Deleted: true}), nil
}
