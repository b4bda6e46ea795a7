package sql

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"parley/store"
	"parley/store/sql/db"
)

// CreateField implements store.Fields.
func (s *Store) CreateField(ctx context.Context, f store.Field) (made store.Field, err error) {
	err = s.write(ctx, "create custom field", func(ctx context.Context, u unit) error {
		if _, err := u.Organisation(ctx, f.Org); err != nil {
			return err
		}
		row, err := u.InsertField(ctx, db.InsertFieldParams{Org: f.Org, Entity: f.Entity, Key: f.Key, Label: f.Label, Kind: string(f.Kind),
			Description: f.Description, Created: db.Time(f.Created), Updated: db.Time(f.Created)})
		made = field(row)
		return err
	})
	if err != nil {
		return store.Field{}, err
	}
	return made, nil
}

// Field implements store.Fields.
func (s *Store) Field(ctx context.Context, org string, number int64) (f store.Field, err error) {
	err = s.read(ctx, "read custom field", func(ctx context.Context, u unit) error {
		row, err := u.Field(ctx, db.FieldParams{Org: org, Number: number})
		f = field(row)
		return err
	})
	return f, err
}

// Fields implements store.Fields.
func (s *Store) Fields(ctx context.Context, org string) (all []store.Field, err error) {
	err = s.read(ctx, "list custom fields", func(ctx context.Context, u unit) error {
		found, err := u.Fields(ctx, org)
		all = each(found, field)
		return err
	})
	return all, err
}

// UpdateField implements store.Fields.
func (s *Store) UpdateField(ctx context.Context, org string, number int64, at time.Time, change func(*store.Field) error) (f store.Field, err error) {
	var refusal error
	err = s.write(ctx, "update custom field", func(ctx context.Context, u unit) error {
		if err := u.hold(ctx, "fields", org, number); err != nil {
			return err
		}
		row, err := u.Field(ctx, db.FieldParams{Org: org, Number: number})
		if err != nil {
			return err
		}
		f = field(row)
		next := f
		if refusal = change(&next); refusal != nil || next == f {
			return errUnchanged
		}
		if next.Entity != f.Entity || next.Key != f.Key || next.Kind != f.Kind {
			if err := u.unused(ctx, f); err != nil {
				return err
			}
		}
		row, err = u.UpdateField(ctx, db.UpdateFieldParams{Number: f.Number, Entity: next.Entity, Key: next.Key, Label: next.Label, Kind: string(next.Kind),
			Description: next.Description, Updated: db.Time(at)})
		f = field(row)
		return err
	})
	if refusal != nil || err != nil {
		return store.Field{}, or(refusal, err)
	}
	return f, nil
}

// unused refuses what cannot be done to a field that something has a value of.
func (u unit) unused(ctx context.Context, f store.Field) error {
	used := 0
	if f.Entity == store.OfContacts {
		contacts, err := u.FieldUse(ctx, db.FieldUseParams{Org: f.Org, Key: f.Key})
		if used = len(contacts); err != nil {
			return err
		}
	} else {
		owners, err := u.EntityFieldUse(ctx, db.EntityFieldUseParams{Org: f.Org, Entity: f.Entity, Key: f.Key})
		if used = len(owners); err != nil {
			return err
		}
	}
	if used > 0 {
		return store.ErrInUse
	}
	return nil
}

// DeleteField implements store.Fields.
func (s *Store) DeleteField(ctx context.Context, org string, number int64, values bool) (f store.Field, err error) {
	err = s.write(ctx, "delete custom field", func(ctx context.Context, u unit) error {
		if err := u.hold(ctx, "fields", org, number); err != nil {
			return err
		}
		row, err := u.Field(ctx, db.FieldParams{Org: org, Number: number})
		if err != nil {
			return err
		}
		f = field(row)
		switch {
		case !values:
			err = u.unused(ctx, f)
		case f.Entity == store.OfContacts:
			err = or(u.DropFieldTerms(ctx, db.DropFieldTermsParams{Org: org, Field: store.ContactCustom + f.Key}),
				u.DropFieldValues(ctx, db.DropFieldValuesParams{Org: org, Key: f.Key}))
		default:
			err = u.DropEntityFieldValues(ctx, db.DropEntityFieldValuesParams{Org: org, Entity: f.Entity, Key: f.Key})
		}
		if err != nil {
			return err
		}
		if err := u.DeleteOptions(ctx, number); err != nil {
			return err
		}
		return u.DeleteField(ctx, number)
	})
	if err != nil {
		return store.Field{}, err
	}
	return f, nil
}

// CreateOption implements store.Fields.
func (s *Store) CreateOption(ctx context.Context, o store.Option) (made store.Option, err error) {
	err = s.write(ctx, "create option", func(ctx context.Context, u unit) error {
		if err := u.hold(ctx, "fields", o.Org, o.Field); err != nil {
			return err
		}
		row, err := u.InsertOption(ctx, db.InsertOptionParams{Org: o.Org, Field: o.Field, Value: o.Value, Label: o.Label, Description: o.Description,
			Created: db.Time(o.Created), Updated: db.Time(o.Created)})
		made = option(row)
		return err
	})
	if err != nil {
		return store.Option{}, err
	}
	return made, nil
}

