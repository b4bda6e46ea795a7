package storetest

import (
	"errors"
	"testing"
	"time"

	"parley/store"
)

func newField(org, key string) store.Field {
	return store.Field{Org: org, Entity: store.OfContacts, Key: key, Label: "Tier", Kind: store.FieldList, Description: "How dear", Created: start}
}

func testCustomFields(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	want := newField(h.Org, "tier")
	want.Number, want.Updated = h.Field.Number, start
	same(t, "made field", h.Field, want)
	got, err := s.Field(ctx, h.Org, want.Number)
	ok(t, err)
	same(t, "field", got, want)
	_, err = s.CreateField(ctx, newField(h.Org, "tier"))
	is(t, err, store.ErrConflict)
	_, err = s.CreateField(ctx, newField(store.NewID(), "tier"))
	is(t, err, store.ErrNotFound)
	company := newField(h.Org, "tier")
	company.Entity = "COMPANY"
	company, err = s.CreateField(ctx, company)
	ok(t, err)
	list, err := s.Fields(ctx, h.Org)
	ok(t, err)
	same(t, "fields", list, []store.Field{want, company})

	refused := errors.New("refused")
	_, err = s.UpdateField(ctx, h.Org, want.Number, start, func(*store.Field) error { return refused })
	is(t, err, refused)
	for what, change := range map[string]func(*store.Field){
		"key": func(f *store.Field) { f.Key = "rank" }, "kind": func(f *store.Field) { f.Kind = store.FieldText }, "entity": func(f *store.Field) { f.Entity = "PRODUCT" },
	} {
		if _, err := s.UpdateField(ctx, h.Org, want.Number, start, func(f *store.Field) error { change(f); return nil }); !errors.Is(err, store.ErrInUse) {
			t.Errorf("%s of a field in use: %v, want ErrInUse", what, err)
		}
	}
	want.Label, want.Updated = "Rank", start.Add(time.Hour)
	got, err = s.UpdateField(ctx, h.Org, want.Number, want.Updated, func(f *store.Field) error { f.Label = "Rank"; return nil })
	ok(t, err)
	same(t, "changed field", got, want)
	_, err = s.UpdateField(ctx, h.Org, company.Number, start, func(f *store.Field) error { f.Entity = store.OfContacts; return nil })
	if is(t, err, store.ErrConflict); errors.Is(err, store.ErrInUse) {
		t.Errorf("a key that is taken is in use: %v", err)
	}
	company.Key, company.Kind = "size", store.FieldNumber
	got, err = s.UpdateField(ctx, h.Org, company.Number, start, func(f *store.Field) error { f.Key, f.Kind = "size", store.FieldNumber; return nil })
	ok(t, err)
	same(t, "field of another entity", got, company)

	_, err = s.DeleteField(ctx, h.Org, want.Number, false)
	is(t, err, store.ErrInUse)
	got, err = s.DeleteField(ctx, h.Org, want.Number, true)
	ok(t, err)
	same(t, "deleted field", got, want)
	c, err := s.Contact(ctx, h.Org, h.Customer.Number)
	ok(t, err)
	if _, has := c.Fields["tier"]; has || len(c.Fields) != 3 {
		t.Errorf("the contact has %v", c.Fields)
	}
	wantFound(t, s, h, store.ContactTest{Field: store.ContactCustom + "tier", Op: store.ContactIsSet}, 0)
	_, err = s.DeleteField(ctx, h.Org, company.Number, false)
	ok(t, err)
	_, err = s.DeleteField(ctx, h.Org, company.Number, false)
	is(t, err, store.ErrNotFound)
}

// wantFound asserts how many contacts pass a test.
func wantFound(t *testing.T, s Store, h House, test store.ContactTest, want int64) {
	t.Helper()
	n, err := s.CountContacts(t.Context(), h.Org, store.ContactQuery{Tests: [][]store.ContactTest{{test}}})
	ok(t, err)
	if n != want {
		t.Errorf("%d contacts by %+v, want %d", n, test, want)
	}
}

func testOptions(t *testing.T, s Store) {
	ctx, h := t.Context(), fill(t, s)
	want := store.Option{Number: h.Option.Number, Org: h.Org, Field: h.Field.Number, Value: "gold", Label: "Gold", Created: start, Updated: start}
	same(t, "made option", h.Option, want)
	got, err := s.Option(ctx, h.Org, h.Field.Number, want.Number)
	ok(t, err)
	same(t, "option", got, want)
	_, err = s.CreateOption(ctx, store.Option{Org: h.Org, Field: h.Field.Number, Value: "gold", Created: start})
	is(t, err, store.ErrConflict)
	_, err = s.CreateOption(ctx, store.Option{Org: h.Org, Field: h.Field.Number + 1, Value: "iron", Created: start})
	is(t, err, store.ErrNotFound)
	_, err = s.Options(ctx, h.Org, h.Field.Number+1)
	is(t, err, store.ErrNotFound)
	second, err := s.CreateOption(ctx, store.Option{Org: h.Org, Field: h.Field.Number, Value: "GOLD", Created: start})
	ok(t, err)
	list, err := s.Options(ctx, h.Org, h.Field.Number)
	ok(t, err)
	same(t, "options", list, []store.Option{want, second})
	loud := newCustomer(h.Org)
	loud.Fields = map[string]string{"tier": `"GOLD"`}
	loud, err = s.CreateContact(ctx, loud)
	ok(t, err)

	// The value is renamed where it stands, and nowhere else.
	want.Value, want.Label, want.Updated = "a<b", "Dear", start.Add(time.Hour)
	got, err = s.UpdateOption(ctx, h.Org, h.Field.Number, want.Number, want.Updated, func(o *store.Option) error { o.Value, o.Label = "a<b", "Dear"; return nil })
	ok(t, err)
	same(t, "changed option", got, want)
	_, err = s.UpdateOption(ctx, h.Org, h.Field.Number, want.Number, start, func(o *store.Option) error { o.Value = "GOLD"; return nil })
	is(t, err, store.ErrConflict)
	tier := func(c store.Contact) string {
		t.Helper()
		read, err := s.Contact(ctx, h.Org, c.Number)
		ok(t, err)
		return read.Fields["tier"]
	}
	if a, b := tier(h.Customer), tier(loud); a != `"a<b"` || b != `"GOLD"` {
		t.Errorf("the contacts have %s and %s", a, b)
	}
	is1 := func(value string) store.ContactTest {
		return store.ContactTest{Field: store.ContactCustom + "tier", Op: store.ContactIs, Values: []store.Operand{{Text: value}}}
	}
	wantFound(t, s, h, is1("A<b"), 1)
	wantFound(t, s, h, is1("gold"), 1)

	got, err = s.DeleteOption(ctx, h.Org, h.Field.Number, want.Number)
	ok(t, err)
	same(t, "deleted option", got, want)
	if a, b := tier(h.Customer), tier(loud); a != "" || b != `"GOLD"` {
		t.Errorf("the contacts have %q and %q", a, b)
	}
	wantFound(t, s, h, is1("a<b"), 0)
	_, err = s.DeleteOption(ctx, h.Org, h.Field.Number, want.Number)
	is(t, err, store.ErrNotFound)
	got, err = s.DeleteOption(ctx, h.Org, h.Field.Number, second.Number)
	ok(t, err)
	same(t, "deleted option", got, second)
}
