package lines

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/envelope"
	"parley/control/preanswer"
	"parley/store"
)

// Numbers handles /numbers.
type Numbers struct {
	Store   Rows
	Agents  store.Agents
	Changed func(ctx context.Context) // called after one was made, changed or deleted; may be nil
}

// Number is a phone number as the API shows it.
type Number struct {
	ID           string              `json:"id" format:"uuid"`
	Number       int64               `json:"number" doc:"Its second id, a number." example:"1"`
	PhoneNumber  string              `json:"phone_number" doc:"In E.164." example:"+1234567890"`
	Label        *string             `json:"label" example:"Front desk"`
	AgentID      *string             `json:"agent_id" doc:"Who answers it, and calls from it; null: the default agent." format:"uuid"`
	CredentialID *string             `json:"credential_id" doc:"The carrier's account that calls from it are placed by: Twilio's or Telnyx'; null: the organisation's default, else the server's." format:"uuid"`
	TrunkID      *string             `json:"trunk_id" doc:"The SIP trunk that it is reached by; null: none." format:"uuid"`
	PreAnswer    *preanswer.Settings `json:"pre_answer" doc:"Who is asked about each call to it before it is answered; null: whom its organisation has asked (docs/preanswer.md)."`
	CreatedAt    envelope.Time       `json:"created_at"`
	UpdatedAt    envelope.Time       `json:"updated_at"`
}

// TransformSchema implements huma.SchemaTransformer.
func (Number) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	envelope.OrNull(s, "pre_answer")
	return s
}

func showNumber(n store.Number) Number {
	return Number{
		ID: n.ID, Number: n.Number, PhoneNumber: n.E164, Label: envelope.Optional(n.Label), AgentID: envelope.Optional(n.Agent), CredentialID: envelope.Optional(n.Credential),
		TrunkID: envelope.Optional(n.Trunk), PreAnswer: preanswer.Show(n.PreAnswer), CreatedAt: envelope.Time(n.Created), UpdatedAt: envelope.Time(n.Updated),
	}
}

// List handles GET /numbers.
func (h *Numbers) List(ctx context.Context, in *envelope.Pages) (*envelope.Many[Number], error) {
	rows, total, err := h.Store.Numbers(ctx, access.Org(ctx), in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list numbers: %w", err)
	}
	all := make([]Number, len(rows))
	for i, row := range rows {
		all[i] = showNumber(row)
	}
	return envelope.List(ctx, all, total, in.Limit, in.Offset), nil
}

// Get handles GET /numbers/{id}.
func (h *Numbers) Get(ctx context.Context, in *envelope.ID) (*envelope.One[Number], error) {
	id, err := envelope.Canonical(in.ID, "number")
	if err != nil {
		return nil, err
	}
	n, err := h.Store.Number(ctx, access.Org(ctx), id)
	if err != nil {
		return nil, failed(err, "number", "")
	}
	return envelope.Give(ctx, showNumber(n)), nil
}

// NumberCreate is the body of POST /numbers.
type NumberCreate struct {
	ReadOnly

	PhoneNumber  string `json:"phone_number" minLength:"1" maxLength:"20" doc:"Phone number (E.164 format). No other organisation may have it."`
	Label        string `json:"label,omitempty" nullable:"true" maxLength:"200" doc:"What it is for."`
	AgentID      string `json:"agent_id,omitempty" nullable:"true" format:"uuid" doc:"Who answers it; none given: the default agent."`
	CredentialID string `json:"credential_id,omitempty" nullable:"true" format:"uuid" doc:"The carrier's account that calls from it are placed by: Twilio's or Telnyx'; none given: the organisation's default, else the server's."`
	TrunkID      string `json:"trunk_id,omitempty" nullable:"true" format:"uuid" doc:"The SIP trunk that it is reached by, instead of a credential."`

	PreAnswer envelope.Field[preanswer.Settings] `json:"pre_answer,omitempty" doc:"Who is asked about each call to it before it is answered; none given: whom its organisation has asked."`
}

// Resolve implements huma.ResolverWithPath.
func (b *NumberCreate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := append(b.check(at), envelope.Blank(at, "label", b.Label)...)
	if b.PhoneNumber != "" && !envelope.E164(b.PhoneNumber) {
		bad = append(bad, envelope.Complain(at, "phone_number", envelope.NoE164))
	}
	if b.CredentialID != "" && b.TrunkID != "" {
		bad = append(bad, envelope.Complain(at, "trunk_id", oneWay))
	}
	return append(bad, preanswer.Check(&b.PreAnswer, at)...)
}

const oneWay = "cannot be beside credential_id: a number is reached one way"

// CreateNumber is what POST /numbers asks.
type CreateNumber struct {
	envelope.Strict

	Body NumberCreate
}

// Create handles POST /numbers.
func (h *Numbers) Create(ctx context.Context, in *CreateNumber) (*envelope.One[Number], error) {
	b, now := in.Body, time.Now().UTC().Truncate(time.Microsecond)
	n := store.Number{
		ID: store.NewID(), Org: access.Org(ctx), E164: b.PhoneNumber, Label: b.Label, Agent: envelope.Plain(b.AgentID), Credential: envelope.Plain(b.CredentialID),
		Trunk: envelope.Plain(b.TrunkID), PreAnswer: preanswer.TextOf(b.PreAnswer), Created: now, Updated: now,
	}
	if err := h.known(ctx, n); err != nil {
		return nil, err
	}
	n, err := h.Store.CreateNumber(ctx, n)
	if err != nil {
		return nil, failed(err, "agent, credential or trunk", "phone_number")
	}
	call(ctx, h.Changed)
	return envelope.Give(ctx, showNumber(n)), nil
}

