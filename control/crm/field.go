package crm

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"parley/control/envelope"
	"parley/store"
)

// CustomField is the definition of a custom field as the API shows it.
type CustomField struct {
	ID          int64         `json:"id" example:"1"`
	TenantID    string        `json:"tenantId" format:"uuid"`
	EntityType  string        `json:"entityType" enum:"CONTACT,COMPANY,FUNNEL_CONVERSATION,FUNNEL_CHANNEL_SESSION,PRODUCT,TASK"`
	FieldKey    string        `json:"fieldKey" example:"tier"`
	FieldLabel  *string       `json:"fieldLabel" example:"Tier"`
	FieldType   string        `json:"fieldType" enum:"STRING,NUMBER,DATE,BOOLEAN,LIST,FILE"`
	Description *string       `json:"description" example:"How much they buy."`
	CreatedAt   envelope.Time `json:"createdAt"`
	UpdatedAt   envelope.Time `json:"updatedAt"`
}

func showField(f store.Field) CustomField {
	return CustomField{
		ID: f.Number, TenantID: f.Org, EntityType: f.Entity, FieldKey: f.Key, FieldLabel: envelope.Optional(f.Label), FieldType: string(f.Kind),
		Description: envelope.Optional(f.Description), CreatedAt: envelope.Time(f.Created), UpdatedAt: envelope.Time(f.Updated),
	}
}

// FieldOption is an option of a list as the API shows it.
type FieldOption struct {
	ID           int64         `json:"id" example:"1"`
	TenantID     string        `json:"tenantId" format:"uuid"`
	DefinitionID int64         `json:"definitionId" example:"1"`
	Value        string        `json:"value" example:"gold"`
	Label        *string       `json:"label" example:"Gold"`
	Description  *string       `json:"description" example:"The best of them."`
	CreatedAt    envelope.Time `json:"createdAt"`
	UpdatedAt    envelope.Time `json:"updatedAt"`
}

func showOption(o store.Option) FieldOption {
	return FieldOption{
		ID: o.Number, TenantID: o.Org, DefinitionID: o.Field, Value: o.Value, Label: envelope.Optional(o.Label), Description: envelope.Optional(o.Description),
		CreatedAt: envelope.Time(o.Created), UpdatedAt: envelope.Time(o.Updated),
	}
}

// FieldCreate is the body of POST /custom-fields.
type FieldCreate struct {
	EntityType  string                 `json:"entityType" enum:"CONTACT,COMPANY,FUNNEL_CONVERSATION,FUNNEL_CHANNEL_SESSION,PRODUCT,TASK" doc:"What has the field. Values are kept of contacts and of tasks; TASK is an extension."`
	FieldKey    string                 `json:"fieldKey" minLength:"1" maxLength:"64" doc:"The key of its values in customFields. An entity type has each once."`
	FieldType   string                 `json:"fieldType" enum:"STRING,NUMBER,DATE,BOOLEAN,LIST,FILE" doc:"The type of its values. Those of LIST are one of the field's options, those of FILE an id or an address."`
	FieldLabel  envelope.Field[string] `json:"fieldLabel,omitempty" maxLength:"200" doc:"Its name, for people."`
	Description envelope.Field[string] `json:"description,omitempty" maxLength:"1000" doc:"What it is for."`
}

// Resolve implements huma.ResolverWithPath.
func (b *FieldCreate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := slices.Concat(b.FieldLabel.Check(at, "fieldLabel", true), b.Description.Check(at, "description", true))
	if wrong := badKey(b.FieldKey); wrong != "" && b.FieldKey != "" {
		bad = append(bad, envelope.Complain(at, "fieldKey", wrong))
	}
	return bad
}

// ReadOnly are the fields of a body that are taken and change nothing, so that what GET answered can be sent back.
type ReadOnly struct {
	ID        envelope.Given `json:"id,omitempty" doc:"Changes nothing."`
	TenantID  envelope.Given `json:"tenantId,omitempty" doc:"Changes nothing."`
	CreatedAt envelope.Given `json:"createdAt,omitempty" doc:"Changes nothing."`
	UpdatedAt envelope.Given `json:"updatedAt,omitempty" doc:"Changes nothing."`
}

