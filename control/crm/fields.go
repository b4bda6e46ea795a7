package crm

import (
	"context"
	"errors"
	"fmt"

	"parley/control/envelope"
	"parley/store"
)

// Fields handles /custom-fields.
type Fields struct{ Store store.Fields }

// Lists of definitions and of options are filtered and sorted in memory, so there are not too many of them.
const (
	mostFields  = 500
	mostOptions = 5000
)

// List handles GET /custom-fields.
func (h *Fields) List(ctx context.Context, in *List) (*One[Page[CustomField]], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := h.Store.Fields(ctx, org)
	if err != nil {
		return nil, failed(err, "custom field")
	}
	page, err := paged(in, rows, fieldColumns, showField)
	if err != nil {
		return nil, err
	}
	return give(page), nil
}

// CreateField is what POST /custom-fields asks.
type CreateField struct {
	envelope.Strict
	Tenant

	Body FieldCreate
}

// Create handles POST /custom-fields.
func (h *Fields) Create(ctx context.Context, in *CreateField) (*One[CustomField], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	has, err := h.Store.Fields(ctx, org)
	if err != nil {
		return nil, failed(err, "custom field")
	}
	if len(has) >= mostFields {
		return nil, envelope.Bad(fmt.Sprintf("there are %d custom fields: there can be no more", len(has)))
	}
	b := in.Body
	f, err := h.Store.CreateField(ctx, store.Field{
		Org: org, Entity: b.EntityType, Key: b.FieldKey, Label: b.FieldLabel.Value, Kind: store.FieldKind(b.FieldType), Description: b.Description.Value, Created: now(),
	})
	return answerField(f, err)
}

// answerField shows a definition, or says why there is none.
func answerField(f store.Field, err error) (*One[CustomField], error) {
	switch {
	case errors.Is(err, store.ErrInUse):
		return nil, envelope.Bad("there are values of the custom field: entityType, fieldKey and fieldType stay")
	case errors.Is(err, store.ErrConflict):
		return nil, envelope.Wrong("fieldKey", "is taken: the entity type has such a field")
	case err != nil:
		return nil, failed(err, "custom field")
	}
	return give(showField(f)), nil
}

// Get handles GET /custom-fields/{id}.
func (h *Fields) Get(ctx context.Context, in *ID) (*One[CustomField], error) {
	org, n, err := in.of(ctx, "custom field")
	if err != nil {
		return nil, err
	}
	f, err := h.Store.Field(ctx, org, n)
	return answerField(f, err)
}

// UpdateField is what PUT /custom-fields/{id} asks.
type UpdateField struct {
	ID

	Body FieldUpdate
}

// Update handles PUT /custom-fields/{id}.
func (h *Fields) Update(ctx context.Context, in *UpdateField) (*One[CustomField], error) {
	org, n, err := in.of(ctx, "custom field")
	if err != nil {
		return nil, err
	}
	f, err := h.Store.UpdateField(ctx, org, n, now(), in.Body.apply)
	return answerField(f, err)
}

// DeleteField is what DELETE /custom-fields/{id} asks.
type DeleteField struct {
	ID

	Force bool `query:"force" doc:"Whether to delete a field that is in use, with all its values."`
}

// Delete handles DELETE /custom-fields/{id}.
func (h *Fields) Delete(ctx context.Context, in *DeleteField) (*One[CustomField], error) {
	org, n, err := in.of(ctx, "custom field")
	if err != nil {
		return nil, err
	}
	f, err := h.Store.DeleteField(ctx, org, n, in.Force)
	if errors.Is(err, store.ErrInUse) {
		return nil, envelope.Again("there are values of the custom field: force=true deletes these too")
	}
	return answerField(f, err)
}

// ListOptions is what GET /custom-fields/{id}/options asks.
type ListOptions struct {
	List

	Definition string `path:"id" doc:"The field's id, a number." example:"1"`
}

