package people

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/preanswer"
	"parley/control/traits"
	"parley/store"
)

// Organisations handles /organizations.
type Organisations struct {
	Store   store.Organisations
	Changed func(ctx context.Context) // called after one was made or renamed; may be nil
	Log     *slog.Logger
}

// Organization is an organisation as one of its people sees it.
type Organization struct {
	ID        string              `json:"id" format:"uuid"`
	Number    int64               `json:"number" doc:"Its second id, a number." example:"1"`
	Name      string              `json:"name" example:"Acme Ltd"`
	Role      store.Role          `json:"role" enum:"owner,admin,member" doc:"Yours, in it."`
	Current   bool                `json:"current" doc:"Whether the session works in it."`
	Memory    traits.Memory       `json:"memory" doc:"Whether its agents know what was said with somebody before, by whichever channel (docs/memory.md). Agents may have less of it by their settings, and never more."`
	PreAnswer *preanswer.Settings `json:"pre_answer" doc:"Who is asked about each inbound call before it is answered, unless its number says something else; null: nobody (docs/preanswer.md)."`
	CreatedAt envelope.Time       `json:"created_at"`
}

// TransformSchema implements huma.SchemaTransformer.
func (Organization) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "pre_answer")
	return s
}

func showOrganization(m store.Membership, current string) Organization {
	return Organization{
		ID: m.ID, Number: m.Number, Name: m.Name, Role: m.Role, Current: m.ID == current, Memory: traits.ReadMemory(m.Memory),
		PreAnswer: preanswer.Show(m.PreAnswer), CreatedAt: envelope.Time(m.Created),
	}
}

// List handles GET /organizations.
func (h *Organisations) List(ctx context.Context, in *envelope.Pages) (*envelope.Many[Organization], error) {
	who, _ := access.From(ctx)
	rows, total, err := h.Store.Memberships(ctx, who.User, in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list organisations: %w", err)
	}
	orgs := make([]Organization, len(rows))
	for i, m := range rows {
		orgs[i] = showOrganization(m, who.Org)
	}
	return envelope.List(ctx, orgs, total, in.Limit, in.Offset), nil
}

// membership reads the one that a path names.
func (h *Organisations) membership(ctx context.Context, id string) (access.Identity, store.Membership, error) {
	who, _ := access.From(ctx)
	id, err := envelope.Canonical(id, "organization")
	if err != nil {
		return who, store.Membership{}, err
	}
	m, err := h.Store.Membership(ctx, who.User, id)
	return who, m, none(err, "organization")
}

// Get handles GET /organizations/{id}.
func (h *Organisations) Get(ctx context.Context, in *envelope.ID) (*envelope.One[Organization], error) {
	who, m, err := h.membership(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, showOrganization(m, who.Org)), nil
}

// OrganizationNamed is the body of POST /organizations.
type OrganizationNamed struct {
	Name string `json:"name" minLength:"1" maxLength:"200" doc:"Not blank." example:"Acme Ltd"`
}

// Resolve implements huma.ResolverWithPath.
func (b *OrganizationNamed) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	return envelope.Blank(at, "name", b.Name)
}

// CreateOrganization is what POST /organizations asks.
type CreateOrganization struct {
	envelope.Strict

	Body OrganizationNamed
}

// Create handles POST /organizations.
func (h *Organisations) Create(ctx context.Context, in *CreateOrganization) (*envelope.One[Organization], error) {
	who, err := may(ctx, access.Open)
	if err != nil {
		return nil, err
	}
	m, err := h.Store.OpenOrganisation(ctx, store.Organisation{
		ID: store.NewID(), Name: strings.TrimSpace(in.Body.Name), Created: time.Now().UTC().Truncate(time.Microsecond),
	}, who.User)
	if err != nil {
		return nil, fmt.Errorf("open organisation: %w", err)
	}
	h.Log.InfoContext(ctx, "organisation opened", "org", m.ID, "owner", who.User)
	h.changed(ctx)
	return envelope.Give(ctx, showOrganization(m, who.Org)), nil
}

// OrganizationPatch is the body of PATCH /organizations/{id}: what is left out stays.
type OrganizationPatch struct {
	Name   envelope.Field[string]        `json:"name,omitempty" nullable:"false" minLength:"1" maxLength:"200" doc:"Not blank." example:"Acme Ltd"`
	Memory envelope.Field[traits.Memory] `json:"memory,omitempty" doc:"Whether its agents know what was said with somebody before; it is given as a whole, and null is off."`

	PreAnswer envelope.Field[preanswer.Settings] `json:"pre_answer,omitempty" doc:"Who is asked about each inbound call before it is answered; it is given as a whole, and null is nobody."`
}

// Resolve implements huma.ResolverWithPath.
func (b *OrganizationPatch) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := append(b.Name.Check(at, "name", false), b.Memory.Check(at, "memory", true)...)
	bad = append(bad, envelope.Blank(at, "name", b.Name.Value)...)
	if field, reason := b.Memory.Value.Fault(); field != "" && !b.Memory.Null {
		bad = append(bad, envelope.Complain(at, "memory."+field, reason))
	}
	return append(bad, preanswer.Check(&b.PreAnswer, at)...)
}

// ChangeOrganization is what PATCH /organizations/{id} asks.
type ChangeOrganization struct {
	envelope.ID

	Body OrganizationPatch
}

// Change handles PATCH /organizations/{id}. What counts is the role in that organisation, which need not be the session's.
func (h *Organisations) Change(ctx context.Context, in *ChangeOrganization) (*envelope.One[Organization], error) {
	who, m, err := h.membership(ctx, in.ID.ID)
	if err != nil {
		return nil, err
	}
	there := who
	there.Org, there.Role = m.ID, m.Role
	if _, err := may(access.With(ctx, there), access.Rename); err != nil {
		return nil, err
	}
	if !in.Body.Name.Set && !in.Body.Memory.Set && !in.Body.PreAnswer.Set {
		return nil, envelope.Bad("nothing to update: give at least one of name, memory, pre_answer")
	}
	if in.Body.Name.Set {
		m.Name = strings.TrimSpace(in.Body.Name.Value)
		if err := h.Store.RenameOrganisation(ctx, m.ID, m.Name); err != nil {
			return nil, none(err, "organization")
		}
	}
	if in.Body.Memory.Set {
		if m.Memory = in.Body.Memory.Value.Text(); in.Body.Memory.Null {
			m.Memory = ""
		}
		if err := h.Store.SetMemory(ctx, m.ID, m.Memory); err != nil {
			return nil, none(err, "organization")
		}
		h.Log.InfoContext(ctx, "memory of an organisation changed", "org", m.ID, "by", who.User, "enabled", traits.ReadMemory(m.Memory).Enabled)
	}
	if in.Body.PreAnswer.Set {
		m.PreAnswer = preanswer.TextOf(in.Body.PreAnswer)
		if err := h.Store.SetPreAnswer(ctx, m.ID, m.PreAnswer); err != nil {
			return nil, none(err, "organization")
		}
		h.Log.InfoContext(ctx, "pre-answer of an organisation changed", "org", m.ID, "by", who.User, "enabled", m.PreAnswer != "")
	}
	h.changed(ctx)
	return envelope.Give(ctx, showOrganization(m, who.Org)), nil
}

func (h *Organisations) changed(ctx context.Context) {
	if h.Changed != nil {
		h.Changed(ctx)
	}
}