// FieldUpdate is the body of PUT /custom-fields/{id}: what is left out stays.
type FieldUpdate struct {
	ReadOnly

	EntityType  envelope.Field[string] `json:"entityType,omitempty" nullable:"false" enum:"CONTACT,COMPANY,FUNNEL_CONVERSATION,FUNNEL_CHANNEL_SESSION,PRODUCT,TASK" doc:"Only of a field that nothing has a value of."`
	FieldKey    envelope.Field[string] `json:"fieldKey,omitempty" nullable:"false" minLength:"1" maxLength:"64" doc:"Only of a field that nothing has a value of."`
	FieldType   envelope.Field[string] `json:"fieldType,omitempty" nullable:"false" enum:"STRING,NUMBER,DATE,BOOLEAN,LIST,FILE" doc:"Only of a field that nothing has a value of."`
	FieldLabel  envelope.Field[string] `json:"fieldLabel,omitempty" maxLength:"200" doc:"Its name, for people."`
	Description envelope.Field[string] `json:"description,omitempty" maxLength:"1000" doc:"What it is for."`
}

// Resolve implements huma.ResolverWithPath.
func (b *FieldUpdate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	bad := slices.Concat(b.EntityType.Check(at, "entityType", false), b.FieldKey.Check(at, "fieldKey", false), b.FieldType.Check(at, "fieldType", false),
		b.FieldLabel.Check(at, "fieldLabel", true), b.Description.Check(at, "description", true))
	if wrong := badKey(b.FieldKey.Value); b.FieldKey.Set && !b.FieldKey.Null && wrong != "" {
		bad = append(bad, envelope.Complain(at, "fieldKey", wrong))
	}
	return bad
}

func (b *FieldUpdate) apply(f *store.Field) error {
	kind := string(f.Kind)
	put(b.EntityType, &f.Entity)
	put(b.FieldKey, &f.Key)
	put(b.FieldType, &kind)
	put(b.FieldLabel, &f.Label)
	put(b.Description, &f.Description)
	f.Kind = store.FieldKind(kind)
	return nil
}

// put sets a text that is given.
func put(from envelope.Field[string], to *string) {
	if from.Set {
		*to = from.Value
	}
}

// OptionCreate is the body of POST /custom-fields/{id}/options.
type OptionCreate struct {
	DefinitionID float64                `json:"definitionId" doc:"The field's id. It is the path that tells."`
	Value        string                 `json:"value" minLength:"1" maxLength:"200" doc:"What is kept. A field has each value once."`
	Label        envelope.Field[string] `json:"label,omitempty" maxLength:"200" doc:"Its name, for people."`
	Description  envelope.Field[string] `json:"description,omitempty" maxLength:"1000" doc:"What it means."`
}

// Resolve implements huma.ResolverWithPath.
func (b *OptionCreate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	return slices.Concat(envelope.Blank(at, "value", b.Value), b.Label.Check(at, "label", true), b.Description.Check(at, "description", true))
}

// OptionUpdate is the body of PUT /custom-fields/{id}/options/{option}: what is left out stays.
type OptionUpdate struct {
	ReadOnly

	DefinitionID envelope.Given         `json:"definitionId,omitempty" doc:"Changes nothing."`
	Value        envelope.Field[string] `json:"value,omitempty" nullable:"false" minLength:"1" maxLength:"200" doc:"What is kept, also where it is kept already."`
	Label        envelope.Field[string] `json:"label,omitempty" maxLength:"200" doc:"Its name, for people."`
	Description  envelope.Field[string] `json:"description,omitempty" maxLength:"1000" doc:"What it means."`
}

// Resolve implements huma.ResolverWithPath.
func (b *OptionUpdate) Resolve(_ huma.Context, at *huma.PathBuffer) []error {
	return slices.Concat(b.Value.Check(at, "value", false), envelope.Blank(at, "value", b.Value.Value), b.Label.Check(at, "label", true),
		b.Description.Check(at, "description", true))
}

func (b *OptionUpdate) apply(o *store.Option) error {
	put(b.Value, &o.Value)
	put(b.Label, &o.Label)
	put(b.Description, &o.Description)
	return nil
}
