package store

import (
	"context"
	"fmt"
	"time"
)

// FieldKind is the type of a custom field's values.
type FieldKind string

// The types.
const (
	FieldText    FieldKind = "STRING"
	FieldNumber  FieldKind = "NUMBER"
	FieldDate    FieldKind = "DATE"
	FieldBoolean FieldKind = "BOOLEAN"
	FieldList    FieldKind = "LIST" // one of its options
	FieldFile    FieldKind = "FILE"
)

// The entities whose custom fields have values. Those of other entities can be defined, and nothing has them yet.
const (
	OfContacts    = "CONTACT"
	OfAssignments = "TASK"
)

// ErrInUse is the ErrConflict of a custom field that something has values of.
var ErrInUse = fmt.Errorf("%w: there are values of it", ErrConflict)

// A Field is the definition of a custom field. An entity has one of each key.
type Field struct {
	Number      int64
	Org         string
	Entity      string // OfContacts, OfAssignments, ...
	Key         string
	Label       string
	Kind        FieldKind
	Description string
	Created     time.Time
	Updated     time.Time
}

// An Option is a value that a field of the type LIST may have. A field has each value once.
type Option struct {
	Number      int64
	Org         string
	Field       int64 // its Number
	Value       string
	Label       string
	Description string
	Created     time.Time
	Updated     time.Time
}

// Fields are the custom fields of organisations.
type Fields interface {
	// CreateField keeps a new definition: ErrConflict if the entity has one of that key, ErrNotFound if there is no such organisation.
	CreateField(ctx context.Context, f Field) (Field, error)
	Field(ctx context.Context, org string, number int64) (Field, error)
	Fields(ctx context.Context, org string) ([]Field, error) // by Number
	// UpdateField lets change alter a definition, in one transaction. An error of change is returned as it is, and nothing is kept.
	// ErrConflict as of CreateField, ErrInUse if entity, key or type would change while it is in use.
	UpdateField(ctx context.Context, org string, number int64, at time.Time, change func(*Field) error) (Field, error)
	// DeleteField removes a definition and its options, and gives what it was: ErrInUse if it is, unless the values are to go too.
	DeleteField(ctx context.Context, org string, number int64, values bool) (Field, error)

	// CreateOption keeps a new option: ErrConflict if the field has that value, ErrNotFound if there is no such field.
	CreateOption(ctx context.Context, o Option) (Option, error)
	Option(ctx context.Context, org string, field, number int64) (Option, error)
	Options(ctx context.Context, org string, field int64) ([]Option, error) // by Number; ErrNotFound if there is no such field
	// UpdateOption lets change alter an option, in one transaction. Where its value stood, the new one stands. ErrConflict as of CreateOption.
	UpdateOption(ctx context.Context, org string, field, number int64, at time.Time, change func(*Option) error) (Option, error)
	// DeleteOption removes an option, and its value from where it stands; it gives what the option was.
	DeleteOption(ctx context.Context, org string, field, number int64) (Option, error)
}