// known refuses a number that names what the organisation has not, each by its field.
func (h *Numbers) known(ctx context.Context, n store.Number) error {
	missing := map[string]string{}
	for _, f := range []struct {
		field, noun, id string
		find            func() error
	}{
		{"agent_id", "agent", n.Agent, func() error { _, err := h.Agents.Agent(ctx, n.Org, n.Agent); return err }},
		{"trunk_id", "trunk", n.Trunk, func() error { _, err := h.Store.Trunk(ctx, n.Org, n.Trunk); return err }},
		{"credential_id", "credential of a carrier", n.Credential, func() error {
			c, err := h.Store.Credential(ctx, n.Org, n.Credential)
			if err == nil && !Places(c.Vendor) {
				err = store.ErrNotFound
			}
			return err
		}},
	} {
		if f.id == "" {
			continue
		}
		if err := f.find(); errors.Is(err, store.ErrNotFound) {
			missing[f.field] = "no such " + f.noun
		} else if err != nil {
			return fmt.Errorf("find %s: %w", f.noun, err)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	f := envelope.Missing("the number names what there is not")
	f.Details = missing
	return f
}

// NumberPatch is the body of PATCH /numbers/{id}: what is left out stays, null clears.
type NumberPatch struct {
	ReadOnly

	PhoneNumber  envelope.Given         `json:"phone_number,omitempty" hidden:"true"`
	Label        envelope.Field[string] `json:"label,omitempty" maxLength:"200" doc:"What it is for."`
	AgentID      envelope.Field[string] `json:"agent_id,omitempty" format:"uuid" doc:"Who answers it; null: the default agent."`
	CredentialID envelope.Field[string] `json:"credential_id,omitempty" format:"uuid" doc:"The carrier's account that calls from it are placed by."`
	TrunkID      envelope.Field[string] `json:"trunk_id,omitempty" format:"uuid" doc:"The SIP trunk that it is reached by, instead of a credential."`

	PreAnswer envelope.Field[preanswer.Settings] `json:"pre_answer,omitempty" doc:"Who is asked about each call to it before it is answered; it is given as a whole, and null is whom its organisation has asked."`
}

// Resolve implements huma.ResolverWithPath.
func (b *NumberPatch) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := b.check(at)
	if b.PhoneNumber {
		bad = append(bad, envelope.Complain(at, "phone_number", "cannot be changed: make another number"))
	}
	for _, wrong := range [][]error{
		b.Label.Check(at, "label", true),
		b.AgentID.Check(at, "agent_id", true),
		b.CredentialID.Check(at, "credential_id", true),
		b.TrunkID.Check(at, "trunk_id", true),
		envelope.Blank(at, "label", b.Label.Value),
		preanswer.Check(&b.PreAnswer, at),
	} {
		bad = append(bad, wrong...)
	}
	return bad
}

func (b *NumberPatch) empty() bool {
	return !b.Label.Set && !b.AgentID.Set && !b.CredentialID.Set && !b.TrunkID.Set && !b.PreAnswer.Set
}

func (b *NumberPatch) apply(n *store.Number) error {
	for _, f := range []struct {
		from envelope.Field[string]
		to   *string
	}{{b.Label, &n.Label}, {b.AgentID, &n.Agent}, {b.CredentialID, &n.Credential}, {b.TrunkID, &n.Trunk}} {
		if f.from.Set {
			*f.to = f.from.Value
		}
	}
	if b.PreAnswer.Set {
		n.PreAnswer = preanswer.TextOf(b.PreAnswer)
	}
	n.Agent, n.Credential, n.Trunk = envelope.Plain(n.Agent), envelope.Plain(n.Credential), envelope.Plain(n.Trunk)
	if n.Credential != "" && n.Trunk != "" {
		return envelope.Wrong("trunk_id", oneWay)
	}
	return nil
}

// UpdateNumber is what PATCH /numbers/{id} asks.
type UpdateNumber struct {
	envelope.ID

	Body NumberPatch
}

// Update handles PATCH /numbers/{id}.
func (h *Numbers) Update(ctx context.Context, in *UpdateNumber) (*envelope.One[Number], error) {
	if in.Body.empty() {
		return nil, envelope.Bad("nothing to update: give at least one of label, agent_id, credential_id, trunk_id, pre_answer")
	}
	id, err := envelope.Canonical(in.ID.ID, "number")
	if err != nil {
		return nil, err
	}
	n, err := h.Store.Number(ctx, access.Org(ctx), id)
	if err != nil {
		return nil, failed(err, "number", "")
	}
	asked := store.Number{Org: n.Org, Agent: envelope.Plain(in.Body.AgentID.Value), Credential: envelope.Plain(in.Body.CredentialID.Value), Trunk: envelope.Plain(in.Body.TrunkID.Value)}
	if err := h.known(ctx, asked); err != nil {
		return nil, err
	}
	n, err = h.Store.UpdateNumber(ctx, access.Org(ctx), id, time.Now().UTC().Truncate(time.Microsecond), in.Body.apply)
	if err != nil {
		return nil, failed(err, "number", "")
	}
	call(ctx, h.Changed)
	return envelope.Give(ctx, showNumber(n)), nil
}

// Delete handles DELETE /numbers/{id}.
func (h *Numbers) Delete(ctx context.Context, in *envelope.ID) (*envelope.One[Gone], error) {
	id, err := envelope.Canonical(in.ID, "number")
	if err != nil {
		return nil, err
	}
	n, err := h.Store.Number(ctx, access.Org(ctx), id)
	if err == nil {
		err = h.Store.DeleteNumber(ctx, n.Org, n.E164)
	}
	if err != nil {
		return nil, failed(err, "number", "")
	}
	call(ctx, h.Changed)
	return envelope.Give(ctx, Gone{ID: id, Deleted: true}), nil
}
