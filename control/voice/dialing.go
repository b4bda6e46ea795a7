package voice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/access"
	"parley/control/dialer"
	"parley/control/envelope"
	"parley/store"
)

// A Ruler keeps how organisations may dial: a dialer.Dialer.
type Ruler interface {
	OwnRules(ctx context.Context, org string) (dialer.Rules, error)
	Effective(ctx context.Context, org string) (dialer.Rules, error)
	SetRules(ctx context.Context, org string, r dialer.Rules) error
}

// Dialing handles /dialing and /do-not-call. Both are extensions.
type Dialing struct {
	Rules Ruler
	Lists store.DoNotCall
}

// DialRules are how an organisation may dial.
type DialRules struct {
	Rules     dialer.Rules `json:"rules" doc:"What the organisation has set."`
	Effective dialer.Rules `json:"effective" doc:"What holds: with the server's settings where it has set nothing."`
}

// Get handles GET /dialing.
func (h *Dialing) Get(ctx context.Context, _ *envelope.Nothing) (*envelope.One[DialRules], error) {
	own, err := h.Rules.OwnRules(ctx, access.Org(ctx))
	if err != nil {
		return nil, err
	}
	all, err := h.Rules.Effective(ctx, access.Org(ctx))
	if err != nil {
		return nil, err
	}
	return envelope.Give(ctx, DialRules{Rules: own, Effective: all}), nil
}

// A RulesBody is the body of PUT /dialing.
type RulesBody struct{ dialer.Rules }

// Resolve implements huma.ResolverWithPath.
func (b *RulesBody) Resolve(_ huma.Context, at *huma.PathBuffer) (bad []error) {
	for name, message := range b.Check() {
		bad = append(bad, &huma.ErrorDetail{Location: at.String() + "." + name, Message: message}) // With would cut the name at its bracket
	}
	return bad
}

// PutRules is what PUT /dialing asks.
type PutRules struct {
	envelope.Strict

	Body RulesBody
}

// Put handles PUT /dialing.
func (h *Dialing) Put(ctx context.Context, in *PutRules) (*envelope.One[DialRules], error) {
	if err := h.Rules.SetRules(ctx, access.Org(ctx), in.Body.Rules); err != nil {
		return nil, err
	}
	return h.Get(ctx, &envelope.Nothing{})
}

// A Barred is a number that is never dialled.
type Barred struct {
	ID          string        `json:"id" format:"uuid"`
	Number      int64         `json:"number" doc:"Its second id, a number." example:"1"`
	PhoneNumber string        `json:"phone_number" example:"+1234567890"`
	Reason      *string       `json:"reason" example:"asked not to be called"`
	CreatedAt   envelope.Time `json:"created_at"`
}

func showBarred(b store.Barred) Barred {
	return Barred{ID: b.ID, Number: b.Number, PhoneNumber: b.E164, Reason: envelope.Optional(b.Reason), CreatedAt: envelope.Time(b.Created)}
}

// ListBarred is what GET /do-not-call asks.
type ListBarred struct {
	envelope.Strict
	envelope.Page
}

// List handles GET /do-not-call.
func (h *Dialing) List(ctx context.Context, in *ListBarred) (*envelope.Many[Barred], error) {
	rows, total, err := h.Lists.Barred(ctx, access.Org(ctx), in.Rows())
	if err != nil {
		return nil, fmt.Errorf("list barred numbers: %w", err)
	}
	all := make([]Barred, len(rows))
	for i, row := range rows {
		all[i] = showBarred(row)
	}
	return envelope.List(ctx, all, total, in.Limit, in.Offset), nil
}

// BarBody is the body of POST /do-not-call.
type BarBody struct {
	PhoneNumber string `json:"phone_number" minLength:"1" maxLength:"20" doc:"Phone number (E.164 format)."`
	Reason      string `json:"reason,omitempty" nullable:"true" maxLength:"500" pattern:"^[^\\x00]*$" patternDescription:"text without NUL" doc:"Why."`
}

// Resolve implements huma.ResolverWithPath.
func (b *BarBody) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	if b.PhoneNumber != "" && !envelope.E164(b.PhoneNumber) {
		return []error{envelope.Complain(at, "phone_number", envelope.NoE164)}
	}
	return nil
}

// Bar is what POST /do-not-call asks.
type Bar struct {
	envelope.Strict

	Body BarBody
}

// Add handles POST /do-not-call.
func (h *Dialing) Add(ctx context.Context, in *Bar) (*envelope.One[Barred], error) {
	row, err := h.Lists.Bar(ctx, store.Barred{
		ID: store.NewID(), Org: access.Org(ctx), E164: in.Body.PhoneNumber, Reason: in.Body.Reason, Created: time.Now().UTC(),
	})
	if err != nil {
		return nil, fmt.Errorf("bar number: %w", err)
	}
	return envelope.Give(ctx, showBarred(row)), nil
}

// Remove handles DELETE /do-not-call/{id}.
func (h *Dialing) Remove(ctx context.Context, in *envelope.ID) (*envelope.One[Deleted], error) {
	id, err := envelope.Canonical(in.ID, "number")
	if err != nil {
		return nil, err
	}
	if err := h.Lists.Unbar(ctx, access.Org(ctx), id); errors.Is(err, store.ErrNotFound) {
		return nil, envelope.Missing("no such number on the list")
	} else if err != nil {
		return nil, fmt.Errorf("unbar number: %w", err)
	}
	return envelope.Give(ctx, Deleted{ID: id, Deleted: true}), nil
}