// Options handles GET /custom-fields/{id}/options.
func (h *Fields) Options(ctx context.Context, in *ListOptions) (*One[Page[FieldOption]], error) {
	org, err := in.org(ctx)
	if err != nil {
		return nil, err
	}
	n, err := number(in.Definition, "custom field")
	if err != nil {
		return nil, err
	}
	rows, err := h.Store.Options(ctx, org, n)
	if err != nil {
		return nil, failed(err, "custom field")
	}
	page, err := paged(&in.List, rows, optionColumns, showOption)
	if err != nil {
		return nil, err
	}
	return give(page), nil
}

// CreateOption is what POST /custom-fields/{id}/options asks.
type CreateOption struct {
	ID

	Body OptionCreate
}

// CreateOption handles POST /custom-fields/{id}/options.
func (h *Fields) CreateOption(ctx context.Context, in *CreateOption) (*One[FieldOption], error) {
	org, n, err := in.of(ctx, "custom field")
	if err != nil {
		return nil, err
	}
	f, err := h.Store.Field(ctx, org, n)
	if err != nil {
		return nil, failed(err, "custom field")
	}
	has, err := h.Store.Options(ctx, org, n)
	switch {
	case err != nil:
		return nil, failed(err, "custom field")
	case f.Kind != store.FieldList:
		return nil, envelope.Bad("the custom field is of the type " + string(f.Kind) + ": only those of the type LIST have options")
	case len(has) >= mostOptions:
		return nil, envelope.Bad(fmt.Sprintf("the custom field has %d options: there can be no more", len(has)))
	}
	b := in.Body
	o, err := h.Store.CreateOption(ctx, store.Option{Org: org, Field: n, Value: b.Value, Label: b.Label.Value, Description: b.Description.Value, Created: now()})
	return answerOption(o, err)
}

// answerOption shows an option, or says why there is none.
func answerOption(o store.Option, err error) (*One[FieldOption], error) {
	if errors.Is(err, store.ErrConflict) {
		return nil, envelope.Wrong("value", "is taken: the field has such an option")
	}
	if err != nil {
		return nil, failed(err, "option")
	}
	return give(showOption(o)), nil
}

// OptionID is the option that a path names.
type OptionID struct {
	ID

	Option string `path:"option" doc:"The option's id, a number." example:"1"`
}

// option is whose option the path names, of which field, and which.
func (i OptionID) option(ctx context.Context) (org string, field, n int64, err error) {
	if org, field, err = i.of(ctx, "custom field"); err != nil {
		return "", 0, 0, err
	}
	n, err = number(i.Option, "option")
	return org, field, n, err
}

// GetOption handles GET /custom-fields/{id}/options/{option}.
func (h *Fields) GetOption(ctx context.Context, in *OptionID) (*One[FieldOption], error) {
	org, field, n, err := in.option(ctx)
	if err != nil {
		return nil, err
	}
	return answerOption(h.Store.Option(ctx, org, field, n))
}

// UpdateOption is what PUT /custom-fields/{id}/options/{option} asks.
type UpdateOption struct {
	OptionID

	Body OptionUpdate
}

// UpdateOption handles PUT /custom-fields/{id}/options/{option}.
func (h *Fields) UpdateOption(ctx context.Context, in *UpdateOption) (*One[FieldOption], error) {
	org, field, n, err := in.option(ctx)
	if err != nil {
		return nil, err
	}
	return answerOption(h.Store.UpdateOption(ctx, org, field, n, now(), in.Body.apply))
}

// DeleteOption handles DELETE /custom-fields/{id}/options/{option}.
func (h *Fields) DeleteOption(ctx context.Context, in *OptionID) (*One[FieldOption], error) {
	org, field, n, err := in.option(ctx)
	if err != nil {
		return nil, err
	}
	return answerOption(h.Store.DeleteOption(ctx, org, field, n))
}