// Option implements store.Fields.
func (s *Store) Option(ctx context.Context, org string, field, number int64) (o store.Option, err error) {
	err = s.read(ctx, "read option", func(ctx context.Context, u unit) error {
		row, err := u.Option(ctx, db.OptionParams{Org: org, Field: field, Number: number})
		o = option(row)
		return err
	})
	return o, err
}

// Options implements store.Fields.
func (s *Store) Options(ctx context.Context, org string, number int64) (all []store.Option, err error) {
	err = s.read(ctx, "list options", func(ctx context.Context, u unit) error {
		if _, err := u.Field(ctx, db.FieldParams{Org: org, Number: number}); err != nil {
			return err
		}
		found, err := u.Options(ctx, db.OptionsParams{Org: org, Field: number})
		all = each(found, option)
		return err
	})
	return all, err
}

// UpdateOption implements store.Fields.
func (s *Store) UpdateOption(ctx context.Context, org string, number, id int64, at time.Time, change func(*store.Option) error) (o store.Option, err error) {
	var refusal error
	err = s.write(ctx, "update option", func(ctx context.Context, u unit) error {
		f, had, err := u.optionOf(ctx, org, number, id)
		if err != nil {
			return err
		}
		next := had
		if refusal = change(&next); refusal != nil || next == had {
			o = had
			return errUnchanged
		}
		row, err := u.UpdateOption(ctx, db.UpdateOptionParams{Number: id, Value: next.Value, Label: next.Label, Description: next.Description, Updated: db.Time(at)})
		o = option(row)
		if err != nil || next.Value == had.Value {
			return err
		}
		former := jsonText(had.Value)
		if f.Entity != store.OfContacts {
			return u.RenameEntityOptionValues(ctx, db.RenameEntityOptionValuesParams{Org: org, Entity: f.Entity, Key: f.Key, Value: jsonText(next.Value), Former: former})
		}
		err = u.RenameOptionTerms(ctx, db.RenameOptionTermsParams{Org: org, Field: store.ContactCustom + f.Key, Key: f.Key, Former: former,
			Text: clipped(store.Fold(next.Value))})
		if err != nil {
			return err
		}
		return u.RenameOptionValues(ctx, db.RenameOptionValuesParams{Org: org, Key: f.Key, Value: jsonText(next.Value), Former: former})
	})
	if refusal != nil || err != nil {
		return store.Option{}, or(refusal, err)
	}
	return o, nil
}

// optionOf reads an option and its field, which nobody else changes until the transaction ends.
func (u unit) optionOf(ctx context.Context, org string, number, id int64) (f store.Field, o store.Option, err error) {
	if err := u.hold(ctx, "fields", org, number); err != nil {
		return f, o, err
	}
	row, err := u.Field(ctx, db.FieldParams{Org: org, Number: number})
	if err != nil {
		return f, o, err
	}
	found, err := u.Option(ctx, db.OptionParams{Org: org, Field: number, Number: id})
	return field(row), option(found), err
}

// DeleteOption implements store.Fields.
func (s *Store) DeleteOption(ctx context.Context, org string, number, id int64) (o store.Option, err error) {
	err = s.write(ctx, "delete option", func(ctx context.Context, u unit) error {
		f, had, err := u.optionOf(ctx, org, number, id)
		if err != nil {
			return err
		}
		former := jsonText(had.Value)
		if o = had; f.Entity != store.OfContacts {
			if err := u.DropEntityOptionValues(ctx, db.DropEntityOptionValuesParams{Org: org, Entity: f.Entity, Key: f.Key, Former: former}); err != nil {
				return err
			}
		} else {
			if err := u.DropOptionTerms(ctx, db.DropOptionTermsParams{Org: org, Field: store.ContactCustom + f.Key, Key: f.Key, Former: former}); err != nil {
				return err
			}
			if err := u.DropOptionValues(ctx, db.DropOptionValuesParams{Org: org, Key: f.Key, Former: former}); err != nil {
				return err
			}
		}
		return u.DeleteOption(ctx, id)
	})
	if err != nil {
		return store.Option{}, err
	}
	return o, nil
}

// jsonText is a text as custom fields keep it: JSON, with nothing escaped for HTML.
func jsonText(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a text can always be written
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

func field(r db.Field) store.Field {
	return store.Field{Number: r.Number, Org: r.Org, Entity: r.Entity, Key: r.Key, Label: r.Label, Kind: store.FieldKind(r.Kind), Description: r.Description,
		Created: time.Time(r.Created), Updated: time.Time(r.Updated)}
}

func option(r db.FieldOption) store.Option {
	return store.Option{Number: r.Number, Org: r.Org, Field: r.Field, Value: r.Value, Label: r.Label, Description: r.Description,
		Created: time.Time(r.Created), Updated: time.Time(r.Updated)}
}
